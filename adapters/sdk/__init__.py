"""What an adapter is made of, and the way in that all of them share."""
