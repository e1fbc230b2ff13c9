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
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from events.errors import Refused, TryAgainLater
from events.ids import FactToken, SubjectId, parse_record
from events.others import other_class
from events.sealing import SecretName
from hub.erasure.agencies import WholeAgency
from hub.erasure.bench import RAW, START_WAIT_S, Bench
from hub.erasure.doors import held, nobody_named
from hub.erasure.knowing import known_record
from hub.erasure.plan import Plan, check_not_held, counted, plan_of
from hub.erasure.runs import Progress, Run, Runs, quiet
from hub.erasure.steps import STEPS, Steps
from hub.erasure.telling import row_to_repeat
from hub.erasurelist import Line, check_places

log = structlog.get_logger()
RETENTION_OVER = "retention-over"


class Eraser:
    """Erasures of one open home, one after the other."""

    def __init__(self, bench: Bench, runs: Runs, steps: Steps) -> None:
        self._bench = bench
        self._runs = runs
        self._steps = steps
        self._whole_agency = WholeAgency(bench, runs, steps)
        self._one_at_a_time = threading.Lock()

    # ---- beforehand

    def plan(self, record: str) -> Plan:
        """What would go with a record. Raises as `known_record`, and TryAgainLater `views-behind`."""
        bench = self._bench
        subject, agency, name = known_record(bench, record)
        bench.catch_up()
        with bench.store.snapshot() as db:
            return plan_of(db, name, agency, subject, bench.keys.secrets_of(subject))

    def finish(self) -> int:
        """Finishes what a crash cut off; how many that were. Called before anything new comes in.

        Raises TryAgainLater `erasure-unfinished`: what was to go is not shown again meanwhile.
        """
        with self._one_at_a_time:
            runs = self._runs.open()
            if runs:
                self._check_finishing()
                self._bench.catch_up(START_WAIT_S)
            over = [run for run in runs if self._steps.is_overtaken(run)]
            for run in over:
                self._steps.take_back(run)
            runs = [run for run in runs if run not in over]
            for run in runs:
                if run.is_of_agency:
                    self._whole_agency.finish(run)
            self._carry_out_together([run for run in runs if not run.is_of_agency], is_finishing=True)
        if runs:
            log.info("erasures_finished", count=len(runs))
        return len(runs)

    def _check_finishing(self) -> None:
        try:
            check_places(self._bench.lists)
        except TryAgainLater as error:
            raise TryAgainLater(
                "erasure-unfinished",
                "an erasure was cut off, and a place of its list takes no line: nothing is served before it ends",
                where=error.where,
                next_step="See that the disk of TELLONCE_ERASURES is there and has room, then start again.",
            ) from error

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
        progress: Progress = quiet,
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
            run = self._steps.new_run(plan.agency, plan.subject, plan.secrets, ground, reference)
            run = replace(run, token=token.hex(), rules_ended=len(set(ends)))
            run = replace(run, events=plan.counted.events, counted_to=plan.counted.up_to)
            self._begin(run)
            return self._carry_out(run, progress)

    def erase_agency(
        self, agency: str, *, ground: str, reference: str | None = None, progress: Progress = quiet
    ) -> dict[str, Any]:
        """Erases every record of an agency and closes its intake for good.

        Raises Refused `unknown-agency`, `held`, and as `erase` does.
        """
        with self._one_at_a_time:
            return self._whole_agency.erase(agency, ground, reference, progress)

    def expire(self, over: Iterable[tuple[str, SubjectId, str | None]], progress: Progress = quiet) -> None:
        """Destroys classes of records (agency, subject, class) that were kept long enough.

        Without a class all of a record goes, but it may send again. What is held by now stays. Raises TryAgainLater as
        `erase` does.
        """
        with self._one_at_a_time:
            check_places(self._bench.lists)
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
        run = replace(self._steps.new_run(agency, subject, secrets, RETENTION_OVER, None), retention=retention)
        with self._bench.store.snapshot() as db:
            so_far = counted(db, subject)
        return replace(run, events=so_far.events, counted_to=so_far.up_to)

    def _carry_out_together(
        self, runs: Sequence[Run], progress: Progress = quiet, *, is_finishing: bool = False
    ) -> None:
        """The steps of many; the views are written anew once. Where a hold came first, the record goes on as it was."""
        told: list[tuple[Run, int, Line, list[SecretName]]] = []
        for number, run in enumerate(runs, 1):
            try:
                listed, at = self._steps.decide(run, is_for_good=bool(run.token))
            except TryAgainLater:
                if not is_finishing:
                    self._give_up(runs[number - 1 :])
                raise
            except Refused as error:
                self._steps.take_back(run)
                log.warning("erasure_void", code=error.code, agency=run.agency)
                continue
            told.append((run, at, listed, self._steps.destroy(run, at)))
            self._steps.clear_views_if_due(at)
            progress(number, len(runs))
        if not told:
            return
        self._steps.clear_views(max(at for _, at, _, _ in told))
        for run, at, listed, destroyed in told:
            if run.is_whole:
                self._steps.complete(run, at, listed, destroyed)
            self._runs.end(run)

    def redact(self, agency: str, subject: SubjectId, offset: int, *, ground: str, reference: str | None) -> None:
        """Takes the content of one event away from everybody. Raises Refused `held`, `row-changed`, as `erase` does."""
        with self._one_at_a_time:
            secrets = [each for each in self._free(subject) if (each.agency, each.retention) == (agency, RAW)]
            run = self._steps.new_run(agency, subject, secrets, ground, reference)
            run = replace(run, offset=offset, row=row_to_repeat(self._bench.log, offset))
            self._begin(run)
            self._carry_out(run, quiet)

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
                run = replace(self._steps.new_run(agency, subject, secrets, ground, reference), retention=retention)
                self._begin(run)
            self._carry_out(run, quiet)

    def _free(self, subject: SubjectId) -> Sequence[SecretName]:
        """The secrets of a record on which no hold lies. Raises Refused `held`."""
        self._bench.catch_up()
        with self._bench.store.snapshot() as db:
            check_not_held(db, subject)
        return self._bench.keys.secrets_of(subject)

    def _begin(self, run: Run) -> None:
        """What is begun has to be finished before the hub serves again: not without every place of the list."""
        check_places(self._bench.lists)
        self._runs.begin(run)

    def _begun(self, record: str) -> Run | None:
        """An erasure of the record that met a full disk or the like."""
        parsed = parse_record(record)
        token = self._bench.keys.suppression_of(parsed.source.agency, str(parsed)).hex()
        return next((run for run in self._runs.open() if run.token == token), None)

    # ---- the steps, one after the other

    def _give_up(self, runs: Sequence[Run]) -> None:
        """The caller is told to ask again: what no place of the list has a line of is not done later by itself."""
        for run in self._steps.unlisted(runs):
            self._runs.end(run)

    def _carry_out(self, run: Run, progress: Progress) -> dict[str, Any]:
        try:
            listed, at = self._steps.decide(run, is_for_good=bool(run.token), progress=progress)
        except TryAgainLater:
            self._give_up([run])
            raise
        except Refused:
            self._steps.take_back(run)
            raise
        progress(2, STEPS)
        destroyed = self._steps.destroy(run, at)
        progress(3, STEPS)
        self._steps.clear_views(at)
        progress(4, STEPS)
        # The hub's own keys were dropped when they were destroyed. Whoever folds a shadow holds keys too: there was
        # none any more when the views were renewed.
        progress(5, STEPS)
        answer = self._steps.complete(run, at, listed, destroyed) if run.is_whole else {}
        self._runs.end(run)
        progress(6, STEPS)
        return answer
