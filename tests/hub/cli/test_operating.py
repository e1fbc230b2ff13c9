"""Running a home: register, sources, status, rebuild, backup and restore, tokens, doctor."""

from __future__ import annotations

import re
import shutil
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import orjson
import pytest

from events.clock import SystemClock
from hub.access.tokens import Tokens
from hub.assembly import Hub
from hub.cli.exit_codes import DONE, LATER, SETTINGS
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.tables import KEYS_KEPT_DAYS
from projections.engine.runner import Runner
from tests.hub import homes
from tests.hub.cli.conftest import NUMBER, Tell
from tests.hub.homes import open_home
from tests.older import write_older


def test_the_register_is_listed(tell: Tell, tmp_path: Path) -> None:
    names = [agency["name"] for agency in tell("--json", "agencies").document["agencies"]]
    assert names == ["housing", "hospital"]
    assert "housing of Testborough" in tell("agencies").out
    assert "The register is empty." in tell("agencies", at=tmp_path / "new").out


def test_a_broken_register_is_told_with_every_fault(tell: Tell, home: Path) -> None:
    (home / "agencies.toml").write_text('[[agency]]\nname = "X"\n', "utf-8")
    found = tell("agencies")
    assert found.code == SETTINGS
    assert found.err.startswith("bad-register: agencies.toml: ")
    assert found.err.count(": Field required") >= 5


def test_sources_say_who_sent_what(tell: Tell, alex: str) -> None:
    sources = {each["source"]: each for each in tell("--json", "sources").document["sources"]}
    assert sources["housing/crm"]["days"][0]["accepted"] == 2
    assert sources["hospital/pas"]["last_received"] is None
    assert "hospital/pas  never" in tell("sources").out


def test_status_counts_what_there_is(tell: Tell, alex: str) -> None:
    found = tell("--json", "status").document
    assert (found["ready"], found["lag"], found["records"], found["persons_with_records"]) == (True, 0, 1, 1)
    assert tell("status").out.startswith("ready\n")


def test_a_rebuilt_view_says_the_same(tell: Tell, alex: str) -> None:
    before = tell("--json", "timeline", alex).document
    assert tell("rebuild", "timeline").out.startswith("Rebuilt timeline from ")
    assert tell("--json", "rebuild").document["rebuilt"] == ["custody", "membership", "people", "sources", "timeline"]
    assert tell("--json", "timeline", alex).document == before
    assert tell("rebuild", "weather").err.startswith("unknown-view: ")


def test_events_that_a_damaged_secret_closes_are_counted_wherever_somebody_looks(
    tell: Tell, alex: str, home: Path
) -> None:
    assert tell("--json", "status").document["refused_rows"] == {}
    assert "refused" not in tell("rebuild").out
    assert "well   rows of the log: all count" in tell("doctor").out
    with closing(apsw.Connection(str(home / "keys.sqlite"))) as db:
        db.execute("UPDATE secrets SET wrapped = randomblob(60) WHERE agency = 'housing' AND class = 'core'")
    assert tell("--json", "rebuild").document["refused_rows"] == {"broken-key": 1}
    told = "1 row of the log counts nowhere (1 broken-key): `tellonce sources` names them"
    assert f"refused: {told}" in tell("rebuild").out
    assert tell("--json", "status").document["refused_rows"] == {"broken-key": 1}
    found = tell("status")
    assert (found.code, f"refused: {told}" in found.out) == (DONE, True)
    assert (tell("doctor").code, f"WRONG  rows of the log: {told}" in tell("doctor").out) == (SETTINGS, True)


def test_a_backup_is_restored_into_a_new_home(tell: Tell, alex: str, home: Path, tmp_path: Path) -> None:
    copy, other = tmp_path / "copy", tmp_path / "other"
    assert tell("backup", copy).out.startswith(f"Backed up into {copy}: ")
    assert tell("backup", copy).err.startswith("backup-exists: ")
    assert tell("restore", copy, at=other).err.startswith("kms-missing: ")
    other.mkdir()
    shutil.copyfile(home / "kms.key", other / "kms.key")
    assert tell("restore", copy, at=other).err.startswith("erasure-list-missing: ")
    assert tell("restore", at=other).code == tell("restore", copy, "--declare", at=other).code == 2
    told = tell("restore", copy, "--accept-lost-erasures", at=other).out
    assert told.startswith("Restored ")
    assert "the log records that" in told
    restored = tell("--json", "timeline", "--nhs-number", NUMBER, at=other).document
    assert [each["name"] for each in restored["entries"]] == ["demographics", "tenancy/1/start"]
    assert tell("restore", copy, at=other).err.startswith("home-not-empty: ")
    assert tell("restore", tmp_path, at=tmp_path / "third").err.startswith("no-backup: ")


def test_files_copied_back_by_hand_are_declared(tell: Tell, alex: str, tmp_path: Path) -> None:
    events = tell("--json", "status").document["events"]
    told = tell("--json", "restore", "--declare").document
    assert (told["events"], told["known_by"], told["lost"]) == (events, "key-store", None)
    assert tell("--json", "status").document["epoch"] == told["epoch"]
    assert "its epoch is 3-" in tell("restore", "--declare").out
    assert tell("restore", "--declare", at=tmp_path / "nowhere").err.startswith("no-home: ")


def test_an_older_log_that_was_put_back_is_told_of_at_once(
    tell: Tell, home: Path, alex: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waited(hub: Hub, timeout_s: float = 60.0) -> bool:
        assert timeout_s == 0.0, "what the log lost never comes"
        return False

    tell("backup", tmp_path / "copy")
    event = homes.registration("m-9", "tenant/9", number=homes.nhs_number(9))
    (tmp_path / "event.json").write_bytes(orjson.dumps(event))
    assert tell("intake", "cloudevents", tmp_path / "event.json", "--agency", "housing", "--system", "crm").code == 0
    for path in home.glob("log.sqlite*"):
        path.unlink()
    shutil.copyfile(tmp_path / "copy" / "log.sqlite", home / "log.sqlite")
    (home / "log.sqlite").chmod(0o600)
    monkeypatch.setattr(Hub, "wait_until_read", waited)
    told = tell("status")
    assert (told.code, "nothing is written: log-behind" in told.out) == (3, True)
    told = tell("doctor")
    assert (told.code, "WRONG  log: nothing is written: log-behind" in told.out) == (SETTINGS, True)


def test_a_token_says_who_may_what(tell: Tell, home: Path) -> None:
    token = tell("token", "--role", "adapter", "--agency", "housing", "--days", "1").out.strip()
    caller = Tokens(home, SystemClock()).verify_token(f"Bearer {token}")
    assert (caller.who, caller.role, caller.organisation) == ("adapter", "adapter", "housing")
    assert tell("token", "--role", "king").err.startswith("role-unknown: ")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("--role", "adapter"), "whose-token"),
        (("--role", "adapter", "--agency", "hub"), "whose-token"),
        (("--role", "adapter", "--agency", "hosing"), "unknown-agency"),
        (("--role", "practitioner", "--agency", "hosing"), "unknown-agency"),
        (("--role", "admin", "--days", "100000"), "token-too-long"),
    ],
    ids=" ".join,
)
def test_a_token_of_no_agency_or_for_a_lifetime_is_refused(tell: Tell, asked: tuple[str, ...], code: str) -> None:
    found = tell("token", *asked)
    assert (found.code, found.out, found.err.split(":")[0]) == (1, "", code)


def test_an_adapters_token_without_agency_names_those_to_choose_from(tell: Tell) -> None:
    assert "The register has housing, hospital." in tell("token", "--role", "adapter").err


def test_a_sound_home_is_well(tell: Tell, home: Path, alex: str) -> None:
    for path in home.iterdir():
        path.chmod(0o700 if path.is_dir() else 0o600)
    home.chmod(0o700)
    found = tell("--json", "doctor")
    assert [each["what"] for each in found.document["found"] if each["is_well"] is False] == []
    assert found.code == 0
    assert "disk encryption" in tell("doctor").out


def test_the_doctor_names_what_is_wrong(tell: Tell, home: Path, alex: str) -> None:
    (home / "log.sqlite").chmod(0o644)
    (home / "agencies.toml").write_text("no toml", "utf-8")
    found = tell("doctor")
    assert found.code == SETTINGS
    assert "WRONG  permissions: others may read" in found.out
    assert "WRONG  agencies.toml: bad-register: " in found.out


def test_the_doctor_says_of_a_home_from_before_sealing_what_to_do(tell: Tell, home: Path, tmp_path: Path) -> None:
    with open_home(home) as hub:
        write_older(hub, tmp_path / "old", [])
    found = tell("doctor", at=tmp_path / "old")
    assert found.code == SETTINGS
    assert "WRONG  log.sqlite: home-older: " in found.out
    assert "`tellonce log reseal`" in found.out
    assert "bug:" not in found.out + found.err


@pytest.mark.parametrize("name", ["log.sqlite", "keys.sqlite"])
def test_the_doctor_names_a_file_that_is_no_database(tell: Tell, home: Path, alex: str, name: str) -> None:
    (home / name).write_bytes(b"no database" * 1_000)
    found = tell("doctor")
    assert found.code == SETTINGS
    assert f"broken-file: {name}: " in found.out


def test_the_doctor_tells_where_keys_are_and_how_old_their_copy_is(
    tell: Tell, home: Path, alex: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tell("doctor").out
    assert "note   wrapping keys: " in told
    assert "who has the disk has both" in told
    assert "secrets in " in told
    assert " 0 of which no event uses; 0 destroyed" in told
    assert "note   backup of the keys: never" in told
    tell("backup", tmp_path / "copy")
    assert "note   backup of the keys: 0 days old" in tell("doctor").out
    (home / "kms.key").rename(tmp_path / "kms.key")
    assert "WRONG " in tell("doctor").out
    monkeypatch.setenv("TELLONCE_KMS", str(tmp_path / "kms.key"))
    assert "WRONG " not in tell("doctor").out


def found_of(tell: Tell) -> dict[str, tuple[bool | None, str]]:
    """What the doctor says of each thing, by its name."""
    return {each["what"]: (each["is_well"], each["words"]) for each in tell("--json", "doctor").document["found"]}


def test_the_doctor_tells_a_backup_of_three_days_and_when_it_has_to_be_gone(
    tell: Tell, home: Path, alex: str, tmp_path: Path
) -> None:
    assert found_of(tell)["backup of the keys"][1].startswith("never: a key store that is lost leaves a log ")
    tell("backup", tmp_path / "copy")
    made = datetime.now(UTC) - timedelta(days=3, minutes=5)
    with closing(apsw.Connection(str(home / "keys.sqlite"))) as db:
        older = [round((made - timedelta(days=days)).timestamp() * 1_000_000) for days in (0, 40)]
        db.execute("UPDATE backups SET at_us = ?", older[:1])
        db.execute("INSERT INTO backups VALUES(?)", older[1:])
    gone = (made + timedelta(days=KEYS_KEPT_DAYS)).date().isoformat()
    is_well, words = found_of(tell)["backup of the keys"]
    assert is_well is None
    assert words.startswith(f"3 days old, of {made.date().isoformat()}T")
    assert words.endswith(f"; it has to be destroyed by {gone}, older ones before")


def test_the_doctor_tells_who_opens_the_log_and_what_disk_encryption_has_to_cover(
    tell: Tell, home: Path, alex: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, elsewhere = home / "kms.key", tmp_path / "other" / "kms.key"
    told = found_of(tell)
    assert told["wrapping keys"] == (
        None,
        f"{beside} lies on the disk of what it opens: who has the disk has both. TELLONCE_KMS names another place",
    )
    assert told["disk encryption"][0] is None
    assert f"the views in {home} hold people's data in plain text" in told["disk encryption"][1]
    assert "memory and swap" in told["disk encryption"][1]
    assert f"open with {beside}. Those disks must be encrypted" in told["disk encryption"][1]
    elsewhere.parent.mkdir()
    beside.rename(elsewhere)
    assert any(is_well is False and words.startswith("kms-missing: ") for is_well, words in found_of(tell).values())
    monkeypatch.setenv("TELLONCE_KMS", str(elsewhere))
    assert "who has the disk has both" in found_of(tell)["wrapping keys"][1]


def test_the_doctor_is_content_with_wrapping_keys_on_another_disk(
    tell: Tell, home: Path, alex: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == home.stat().st_dev:
        pytest.skip("no second disk to put a file on")
    with TemporaryDirectory(dir=shared_memory) as elsewhere:
        moved = Path(elsewhere) / "kms.key"
        shutil.move(home / "kms.key", moved)
        monkeypatch.setenv("TELLONCE_KMS", str(moved))
        told = found_of(tell)
    assert told["wrapping keys"] == (True, f"{moved}, on another disk than the home; no backup holds them")
    assert f"open with {moved}. " in told["disk encryption"][1]


def test_the_doctor_counts_what_was_destroyed_and_what_is_suppressed(tell: Tell, alex: str) -> None:
    before = found_of(tell)["keys"][1]
    assert before.endswith(" 0 of which no event uses; 0 destroyed, 0 records suppressed")
    assert tell("erase", "housing:crm/tenant/7", "--yes").code == DONE
    is_well, words = found_of(tell)["keys"]
    secrets, destroyed = int(words.split()[0]), int(re.findall(r"(\d+) destroyed", words)[0])
    assert is_well is None
    assert destroyed >= 2
    assert secrets < int(before.split()[0])
    assert words.endswith(f" 0 of which no event uses; {destroyed} destroyed, 1 records suppressed")


def test_the_doctor_counts_secrets_that_no_event_uses(tell: Tell, home: Path, alex: str) -> None:
    keys = KeyStore(home / "keys.sqlite", LocalKms(home / "kms.key"))
    keys.keys_of("housing", "housing:crm/tenant/nobody", "core")
    keys.keys_of("housing", "housing:crm/tenant/nobody", "raw")  # for parts of receipts, not for events
    keys.commit()
    keys.close()
    assert " 1 of which no event uses" in tell("doctor").out


def test_views_that_wait_for_room_are_not_said_to_move(tell: Tell, alex: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runner, "is_waiting_for_room", True)
    found = tell("status")
    assert (found.code, found.out.splitlines()[0][:37]) == (LATER, "the views wait for room on the disk: ")
    assert "WRONG  views: they wait for room on the disk: make room" in tell("doctor").out


def test_the_doctor_sees_a_system_that_cannot_speak(tell: Tell, home: Path, alex: str) -> None:
    text = (home / "agencies.toml").read_text("utf-8")
    spoilt = text.replace('adapter = "hl7v2"', 'adapter = ["hl7v2", "abacus"]', 1)
    (home / "agencies.toml").write_text(spoilt, "utf-8")
    assert "WRONG  register, housing/pas: unknown-adapter: adapter abacus: " in tell("doctor").out
    assert "pas (hl7v2 or abacus)" in tell("agencies").out
    spoilt = text.replace('adapter = "hl7v2"', 'adapter = "csv_mapping", options = { maping = "a.toml" }', 1)
    (home / "agencies.toml").write_text(spoilt, "utf-8")
    told = "WRONG  register, housing/pas: bad-register: agencies.toml, housing/pas, options: "
    assert told + "the adapter csv_mapping knows no option maping. It knows mapping, order." in tell("doctor").out


def test_something_else_in_the_sockets_place_stops_the_server(tell: Tell, home: Path) -> None:
    (home / "hub.sock").write_text("mine", "utf-8")
    found = tell("serve", "--port", "0")
    assert (found.code, found.err.split(":")[0]) == (SETTINGS, "not-a-socket")
    assert (home / "hub.sock").read_text("utf-8") == "mine"


def test_a_taken_port_stops_the_server_with_a_sentence(tell: Tell) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = tell("serve", "--port", str(other.getsockname()[1]))
    assert found.code == SETTINGS
    assert "port-in-use" in found.err


def test_a_second_place_that_is_not_there_is_told_by_status_and_doctor(
    tell: Tell, alex: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "TELLONCE_ERASURES names no second place" in tell("status").out
    monkeypatch.setenv("TELLONCE_ERASURES", str(tmp_path / "second"))
    away = "its second place is out of reach, as seen since "
    assert f"list of erasures: {away}" in tell("status").out
    assert f"WRONG  list of erasures: {away}" in tell("doctor").out
    asked = tell("erase", "housing:crm/tenant/7", "--yes")
    assert (asked.code, asked.err.partition(":")[0]) == (LATER, "erasure-list-unwritten")
    (tmp_path / "second").mkdir()
    assert "its second place is there and has every line" in tell("status").out
    assert "well   list of erasures: " in tell("doctor").out
