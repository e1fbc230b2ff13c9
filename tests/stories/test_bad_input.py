"""Whatever comes in, it harms only itself.

Each gets a sentence with a stable code that says what, where and what to do, and names nobody; nothing stored is
harmed; and the next good message lands and is read.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from adapters.sdk.hostile import HostileSource
from events.clock import DrivenClock
from events.errors import HubError, Refused, TryAgainLater, WrongSettings
from hub.access.door import Caller
from hub.assembly import REGISTER, Hub, projections
from hub.reading import TimelineQuestion
from hub.services import Services
from hub.settings import read_settings
from projections.engine.testing import digest
from tests.conftest import ROOT
from tests.counts import PROOF, times
from tests.hub.homes import ADMIN, AUDITOR, NHS, STEWARD, cloudevent, nhs_number
from tests.small_disk import SmallDisk, mounted

SAMPLES = ROOT / "adapters" / "csv_mapping" / "samples"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
# The marked person: no sentence may hold a word of hers.
NUMBER, BORN, FAMILY, GIVEN, STREET = nhs_number(7), "1931-07-19", "Quartzmarker", "Zebedea", "Opalmarker"
MARKS = (NUMBER, BORN, "19/07/1931", FAMILY, GIVEN, STREET)

AGENCIES = """
[[agency]]
name = "housing"
title = "Housing of Testborough"
agreement_from = 2020-01-01
agreement_to = 2040-12-31
agreement_reference = "ISA-1"
lawful_basis = "public-task"
[[agency.system]]
name = "crm"
[[agency.system]]
name = "tenancies"
adapter = "csv_mapping"
options = { mapping = "tenancies.toml" }
[[agency.system]]
name = "pas"
adapter = "hl7v2"

[[agency]]
name = "lapsed"
title = "An agency whose agreement has ended"
agreement_from = 2020-01-01
agreement_to = 2023-12-31
agreement_reference = "ISA-2"
lawful_basis = "public-task"
system = [{ name = "crm" }]
"""
SYSTEMS = {"cloudevents": "crm", "csv_mapping": "tenancies", "hl7v2": "pas"}


def sender(agency: str = "housing") -> Caller:
    return Caller("sender", "adapter", agency, "test")


def open_hub(folder: Path, clock: DrivenClock | None = None) -> Hub:
    folder.mkdir(exist_ok=True)
    (folder / REGISTER).write_text(AGENCIES, "utf-8")
    shutil.copy(SAMPLES / "tenancies.toml", folder)
    return Hub(read_settings(folder, {}), clock or DrivenClock(NOW))


def marked_event(message_id: str = "e1", record: str = "tenant/1") -> bytes:
    data = {
        "identifiers": [{"system": NHS, "value": NUMBER}],
        "names": [{"family": FAMILY, "given": [GIVEN]}],
        "birth_date": BORN,
        "addresses": [{"line": [f"1 {STREET} Road"]}],
    }
    return orjson.dumps(cloudevent(message_id, "person.registered", record, data, fact="demographics", order="1"))


HEADINGS = (SAMPLES / "tenancies.csv").read_bytes().partition(b"\n")[0]
ROW = (
    f"T-1,P-1,{NUMBER},{GIVEN},{FAMILY},19/07/1931,1 {STREET} Road,,Oakfield,ZZ9 9AA,,GEN,05/06/2017,,,104.20,"
    "05/06/2017 10:12"
)
TABLE = HEADINGS + b"\n" + ROW.encode() + b"\n"
HL7 = (
    f"MSH|^~\\&|PAS|RX9|||20250114094512||ADT^A01|A0001|P|2.4\rPID|||4471^^^RX9^MR||{FAMILY}^{GIVEN}||19310719|F\r"
    "PV1||I|||||||||||||||||V1\r"
).encode()


class Watched:
    """An open home with something in it, which bad input must leave as it was."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.services = Services(hub)
        self._goods = 0
        self.good_message_lands()

    def send(self, raw: bytes, adapter: str = "cloudevents", **arrival: Any) -> dict[str, Any]:
        given = {"agency": "housing", "system": SYSTEMS[adapter], "adapter": adapter, **arrival}
        return self.services.intake(sender(given["agency"]), raw, **given)

    def good_message_lands(self) -> None:
        """Something that is understood comes in and is read at once."""
        self._goods += 1
        data = {"topic": "hopes", "text": f"hope {self._goods}"}
        event = cloudevent(f"good-{self._goods}", "aboutme.statement-shared", "tenant/good", data)
        report = self.send(orjson.dumps(event))
        assert report["accepted"] == 1, report
        assert self.hub.wait_until_read(30)
        assert f"hope {self._goods}" in [each["payload"]["text"] for each in self.timeline("housing:crm/tenant/good")]

    def timeline(self, record: str) -> list[dict[str, Any]]:
        (person,) = self.services.reading.find(STEWARD, record=record)["people"]
        page = self.services.reading.timeline(STEWARD, TimelineQuestion(person=person["person"], limit=5_000))
        assert page["halted"] == []
        entries: list[dict[str, Any]] = page["entries"]
        return entries

    def views(self) -> dict[str, str]:
        assert self.hub.wait_until_read(30)
        with self.hub.store.snapshot() as db:
            return {each.name: digest(each, db) for each in projections()}

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """What was stored before stands as it was, the log verifies, and the next good message lands."""
        before = self.timeline("housing:crm/tenant/good")
        yield
        assert self.services.verify_log(AUDITOR)["verified"]
        assert self.services.halted() == []
        assert self.hub.runner.fault is None
        assert self.timeline("housing:crm/tenant/good") == before
        assert list(self.hub.receipts.unfinished()) == []
        self.good_message_lands()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with open_hub(tmp_path / "home") as hub:
        yield Watched(hub)


# ---- sentences


def assert_is_clear(error: HubError, code: str) -> None:
    assert error.code == code, error
    assert error.what
    assert error.next_step, f"{code} does not say what to do"
    assert_names_nobody(str(error))


def assert_findings_are_clear(report: dict[str, Any], *codes: str) -> None:
    findings = [finding for outcome in report["outcomes"] for finding in outcome["findings"]]
    found = {finding["code"] for finding in findings}
    assert set(codes) <= found, findings
    for finding in findings:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|empty|truncated", finding["code"]), finding
        assert len(finding["detail"]) >= len("say what is to be done"), finding
        assert_names_nobody(finding["where"] + finding["detail"])


def assert_names_nobody(sentence: str) -> None:
    assert [mark for mark in MARKS if mark.casefold() in sentence.casefold()] == []


def spoilt(old: str | bytes, new: bytes, raw: bytes) -> bytes:
    old = old.encode() if isinstance(old, str) else old
    assert old in raw
    return raw.replace(old, new, 1)


EVENT = marked_event()
QUARANTINED: dict[str, tuple[str, bytes, str]] = {
    "JSON in UTF-16": ("cloudevents", EVENT.decode().encode("utf-16"), "wrong-encoding"),
    "JSON in Latin-1": ("cloudevents", spoilt(FAMILY, b"Quartzm\xe9rker", EVENT), "bad-json"),
    "JSON cut off": ("cloudevents", EVENT[:-20], "bad-json"),
    "a batch cut off": ("cloudevents", b"[" + EVENT + b"," + EVENT[:90], "truncated"),
    "an empty file of events": ("cloudevents", b"", "empty"),
    "blanks": ("cloudevents", b" \r\n\t", "empty"),
    "a NUL byte in JSON": ("cloudevents", spoilt(FAMILY, b"Quartz\0", EVENT), "bad-json"),
    "a doubled key": ("cloudevents", spoilt('"names"', b'"birth_date":"1900","names"', EVENT), "duplicate-key"),
    "NaN": ("cloudevents", spoilt(f'"{BORN}"', b"NaN", EVENT), "bad-json"),
    "infinity": ("cloudevents", spoilt(f'"{BORN}"', b"1e999", EVENT), "bad-json"),
    "a deep list": ("cloudevents", spoilt(f'"{BORN}"', b"[" * 99 + b"]" * 99, EVENT), "too-deep"),
    "a bomb of lists": ("cloudevents", b"[" * 100_000, "too-deep"),
    "a bomb of objects": ("cloudevents", b'{"a":' * 100_000, "too-deep"),
    "many keys": ("cloudevents", b"{" + b",".join(b'"k%d":1' % n for n in range(20_000)) + b"}", "too-many-keys"),
    "an event of 1 MiB": ("cloudevents", spoilt(FAMILY, b"T" * (1 << 20), EVENT), "too-large"),
    "31 February": ("cloudevents", spoilt(BORN, b"1931-02-31", EVENT), "bad-payload"),
    "a type that is none": ("cloudevents", spoilt("person.registered", b"person.registred", EVENT), "unknown-type"),
    "a type of the hub": ("cloudevents", spoilt("person.registered", b"hub.persons-merged", EVENT), "type-reserved"),
    "a field that is none": ("cloudevents", spoilt('"birth_date"', b'"dob"', EVENT), "bad-payload"),
    "another agency's event": ("cloudevents", spoilt("source:housing", b"source:hospital", EVENT), "source-not-yours"),
    "a CSV without a column": ("csv_mapping", spoilt("Tenure", b"Tenuer", TABLE), "missing-column"),
    "a CSV with a doubled column": (
        "csv_mapping",
        spoilt("Last Updated", b"Last Updated,Tenure", TABLE),
        "doubled-column",
    ),
    "a CSV in UTF-16": ("csv_mapping", TABLE.decode().encode("utf-16"), "wrong-encoding"),
    "an empty CSV": ("csv_mapping", b"", "empty"),
    "an open quote": ("csv_mapping", spoilt(GIVEN, b'"' + GIVEN.encode(), TABLE), "unclosed-quote"),
    "an empty file of HL7": ("hl7v2", b"", "empty"),
    "no HL7 at all": ("hl7v2", EVENT, "not-hl7"),
    "HL7 without a patient": ("hl7v2", HL7.partition(b"PID")[0], "no-record-identifier"),
    "HL7 cut off in its first segment": ("hl7v2", HL7[:40], "no-trigger"),
}


@pytest.mark.parametrize("name", QUARANTINED)
def test_what_cannot_be_understood_waits_in_quarantine_with_the_reason(watched: Watched, name: str) -> None:
    adapter, raw, code = QUARANTINED[name]
    with watched.unharmed():
        report = watched.send(raw, adapter, file_name="file-1")
        assert report["quarantined"] >= 1, report
        assert_findings_are_clear(report, code)
    waiting = watched.services.quarantine(ADMIN)["quarantine"]
    assert code in {each["code"] for each in waiting}
    assert_names_nobody(str(waiting))


FOUND: dict[str, tuple[str, bytes, str]] = {
    "an escaped NUL": ("cloudevents", spoilt(FAMILY, b"Quartz\\u0000", EVENT), "nul-character"),
    "an order that is none": ("cloudevents", spoilt('"order":"1"', b'"order":"one"', EVENT), "bad-order"),
    "an attribute that is none": (
        "cloudevents",
        spoilt('"order"', b'"mood":"good","order"', EVENT),
        "unknown-attribute",
    ),
    "a CSV with a column more": (
        "csv_mapping",
        spoilt("Last Updated", b"Last Updated,More", spoilt(" 10:12", b" 10:12,x", TABLE)),
        "extra-column",
    ),
    "31 February in a CSV": ("csv_mapping", spoilt("19/07/1931", b"31/02/1931", TABLE), "bad-date"),
    "an unknown code": ("csv_mapping", spoilt(",GEN,", b",ZZZ,", TABLE), "unknown-code"),
    "a CSV in Latin-1": ("csv_mapping", spoilt(GIVEN, b"Z\xe9b", TABLE), "wrong-encoding"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_fault_of_a_field_is_noted_and_the_rest_is_taken(watched: Watched, name: str) -> None:
    adapter, raw, code = FOUND[name]
    with watched.unharmed():
        report = watched.send(raw, adapter, file_name="file-1")
        assert report["messages"] == 1, report
        assert_findings_are_clear(report, code)


@pytest.mark.parametrize(("adapter", "raw"), [("cloudevents", EVENT), ("csv_mapping", TABLE), ("hl7v2", HL7)])
def test_a_byte_order_mark_changes_nothing(watched: Watched, adapter: str, raw: bytes) -> None:
    with watched.unharmed():
        plain = watched.send(raw, adapter, file_name="file-1")
        marked = watched.send(b"\xef\xbb\xbf" + raw, adapter, file_name="file-1")
        assert plain["events"] >= 1
        assert (marked["events"], marked["duplicates"], marked["quarantined"]) == (0, plain["events"], 0)


REFUSED: dict[str, tuple[str, dict[str, str]]] = {
    "unknown-agency": ("nobody", {"agency": "nobody"}),
    "unknown-system": ("housing", {"system": "abacus"}),
    "unknown-adapter": ("housing", {"adapter": "abacus", "system": "crm"}),
    "other-agency": ("lapsed", {"agency": "housing"}),
    "agreement-out-of-date": ("lapsed", {"agency": "lapsed"}),
}


@pytest.mark.parametrize("code", REFUSED)
def test_who_may_not_send_is_told_why_and_nothing_is_kept(watched: Watched, code: str) -> None:
    agency, given = REFUSED[code]
    arrival = {"agency": "housing", "system": "crm", "adapter": "cloudevents", **given}
    with watched.unharmed():
        head = watched.hub.log.head()
        with pytest.raises(Refused) as refused:
            watched.services.intake(sender(agency), EVENT, **arrival)
        assert_is_clear(refused.value, code)
        assert watched.hub.log.head() == head


def test_ten_thousand_events_in_a_batch_come_in_once(watched: Watched) -> None:
    def event(number: int) -> bytes:
        data = {"topic": "hopes", "text": "A"}
        return orjson.dumps(cloudevent(f"m{number}", "aboutme.statement-shared", f"tenant/{number % 50}", data))

    batch = b"[" + b",".join(map(event, range(10_000))) + b"]"
    with watched.unharmed():
        assert watched.send(batch)["events"] == 10_000
        again = watched.send(batch)
        assert (again["events"], again["duplicates"]) == (0, 10_000)


def test_whatever_hostile_senders_make_of_real_messages_harms_only_itself(watched: Watched) -> None:
    """Every sample of every format, spoilt in hundreds of ways, through the real intake."""
    sent = 0
    with watched.unharmed():
        for adapter, sample in (("cloudevents", EVENT), ("csv_mapping", TABLE), ("hl7v2", HL7)):
            spoilings = [(name, raw) for name, raw in HostileSource(sample) if len(raw) < 1 << 18 or PROOF]
            for name, raw in spoilings[:: times(5, proof=1)]:
                report = watched.send(raw, adapter, file_name="file-1")
                assert report["messages"] == report["accepted"] + report["not_mapped"] + report["quarantined"], name
                sent += 1
        assert watched.hub.wait_until_read(60)
    assert sent > 100


# ---- a long file

_TAKE_IN = """
import sys, threading
from pathlib import Path
from tests.stories.test_bad_input import Watched, open_hub

def own_kib():
    # Without the pages of mapped files, which the kernel may take back at any time.
    return int(Path("/proc/self/status").read_text().partition("RssAnon:")[2].split()[0])

peak_kib, is_over = 0, threading.Event()

def watch():
    global peak_kib
    while not is_over.wait(0.02):
        peak_kib = max(peak_kib, own_kib())

with open_hub(Path(sys.argv[1])) as hub:
    watched = Watched(hub)
    before_kib = own_kib()
    watching = threading.Thread(target=watch)
    watching.start()
    with open(sys.argv[2], "rb") as file:
        report = watched.send(file, "csv_mapping", file_name="long.csv")
    assert hub.wait_until_read(3_600)
    is_over.set()
    watching.join()
    with watched.unharmed():
        pass
    print(report["accepted"], report["quarantined"], (peak_kib - before_kib) // 1024)
"""
LONG_ROW_BYTES = 4_096
# Measured: 220 and 410 MiB, most of it caches and what is on its way; the events of 300 MB are 1.2 GB in the log.
GROWTH_MAX_MIB = {30: 320, 300: 640}


def _write_long_csv(path: Path, size_bytes: int) -> int:
    """A CSV of so many bytes; how many rows it has."""
    rows = size_bytes // LONG_ROW_BYTES
    with path.open("wb") as file:
        file.write(HEADINGS + b"\n")
        for number in range(rows):
            row = ROW.replace("T-1,P-1", f"T-{number},P-{number % 1_000}").replace(NUMBER, "")
            file.write(row.replace("Oakfield", "O" * (LONG_ROW_BYTES - len(row))).encode() + b"\n")
    return rows


@pytest.mark.timeout(0)
@pytest.mark.parametrize("size_mb", [30, pytest.param(300, marks=pytest.mark.proof)])
def test_a_long_csv_streams_through_bounded_memory(tmp_path: Path, size_mb: int) -> None:
    rows = _write_long_csv(tmp_path / "long.csv", size_mb * 1_000_000)
    command = [sys.executable, "-c", _TAKE_IN, str(tmp_path / "home"), str(tmp_path / "long.csv")]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert told.returncode == 0, told.stderr
    accepted, quarantined, growth_mib = map(int, told.stdout.splitlines()[-1].split())
    assert (accepted, quarantined) == (rows, 0)
    assert growth_mib < GROWTH_MAX_MIB[size_mb]


# ---- a full disk


def _on(disk: SmallDisk, home: Path, name: str) -> None:
    """Moves one file of a closed home to the small disk."""
    shutil.move(home / name, disk.folder / name)
    (home / name).symlink_to(disk.folder / name)


def _a_hundred_new_records(message: int) -> bytes:
    data = {"topic": "hopes", "text": "A" * 2_000}
    events = [cloudevent(f"f{message}-{n}", "aboutme.statement-shared", f"tenant/f{n}", data) for n in range(100)]
    return orjson.dumps(events)


def _refused_in_the_end(watched: Watched) -> HubError:
    """Sends until what SQLite had left in its own files is used up."""
    for message in range(40):
        try:
            watched.send(_a_hundred_new_records(message))
        except TryAgainLater as error:
            return error
    pytest.fail("a full disk took everything")


@pytest.mark.parametrize("name", ["receipts.sqlite", "keys.sqlite", "log.sqlite"])
def test_a_full_disk_refuses_loses_nothing_and_goes_on_when_there_is_room(tmp_path: Path, name: str) -> None:
    home, folder = tmp_path / "home", tmp_path / "disk"
    folder.mkdir()
    with open_hub(home) as hub:
        Watched(hub)
    with mounted(folder, size_mb=8) as disk:
        _on(disk, home, name)
        with open_hub(home) as hub:
            watched = Watched(hub)
            disk.fill()
            assert_is_clear(_refused_in_the_end(watched), "disk-full")
            assert watched.services.verify_log(AUDITOR)["verified"]
            disk.empty()
            report = watched.send(_a_hundred_new_records(99))
            assert report["accepted"] == 100
            watched.good_message_lands()
            assert len(watched.timeline("housing:crm/tenant/f1")) >= 1
        with open_hub(home) as hub:  # the start finishes the receipts that the full disk left behind
            watched = Watched(hub)
            with watched.unharmed():
                pass
            said = [each["payload"]["text"] for each in watched.timeline("housing:crm/tenant/f1")]
            assert len(said) == len(watched.timeline("housing:crm/tenant/f2"))


def test_views_that_a_full_disk_stops_catch_up_when_there_is_room(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "disk"
    folder.mkdir()
    with open_hub(home) as hub:
        Watched(hub)
        name = hub.store.path.name
    with mounted(folder, size_mb=8) as disk:
        _on(disk, home, name)
        with open_hub(home) as hub:
            watched = Watched(hub)
            disk.fill()
            sent = 0
            while hub.wait_until_read(1.5) and sent < 40:
                assert watched.send(_a_hundred_new_records(sent))["accepted"] == 100
                sent += 1
            assert hub.runner.lag > 0
            disk.empty()
            end = time.monotonic() + 60
            while not hub.wait_until_read(1):  # it says no at once while the disk refuses, and tries again by itself
                assert time.monotonic() < end
                time.sleep(0.1)
            assert len(watched.timeline("housing:crm/tenant/f1")) == sent
            with watched.unharmed():
                pass


# ---- a home that does not fit


@pytest.mark.parametrize("name", ["log.sqlite", "keys.sqlite", "receipts.sqlite"])
def test_a_home_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    with open_hub(home) as hub:
        Watched(hub)
    _set_format(home / name, "99")
    before = {path.name: path.read_bytes() for path in home.glob("*.sqlite")}
    with pytest.raises(WrongSettings) as refused:
        open_hub(home)
    assert_is_clear(refused.value, "home-newer")
    assert refused.value.where == name
    assert {path.name: path.read_bytes() for path in home.glob("*.sqlite")} == before
    _set_format(home / name, "1")
    with open_hub(home) as hub:
        watched = Watched(hub)
        with watched.unharmed():
            pass


def _set_format(path: Path, stored_format: str) -> None:
    db = apsw.Connection(str(path))
    with db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'format'", (stored_format,))
    db.close()


def test_views_of_another_program_are_folded_again_whatever_their_tables(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_hub(home) as hub:
        views = Watched(hub).views()
        path = hub.store.path
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE timeline_entries ADD COLUMN mood TEXT")
    db.execute("DROP TABLE people_births")
    db.execute("UPDATE checkpoints SET version = 99")
    db.commit()
    db.close()
    with open_hub(home) as hub:
        assert hub.wait_until_read(30)
        with hub.store.snapshot() as live:
            assert {each.name: digest(each, live) for each in projections()} == views


@pytest.mark.parametrize("where", ["this process", "another"])
def test_a_second_hub_on_the_same_home_is_refused(watched: Watched, where: str) -> None:
    home = watched.hub.home
    with watched.unharmed():
        if where == "this process":
            with pytest.raises(Refused) as refused:
                open_hub(home)
            assert_is_clear(refused.value, "home-in-use")
        else:
            code = (
                "import sys; from pathlib import Path; from hub.assembly import Hub; from hub.settings import *\n"
                "Hub(read_settings(Path(sys.argv[1]), {}))"
            )
            command = [sys.executable, "-c", code, str(home)]
            told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
            assert "home-in-use" in told.stderr


# ---- clocks


@pytest.mark.parametrize(
    ("moved", "code"),
    [(-timedelta(minutes=10), "clock-behind"), (timedelta(days=365), "clock-far-ahead")],
    ids=["ten minutes back", "a year ahead"],
)
@pytest.mark.parametrize("when", ["while it runs", "at its start"])
def test_a_wrong_clock_is_refused_and_nothing_is_stored(tmp_path: Path, moved: timedelta, code: str, when: str) -> None:
    clock = DrivenClock(NOW)
    home = tmp_path / "home"
    hub = open_hub(home, clock)
    watched = Watched(hub)
    if when == "at its start":
        hub.close()
        clock.set(NOW + moved)
        hub = open_hub(home, clock)
    clock.set(NOW + moved)
    head = hub.log.head()
    with pytest.raises(TryAgainLater) as refused:
        Services(hub).intake(sender(), EVENT, agency="housing", system="crm", adapter="cloudevents")
    assert_is_clear(refused.value, code)
    assert hub.log.head() == head
    clock.set(NOW + timedelta(minutes=1))
    watched = Watched(hub)
    assert watched.send(EVENT)["accepted"] == 1
    hub.close()
    with open_hub(home, clock) as again:  # the receipt of what was refused is finished, and adds nothing
        watched = Watched(again)
        with watched.unharmed():
            pass
        assert len(watched.timeline("housing:crm/tenant/1")) == 1
