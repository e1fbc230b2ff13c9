"""How each source is doing: what came when, findings, gaps."""
