"""The policies: rendered, and tried by becoming each kind of caller."""
