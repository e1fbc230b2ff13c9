"""CloudEvents 1.0 in JSON, for agencies whose own systems can speak in our words."""
