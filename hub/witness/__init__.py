"""Witnesses: a partner agency's server that remembers how far a log had come, and the hub's side that asks it."""
