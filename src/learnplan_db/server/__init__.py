"""The embedded PostgreSQL, and the demo on it."""
