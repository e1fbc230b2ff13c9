"""What the list of erasures holds and a log from a backup does not: done again before anything is served."""

from __future__ import annotations

from events.errors import Refused
from events.ids import SubjectId
from events.log.sqlite import PARTITION
from hub.erasure.bench import Bench
from hub.erasure.eraser import Eraser
from hub.erasurelist import ErasureList

GROUND = "restored-backup"


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
