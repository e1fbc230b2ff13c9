"""The log held against itself and against what it has signed; and proofs for others to check."""
