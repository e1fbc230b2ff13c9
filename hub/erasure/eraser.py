"""Erases a record: six steps, each of which can be done again, so that a crash between any two loses nothing.

1. The suppression token and the list of erasures are durable, the list in its second place first.
2. `hub.subject-erased` is in the log, and from there the writer refuses whatever is about the subject.
3. The keys are destroyed, and the raw parts of what was received.
4. The views have folded that event, and stand in a file in which nothing else is left.
5. No other process holds a key.
6. `hub.erasure-completed` is in the log, with the digest of the signed certificate.

The shredding of one class of a record (retention) and the redaction of one event take the same way, without a token.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from events.codec import header_id, read_header
from events.errors import Refused
from events.ids import FactToken, SubjectId, parse_record
from events.log.sqlite import PARTITION
from events.others import other_class
from events.sealing import SecretName
from hub.erasure import certificate
from hub.erasure.bench import RAW, START_WAIT_S, Bench
from hub.erasure.doors import Closing, held, nobody_named, unknown_agency, unknown_record
from hub.erasure.plan import Plan, events_of, holds_over, plan_of
from hub.erasure.removing import destroy_others
from hub.erasure.runs import Run, Runs
from hub.erasure.telling import event_of, row_to_repeat, told_at, views_behind
from hub.erasurelist import Act, Listed, append, bring_up, longest_of, read_list
from hub.ledger.prove import prove
from projections.custody import queries as custody

log = structlog.get_logger()
MODEL = "erasure/1"
RETENTION_OVER = "retention-over"
STEPS = 6
LEASE_S = 60.0
_FOLD_WAIT_S = 60.0
Progress = Callable[[int, int], None]  # told after each step, as (done, of)


def _quiet(done: int, of: int) -> None:
    """Nobody is told."""


class Eraser:
    """Erasures of one open home, one after the other."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._runs = Runs(bench.home)
        self._one_at_a_time = threading.Lock()

    # ---- beforehand

    def plan(self, record: str) -> Plan:
        """What would go with a record. Raises Refused `unknown-record`, and TryAgainLater `views-behind`."""
        parsed = parse_record(record)
        agency, name = parsed.source.agency, str(parsed)
        bench = self._bench
        subject = bench.keys.subject_of(agency, name)
        if subject is None or bench.keys.is_suppressed(agency, name):
            raise unknown_record()
        bench.catch_up()
        with bench.store.snapshot() as db:
            return plan_of(db, name, agency, subject, bench.keys.secrets_of(subject))

    def finish(self) -> int:
        """Finishes what a crash cut off; how many that were. Called before anything new comes in."""
        with self._one_at_a_time:
            runs = self._runs.open()
            if runs:
                self._bench.catch_up(START_WAIT_S)
            for run in runs:
                if run.is_of_agency:
                    self._carry_out_all(run, _quiet)
            self._carry_out_together([run for run in runs if not run.is_of_agency])
        if runs:
            log.info("erasures_finished", count=len(runs))
        return len(runs)

    def under_way(self) -> list[Run]:
        """What a crash, or a fault of the disk, cut off."""
        return self._runs.open()

    # ---- erasing

    def erase(
        self,
        record: str,
        *,
        ground: str,
        reference: str | None = None,
        ends: Sequence[str] = (),
        progress: Progress = _quiet,
    ) -> dict[str, Any]:
        """Erases a record; its certificate.

        Raises Refused `unknown-record`, `held`, `rules-would-vanish`, `unknown-rule`, and TryAgainLater where the disk
        forbids a step: asked again, or at the next start, it goes on from there.
        """
        with self._one_at_a_time:
            if (begun := self._begun(record)) is not None:
                return self._carry_out(begun, progress)
            plan = self.plan(record)
            if plan.holds:
                raise held(len(plan.holds))
            plan.check(ends)
            token = self._bench.keys.suppression_of(plan.agency, plan.record)
            run = self._run(plan.agency, plan.subject, plan.secrets, ground, reference)
            run = replace(run, token=token.hex(), events=plan.events, rules_ended=len(set(ends)))
            self._runs.begin(run)
            return self._carry_out(run, progress)

    def erase_agency(
        self, agency: str, *, ground: str, reference: str | None = None, progress: Progress = _quiet
    ) -> dict[str, Any]:
        """Erases every record of an agency and closes its intake for good. Raises Refused `unknown-agency`, `held`."""
        bench = self._bench
        with self._one_at_a_time:
            bench.catch_up()
            subjects = set(bench.keys.subjects_of(agency))
            with bench.store.snapshot() as db:
                holds = [hold for hold in custody.holds(db) if hold.subject in subjects]
            if holds:
                raise held(len(holds))
            token = bench.keys.suppression_of(agency, "")
            if not subjects:
                raise unknown_agency()
            run = Run(agency, "", token.hex(), ground, reference, None, (), bench.clock(), 0, 0, 0)
            self._runs.begin(run)
            return self._carry_out_all(run, progress)

    def _carry_out_all(self, run: Run, progress: Progress) -> dict[str, Any]:
        """The steps for each record, its intake closed before; the views are written anew once, at the end."""
        bench = self._bench
        token = bytes.fromhex(run.token)
        if not any(each.token == token for each in longest_of([read_list(place) for place in bench.lists]).entries):
            append(bench.lists, "erased", run.agency, b"", (), token, bench.clock())
        bench.keys.suppress(token)
        subjects = bench.keys.subjects_of(run.agency)
        at = 0
        for number, subject in enumerate(subjects, 1):
            secrets = bench.keys.secrets_of(subject)
            part = replace(self._run(run.agency, subject, secrets, run.ground, run.reference), begun_us=run.begun_us)
            try:
                at = self._tell(part, self._list(part), is_for_good=True)
            except Refused:
                self._take_back(part)  # a hold came first: this record stays
                continue
            self._destroy(part, at)
            progress(number, len(subjects))
        self._clear_views(at)
        bench.catch_up()
        erased = list(self._not_completed(run))
        for part, since in erased:
            self._note_completed(part, since, None)
        self._runs.end(run)
        return {"agency": run.agency, "records": len(erased), "backups": certificate.backups(bench, bench.clock())}

    def _not_completed(self, run: Run) -> Iterator[tuple[Run, int]]:
        """Records of an agency that were erased, before a crash too, of which the log does not say that all is done."""
        entries = longest_of([read_list(place) for place in self._bench.lists]).entries
        with self._bench.store.snapshot() as db:
            for each in entries:
                if each.agency == run.agency and each.act == "erased" and each.subject:
                    erased = custody.erased(db, each.subject)
                    if erased is not None and erased.completed_us is None:
                        key_ids = tuple(key_id.hex() for key_id in each.key_ids)
                        yield replace(run, subject=each.subject.hex(), key_ids=key_ids), erased.at

    def expire(self, over: Iterable[tuple[str, SubjectId, str | None]], progress: Progress = _quiet) -> None:
        """Destroys classes of records (agency, subject, class) that were kept long enough.

        Without a class all of a record goes, but it may send again. What is held by now stays. Raises TryAgainLater as
        `erase` does.
        """
        with self._one_at_a_time:
            runs = []
            for agency, subject, retention in over:
                try:
                    runs.append(self._expiry(agency, subject, retention))
                except Refused as error:
                    log.warning("retention_waits", code=error.code, agency=agency)
                else:
                    self._runs.begin(runs[-1])
            self._carry_out_together(runs, progress)

    def _expiry(self, agency: str, subject: SubjectId, retention: str | None) -> Run:
        secrets = self._free(subject)
        if retention is not None:
            wanted = (retention, RAW)
            secrets = [each for each in secrets if each.agency == agency and each.retention in wanted]
        run = replace(self._run(agency, subject, secrets, RETENTION_OVER, None), retention=retention)
        with self._bench.store.snapshot() as db:
            return replace(run, events=events_of(db, subject))

    def _carry_out_together(self, runs: Sequence[Run], progress: Progress = _quiet) -> None:
        """The steps of many; the views are written anew once. Where a hold came first, the record goes on as it was."""
        told: list[tuple[Run, int, Listed, list[SecretName]]] = []
        for number, run in enumerate(runs, 1):
            listed = self._list(run)
            try:
                at = self._tell(run, listed, is_for_good=bool(run.token))
            except Refused as error:
                self._take_back(run)
                log.warning("erasure_void", code=error.code, agency=run.agency)
                continue
            told.append((run, at, listed, self._destroy(run, at)))
            progress(number, len(runs))
        if not told:
            return
        self._clear_views(max(at for _, at, _, _ in told))
        for run, at, listed, destroyed in told:
            if run.is_whole:
                self._complete(run, at, listed, destroyed)
            self._runs.end(run)

    def redact(self, agency: str, subject: SubjectId, offset: int, *, ground: str, reference: str | None) -> None:
        """Takes the content of one event away from everybody. Raises Refused `held`, `row-changed`, as `erase` does."""
        with self._one_at_a_time:
            secrets = [each for each in self._free(subject) if (each.agency, each.retention) == (agency, RAW)]
            run = self._run(agency, subject, secrets, ground, reference)
            run = replace(run, offset=offset, row=row_to_repeat(self._bench.log, offset))
            self._runs.begin(run)
            self._carry_out(run, _quiet)

    def remove_others(
        self, agency: str, subject: SubjectId, token: FactToken, *, ground: str, reference: str | None
    ) -> None:
        """Removes the third persons whom a fact has named so far, and nothing else of the record but raw messages.

        Raises Refused `nobody-named`, `held`, and as `erase` does.
        """
        retention = other_class(token)
        with self._one_at_a_time:
            of_fact = (subject.hex(), retention)
            run = next((run for run in self._runs.open() if (run.subject, run.retention) == of_fact), None)
            if run is None:
                wanted = [(agency, retention), (agency, RAW)]
                secrets = [each for each in self._free(subject) if (each.agency, each.retention) in wanted]
                if all(each.retention != retention for each in secrets):
                    raise nobody_named()
                run = replace(self._run(agency, subject, secrets, ground, reference), retention=retention)
                self._runs.begin(run)
            self._carry_out(run, _quiet)

    def _free(self, subject: SubjectId) -> Sequence[SecretName]:
        """The secrets of a record on which no hold lies. Raises Refused `held`."""
        self._bench.catch_up()
        with self._bench.store.snapshot() as db:
            if holds := holds_over(db, subject):
                raise held(len(holds))
        return self._bench.keys.secrets_of(subject)

    def _begun(self, record: str) -> Run | None:
        """An erasure of the record that met a full disk or the like."""
        parsed = parse_record(record)
        token = self._bench.keys.suppression_of(parsed.source.agency, str(parsed)).hex()
        return next((run for run in self._runs.open() if run.token == token), None)

    def _run(
        self, agency: str, subject: SubjectId, secrets: Sequence[SecretName], ground: str, reference: str | None
    ) -> Run:
        key_ids = tuple(each.key_id.hex() for each in secrets)
        now_us, folded = self._bench.clock(), self._bench.runner.applied
        return Run(agency, subject.hex(), "", ground, reference, None, key_ids, now_us, 0, folded, 0)

    # ---- the six steps

    def _carry_out(self, run: Run, progress: Progress) -> dict[str, Any]:
        listed = self._list(run)
        progress(1, STEPS)
        try:
            at = self._tell(run, listed, is_for_good=bool(run.token))
        except Refused:
            self._take_back(run)
            raise
        progress(2, STEPS)
        destroyed = self._destroy(run, at)
        progress(3, STEPS)
        self._clear_views(at)
        progress(4, STEPS)
        # The hub's own keys were dropped when they were destroyed. Whoever folds a shadow holds keys too: there was
        # none any more when the views were renewed.
        progress(5, STEPS)
        answer = self._complete(run, at, listed, destroyed) if run.is_whole else {}
        self._runs.end(run)
        progress(6, STEPS)
        return answer

    def _list(self, run: Run) -> Listed:
        """The first step; a line that is there already is not written again."""
        places = self._bench.lists
        act: Act = "erased" if run.is_whole else "shredded" if run.offset is None else "redacted"
        subject, event = run.subject_bytes, self._redacted(run)
        for listed in reversed(longest_of([read_list(place) for place in places]).standing):
            is_it = (listed.act, listed.subject, listed.event) == (act, subject, event)
            if is_it and set(run.keys) <= set(listed.key_ids):
                bring_up(places)  # a crash may have come between the places
                break
        else:
            token = bytes.fromhex(run.token)
            listed = append(places, act, run.agency, subject, run.keys, token, self._bench.clock(), event)
        if run.token:
            self._bench.keys.suppress(bytes.fromhex(run.token))
        return listed

    def _redacted(self, run: Run) -> bytes:
        """The id of the event that a run redacts, by which a restored log finds it; empty for other runs."""
        if run.offset is None:
            return b""
        (row,) = self._bench.log.read(PARTITION, run.offset, 1)
        return header_id(row.header)

    def _tell(self, run: Run, listed: Listed, *, is_for_good: bool) -> int:
        """The second step: the event, and its offset. Raises Refused `held`."""
        bench = self._bench
        bench.catch_up()
        with bench.store.snapshot() as db:
            told = told_at(db, run)
        if told is not None:
            return told
        kind, payload = event_of(run, listed)
        cause = f"{run.subject} {run.begun_us} {run.offset}"
        row = bench.writer.row(kind, run.subject, payload, cause=cause, model=MODEL)
        closed = run.keys if run.offset is None else ()
        first = partial(destroy_others, bench.keys, run) if run.removes_others else None
        act = Closing(bench.doors, run.subject_bytes, is_for_good=is_for_good, key_ids=closed, first=first)
        (outcome,) = bench.log.submit([row], act).result()
        return outcome.placed.offset

    def _take_back(self, run: Run) -> None:
        """A hold came first: the record goes on as it was."""
        token = bytes.fromhex(run.token)
        if token:
            self._bench.keys.readmit(token)
        bench = self._bench
        append(bench.lists, "void", run.agency, run.subject_bytes, run.keys, token, bench.clock())
        self._runs.end(run)

    def _destroy(self, run: Run, at: int) -> list[SecretName]:
        keys, subject = self._bench.keys, SubjectId(run.subject_bytes)
        if run.removes_others:  # their keys went before the log told of it
            self._bench.redact_parts(subject)
            return []
        if run.offset is not None and not self._bench.log.remove_bodies([run.offset], at):
            raise views_behind()
        if run.retention is None and run.offset is None:
            destroyed = keys.destroy(subject)
            self._bench.drop_parts(subject)
            return destroyed
        destroyed = keys.destroy(subject, [RAW] if run.retention is None else [run.retention, RAW])
        self._bench.redact_parts(subject)
        return destroyed

    def _clear_views(self, at: int) -> None:
        """The fourth step, and the fifth: a rebuild that is under way folds the event too, or has no key any more."""
        runner = self._bench.runner
        if not runner.wait_for(at, _FOLD_WAIT_S) or not runner.renew(LEASE_S):
            raise views_behind()

    # ---- the certificate

    def _complete(self, run: Run, at: int, listed: Listed, destroyed: Sequence[SecretName]) -> dict[str, Any]:
        bench = self._bench
        with bench.store.snapshot() as db:
            erased = custody.erased(db, run.subject_bytes)
        if erased is None:
            raise views_behind()
        events = run.events + self._events_since(run, at)
        payload = certificate.payload(
            run=run,
            erased=erased,
            events=events,
            listed=listed,
            destroyed=destroyed,
            proof=prove(bench.log, f"{bench.log.epoch}:{PARTITION}:{at}"),
            bench=bench,
        )
        signed = certificate.signed(payload, bench.kms)
        name = f"{run.subject}-{erased.at}"
        if erased.completed_us is None:
            certificate.keep(bench.home, name, signed)
            self._note_completed(run, erased.at, (events, certificate.digest_of(signed)))
        return {**payload, "certificate": signed, "file": f"{certificate.FOLDER}/{name}.jws"}

    def _note_completed(self, run: Run, at: int, certified: tuple[int, str] | None) -> None:
        """The end of the sixth step; of what is certified, the number of events and the certificate's digest."""
        bench = self._bench
        payload: dict[str, Any] = {"subject": run.subject, "key_ids": list(run.key_ids), "ground": run.ground}
        if certified is not None:
            payload["counts"] = {"events": certified[0], "rules-ended": run.rules_ended}
            payload["certificate"] = certified[1]
        row = bench.writer.row("hub.erasure-completed", run.subject, payload, cause=f"{run.subject} {at}", model=MODEL)
        bench.log.append([row])

    def _events_since(self, run: Run, at: int) -> int:
        """Events of the record that came between the dry run and the erasure."""
        rows = self._bench.log.read(PARTITION, run.counted_to, max(at - run.counted_to, 0))
        headers = (read_header(row.header) for row in rows)
        return sum(header is not None and header.subject == run.subject_bytes for header in headers)
