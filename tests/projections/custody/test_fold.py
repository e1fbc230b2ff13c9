"""What officers did with records, as the log tells it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pytest

from events.envelope import Event, Logged, schema_urn
from events.ids import EventId, SubjectId
from projections.custody import queries as custody
from projections.custody.fold import CustodyProjection
from projections.engine.projection import Gone
from projections.engine.store import lanes
from projections.engine.testing import ProjectionConformance, empty_view

ANN, BOB = b"ann".ljust(16, b"."), b"bob".ljust(16, b".")


def told(offset: int, kind: str, subject: bytes, **more: object) -> Logged:
    payload = {"subject": subject.hex(), "ground": "art-17-1-b", **more}
    attributes = {"type": kind, "dataschema": schema_urn(kind, 1), "data": payload}
    return Logged("main-0", offset, 1_000 + offset, Event(EventId(bytes(32)), "hub", SubjectId(bytes(16)), attributes))


EVERYTHING = [
    told(0, "hub.subject-restricted", ANN),
    told(1, "hub.hold-placed", ANN, reference="case 7"),
    told(2, "hub.hold-placed", ANN),
    told(3, "hub.class-shredded", BOB, retention_class="health"),
    told(4, "hub.hold-lifted", ANN, reference="case 7"),
    told(5, "hub.body-removed", BOB, positions=["main-0:17", "main-0:18"]),
    told(6, "hub.subject-erased", BOB, reference="R-1"),
    told(7, "hub.erasure-completed", BOB),
]


def of_the_past() -> Sequence[Logged]:
    return EVERYTHING


class TestCustody(ProjectionConformance):
    projection = CustodyProjection()
    events = staticmethod(of_the_past)


@pytest.fixture
def db() -> sqlite3.Connection:
    return _with_lanes(empty_view(CustodyProjection()))


def _with_lanes(db: sqlite3.Connection) -> sqlite3.Connection:
    db.execute(f"CREATE TABLE {lanes.name}(projection, subject, at, since_us, code)")
    return db


def test_a_restriction_holds_until_it_ends(db: sqlite3.Connection) -> None:
    folder = CustodyProjection().folder(db)
    folder.batch([told(0, "hub.subject-restricted", ANN)])
    assert custody.hidden_among(db, [ANN, BOB]) == {ANN}
    folder.batch([told(1, "hub.subject-unrestricted", ANN)])
    assert custody.hidden_among(db, [ANN, BOB]) == set()


def test_a_record_is_hidden_while_it_is_not_known_what_was_decided_about_it(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO lanes VALUES('custody', ?, 4, 4, 'fold-keyerror')", (BOB,))
    db.execute("INSERT INTO lanes VALUES('timeline', ?, 4, 4, 'fold-keyerror')", (ANN,))
    assert custody.hidden_among(db, [ANN, BOB]) == {BOB}


def test_each_hold_has_to_be_lifted_for_itself(db: sqlite3.Connection) -> None:
    CustodyProjection().folder(db).batch(EVERYTHING[:5])
    assert [(hold.subject, hold.reference) for hold in custody.holds(db)] == [(ANN, "")]
    assert custody.holds_on(db, BOB) == []


def test_an_erasure_is_open_until_it_is_completed(db: sqlite3.Connection) -> None:
    folder = CustodyProjection().folder(db)
    folder.batch(EVERYTHING[:7])
    found = custody.erased(db, BOB)
    assert found is not None
    assert (found.at, found.ground, found.reference, found.completed_us) == (6, "art-17-1-b", "R-1", None)
    folder.batch(EVERYTHING[7:])
    folder.batch([told(8, "hub.subject-readmitted", BOB)])
    found = custody.erased(db, BOB)
    assert found is not None
    assert (found.completed_us, found.readmitted_us) == (1_007, 1_008)


def test_of_an_erased_record_only_the_erasure_is_left(db: sqlite3.Connection) -> None:
    folder = CustodyProjection().folder(db)
    folder.batch(EVERYTHING)
    folder.purge(Gone(BOB, 6))
    assert custody.shredded_among(db, [BOB]) == []
    assert db.execute("SELECT count(*) FROM custody_removed").fetchone() == (0,)
    assert custody.erased(db, BOB) is not None
