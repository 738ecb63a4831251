"""Scripts in the dialect of psql: read, and run on a connection."""
