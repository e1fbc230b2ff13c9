"""The tests, a mirror of the tree; a package, so that builders can be imported as tests.<area>.<module>."""
