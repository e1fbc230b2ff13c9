"""What is erased, shredded or removed is gone from every view: live, and as if its rows had never opened."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from events.catalogue import TYPES
from events.codec import StoredRow, seal
from events.envelope import Event, Logged, schema_urn
from events.ids import EventId, SubjectId
from hub.views import projections
from projections.engine.facts import inhand
from projections.engine.membership.queries import lead, opened_us, page_of
from projections.engine.projection import Connection
from projections.engine.store import ViewStore
from projections.engine.target import Target
from projections.engine.testing import digest
from tests import keyring
from tests.counts import times
from tests.laws.notation import parse
from tests.laws.playing import SECOND_US, Played, record_text, subject_of
from tests.laws.streams import PROFILES, RECORDS, random_stream

PARTITION = "main-0"
TYPE_OF = {
    "A": "aboutme.statement-shared",
    "B": "person.registered",
    "C": "plan.recorded",
    "D": "health.condition-recorded",
}
CLASSES = ("core", "care", "health")
SERVICE = SubjectId(b"the service's...")


@dataclass
class Story:
    """A log in which something goes, and which of its rows still open in the end."""

    rows: list[Logged] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    erased: set[bytes] = field(default_factory=set)

    def add(self, event: Event) -> None:
        at = len(self.rows)
        if event.subject in self.erased:
            return  # the log refuses it
        self.rows.append(Logged(PARTITION, at, at * SECOND_US, event))

    def close(self, subject: bytes, retention: str | None = None, offsets: Iterable[int] = ()) -> None:
        """Writes that something of a record is gone, and closes it."""
        at = len(self.rows)
        payload = {"subject": subject.hex(), "ground": "request"}
        if offsets:
            payload |= {"positions": [f"{PARTITION}:{offset}" for offset in offsets]}
            kind, gone = "hub.body-removed", set(offsets)
        elif retention is not None:
            payload |= {"retention_class": retention}
            kind, gone = "hub.class-shredded", {row.offset for row in self._of(subject) if class_of(row) == retention}
        else:
            kind, gone = "hub.subject-erased", {row.offset for row in self._of(subject)}
            self.erased.add(subject)
        self.closed |= gone
        told = {
            "type": kind,
            "source": "urn:tellonce:source:hub:erasure",
            "dataschema": schema_urn(kind, 1),
            "data": payload,
        }
        self.add(Event(EventId(at.to_bytes(32, "big")), "hub", SERVICE, told))

    def _of(self, subject: bytes) -> list[Logged]:
        return [row for row in self.rows if row.event.subject == subject]

    def offsets_of(self, subject: bytes) -> list[int]:
        return [row.offset for row in self._of(subject) if row.event.agency != "hub"]

    @classmethod
    def told(cls, text: str) -> Story:
        """The events of a stream of tokens."""
        played, story = Played(), cls()
        for said in parse(text):
            for logged in played.logged(said):
                story.add(told_of(logged))
        return story

    @property
    def stored(self) -> list[StoredRow]:
        return [stored(row) for row in self.rows]

    @property
    def open(self) -> list[StoredRow]:
        return [stored(row) for row in self.rows if row.offset not in self.closed]


def class_of(row: Logged) -> str:
    return "" if row.event.agency == "hub" else TYPES[row.event.type].retention


def stored(row: Logged) -> StoredRow:
    event = row.event
    sealed = seal(KEYS.of_subject(event.subject), event.id, event.agency, event.attributes)
    return keyring.stored(sealed, row.offset, row.known_us)


def told_of(logged: Logged) -> Event:
    """The event, of a type that its content decides, with what else the views look at."""
    event = logged.event
    attributes = dict(event.attributes)
    attributes["dataschema"] = schema_urn(attributes["type"], 1)
    if event.agency != "hub":
        kind = TYPE_OF.get(attributes["data"].get("text", ""), attributes["type"])
        attributes |= {"senderid": f"m{logged.offset % 2}", "rawhash": f"{logged.offset // 2 % 2:064x}", "type": kind}
        attributes |= {"sequence": logged.offset * 7 % 13, "dataschema": schema_urn(kind, TYPES[kind].version)}
        if kind == "person.registered":
            attributes["data"] = {"names": [{"family": "Bee"}], "birth_date": "1980-02-03", **attributes["data"]}
    return event._replace(attributes=attributes)


def random_story(rng: random.Random, length: int) -> Story:
    """A stream of everything, in which now and then something is erased, shredded or removed."""
    played, story = Played(), Story()
    profile = PROFILES[rng.choice(("everything", "people", "returns-some-unordered", "groups-some-unordered"))]
    for said in random_stream(rng, length, profile):
        for logged in played.logged(said):
            story.add(told_of(logged))
        if rng.random() < 0.15:
            close_something(rng, story)
    close_something(rng, story)
    return story


def close_something(rng: random.Random, story: Story) -> None:
    subject = subject_of(rng.choice(RECORDS))
    if subject in story.erased:
        return
    there = story.offsets_of(subject)
    match rng.choice(("erase", "shred", "shred", "remove")):
        case "erase":
            story.close(subject)
        case "shred":
            story.close(subject, rng.choice(CLASSES))
        case "remove" if there:
            story.close(subject, offsets=rng.sample(there, rng.randint(1, min(2, len(there)))))


KEYS = keyring.Keys()


class Rows:
    """As much of a log as is read again; rows that do not open any more are not there."""

    def __init__(self, rows: Sequence[StoredRow]) -> None:
        self._rows = {row.offset: row for row in rows}

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]:
        return iter([self._rows[at] for at in range(start, start + limit) if at in self._rows])


_NUMBER = iter(range(1 << 62))


def folded(folder: Path, rows: Sequence[StoredRow], again: Sequence[StoredRow], sizes: Iterator[int]) -> Connection:
    """Views folded in batches of these sizes; what is read again comes from `again`."""
    home = folder / f"{next(_NUMBER)}"
    home.mkdir()
    store = ViewStore(home, projections())
    target = Target(store.writer(), projections(), "1-a", Rows(again), KEYS)
    rest = list(rows)
    while rest:
        size = next(sizes)
        target.apply(PARTITION, rest[:size])
        rest = rest[size:]
    assert target.lanes() == []
    return target.db


def digests(db: Connection) -> dict[str, str]:
    return {projection.name: digest(projection, db) for projection in projections()}


def compare(folder: Path, story: Story, sizes: Iterator[int]) -> None:
    live = folded(folder, story.stored, story.stored, sizes)
    behind = folded(folder, story.stored, story.open, sizes)  # folded late: what is read again does not open
    rebuilt = folded(folder, story.open, story.open, sizes)
    assert digests(live) == digests(rebuilt)
    assert digests(behind) == digests(rebuilt)


def test_live_views_equal_those_of_a_log_that_never_opened_what_is_gone(tmp_path: Path, rng: random.Random) -> None:
    for _ in range(times(25, proof=3_000)):
        story = random_story(rng, rng.randint(3, 25))
        compare(tmp_path, story, iter(lambda: rng.choice((1, 2, 3, 7, 50)), 0))


def test_facts_kept_in_memory_forget_too(tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inhand, "KEPT_FROM_ROWS", 1)
    for _ in range(times(10, proof=500)):
        compare(tmp_path, random_story(rng, 20), iter(lambda: rng.choice((1, 2, 3)), 0))


OTHERS = {
    "timeline_entries": "SELECT * FROM timeline_entries WHERE subject <> ? ORDER BY subject, at",
    "people_entries": "SELECT * FROM people_entries WHERE subject <> ? ORDER BY subject, at",
    "membership_links": "SELECT * FROM membership_links WHERE subject <> ? ORDER BY subject, from_us",
    "membership_records": "SELECT * FROM membership_records WHERE subject <> ? ORDER BY subject",
    "sources_said": "SELECT * FROM sources_said WHERE subject <> ? AND source NOT LIKE '%erasure' ORDER BY subject, at",
}


def test_every_other_record_stays_as_it_was(tmp_path: Path, rng: random.Random) -> None:
    for _ in range(times(12, proof=1_000)):
        played, story = Played(), Story()
        for said in random_stream(rng, 30, PROFILES["everything"]):
            for logged in played.logged(said):
                story.add(told_of(logged))
        gone = subject_of(rng.choice(RECORDS))
        before = folded(tmp_path, story.stored, story.stored, iter(lambda: 20, 0))
        story.close(gone)
        after = folded(tmp_path, story.stored, story.stored, iter(lambda: 20, 0))
        for table, others in OTHERS.items():
            assert after.execute(others, (gone,)).fetchall() == before.execute(others, (gone,)).fetchall(), table


def test_nothing_of_an_erased_record_is_left_in_any_table(tmp_path: Path, rng: random.Random) -> None:
    played, story = Played(), Story()
    for said in random_stream(rng, 40, PROFILES["everything"]):
        for logged in played.logged(said):
            story.add(told_of(logged))
    gone = subject_of("r")
    story.close(gone)
    db = folded(tmp_path, story.stored, story.stored, iter(lambda: 7, 0))
    tables = [table for projection in projections() for table in projection.metadata.tables]
    tables.remove("custody_erased")  # that it is gone is told of the random number
    dump = "\n".join(repr(row) for table in tables for row in db.execute(f"SELECT * FROM {table}"))
    assert repr(subject_of("s")) in dump
    assert repr(gone) not in dump
    assert "child/r'" not in dump


def test_a_number_whose_opening_is_gone_is_opened_by_what_still_names_it(tmp_path: Path) -> None:
    """A record linked to a number that was opened for another keeps it when the other is erased."""
    story = Story.told("r>P A@1 s>Q s.f:A@1 s>P t>S t.f:A@1 P+S")
    story.close(subject_of("r"))
    db = folded(tmp_path, story.stored, story.stored, iter(lambda: 7, 0))
    page = page_of(db, "P")
    assert page is not None
    assert [each.record for each in page.records] == [record_text("s"), record_text("t")]
    linked_us = db.execute(
        "SELECT from_us FROM membership_links WHERE subject = ? AND person = 'P'", (subject_of("s"),)
    )
    assert opened_us(db, "P") == linked_us.fetchone()[0]


def test_a_number_that_only_a_merge_still_names_leads_where_it_led(tmp_path: Path) -> None:
    story = Story.told("r>P A@1 s>Q s.f:A@1 P+Q")
    story.close(subject_of("r"))
    compare(tmp_path, story, iter(lambda: 3, 0))
    db = folded(tmp_path, story.stored, story.stored, iter(lambda: 7, 0))
    for number in "PQ":
        page = page_of(db, number)
        assert page is not None
        assert (page.person, [each.record for each in page.records]) == ("P", [record_text("s")])


def test_a_number_that_an_erased_record_emptied_was_emptied_by_the_one_before(tmp_path: Path) -> None:
    """The erased record's number was merged into one that its last move left without records."""
    story = Story.told("r>P A@1 s>Q s.f:A@1 t>S t.f:A@1 P+Q u>Z u.f:A@1 r>Z s>S")
    story.close(subject_of("s"))
    compare(tmp_path, story, iter(lambda: 3, 0))
    db = folded(tmp_path, story.stored, story.stored, iter(lambda: 7, 0))
    assert lead(db, "P") == "Z"


def test_a_number_that_led_only_to_an_erased_record_was_never_given_out(tmp_path: Path) -> None:
    story = Story.told("r>P A@1 s>Q s.f:A@1")
    story.close(subject_of("r"))
    db = folded(tmp_path, story.stored, story.stored, iter(lambda: 7, 0))
    assert page_of(db, "P") is None
    assert page_of(db, "P", 5 * SECOND_US) is None


@pytest.mark.parametrize("words", ["hub.subject-erased", "hub.class-shredded"])
def test_only_the_hub_itself_can_say_that_something_is_gone(tmp_path: Path, words: str) -> None:
    story = Story.told("A@1")
    story.close(subject_of("r"), "core" if words == "hub.class-shredded" else None)
    (row,) = story.rows[-1:]
    story.rows[-1] = row._replace(event=row.event._replace(agency="s1"))
    db = folded(tmp_path, story.stored, story.stored, iter(lambda: 7, 0))
    assert db.execute("SELECT count(*) FROM timeline_entries").fetchone()[0] == 1
