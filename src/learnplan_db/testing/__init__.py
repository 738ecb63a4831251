"""What the pytest plugin gives to the test suite of a host."""
