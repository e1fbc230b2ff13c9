"""A small, invented borough whose agencies speak in their own formats."""
