"""The agencies' own systems: each keeps its records its own way and sends in its own format."""
