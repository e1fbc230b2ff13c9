"""Why two persons were merged or parted: codes, since no erasure of a record would take words about somebody along.

The lists are those of the catalogue (events/catalogue/hub.py), here for whoever needs nothing else of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from events.errors import Refused

MERGE_REASONS = (
    "same-number",
    "same-details",
    "confirmed-by-person",
    "confirmed-by-agency",
    "registered-twice",
    "parted-in-error",
)
UNMERGE_REASONS = (
    "different-people",
    "shared-number",
    "confirmed-by-person",
    "confirmed-by-agency",
    "merged-in-error",
)


def coded(reason: str, codes: Sequence[str]) -> str:
    """The code that is meant, however written: "Same number" is `same-number`. Raises Refused `unknown-reason`."""
    code = "-".join(reason.casefold().replace("-", " ").replace("_", " ").split())
    if code in codes:
        return code
    raise Refused(
        "unknown-reason",
        "why two persons are merged or parted is said by a code, since no erasure would take words along",
        where="reason",
        next_step=f"The reasons are: {', '.join(codes)}.",
    )
