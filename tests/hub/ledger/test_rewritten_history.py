"""Whoever rewrites everything and has the key too: the file verifies, and the witness refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.checkpoints import Note
from events.clock import DrivenClock
from events.errors import Refused
from events.log.specimens import rows_from
from events.log.sqlite import SqliteLog
from hub.ledger.verify import verify
from hub.witness.bodies import Asked
from hub.witness.house import House, opened
from tests.hub.ledger.forging import SIGNER, SIZE, Copy, make_log

NEW = datetime(2024, 2, 29, 13, tzinfo=UTC)
SEEN = 700  # events that the witness has cosigned


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path / "witness", DrivenClock(NEW), "witness.northbank.example") as house:
        yield house


@pytest.fixture
def copy(tmp_path: Path, house: House) -> Copy:
    """The log's file while the hub is stopped, after the witness has cosigned its checkpoint."""
    key = make_log(tmp_path / "original.sqlite")
    house.store.trust(key.name, key.public_key, 0)
    (tmp_path / "hub").mkdir()
    copy = Copy(tmp_path / "original.sqlite", tmp_path / "hub")
    log = opened_log(copy)
    note = log.kept_checkpoint(SEEN)
    assert note is not None
    house.witness.add_checkpoint(f"old 0\n\n{note}".encode())
    log.close()
    return copy


def opened_log(copy: Copy) -> SqliteLog:
    return SqliteLog(copy.path, clock=DrivenClock(NEW), new_epoch=lambda: "never", signer=SIGNER)


def asked_from(log: SqliteLog, old: int) -> bytes:
    """What a hub that goes on asks its witness."""
    signed = log.checkpoint()
    proof = tuple(log.tree().consistency(old, signed.checkpoint.size))
    note: Note = signed.note
    return bytes(Asked(old, proof, (note,)))


def test_the_log_as_it_was_goes_on(copy: Copy, house: House) -> None:
    log = opened_log(copy)
    log.append(rows_from(SIZE, 5))
    assert house.witness.add_checkpoint(asked_from(log, SEEN))
    log.close()


@pytest.mark.parametrize("at", [0, 255, 699])
def test_a_log_rewritten_below_what_the_witness_saw_verifies_and_is_refused(copy: Copy, house: House, at: int) -> None:
    copy.rewrite_row(at, lambda body: body[::-1])
    copy.rewrite_leaves()
    copy.rewrite_tiles()
    copy.sign_again(SIGNER)
    log = opened_log(copy)
    assert verify(copy.path, log.key, jobs=1).fault is None
    log.append(rows_from(SIZE, 5))
    with pytest.raises(Refused, match="unproven"):
        house.witness.add_checkpoint(asked_from(log, SEEN))
    assert [each.kind for each in house.store.evidence(log.name)] == ["unproven"]
    log.close()


def test_what_no_witness_saw_can_be_rewritten_by_whoever_has_the_key(copy: Copy, house: House) -> None:
    copy.rewrite_row(SEEN, lambda body: body[::-1])
    copy.rewrite_leaves()
    copy.rewrite_tiles()
    copy.sign_again(SIGNER)
    log = opened_log(copy)
    assert house.witness.add_checkpoint(asked_from(log, SEEN))
    log.close()
