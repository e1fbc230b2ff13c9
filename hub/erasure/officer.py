"""Everything an officer of a controller may do with records, as parsed JSON in and out. Each asks the door first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from events.errors import Refused, RejectedMessage
from events.ids import FactToken, is_nhs_number
from events.log.port import parse_position
from events.log.sqlite import PARTITION
from hub.access.door import Caller, permit
from hub.erasure.retention import Due, Retention, due_document
from hub.erasure.runs import Progress

if TYPE_CHECKING:
    from hub.assembly import Hub

ACTION = "custody"
_Act = Callable[..., dict[str, Any]]
_GROUND = re.compile(r"[a-z0-9]+(-[a-z0-9]+){0,9}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9/._:-]{0,63}")


class Officer:
    """The operations on whole records of one open hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # ---- erasing

    def plan(self, caller: Caller, record: str) -> dict[str, Any]:
        """What would go with a record. Raises Refused `unknown-record`."""
        permit(caller, ACTION)
        return self._hub.eraser.plan(record).document()

    def erase(
        self,
        caller: Caller,
        record: str,
        ground: str,
        reference: str | None = None,
        ends: Sequence[str] = (),
        progress: Progress = lambda done, of: None,
    ) -> dict[str, Any]:
        """Erases a record; its certificate. Raises as Eraser.erase does."""
        permit(caller, ACTION)
        _check(ground, reference, record)
        return self._hub.eraser.erase(record, ground=ground, reference=reference, ends=ends, progress=progress)

    def erase_agency(
        self,
        caller: Caller,
        agency: str,
        ground: str,
        reference: str | None = None,
        progress: Progress = lambda done, of: None,
    ) -> dict[str, Any]:
        """Erases every record of an agency and closes its intake. Raises as Eraser.erase_agency does."""
        permit(caller, ACTION)
        _check(ground, reference, None)
        return self._hub.eraser.erase_agency(agency, ground=ground, reference=reference, progress=progress)

    def readmit(self, caller: Caller, record: str, ground: str, reference: str | None = None) -> dict[str, Any]:
        permit(caller, ACTION)
        _check(ground, reference, record)
        return self._hub.acts.readmit(record, ground=ground, reference=reference)

    # ---- restricting and holding

    def restrict(self, caller: Caller, record: str, ground: str, reference: str | None = None) -> dict[str, Any]:
        permit(caller, ACTION)
        _check(ground, reference, record)
        return self._hub.acts.restrict(record, ground=ground, reference=reference)

    def unrestrict(self, caller: Caller, record: str, ground: str, reference: str | None = None) -> dict[str, Any]:
        permit(caller, ACTION)
        _check(ground, reference, record)
        return self._hub.acts.unrestrict(record, ground=ground, reference=reference)

    def hold(
        self,
        caller: Caller,
        ground: str,
        reference: str | None = None,
        record: str | None = None,
        person: str | None = None,
    ) -> dict[str, Any]:
        """Holds a record, or every record of a person."""
        permit(caller, ACTION)
        acts = self._hub.acts
        return _of_whom(acts.hold, acts.hold_person, record, person, ground=ground, reference=reference)

    def lift(
        self,
        caller: Caller,
        ground: str,
        reference: str | None = None,
        record: str | None = None,
        person: str | None = None,
    ) -> dict[str, Any]:
        """Lifts the hold of a reference from a record, or from a person."""
        permit(caller, ACTION)
        acts = self._hub.acts
        return _of_whom(acts.lift, acts.lift_person, record, person, ground=ground, reference=reference)

    def holds(self, caller: Caller) -> dict[str, Any]:
        permit(caller, ACTION)
        return self._hub.acts.holds()

    # ---- retention

    def retention(self, caller: Caller) -> dict[str, Any]:
        """The table of periods, and what has been kept long enough."""
        permit(caller, ACTION)
        table = Retention(self._hub.home)
        return {"periods": table.document(), "due": [due_document(each) for each in self._due(table)]}

    def apply_retention(self, caller: Caller, progress: Progress = lambda done, of: None) -> dict[str, Any]:
        """Destroys what has been kept long enough, unless it is held; a record of which nothing else is left, whole."""
        permit(caller, ACTION)
        table = Retention(self._hub.home)
        due = [each for each in self._due(table) if not each.is_held]
        classes = self._classes_of(due)
        whole = {each.subject for each in due if classes[each.subject] <= _of(due, each.subject)}
        over = {(each.agency, each.subject, None if each.subject in whole else each.retention): None for each in due}
        self._hub.eraser.expire(over, progress)
        return {"destroyed": [due_document(each) for each in due]}

    def _due(self, table: Retention) -> list[Due]:
        self._hub.wait_until_read()
        with self._hub.store.snapshot() as db:
            return list(table.due(db, self._hub.clock()))

    def _classes_of(self, due: Sequence[Due]) -> dict[bytes, set[str]]:
        """The classes in which the hub holds events of these records."""
        select = "SELECT DISTINCT retention FROM sources_said WHERE subject = ? AND retention <> ''"
        with self._hub.store.snapshot() as db:
            return {each.subject: {retention for (retention,) in db.execute(select, (each.subject,))} for each in due}

    # ---- redaction

    def redact(
        self,
        caller: Caller,
        position: str,
        ground: str,
        reference: str | None = None,
        third_persons: bool = False,
    ) -> dict[str, Any]:
        """Takes the content of one event away from everybody; or only `third_persons`, of all versions of its fact.

        Raises Refused `other-epoch`, `not-redactable`, `nobody-named`, `held`.
        """
        permit(caller, ACTION)
        _check(ground, reference, None)
        found = parse_position(position)
        if found.epoch != self._hub.log.epoch:
            raise Refused("other-epoch", "this position is from before a restore", where="position")
        is_ours = found.partition == PARTITION
        row = next(iter(self._hub.log.read(PARTITION, found.offset, 1)), None) if is_ours else None
        logged = self._hub.keys.ring.open(PARTITION, [row]).logged if row is not None else []
        if not logged or logged[0].event.agency == "hub":
            raise Refused(
                "not-redactable",
                "there is no event of an agency at this position, or nothing of it is left",
                where="position",
                next_step="`tellonce history` prints the positions of what was said of a fact.",
            )
        event, eraser = logged[0].event, self._hub.eraser
        if third_persons:
            token = FactToken(bytes.fromhex(event.attributes.get("factref", "")))
            eraser.remove_others(event.agency, event.subject, token, ground=ground, reference=reference)
        else:
            eraser.redact(event.agency, event.subject, found.offset, ground=ground, reference=reference)
        return {"position": position, "ground": ground, "third_persons": third_persons}


def _of(due: Sequence[Due], subject: bytes) -> set[str]:
    return {each.retention for each in due if each.subject == subject}


def _check(ground: str, reference: str | None, record: str | None) -> None:
    """A ground is a code and a reference the controller's own: neither may name a person or tell a story."""
    if not _GROUND.fullmatch(ground):
        raise RejectedMessage(
            "bad-ground",
            "a ground is a code of lower-case words joined by -",
            where="ground",
            next_step="docs/erasure.md lists those in use.",
        )
    if reference is None:
        return
    local_id = record.rpartition("/")[2] if record is not None else None
    names = reference == local_id or is_nhs_number("".join(filter(str.isdigit, reference)))
    if not _REFERENCE.fullmatch(reference) or names:
        raise RejectedMessage(
            "bad-reference",
            "a reference is the controller's own: 64 letters, digits and /._:- at most, no record's id, no NHS number",
            where="reference",
            next_step="It outlives the record, so nothing in it may name the person.",
        )


def _of_whom(
    of_record: _Act, of_person: _Act, record: str | None, person: str | None, *, ground: str, reference: str | None
) -> dict[str, Any]:
    """An act on a record, or on every record of a person. Raises RejectedMessage `whose-hold` where it is not one."""
    _check(ground, reference, record)
    if record is not None and person is None:
        return {"person": None, "records": [record], **of_record(record, ground=ground, reference=reference)}
    if person is not None and record is None:
        return of_person(person, ground=ground, reference=reference)
    raise RejectedMessage("whose-hold", "name a record or a person's number", where="record, person")
