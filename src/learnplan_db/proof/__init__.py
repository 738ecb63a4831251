"""The proof: the access matrix, the reference model, and the database, compared."""
