"""The plan as SQL text: what a deploy would execute, and files for hosts' tools."""
