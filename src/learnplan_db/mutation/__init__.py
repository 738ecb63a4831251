"""Faults made on purpose in the live security surface, and who notices them."""
