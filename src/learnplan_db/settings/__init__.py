"""Configuration, targets and who is at the keyboard."""
