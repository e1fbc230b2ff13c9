"""How often a test repeats: few times usually, many times in a proof."""

import os

PROOF = os.environ.get("TELLONCE_PROOF") == "1"


def times(usual: int, *, proof: int) -> int:
    """The number of rounds for this run: `make proof` (TELLONCE_PROOF=1) asks for the full count."""
    return proof if PROOF else usual
