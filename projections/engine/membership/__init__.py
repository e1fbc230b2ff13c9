"""Which source records are one person, at any moment: links, merges and redirects."""
