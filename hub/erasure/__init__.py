"""What officers of a controller do with whole records: erase, restrict, hold, shred, redact, admit again."""
