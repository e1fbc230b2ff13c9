"""What stands of every source record, now and as of any moment."""
