"""The package as a library: one module a job; learnplan_db itself exports it."""
