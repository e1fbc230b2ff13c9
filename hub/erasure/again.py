"""What the list of erasures holds and a log from a backup does not: done again before anything is served."""

from __future__ import annotations

import structlog

from events.codec import Sealed
from events.errors import Refused, TryAgainLater
from events.ids import SubjectId
from events.log.sqlite import PARTITION
from hub.erasure.bench import START_WAIT_S, Bench
from hub.erasure.eraser import Eraser
from hub.erasure.steps import MODEL
from hub.erasurelist import ErasureList, Line
from projections.custody import queries as custody

log = structlog.get_logger()
GROUND = "restored-backup"


def erase_again(bench: Bench, eraser: Eraser, erasures: ErasureList, *, is_due: bool) -> bool:
    """Tells the log again of who was erased, where it does not say so: their keys are gone already.

    Without it what was decided about them would lie on them for ever, and the log alone would not know that they went.
    `is_due`: there are such; else it is looked for as far as the views can say at once. Whether there was one. A log
    that takes nothing now is told at a later start.
    """
    if is_due:
        bench.catch_up(START_WAIT_S)
    elif not bench.is_caught_up(0.0):
        return False
    with bench.store.snapshot() as db:
        told = custody.erased_subjects(db)
    runs = eraser.under_way()  # its own to finish
    under_way, of_agencies = {run.subject_bytes for run in runs}, {run.agency for run in runs if run.is_of_agency}
    erased = [each for each in erasures.standing if each.act == "erased" and each.agency not in of_agencies]
    listed = {each.subject: each for each in erased if each.subject}
    rows = [row for subject in listed.keys() - told - under_way for row in _told_again(bench, listed[subject])]
    if not rows:
        return False
    try:
        bench.log.append(rows)
    except TryAgainLater as error:
        log.warning("erasures_not_told_again", code=error.code)
    else:
        bench.catch_up(START_WAIT_S)
    return True


def _told_again(bench: Bench, line: Line) -> list[Sealed]:
    about = line.subject.hex()
    payload = {"subject": about, "key_ids": [each.hex() for each in line.key_ids], "ground": GROUND}
    kinds = ("hub.subject-erased", "hub.erasure-completed")
    return [bench.writer.row(kind, about, payload, cause=f"{about} {line.number}", model=MODEL) for kind in kinds]


def redact_again(bench: Bench, eraser: Eraser, erasures: ErasureList) -> list[str]:
    """Takes away again what was redacted once; the positions where a hold forbids it.

    What a crash cut off is the eraser's own to finish, and is passed over.
    """
    listed = {each.event: each for each in erasures.standing if each.act == "redacted"}
    under_way = {(run.subject_bytes, run.offset) for run in eraser.under_way()}
    held = []
    for event, at in bench.log.offsets_of(list(listed)).items():
        each = listed[event]
        (row,) = bench.log.read(PARTITION, at, 1)
        if row.body and (each.subject, at) not in under_way:
            try:
                eraser.redact(each.agency, SubjectId(each.subject), at, ground=GROUND, reference=None)
            except Refused:
                held.append(f"{bench.log.epoch}:{PARTITION}:{at}")
    return held


def drop_again(bench: Bench, erasures: ErasureList) -> None:
    """Overwrites again the raw parts of who was erased; their keys are gone already."""
    for each in erasures.standing:
        if each.act == "erased" and each.subject:  # without one, it closes an agency's intake
            bench.drop_parts(SubjectId(each.subject))
