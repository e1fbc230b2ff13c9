"""After an erasure nothing of a person is left to be read or guessed, and before it all of it was there to be found.

One life, looked at before and after: on the hub that goes on, after it was opened again, and in every place that it
writes to. The same searches find her before and find her neighbour afterwards: they are not blind.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from events.codec import read_header
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.backup import back_up
from hub.erasure.officer import Officer
from hub.services import Services
from hub.settings import read_settings
from tests.hub.homes import AUDITOR, STEWARD
from tests.registers import CRM, PAS, an_agency, write_register
from tests.traces.guessing import Guess, guesses, matches
from tests.traces.held import keys_held, wrapping_keys
from tests.traces.keys import secrets_in
from tests.traces.life import HERS, MARKS, NEIGHBOUR, REASON, RECORD, SENDER_IDS, STAYS, live
from tests.traces.looking import Trace, traces
from tests.traces.overhearing import overhearing

pytestmark = pytest.mark.timeout(600)

UNREAD = "day "  # what nobody could read waits under the key of its day; the certificate says until when


@dataclass
class Story:
    """What was found before, and the hub that goes on after."""

    hub: Hub
    root: Path  # of the home, the second place, the backup, the log lines and the temporary files
    words: dict[str, bytes]  # that digests were made of
    keys_before: dict[str, bytes]
    her_keys: set[bytes]  # ids
    other_keys: set[bytes]
    traces_before: list[Trace]
    secrets_before: dict[bytes, bytes]
    matches_before: dict[Guess, set[str]]
    told_before: str  # what the log said when it still opened

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
                live(hub)
            story = looked_at(hub, root, {_name(word): word for word, _ in heard})
            hub.eraser.erase(RECORD, ground="request", ends=ends_of(hub))
            remove_from_the_neighbours_circle(hub)
            yield story


def looked_at(hub: Hub, root: Path, words: dict[str, bytes]) -> Story:
    """All that can be found before she is erased."""
    held = keys_held(root / "home")
    headers = [header for row in hub.log.read(PARTITION, 0, 1 << 30) if (header := read_header(row.header)) is not None]
    subject = hub.keys.subject_of("housing", RECORD)
    her_keys = {header.key_id for header in headers if header.subject == subject}
    other_keys = {header.key_id for header in headers} - her_keys
    back_up(hub, root / "backup")
    return Story(
        hub,
        root,
        words,
        held,
        her_keys,
        other_keys,
        traces(MARKS, root),
        secrets_in([root], her_keys | other_keys, wrapping_keys(held)),
        matches(guesses(held, words), [root]),
        str(list(Services(hub).read_log(AUDITOR))),
    )


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


def test_before_she_is_in_the_views_and_in_what_is_sealed(story: Story) -> None:
    seen = {trace.mark for trace in story.traces_before if "views" in trace.place}
    assert seen == set(MARKS.words) - {REASON}
    assert {trace.mark for trace in story.traces_before if trace.place.endswith("sqlite-wal")}
    for mark in MARKS.words:
        assert mark in story.told_before


def test_before_every_digest_of_her_words_can_be_made_and_is_found(story: Story) -> None:
    hers = {name for name, word in story.words.items() if any(mark in word for mark in HERS)}
    assert len(hers) > len(SENDER_IDS)
    assert hers - {guess.word for guess in story.matches_before} == set()


def test_before_her_secrets_are_found_and_her_neighbours_too(story: Story) -> None:
    assert story.her_keys
    assert set(story.secrets_before) == story.her_keys | story.other_keys


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


def test_after_the_only_digest_that_can_be_made_of_her_words_is_her_suppression_token(after: Story) -> None:
    hers = {
        name: word for name, word in after.words.items() if any(mark in word for mark in HERS) and STAYS not in word
    }
    folders = [path for path in after.root.iterdir() if path.is_dir() and path.name != "backup"]
    held = {name: key for name, key in keys_held(after.home).items() if not name.startswith(UNREAD)}
    found = matches(guesses(held, hers), folders)
    assert {guess.key for guess in found} == {"hub look-up > suppression/1"}
    assert {guess.word for guess in found} == {_name(b"housing\0" + RECORD.encode())}


def test_after_her_neighbour_is_there_as_before(after: Story) -> None:
    reading = Services(after.hub).reading
    (neighbour,) = reading.find(AUDITOR, record=NEIGHBOUR)["people"]
    assert [record["record"] for record in neighbour["records"]] == [NEIGHBOUR]
