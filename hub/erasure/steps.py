"""The steps of an erasure, each of which can be done again: see hub.erasure.eraser."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from events.clock import us_text
from events.codec import header_id, read_header
from events.ids import SubjectId
from events.log.sqlite import PARTITION
from events.sealing import SecretName
from hub.erasure import certificate
from hub.erasure.bench import Bench
from hub.erasure.doors import Closing
from hub.erasure.plan import check_not_held
from hub.erasure.runs import Progress, Run, Runs, quiet
from hub.erasure.telling import event_of, told_at, views_behind
from hub.erasurelist import Act, Line, append, bring_up, read_longest, read_united
from hub.ledger.prove import prove
from projections.custody import queries as custody

MODEL = "erasure/1"
STEPS = 6
LEASE_S = 60.0
# What the views held of an erased record may stand in their files' free pages so long while others are erased too.
CLEARED_WITHIN_S = 60.0
_FOLD_WAIT_S = 60.0


class Steps:
    """What is done of one run after the other; for one thread at a time."""

    def __init__(self, bench: Bench, runs: Runs) -> None:
        self._bench = bench
        self._runs = runs
        self._unclear_since_s: float | None = None

    def new_run(
        self, agency: str, subject: SubjectId, secrets: Sequence[SecretName], ground: str, reference: str | None
    ) -> Run:
        """A run that is not begun yet."""
        key_ids = tuple(each.key_id.hex() for each in secrets)
        now_us, folded = self._bench.clock(), self._bench.runner.applied
        return Run(agency, subject.hex(), "", ground, reference, None, key_ids, now_us, 0, folded, 0)

    def decide(self, run: Run, *, is_for_good: bool, progress: Progress = quiet) -> tuple[Line, int]:
        """The first two steps: the line in the list, and the offset of the event. Each is done once.

        Raises Refused `held`, and nothing is listed then.
        """
        bench = self._bench
        with bench.deciding:
            bench.catch_up()
            with bench.store.snapshot() as db:
                at = told_at(db, run)
                if at is None:
                    check_not_held(db, run.subject_bytes)
            listed = self._enlist(run)
            if run.token:
                bench.keys.suppress(bytes.fromhex(run.token))
            progress(1, STEPS)
            return listed, self._tell(run, listed, is_for_good=is_for_good) if at is None else at

    def _enlist(self, run: Run) -> Line:
        places = self._bench.lists
        listed = self._listed(run)
        if listed is not None:
            bring_up(places)  # a crash may have come between the places
            return listed
        (listed,) = append(places, self._line_of(run))
        return listed

    def _listed(self, run: Run) -> Line | None:
        """The newest line that stands and says what a run does."""
        wanted = self._line_of(run)
        standing = reversed(read_longest(self._bench.lists).standing)
        return next((each for each in standing if _says(each, wanted)), None)

    def overtaken(self, subject: bytes) -> list[Line]:
        """Lines about a record of which the log does not tell: the log took nothing then, and a hold may come first.

        For who holds `deciding`.
        """
        with self._bench.store.snapshot() as db:
            runs = [run for run in self._runs.open() if run.subject_bytes == subject and told_at(db, run) is None]
            is_erased = custody.erased(db, subject) is not None
        of_it = [each for each in read_longest(self._bench.lists).standing if each.subject == subject]
        wanted = [self._line_of(run) for run in runs]
        # Of a record that goes with its agency there is no run, only the line.
        return [
            each
            for each in of_it
            if (each.act == "erased" and not is_erased) or any(_says(each, line) for line in wanted)
        ]

    def unlisted(self, runs: Sequence[Run]) -> list[Run]:
        """Those of which no place of the list says anything. Raises as `read_list` does."""
        of_subject: dict[bytes, list[Line]] = {}
        for each in read_united(self._bench.lists).standing:
            of_subject.setdefault(each.subject, []).append(each)
        wanted = [(run, self._line_of(run)) for run in runs]
        return [run for run, line in wanted if not any(_says(each, line) for each in of_subject.get(line.subject, ()))]

    def _line_of(self, run: Run) -> Line:
        act: Act = "erased" if run.is_whole else "shredded" if run.offset is None else "redacted"
        token, at = bytes.fromhex(run.token), us_text(self._bench.clock())
        return Line(act, run.agency, run.subject_bytes, run.keys, token, at, self._redacted(run))

    def _redacted(self, run: Run) -> bytes:
        """The id of the event that a run redacts, by which a restored log finds it; empty for other runs."""
        if run.offset is None:
            return b""
        (row,) = self._bench.log.read(PARTITION, run.offset, 1)
        return header_id(row.header)

    def _tell(self, run: Run, listed: Line, *, is_for_good: bool) -> int:
        bench = self._bench
        kind, payload = event_of(run, listed)
        cause = f"{run.subject} {run.begun_us} {run.offset}"
        row = bench.writer.row(kind, run.subject, payload, cause=cause, model=MODEL)
        closed = run.keys if run.offset is None else ()
        # Third persons' keys go before the log says so, so that what is read again then is closed.
        first = partial(self._destroy_keys, run) if run.removes_others else None
        act = Closing(bench.doors, run.subject_bytes, is_for_good=is_for_good, key_ids=closed, first=first)
        (outcome,) = bench.log.submit([row], act).result()
        return outcome.placed.offset

    def is_overtaken(self, run: Run) -> bool:
        """Whether a hold made its line void: it is over, and goes on only where somebody asks for it again."""
        begun = us_text(run.begun_us)
        voids = [each for each in read_longest(self._bench.lists).entries if each.act == "void" and each.at >= begun]
        return any(each.subject == run.subject_bytes for each in voids) and self._listed(run) is None

    def take_back(self, run: Run) -> None:
        """A hold came first: the record goes on as it was."""
        bench = self._bench
        with bench.deciding:
            if run.token:
                bench.keys.readmit(bytes.fromhex(run.token))
            if (listed := self._listed(run)) is not None:
                append(bench.lists, listed.voided(us_text(bench.clock())))
            self._runs.end(run)

    def destroy(self, run: Run, at: int) -> list[SecretName]:
        """The third step; the names of what was destroyed of a record that goes whole."""
        if self._unclear_since_s is None:
            self._unclear_since_s = time.monotonic()
        subject = SubjectId(run.subject_bytes)
        if run.is_whole:
            destroyed = self._bench.keys.destroy(subject)
            self._bench.drop_parts(subject)
            return destroyed
        if run.offset is not None and not self._bench.log.remove_bodies([run.offset], at):
            raise views_behind()
        self._destroy_keys(run)
        self._bench.redact_parts(subject)
        return []

    def _destroy_keys(self, run: Run) -> None:
        """Those that are listed and no others: what came after them goes on."""
        self._bench.keys.destroy(SubjectId(run.subject_bytes), run.keys)

    def clear_views(self, at: int) -> None:
        """The fourth step, and the fifth: a rebuild that is under way folds the event too, or has no key any more."""
        runner = self._bench.runner
        if not runner.wait_for(at, _FOLD_WAIT_S) or not runner.renew(LEASE_S):
            raise views_behind()
        self._unclear_since_s = None

    def clear_views_if_due(self, at: int) -> None:
        """The same between two of many runs, when the first of them has waited for it long enough."""
        since_s = self._unclear_since_s
        if since_s is not None and time.monotonic() - since_s >= CLEARED_WITHIN_S:
            self.clear_views(at)

    # ---- the certificate

    def complete(self, run: Run, at: int, listed: Line, destroyed: Sequence[SecretName]) -> dict[str, Any]:
        """The sixth step; the certificate."""
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
            self.note_completed(run, erased.at, events, certificate.digest_of(signed))
        return {**payload, "certificate": signed, "file": f"{certificate.FOLDER}/{name}.jws"}

    def note_completed(self, run: Run, at: int, events: int | None, digest: str) -> None:
        """The end of the sixth step: the certificate's digest, and how many events it counts of this record."""
        bench = self._bench
        payload: dict[str, Any] = {"subject": run.subject, "key_ids": list(run.key_ids), "ground": run.ground}
        payload["certificate"] = digest
        if events is not None:
            payload["counts"] = {"events": events, "rules-ended": run.rules_ended}
        row = bench.writer.row("hub.erasure-completed", run.subject, payload, cause=f"{run.subject} {at}", model=MODEL)
        bench.log.append([row])

    def _events_since(self, run: Run, at: int) -> int:
        """Events of the record that came between the dry run and the erasure."""
        rows = self._bench.log.read(PARTITION, run.counted_to, max(at - run.counted_to, 0))
        headers = (read_header(row.header) for row in rows)
        return sum(header is not None and header.subject == run.subject_bytes for header in headers)


def _says(listed: Line, wanted: Line) -> bool:
    """Whether a line says all that is wanted. An erasure takes every key of its subject, whichever the line names."""
    if (listed.act, listed.subject, listed.event) != (wanted.act, wanted.subject, wanted.event):
        return False
    if wanted.act == "erased":
        return wanted.token in (b"", listed.token)
    return set(wanted.key_ids) <= set(listed.key_ids) and bool(wanted.key_ids) == bool(listed.key_ids)
