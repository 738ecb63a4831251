"""Adapters for libraries of hosts: one module a library, each an extra."""
