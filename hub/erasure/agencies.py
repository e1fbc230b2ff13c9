"""Erases all that an agency ever said: its intake closes first, its own key goes last.

The key stays while a legal hold keeps a record. When the hold is lifted, the same command finishes the erasure.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from events.clock import us_text
from events.errors import Refused, TryAgainLater
from events.ids import SubjectId
from events.log.sqlite import PARTITION
from hub.erasure import certificate
from hub.erasure.bench import Bench
from hub.erasure.doors import held, unknown_agency
from hub.erasure.plan import hold_document, holds_over
from hub.erasure.runs import Progress, Run, Runs, quiet
from hub.erasure.steps import Steps
from hub.erasurelist import Act, Line, append, bring_up, check_places, read_united
from hub.vault.boxes import AGENCY as HUB
from projections.custody import queries as custody
from projections.engine.membership import queries as membership


class WholeAgency:
    """Erasures of whole agencies; for one thread at a time."""

    def __init__(self, bench: Bench, runs: Runs, steps: Steps) -> None:
        self._bench = bench
        self._runs = runs
        self._steps = steps

    def erase(self, agency: str, ground: str, reference: str | None, progress: Progress) -> dict[str, Any]:
        """Erases every record of an agency; what was done.

        Raises Refused `unknown-agency`, and `held` where a hold lies on any record before it is begun.
        """
        bench = self._bench
        bench.catch_up()
        if agency == HUB or agency not in bench.keys.agencies:
            raise unknown_agency()
        subjects = bench.keys.subjects_of(agency)
        with bench.store.snapshot() as db:
            many = sum(bool(holds_over(db, subject)) for subject in subjects) if custody.holds(db) else 0
        if many:
            raise held(many)
        token = bench.keys.suppression_of(agency, "")
        run = Run(agency, "", token.hex(), ground, reference, None, (), bench.clock(), 0, 0, 0)
        check_places(bench.lists)
        self._runs.begin(run)
        try:
            self._listed(run, "erased")
        except TryAgainLater:  # nothing is erased, and the caller is told so: it is not done later
            if not self._is_listed(run, "erased"):
                self._runs.end(run)
            raise
        return self._carry_out(run, progress)

    def finish(self, run: Run) -> None:
        """What a crash cut off."""
        self._listed(run, "erased")
        self._carry_out(run, quiet)

    def _carry_out(self, run: Run, progress: Progress) -> dict[str, Any]:
        """The steps for each record, its intake closed before; what a hold keeps meanwhile stays."""
        bench = self._bench
        bench.keys.suppress(bytes.fromhex(run.token))
        subjects = bench.keys.subjects_of(run.agency)
        done: set[bytes] = set()
        at = 0
        for subject in subjects:
            told = self._told(run, subject)
            if told is None:
                continue
            at = told
            done.add(subject)
            self._steps.clear_views_if_due(at)
            progress(len(done), len(subjects))
        kept = [subject for subject in subjects if subject not in done]
        self._steps.clear_views(at)
        bench.catch_up()
        is_key_gone = not kept and self._key_destroyed(run)
        answer = self._completed(run, kept, is_key_gone=is_key_gone)
        self._runs.end(run)
        return answer

    def _told(self, run: Run, subject: SubjectId) -> int | None:
        """The first three steps of one record; the offset of its erasure, None where a hold keeps it."""
        secrets = self._bench.keys.secrets_of(subject)
        part = self._steps.new_run(run.agency, subject, secrets, run.ground, run.reference)
        part = replace(part, begun_us=run.begun_us)
        try:
            _, at = self._steps.decide(part, is_for_good=True)
        except Refused:
            self._steps.take_back(part)
            return None
        self._steps.destroy(part, at)
        return at

    def _key_destroyed(self, run: Run) -> bool:
        """The last of the keys: what wraps all the others of the agency. False where some of those came meanwhile."""
        if self._bench.keys.subjects_of(run.agency):
            return False
        self._listed(run, "key-destroyed")
        return self._bench.keys.destroy_agency(run.agency)

    def _is_listed(self, run: Run, act: Act) -> bool:
        token = bytes.fromhex(run.token)
        return any((each.act, each.token) == (act, token) for each in read_united(self._bench.lists).standing)

    def _listed(self, run: Run, act: Act) -> None:
        """A line about the agency itself, once."""
        bench, token = self._bench, bytes.fromhex(run.token)
        if self._is_listed(run, act):
            bring_up(bench.lists)  # a crash may have come between the places
        else:
            append(bench.lists, Line(act, run.agency, b"", (), token, us_text(bench.clock())))

    # ---- the certificate

    def _completed(self, run: Run, kept: list[SubjectId], *, is_key_gone: bool) -> dict[str, Any]:
        """The sixth step of all records at once: one certificate, whose digest stands with each of them."""
        bench = self._bench
        with bench.store.snapshot() as db:
            erased = list(self._erased(db, run))
            holds = [
                hold_document(hold, membership.record_of_subject(db, subject))
                for subject in kept
                for hold in holds_over(db, subject)
            ]
        done = [part for part, found in erased if found.known_us >= run.begun_us or found.completed_us is None]
        payload = certificate.of_agency(run, len(done), len(kept), is_key_gone=is_key_gone, bench=bench)
        signed = certificate.signed(payload, bench.kms)
        name = f"{run.agency}-{bench.log.head()[PARTITION]}"
        certificate.keep(bench.home, name, signed)
        for part, found in erased:
            if found.completed_us is None:
                self._steps.note_completed(part, found.at, None, certificate.digest_of(signed))
        return {
            "agency": run.agency,
            "records": len(done),
            "kept": holds,
            "key_destroyed": is_key_gone,
            "backups": payload["backups"],
            "certificate": signed,
            "file": f"{certificate.FOLDER}/{name}.jws",
        }

    def _erased(self, db: sqlite3.Connection, run: Run) -> Iterator[tuple[Run, custody.Erased]]:
        """Records of the agency that the log says are erased, before a crash too."""
        for each in read_united(self._bench.lists).standing:
            if each.agency == run.agency and each.act == "erased" and each.subject:
                erased = custody.erased(db, each.subject)
                if erased is not None:
                    key_ids = tuple(key_id.hex() for key_id in each.key_ids)
                    yield replace(run, subject=each.subject.hex(), key_ids=key_ids), erased
