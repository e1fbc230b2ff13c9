"""The append-only log: a port and its implementations."""
