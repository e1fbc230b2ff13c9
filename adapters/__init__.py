"""How agencies speak: each folder turns one native format into events."""
