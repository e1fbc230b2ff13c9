"""What services read: views folded from the log."""
