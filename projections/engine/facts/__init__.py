"""Facts kept by the laws, for the views that keep facts."""
