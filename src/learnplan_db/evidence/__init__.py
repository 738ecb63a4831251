"""What a proof and a mutation run look like: for people and for programs."""
