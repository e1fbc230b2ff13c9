"""Who the records are about: names, numbers, look-up."""
