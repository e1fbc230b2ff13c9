"""The public HL7 messages go through the whole house: every one gets an answer, and its events are in the log.

Judged on events, not on entries: 23 of them share control id and time, and in one source the withdrawals stand.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.sdk.outcome import Report
from adapters.sdk.receipts import Arrival
from hub.assembly import Hub
from tests.adapters.hl7v2.test_public_samples import LEAST, MESSAGES, NOBODY
from tests.hub.homes import open_home
from tests.keyring import opened

pytestmark = pytest.mark.samples
Actions = set[tuple[str, str]]


def count_by_hand(raw: bytes) -> int:
    """How many messages the bytes hold: lines that begin with MSH, read with nothing of ours."""
    return len(re.findall(rb"(?:^|[\r\n]|\xef\xbb\xbf)MSH\|", raw))


def trigger_of(raw: bytes) -> str:
    text = raw.decode("utf-8-sig", "replace")
    return "^".join(text.split("|")[8].split("^")[:2]).strip()


@pytest.fixture(scope="module")
def files(request: pytest.FixtureRequest) -> dict[str, bytes]:
    folder: Path = request.getfixturevalue("samples") / "hl7v2"
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.hl7"))}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with open_home(tmp_path_factory.mktemp("real") / "home") as hub:
        yield hub


@pytest.fixture(scope="module")
def sent(files: dict[str, bytes], hub: Hub):  # type: ignore[no-untyped-def]
    """Reports by file name, all files sent once."""
    reports = {name: hub.intake.receive(Arrival("hospital", "pas", "hl7v2", name), raw) for name, raw in files.items()}
    assert hub.wait_until_read(60)
    return reports


def said_in(hub: Hub, report: Report) -> Actions:
    """Types and actions of a message's events, read from the log at the positions that its sender was told."""
    (outcome,) = report.outcomes
    offsets = [int(event.position.rpartition(":")[2]) for event in outcome.events]
    rows = [next(hub.log.read("main-0", offset, 1)) for offset in offsets]
    events = [logged.event for logged in opened(hub.keys.ring, rows)]
    return {(event.type, event.action) for event in events}


def test_every_message_has_exactly_one_outcome(files, sent) -> None:  # type: ignore[no-untyped-def]
    total = 0
    for name, raw in files.items():
        counts = sent[name].counts
        by_hand = count_by_hand(raw)
        assert counts.accepted + counts.not_mapped + counts.quarantined == by_hand, name
        total += by_hand
    assert total == MESSAGES


def test_every_listed_trigger_leaves_the_events_that_it_implies(files, sent, hub) -> None:  # type: ignore[no-untyped-def]
    for name, raw in files.items():
        trigger = trigger_of(raw)
        report = sent[name]
        if trigger not in LEAST:
            assert report.counts.not_mapped == 1, name
            assert report.outcomes[0].reason == f"trigger {trigger}", name
        elif name in NOBODY:
            assert report.counts.quarantined == 1, name
        else:
            assert set(LEAST[trigger]) <= said_in(hub, report), name


def test_the_same_files_again_add_nothing(files, sent, hub) -> None:  # type: ignore[no-untyped-def]
    before = hub.log.head()
    for name, raw in files.items():
        again = hub.intake.receive(Arrival("hospital", "pas", "hl7v2", name), raw)
        assert again.counts.events == 0, name
    assert hub.log.head() == before


def test_no_fold_halts_on_what_real_senders_send(sent, hub) -> None:  # type: ignore[no-untyped-def]
    with hub.store.snapshot() as db:
        assert db.execute("SELECT count(*) FROM lanes").fetchone() == (0,)
