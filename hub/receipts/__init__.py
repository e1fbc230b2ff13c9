"""Receipts: what was received, byte for byte, and what became of it."""
