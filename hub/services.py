"""Everything the hub does for a caller, as parsed JSON in and out: the command line and HTTP say nothing else.

Each operation names its caller and asks the door first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from adapters.sdk.receipts import Arrival
from events.clock import from_us, us_text
from events.errors import Refused, RejectedMessage, TryAgainLater
from events.ids import parse_source
from events.log.port import parse_position
from events.log.sqlite import PARTITION
from hub.access.door import Caller, may_see, permit, permit_agency
from hub.assembly import LOG, Hub
from hub.backup import back_up
from hub.erasure.officer import Officer
from hub.ledger.prove import prove
from hub.ledger.verify import document, verify
from hub.reading import Reading
from hub.reading.questions import check_agency
from hub.reading.rows import rows_from
from hub.receipts.journal import unknown_receipt
from hub.receipts.names import quarantine_name, quarantine_number
from hub.receipts.queries import QuarantineEntry, QuarantineState, unknown_quarantine_number
from hub.sqlite import faults_told, not_rebuilt
from hub.telling import outcome_told, quarantine_told, receipt_told, report_told
from hub.witness.state import witnessing
from projections.engine.beside import Progress
from projections.engine.target import halted_lanes, refused_by_code, refused_rows
from projections.sources import queries as sources

_PAGE_MAX = 1_000


class Services:
    """The operations on one open hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.reading = Reading(hub)
        self.officer = Officer(hub)

    # ---- intake and what became of it

    def intake(self, caller: Caller, raw: bytes | BinaryIO, **told: Any) -> dict[str, Any]:
        """Takes bytes in; the sums and the outcome of each message (the first thousand).

        Told are agency, system and adapter; file_name and options where there are any.
        """
        self.check_writable()
        return report_told(self._hub.intake.receive(_permitted(caller, **told), raw))

    async def small_intake(self, caller: Caller, raw: bytes, **told: Any) -> dict[str, Any]:
        """The same for what `is_small`, where no thread has to wait for it."""
        self.check_writable()
        return report_told(await asyncio.wrap_future(self._hub.intake.submit(_permitted(caller, **told), raw)))

    def receipt(self, caller: Caller, receipt: str, *, after: int = 0, limit: int = _PAGE_MAX) -> dict[str, Any]:
        """What happened to what was received. Raises Refused `unknown-receipt`."""
        permit(caller, "receipts")
        status = self._hub.receipts.receipt(receipt)
        if not may_see(caller, status.receipt.arrival.agency):
            raise unknown_receipt(receipt)
        outcomes = self._hub.receipts.outcomes(receipt, after, min(limit, _PAGE_MAX))
        return {**receipt_told(status), "outcomes": [outcome_told(outcome) for _, outcome in outcomes]}

    def find_message(self, caller: Caller, sender_id: str, agency: str | None = None) -> dict[str, Any]:
        """What happened to a message, by the sender's own id. Raises RejectedMessage `agency-never-heard`."""
        permit(caller, "receipts")
        agency = self._agency_for(caller, agency)
        found = self._hub.receipts.find(sender_id=sender_id, agency=agency)
        messages = [
            {"receipt": each.receipt.id, "received": us_text(each.receipt.received_us), **outcome_told(each.outcome)}
            for each in found
        ]
        return {"messages": messages}

    def quarantine(
        self, caller: Caller, *, agency: str | None = None, state: QuarantineState | None = "waiting", after: int = 0
    ) -> dict[str, Any]:
        """Messages in quarantine. Raises RejectedMessage `agency-never-heard`."""
        permit(caller, "quarantine")
        agency = self._agency_for(caller, agency)
        found = self._hub.receipts.quarantined(agency, state=state, after=after, limit=_PAGE_MAX)
        return {"quarantine": [quarantine_told(each) for each in found]}

    def _agency_for(self, caller: Caller, asked: str | None) -> str | None:
        """Whose messages are asked for: an adapter's own agency's, or those of one that the hub has heard of."""
        if caller.role == "adapter":
            return caller.organisation
        if asked is not None:
            check_agency(asked, self._hub.receipts.has_received, self._hub.register)
        return asked

    def quarantined(self, caller: Caller, number: str) -> dict[str, Any]:
        """One message in quarantine. Raises Refused `unknown-quarantine-number`."""
        return quarantine_told(self._entry_for(caller, number))

    def retry(self, caller: Caller, number: str) -> dict[str, Any]:
        """Translates a message in quarantine again; what became of it now. Raises as `quarantined` does."""
        entry = self._entry_for(caller, number)
        outcome = self._hub.intake.retry(entry.receipt, entry.place)
        return {"quarantine": quarantine_name(entry.number), "receipt": entry.receipt, **outcome_told(outcome)}

    def _entry_for(self, caller: Caller, number: str) -> QuarantineEntry:
        """A message in quarantine that is the caller's to see; another agency's is as if it were not there."""
        permit(caller, "quarantine")
        entry = self._hub.receipts.quarantine_entry(_quarantine_number(number))
        if not may_see(caller, entry.agency):
            raise unknown_quarantine_number(entry.number)
        return entry

    # ---- linkage by hand

    def link(self, caller: Caller, record: str, person: str, reason: str) -> dict[str, Any]:
        permit(caller, "linkage")
        return self._hub.decisions.link(record, person, reason=reason, by=caller.who)

    def unlink(self, caller: Caller, record: str, reason: str) -> dict[str, Any]:
        permit(caller, "linkage")
        return self._hub.decisions.unlink(record, reason=reason, by=caller.who)

    def merge(self, caller: Caller, survivor: str, absorbed: str, reason: str) -> dict[str, Any]:
        permit(caller, "linkage")
        return self._hub.decisions.merge(survivor, absorbed, reason=reason, by=caller.who)

    def unmerge(self, caller: Caller, survivor: str, absorbed: str, reason: str) -> dict[str, Any]:
        permit(caller, "linkage")
        return self._hub.decisions.unmerge(survivor, absorbed, reason=reason, by=caller.who)

    # ---- the log

    def read_log(
        self, caller: Caller, *, start: str | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Events from a position on, with what the log assigned to them; those of a restricted record stay closed.

        Raises Refused `other-epoch`.
        """
        permit(caller, "log")
        at = 0
        if start is not None:
            position = parse_position(start)
            if position.epoch != self._hub.log.epoch:
                raise Refused("other-epoch", "this position is from before a restore", where="start")
            at = position.offset
        return rows_from(self._hub, at, limit)

    def verify_log(
        self, caller: Caller, progress: Callable[[int, int], None] = lambda done, of: None
    ) -> dict[str, Any]:
        """The whole log derived again from its stored bytes, by this process; see hub.ledger.verify."""
        permit(caller, "log")
        hub = self._hub
        return document(verify(hub.home / LOG, hub.log.key, progress, jobs=1, opener=hub.keys.ring))

    def prove(self, caller: Caller, event: str, since: str | None = None) -> dict[str, Any]:
        """A proof that the log holds an event; see hub.ledger.prove, also for what it raises."""
        permit(caller, "log")
        return prove(self._hub.log, event, since)

    # ---- how it goes

    def agencies(self, caller: Caller) -> dict[str, Any]:
        """The register, or an adapter's own entry of it."""
        permit(caller, "agencies")
        today = from_us(self._hub.clock()).date()
        return {
            "agencies": [
                {
                    **agency.model_dump(mode="json", exclude={"system"}),
                    "systems": [{"name": each.name, "adapters": list(each.adapters)} for each in agency.system],
                    "may_send": agency.agreement_from <= today <= agency.agreement_to,
                }
                for agency in self._hub.register().agencies
                if may_see(caller, agency.name)
            ]
        }

    def sources(self, caller: Caller) -> dict[str, Any]:
        """Each source: when it last sent, what became of it by day, shared message ids, gaps in its sequence.

        Beside them the newest rows of the log that may not count, and why. An adapter's caller is told of its own
        agency's.
        """
        permit(caller, "sources")
        with self._hub.store.snapshot() as db:
            states = {state.source: state for state in sources.states(db)}
            refused = refused_rows(db, _PAGE_MAX)
        by_day: dict[str, list[dict[str, Any]]] = {}
        last_received: dict[str, int] = {}
        for counted in self._hub.receipts.counts_by_day():
            source = f"urn:tellonce:source:{counted.agency}:{counted.system}"
            shown = {key: value for key, value in counted._asdict().items() if key not in ("agency", "system")}
            shown["last_received"] = us_text(shown.pop("last_received_us"))
            by_day.setdefault(source, []).append(shown)
            last_received[source] = max(counted.last_received_us, last_received.get(source, 0))
        heard = {*states, *by_day, *self._registered()} - {"urn:tellonce:source:hub:linkage"}
        names = sorted(name for name in heard if may_see(caller, parse_source(name).agency))
        now_us = self._hub.clock()
        return {
            "sources": [_source(name, states.get(name), by_day, last_received, now_us) for name in names],
            "refused": [
                {"position": f"{self._hub.log.epoch}:{row.partition}:{row.at}", "agency": row.agency, "code": row.code}
                for row in refused
                if may_see(caller, row.agency)
            ],
        }

    def _registered(self) -> Iterator[str]:
        for agency in self._hub.register().agencies:
            for system in agency.system:
                yield f"urn:tellonce:source:{agency.name}:{system.name}"

    def status(self, caller: Caller) -> dict[str, Any]:
        permit(caller, "status")
        return {**self.health(), **self._details()}

    def health(self) -> dict[str, Any]:
        """Whether the hub works: the views move and the log takes events. For anyone; names nobody."""
        runner = self._hub.runner
        return {
            "ready": runner.fault is None,
            "waits_for_room": runner.is_waiting_for_room,
            "rebuilding": runner.is_rebuilding,
            "epoch": self._hub.log.epoch,
            "events": self._hub.log.head()[PARTITION],
            "lag": runner.lag,
            "undecided": self._hub.log.head()[PARTITION] - self._hub.linker.settled,
            "verification": self._hub.watch.told(),
            "refused_rows": self.refused_rows,
            "refuses_writes": fault.code if (fault := self._hub.continuity.fault) else None,
            "witness": {key: value for key, value in self.witness().items() if key != "witnesses"},
            "erasure_list": self._hub.second_place.told(),
        }

    @property
    def verification_fault(self) -> str | None:
        """What the last pass over the log found wrong, by its code. For anyone; names nobody."""
        fault: str | None = self._hub.watch.told()["fault"]
        return fault

    def check_writable(self) -> None:
        """Raises TryAgainLater `log-behind` or `log-differs` where the log takes no events."""
        self._hub.continuity.check()

    def witness(self) -> dict[str, Any]:
        """How long the log has gone without a witness, and how each stands. For anyone; names nobody's record."""
        try:
            now_us = self._hub.clock()
        except TryAgainLater:  # it jumped: no time is known but the newest event's
            now_us = self._hub.log.last_known_us
        return witnessing(self._hub.log, self._hub.witnesses.standings, now_us)

    def halted(self) -> list[dict[str, Any]]:
        """Lanes that stand still: view, where, since when, why. For anyone; names nobody."""
        with self._hub.store.snapshot() as db:
            return [
                {"view": lane.projection, "at": lane.at, "since": us_text(lane.since_us), "code": lane.code}
                for lane in halted_lanes(db)
            ]

    @property
    def refused_rows(self) -> dict[str, int]:
        """How many rows of the log count nowhere, by code. For anyone; names nobody."""
        with self._hub.store.snapshot() as db:
            return refused_by_code(db)

    @property
    def quarantine_waiting(self) -> int:
        """How many messages wait in quarantine. For anyone; names nobody."""
        return sum(each.quarantined for each in self._hub.receipts.counts_by_day())

    def _details(self) -> dict[str, Any]:
        with self._hub.store.snapshot() as db:
            people, records = (
                db.execute(f"SELECT count(*) FROM membership_{table}").fetchone()[0] for table in ("persons", "records")
            )
            reached = db.execute("SELECT count(DISTINCT person) FROM membership_links WHERE to_us > ?", (1 << 62,))
            persons = reached.fetchone()[0]
        return {
            "checkpoints": self._hub.runner.checkpoints,
            "halted": self.halted(),
            "numbers": people,
            "records": records,
            "persons_with_records": persons,
            "quarantine_waiting": self.quarantine_waiting,
            "receipts_missing": list(self._hub.receipts.missing),
            "log": self._hub.log.name,
            "log_key": str(self._hub.log.key),
            "witnesses": self.witness()["witnesses"],
        }

    def rebuild(
        self,
        caller: Caller,
        view: str | None = None,
        progress: Progress = lambda done, of: None,
    ) -> dict[str, Any]:
        """Folds a view, or all, again beside the live ones and swaps.

        Raises Refused `unknown-view`, and TryAgainLater where disk or memory do not suffice; the live views then stay.
        """
        permit(caller, "operations")
        known = sorted(self._hub.runner.checkpoints)
        if view is not None and view not in known:
            raise Refused("unknown-view", f"the views are: {', '.join(known)}", where="view")
        with faults_told("views", not_rebuilt):
            self._hub.runner.rebuild(view, progress)
        return {
            "rebuilt": [view] if view else known,
            "events": self._hub.runner.applied,
            "refused_rows": self.refused_rows,
        }

    def rotate_keys(
        self, caller: Caller, agency: str | None = None, progress: Progress = lambda done, of: None
    ) -> dict[str, Any]:
        """Wraps the secrets of an agency, or of all, under a new key. Raises Refused `agency-without-keys`."""
        permit(caller, "operations")
        known = self._hub.keys.agencies
        if agency is not None and agency not in known:
            raise Refused("agency-without-keys", f"these have keys: {', '.join(known)}", where="agency")
        wanted = known if agency is None else [agency]
        return {"rotated": [{"agency": name, "secrets": self._hub.keys.rotate(name, progress)} for name in wanted]}

    def back_up(self, caller: Caller, target: Path) -> dict[str, Any]:
        permit(caller, "operations")
        return back_up(self._hub, target)


def _permitted(
    caller: Caller,
    *,
    agency: str,
    system: str,
    adapter: str,
    file_name: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Arrival:
    permit(caller, "intake")
    permit_agency(caller, agency)
    return Arrival(agency, system, adapter, file_name, dict(options or {}))


def _quarantine_number(name: str) -> int:
    number = quarantine_number(name)
    if number is None:
        raise RejectedMessage("bad-quarantine-number", "a quarantine number is written Q-0031", where="quarantine")
    return number


def _source(
    name: str,
    state: sources.SourceState | None,
    by_day: Mapping[str, list[dict[str, Any]]],
    last_received: Mapping[str, int],
    now_us: int,
) -> dict[str, Any]:
    last_us = last_received.get(name)
    days = by_day.get(name, [])
    return {
        "source": name.removeprefix("urn:tellonce:source:").replace(":", "/"),
        "last_received": us_text(last_us) if last_us else None,
        "silent_hours": (now_us - last_us) // 3_600_000_000 if last_us else None,
        "accepted": sum(day["accepted"] for day in days),
        "not_mapped": sum(day["not_mapped"] for day in days),
        "quarantined": sum(day["quarantined"] for day in days),
        "events": state.events if state else 0,
        "findings": state.findings if state else 0,
        "shared_message_ids": state.shared_sender_ids if state else 0,
        "missing_in_sequence": [list(gap) for gap in state.missing] if state else [],
        "days": days[-31:],  # the newest
    }
