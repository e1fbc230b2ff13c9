"""After an erasure nothing of a person is left to be read or guessed, and before it all of it was there to be found.

One life, looked at before and after: on the hub that goes on, after it was opened again, and in every place that it
writes to. The same searches find her before and find her neighbour afterwards: they are not blind.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.codec import read_header
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.backup import back_up
from hub.erasure.officer import Officer
from hub.restore import restore
from hub.services import Services
from hub.settings import KMS_FILE, read_settings
from tests.hub.homes import AUDITOR, STEWARD
from tests.registers import CRM, PAS, an_agency, write_register
from tests.traces.guessing import Guess, guesses, matches
from tests.traces.held import keys_held, wrapping_keys
from tests.traces.keys import secrets_in
from tests.traces.life import (
    FAMILY,
    GIVEN,
    HERS,
    HOPE,
    KEPT,
    LAST,
    LONG,
    MARKS,
    NEIGHBOUR,
    NICKNAME,
    NUMBER,
    REASONS,
    RECORD,
    SENDER_IDS,
    SOUGHT,
    STAYS,
    STREET,
    UNMAPPED,
    UNREAD_IDS,
    UNREADABLE,
    WORRY,
    Life,
    live,
)
from tests.traces.looking import Trace, traces
from tests.traces.overhearing import overhearing
from tests.traces.said import Word, words_of_events, words_of_files, words_of_ids

pytestmark = pytest.mark.timeout(600)

UNREAD = "day "  # what nobody could read waits under the key of its day; the certificate says until when
RECEIVED = {  # what is in the receipts, by a mark that no other receipt has
    "alone": FAMILY,
    "with her neighbour": WORRY,
    "long": LONG,
    "her neighbour's": NICKNAME,
    "not mapped": UNMAPPED,
    "quarantined": UNREADABLE,
    "last": LAST,
}
# Digests that the product stores and that are no HMACs: of what, under which key, by which function, and where.
DIGESTS = [
    ("message", "", "sha256", "sources_said.raw"),
    ("message id of a record", "", "sha256", "sources_said.message"),
    ("content", "", "sha256", "timeline_entries.digest"),
    ("message id", "hub look-up > message-id/1", "blake2s of 8 bytes", "owned.tokens"),
]


@dataclass
class Story:
    """What was found before, and the hub that goes on after."""

    hub: Hub
    root: Path  # of the home, the second place, the backup, the log lines and the temporary files
    life: Life
    words: dict[str, bytes]  # that HMACs were made of
    said: list[Word]  # of hers, that other digests may be made of
    keys_before: dict[str, bytes]
    her_keys: set[bytes]  # ids
    other_keys: set[bytes]
    traces_before: list[Trace]
    secrets_before: dict[bytes, bytes]
    matches_before: dict[Guess, set[str]]
    told_before: dict[str, str]  # what the log said when it still opened, by type of event
    kept_before: dict[str, list[bytes]]  # what the product's own reader gave of each thing that came in
    restored: Path  # the home that the old backup and the current list became, after the erasure

    @property
    def home(self) -> Path:
        return self.root / "home"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("story")
    for name in ("home", "second", "temporary"):
        (root / name).mkdir()
    write_register(root / "home", an_agency("housing", CRM, PAS))
    settings = read_settings(root / "home", {"TELLONCE_ERASURES": str(root / "second")})
    with pytest.MonkeyPatch.context() as patch, (root / "lines.log").open("w") as lines:
        patch.setattr(tempfile, "tempdir", str(root / "temporary"))
        patch.setenv("TMPDIR", str(root / "temporary"))
        with redirect_stdout(lines), redirect_stderr(lines), Hub(settings) as hub:
            with overhearing() as heard:
                life = live(hub)
            story = looked_at(hub, root, life, {_name(word): word for word, _ in heard})
            hub.eraser.erase(RECORD, ground="request", ends=ends_of(hub))
            remove_from_the_neighbours_circle(hub)
            back_up(hub, root / "backup after")
            restored_from(story)
            yield story


def looked_at(hub: Hub, root: Path, life: Life, words: dict[str, bytes]) -> Story:
    """All that can be found before she is erased."""
    held = keys_held(root / "home")
    headers = [header for row in hub.log.read(PARTITION, 0, 1 << 30) if (header := read_header(row.header)) is not None]
    subject = hub.keys.subject_of("housing", RECORD)
    her_keys = {header.key_id for header in headers if header.subject == subject}
    other_keys = {header.key_id for header in headers} - her_keys
    events = [each["event"] for each in Services(hub).read_log(AUDITOR) if each["event"] is not None]
    said = words_said(life, subject, events)
    back_up(hub, root / "backup")
    return Story(
        hub,
        root,
        life,
        words,
        said,
        held,
        her_keys,
        other_keys,
        traces(MARKS, root),
        secrets_in([root], her_keys | other_keys, wrapping_keys(held)),
        matches(guesses(held, all_words(words, said)), [root]),
        told_of(events),
        {place: kept_of(hub, sent.receipt) for place, sent in life.sent.items()},
        root / "restored",
    )


def words_said(life: Life, subject: bytes, events: list[dict[str, Any]]) -> list[Word]:
    """What is hers of all that was said."""
    sources = {event["source"] for event in events if event["subject"] == "tenant/7"}
    ids = words_of_ids("housing", subject, sources, (*SENDER_IDS, *UNREAD_IDS))
    of_files = words_of_files(sent.raw for sent in life.sent.values())
    said = [*of_files, *words_of_events(events), *ids]
    return [word for word in dict.fromkeys(said) if any(mark in word.word for mark in HERS)]


def all_words(words: dict[str, bytes], said: list[Word]) -> dict[str, bytes]:
    """Both kinds by name; what was overheard keeps its name."""
    return {each.name: each.word for each in said if each.word not in set(words.values())} | words


def told_of(events: list[dict[str, Any]]) -> dict[str, str]:
    told: dict[str, str] = {}
    for event in events:
        told[event["type"]] = told.get(event["type"], "") + str(event)
    return told


def kept_of(hub: Hub, receipt: str) -> list[bytes]:
    """The messages that are kept of a receipt, opened."""
    kept = [each for batch in hub.receipts.kept(receipt) for each in batch.kept]
    return [each.part.message.raw for each in kept if each.part is not None]


def restored_from(story: Story) -> None:
    """A home of its own from the backup of before, with the list of erasures of now."""
    story.restored.mkdir()
    shutil.copyfile(story.home / KMS_FILE, story.restored / KMS_FILE)
    shutil.copytree(story.root / "second", story.root / "second of the restored")
    places = {"TELLONCE_ERASURES": str(story.root / "second of the restored")}
    told = restore(story.root / "backup", read_settings(story.restored, places))
    assert not told["lost_erasures_accepted"]


def remove_from_the_neighbours_circle(hub: Hub) -> None:
    (at,) = [
        each["position"]
        for each in Services(hub).read_log(AUDITOR)
        if each["event"] is not None and each["event"]["type"] == "circle.relationship-changed"
    ]
    Officer(hub).redact(STEWARD, at, "request", third_persons=True)


def ends_of(hub: Hub) -> list[str]:
    """Her consent ends with her record."""
    return [rule.name for rule in hub.eraser.plan(RECORD).rules]


def _name(word: bytes) -> str:
    return word.decode("utf-8", "backslashreplace")


# ---- before


def test_before_she_is_in_the_views(story: Story) -> None:
    in_tables = {trace.mark for trace in story.traces_before if "views" in trace.place and ": " in trace.place}
    assert in_tables == set(KEPT)
    assert {trace.mark for trace in story.traces_before if trace.place.endswith("sqlite-wal")}


@pytest.mark.parametrize("place", RECEIVED)
def test_before_what_came_in_is_kept_and_opens(story: Story, place: str) -> None:
    """In one receipt each, alone and beside another's, understood or not: each has a mark that no other one has."""
    mark = RECEIVED[place].encode()
    assert {each for each, messages in story.kept_before.items() if mark in b"".join(messages)} == {place}


def test_before_her_neighbours_messages_are_in_the_same_file(story: Story) -> None:
    told = [orjson.loads(each)["subject"] for each in story.kept_before["with her neighbour"]]
    assert set(told) == {"tenant/7", "tenant/8"}


def test_before_the_log_tells_of_her_in_every_kind_of_event(story: Story) -> None:
    told = {
        "person.registered": (FAMILY, GIVEN, STREET, NUMBER),
        "aboutme.statement-shared": (HOPE, LONG, LAST),
        "health.allergy-recorded": (WORRY,),
        "circle.relationship-changed": (NICKNAME,),  # another's `Other`
        "hub.records-linked": (REASONS[0],),
        "hub.records-unlinked": (REASONS[1],),
    }
    for type_name, marks in told.items():
        assert [mark for mark in marks if mark not in story.told_before[type_name]] == [], type_name


def test_before_the_rebuilt_views_hold_what_came_before_they_were_folded_anew(story: Story) -> None:
    files = {trace.place.partition(":")[0] for trace in story.traces_before if "/views-" in trace.place}
    (views,) = [name for name in files if name.endswith(".sqlite")]
    assert views != f"home/{story.life.first_views}"
    shown = {trace.mark for trace in story.traces_before if trace.place == f"{views}: timeline_entries.payload"}
    assert set(KEPT) - {LAST} <= shown


def test_before_nothing_is_kept_of_a_search_without_hits(story: Story) -> None:
    """The product stores no search at all: there is nothing that an erasure would have to find."""
    assert SOUGHT not in {trace.mark for trace in story.traces_before}
    assert SOUGHT not in str(story.told_before) + str(story.kept_before)


def test_before_every_digest_of_her_words_can_be_made_and_is_found(story: Story) -> None:
    hers = {name for name, word in story.words.items() if any(mark in word for mark in HERS)}
    assert len(hers) > len(SENDER_IDS)
    assert hers - {guess.word for guess in story.matches_before} == set()


@pytest.mark.parametrize(("kind", "key", "function", "place"), DIGESTS)
def test_before_every_other_digest_of_hers_is_found_where_it_is_stored(
    story: Story, kind: str, key: str, function: str, place: str
) -> None:
    understood = {each.name for each in story.said if each.kind == kind and not is_unread(each)}
    assert len(understood) >= len(SENDER_IDS)
    assert understood - found_at(story, key, function, place) == set()


def test_before_message_ids_of_what_nobody_could_read_are_found_under_the_key_of_their_day(story: Story) -> None:
    unread = {each.name for each in story.said if each.kind == "message id" and is_unread(each)}
    (day,) = [name for name in story.keys_before if name.startswith(UNREAD)]
    assert len(unread) == len(UNREAD_IDS)
    assert unread - found_at(story, f"{day} > message-ids/1", "blake2s of 8 bytes", "owned.tokens") == set()


def test_before_there_is_no_digest_of_a_whole_file_or_a_part_or_a_decision_or_of_what_was_not_understood(
    story: Story,
) -> None:
    """The product stores none of these, so there is nothing of them to be shown present; afterwards they are tried."""
    kinds = ("file", "part", "decision")
    never = [each for each in story.said if each.kind in kinds or (is_unread(each) and each.kind != "message id")]
    assert {each.kind for each in never} == {*kinds, "message", "message id of a record"}
    stored_too = {each.word for each in story.said} - {each.word for each in never}
    names = {each.name for each in never if each.word not in stored_too}
    assert names & {guess.word for guess in story.matches_before} == set()


def is_unread(word: Word) -> bool:
    return any(sender_id.encode() in word.word for sender_id in UNREAD_IDS)


def found_at(story: Story, key: str, function: str, place: str) -> set[str]:
    """Of which words a digest was found in a column."""
    return {
        guess.word
        for guess, places in story.matches_before.items()
        if (guess.key, guess.function) == (key, function) and any(each.endswith(f": {place}") for each in places)
    }


def test_before_her_secrets_are_found_and_her_neighbours_too(story: Story) -> None:
    assert story.her_keys
    assert set(story.secrets_before) == story.her_keys | story.other_keys


def test_before_her_secrets_are_in_the_backup_too(story: Story) -> None:
    found = secrets_in([story.root / "backup"], story.her_keys, wrapping_keys(story.keys_before))
    assert set(found) == story.her_keys


# ---- after


@pytest.fixture(scope="module", params=["the hub that goes on", "the hub opened again"])
def after(request: pytest.FixtureRequest, story: Story) -> Iterator[Story]:
    if request.param == "the hub that goes on":
        yield story
        return
    story.hub.close()
    with Hub(read_settings(story.home, {"TELLONCE_ERASURES": str(story.root / "second")})) as hub:
        assert hub.wait_until_read(60)
        story.hub = hub
        yield story


def test_after_no_mark_of_her_is_anywhere(after: Story) -> None:
    assert traces(MARKS, after.root) == []


def test_after_no_window_of_any_byte_is_a_key_of_hers(after: Story) -> None:
    """With the wrapping keys of before and of now."""
    wrapping = {*wrapping_keys(after.keys_before), *wrapping_keys(keys_held(after.home))}
    found = secrets_in(
        [after.home, after.root / "second", after.root / "temporary"], after.her_keys | after.other_keys, wrapping
    )
    assert set(found) == after.other_keys


@pytest.mark.parametrize("copy", ["backup after", "restored"])
def test_after_no_window_of_a_copy_is_a_key_of_hers(story: Story, copy: str) -> None:
    """Of a backup that was made since, and of the home that the old backup becomes with the list of erasures."""
    wrapping = {*wrapping_keys(story.keys_before)}.union(*map(wrapping_keys, keys_of_homes(story)))
    found = secrets_in([story.root / copy], story.her_keys | story.other_keys, wrapping)
    assert set(found) == story.other_keys


@pytest.fixture(scope="module")
def found_after(after: Story) -> dict[Guess, set[str]]:
    """What can be guessed of her words in all that there is now and that is not the backup of before."""
    folders = [path for path in after.root.iterdir() if path.is_dir() and path.name != "backup"]
    home, restored = keys_of_homes(after)
    held = home | {f"restored {name}": key for name, key in restored.items() if key not in home.values()}
    held = {name: key for name, key in held.items() if not name.removeprefix("restored ").startswith(UNREAD)}
    words = all_words(after.words, after.said)
    hers = {name: word for name, word in words.items() if any(mark in word for mark in HERS)}
    return matches(guesses(held, hers), folders)


def test_after_the_only_digest_that_can_be_made_of_her_words_is_her_suppression_token(
    found_after: dict[Guess, set[str]],
) -> None:
    found = {guess for guess in found_after if STAYS.decode() not in guess.word}
    assert {(guess.key, guess.function) for guess in found} == {("hub look-up > suppression/1", "hmac")}
    assert {guess.word for guess in found} == {_name(b"housing\0" + RECORD.encode())}


def test_after_of_anothers_message_that_named_her_two_digests_are_left(found_after: dict[Guess, set[str]]) -> None:
    """The event's id, and the beginning of the message's SHA-256 in the sources view: both belong to that record."""
    found = {guess: places for guess, places in found_after.items() if STAYS.decode() in guess.word}
    functions = {(guess.key.rpartition(" > ")[2], guess.function) for guess in found}
    assert functions == {("event-id/1", "hmac"), ("", "sha256")}
    of_messages = {place for guess, places in found.items() if not guess.key for place in places if ": " in place}
    assert {place.rpartition(": ")[2] for place in of_messages} == {"sources_said.raw"}


def keys_of_homes(story: Story) -> tuple[dict[str, bytes], dict[str, bytes]]:
    return keys_held(story.home), keys_held(story.restored)


def test_after_her_neighbour_is_there_as_before(after: Story) -> None:
    reading = Services(after.hub).reading
    (neighbour,) = reading.find(AUDITOR, record=NEIGHBOUR)["people"]
    assert [record["record"] for record in neighbour["records"]] == [NEIGHBOUR]
