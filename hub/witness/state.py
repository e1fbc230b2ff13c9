"""How long a hub has gone without a witness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from events.clock import us_text
from events.log.sqlite import PARTITION, SqliteLog
from hub.witness.asking import Standing

LATE_S = 900
# What no passing fault explains: somebody has to look at once.
_GRAVE = (
    "forked",
    "unproven",
    "prefix-changed",
    "epoch-closed",
    "log-behind",
    "not-signed",
    "bad-signature",
)
State = Literal["none", "well", "waiting", "late", "refused"]


def witnessing(signed_log: SqliteLog, standings: Sequence[Standing], now_us: int) -> dict[str, Any]:
    """The state, for how many seconds the oldest event that no witness has cosigned is known, and each witness.

    `none`: no witness is named, which is no fault, and no proof either. `well`: all is cosigned by one at least.
    `waiting`: for less than fifteen minutes something is not. `late`: for longer. `refused`: a witness contradicts the
    log.
    """
    told = [_told(signed_log, each, now_us) for each in standings]
    without_s = min((each["without_s"] for each in told), default=None)
    return {"state": _state(told, without_s), "without_s": without_s, "witnesses": told}


def _state(told: Sequence[dict[str, Any]], without_s: int | None) -> State:
    if without_s is None:
        return "none"
    if any(each["code"] in _GRAVE for each in told):
        return "refused"
    if not without_s:
        return "well"
    return "waiting" if without_s < LATE_S else "late"


def _told(signed_log: SqliteLog, standing: Standing, now_us: int) -> dict[str, Any]:
    newest = standing.newest
    size = newest.checkpoint.size if newest else 0
    return {
        "name": standing.name,
        "size": size,
        "cosigned": us_text(newest.at_s * 1_000_000) if newest else None,
        "without_s": _without_s(signed_log, size, now_us),
        "code": standing.code,
    }


def _without_s(signed_log: SqliteLog, size: int, now_us: int) -> int:
    """For how long the first event beyond a size is known; 0 where there is none."""
    if size >= signed_log.head()[PARTITION]:
        return 0
    row = next(signed_log.read(PARTITION, size, 1), None)
    return max(1, (now_us - row.known_us) // 1_000_000) if row else 0
