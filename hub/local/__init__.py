"""One home, one hub: commands ask the hub that serves the home, or open the home themselves."""
