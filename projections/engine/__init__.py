"""What all views are folded by."""
