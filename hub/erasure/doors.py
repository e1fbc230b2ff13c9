"""What the log's writer asks for each row, at the moment in which the row would get its place.

Erasing and holding meet here: both are acts of the writer's one thread, so that of two that come at once one is first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from events.errors import Refused, TryAgainLater
from events.ids import SubjectId
from events.log.port import Outcome

_HUB = "hub"


class Doors:
    """Closed subjects and keys, and what is held. Changed in the writer's thread alone, or before it takes rows."""

    def __init__(self) -> None:
        self._subjects: set[bytes] = set()
        self._key_ids: set[bytes] = set()
        self._holds: dict[bytes, set[str]] = {}
        self._is_told = False
        self._telling = threading.Lock()

    def tell_holds(self, read: Callable[[], Iterable[tuple[bytes, str]]]) -> None:
        """Learns once of the holds that lie on records already: subject and reference."""
        with self._telling:
            if not self._is_told:
                for subject, reference in read():
                    self.hold(subject, reference)
                self._is_told = True

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

    def hold(self, subject: bytes, reference: str) -> None:
        self._holds.setdefault(subject, set()).add(reference)

    def lift(self, subject: bytes, reference: str) -> None:
        self._holds.get(subject, set()).discard(reference)

    def check_not_held(self, subject: bytes) -> None:
        """Raises Refused `held`."""
        if self._holds.get(subject):
            raise held(len(self._holds[subject]))

    def check_not_erased(self, subject: bytes) -> None:
        """Raises Refused `unknown-record`: what is erased can't be told from what never was."""
        if subject in self._subjects:
            raise unknown_record()


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
        self._doors.check_not_held(self._subject)
        if self._first is not None:
            self._first()

    def after(self, outcomes: Sequence[Outcome]) -> None:
        self._doors.close(self._subject if self._is_for_good else None, self._key_ids)


class Holding:
    """The act of placing a hold, or of lifting one."""

    def __init__(self, doors: Doors, subject: bytes, reference: str, *, is_lifted: bool) -> None:
        self._doors = doors
        self._subject = subject
        self._reference = reference
        self._is_lifted = is_lifted

    def before(self) -> None:
        self._doors.check_not_erased(self._subject)

    def after(self, outcomes: Sequence[Outcome]) -> None:
        change = self._doors.lift if self._is_lifted else self._doors.hold
        change(self._subject, self._reference)


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
