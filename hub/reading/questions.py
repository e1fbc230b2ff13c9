"""What may be asked for: what cannot fit anything is refused, never answered with an empty page.

"Nothing fits" is an answer that somebody acts on: a misspelt type must not say that there are no allergies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from adapters.sdk.register import Register
from events.errors import RejectedMessage
from hub.reading.when import day
from projections.timeline.fold import TYPES_OF_FACTS

LIMIT_DEFAULT = 500
LIMIT_MAX = 5_000
_FAMILIES = frozenset(name.partition(".")[0] for name in TYPES_OF_FACTS)


@dataclass(frozen=True, slots=True)
class TimelineQuestion:
    """What of a timeline is asked for; texts as they were given. `person` or `nhs_number` says whose."""

    person: str | None = None
    nhs_number: str | None = None
    as_of: str | None = None
    day_from: str | None = None
    day_to: str | None = None
    agency: str | None = None
    type: str | None = None
    cursor: str | None = None
    limit: int = LIMIT_DEFAULT
    newest_first: bool = False
    min_position: str | None = None


def types_of(text: str) -> tuple[str, ...]:
    """The event types meant by a type's name, or by a family's (`health`). Raises RejectedMessage `unknown-type`."""
    if text in TYPES_OF_FACTS:
        return (text,)
    if text in _FAMILIES:
        return tuple(sorted(name for name in TYPES_OF_FACTS if name.startswith(f"{text}.")))
    raise RejectedMessage(
        "unknown-type",
        "there is no such event type and no such family of types",
        where="type",
        next_step=f"{_meant(_types_like(text))}`tellonce schemas` and docs/events.md list the types.",
    )


def _types_like(text: str) -> list[str]:
    """Types whose name, or a word of it, is like a text: `alergy` is like `health.allergy-recorded`."""
    words = {word: name for name in sorted(TYPES_OF_FACTS) for word in name.replace("-", ".").split(".")}
    whole = get_close_matches(text, sorted(TYPES_OF_FACTS | _FAMILIES), n=2)
    return whole or [words[word] for word in get_close_matches(text, sorted(words), n=2, cutoff=0.75)]


def check_agency(agency: str, has_sent: Callable[[str], bool], register: Callable[[], Register]) -> None:
    """Raises RejectedMessage `agency-never-heard` for one that never sent anything and is not registered.

    One that left the register can still be asked for: what it sent is there.
    """
    if has_sent(agency):
        return
    known = [each.name for each in register().agencies]
    if agency in known:
        return
    raise RejectedMessage(
        "agency-never-heard",
        "no agency of this name is in the register, and none ever sent anything",
        where="agency",
        next_step=f"{_meant(get_close_matches(agency, known, n=2))}`tellonce agencies` lists them.",
    )


def days_of(day_from: str | None, day_to: str | None) -> tuple[int | None, int | None]:
    """A range of days as yyyymmdd, both included. Raises RejectedMessage `bad-day` or `reversed-range`."""
    first = day(day_from, "from") if day_from is not None else None
    last = day(day_to, "to") if day_to is not None else None
    if first is not None and last is not None and last < first:
        raise RejectedMessage(
            "reversed-range",
            "the range ends before it begins",
            where="from, to",
            next_step="`from` is its first day and `to` its last.",
        )
    return first, last


def _meant(names: Iterable[str]) -> str:
    """A hint at names that are known; what was given is not repeated."""
    quoted = " or ".join(f"`{name}`" for name in names)
    return f"Is {quoted} meant? " if quoted else ""
