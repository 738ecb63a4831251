"""The plan and its scripts: read, found and written."""
