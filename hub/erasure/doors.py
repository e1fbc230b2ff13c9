"""What the log's writer asks for each row, at the moment in which the row would get its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from events.errors import Refused, TryAgainLater
from events.ids import SubjectId
from events.log.port import Outcome

_HUB = "hub"


class Doors:
    """Closed subjects and keys. Changed in the writer's thread alone."""

    def __init__(self) -> None:
        self._subjects: set[bytes] = set()
        self._key_ids: set[bytes] = set()

    def is_closed(self, agency: str, subject: SubjectId, key_id: bytes) -> bool:
        """Whether a row is about what was erased and gets no place.

        Raises TryAgainLater `key-ended` for a row under a key that was kept long enough: sent again, it comes under the
        next one. Nothing may be lost of a record that goes on.
        """
        if subject in self._subjects:
            return True
        if key_id in self._key_ids:
            if agency == _HUB:
                return True  # a decision of before, about what is gone: nobody waits for it
            raise TryAgainLater(
                "key-ended",
                "the key that this was sealed under was just destroyed, since what it sealed was kept long enough",
                where="log",
                next_step="Send it again: it is taken in under a new key.",
            )
        return False

    def close(self, subject: bytes | None, key_ids: Iterable[bytes] = ()) -> None:
        """From here on nothing about the subject gets a place, and nothing under one of these keys."""
        if subject is not None:
            self._subjects.add(subject)
        self._key_ids.update(key_ids)


class Closing:
    """The act of telling that something is gone."""

    def __init__(
        self,
        doors: Doors,
        subject: bytes,
        *,
        is_for_good: bool,
        key_ids: Sequence[bytes] = (),
        first: Callable[[], None] | None = None,
    ) -> None:
        """`is_for_good`: nothing more comes in about the subject; else it goes on under other keys than these.

        `first` is done in the writer's thread, before the log tells of it.
        """
        self._first = first
        self._doors = doors
        self._subject = subject
        self._is_for_good = is_for_good
        self._key_ids = key_ids

    def before(self) -> None:
        if self._first is not None:
            self._first()

    def after(self, outcomes: Sequence[Outcome]) -> None:
        self._doors.close(self._subject if self._is_for_good else None, self._key_ids)


def held(many: int) -> Refused:
    return Refused(
        "held",
        f"a legal hold lies on the record ({many} in all), and nothing of it may go",
        where="record",
        next_step="`tellonce hold list` names them; whoever placed one may lift it.",
    )


def unknown_record() -> Refused:
    return Refused(
        "unknown-record",
        "the hub knows no such record",
        where="record",
        next_step="Records are written <agency>:<system>/<type>/<id>; `tellonce people find` prints them.",
    )


def nobody_named() -> Refused:
    return Refused(
        "nobody-named",
        "no third person is named there apart from the rest, or they were removed already",
        where="position",
        next_step="Where a free text names somebody, redact the event as a whole.",
    )


def unknown_agency() -> Refused:
    return Refused(
        "unknown-agency",
        "the hub holds nothing of an agency of this name",
        where="agency",
        next_step="`tellonce agencies` names those in the register.",
    )
