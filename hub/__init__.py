"""Where it comes together: the home, the ways in and the ways out."""
