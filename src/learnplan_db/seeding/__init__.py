"""Sample data of a chosen size."""
