"""The vault: subjects and their secrets."""
