"""The words agencies' facts are told in, and the log that keeps them."""
