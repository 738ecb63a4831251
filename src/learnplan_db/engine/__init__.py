"""The plan, the scripts and the registry brought together on a database."""
