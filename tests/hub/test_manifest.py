"""A backup is restored only where it is what its manifest says: these files, this log, and nothing beside."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from events.errors import WrongSettings
from hub.backup import back_up
from hub.restore import restore
from hub.settings import MANIFEST_FILE, read_settings
from tests.hub.homes import nhs_number, open_home, registration, send


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    with open_home(folder / "home") as hub:
        for number in (1, 2):
            send(hub, registration(str(number), f"tenant/{number}", number=nhs_number(number)))
        back_up(hub, folder / "copy")
    return folder


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    (tmp_path / "again").mkdir()
    shutil.copy(original / "home" / "kms.key", tmp_path / "again")
    (tmp_path / "again" / "erasures.jsonl").touch(0o600)
    return Path(shutil.copytree(original / "copy", tmp_path / "copy"))


def refusal(copy: Path) -> str:
    with pytest.raises(WrongSettings) as raised:
        restore(copy, read_settings(copy.with_name("again"), {}))
    assert not (copy.with_name("again") / "log.sqlite").exists()
    return str(raised.value)


def say(copy: Path, **changed: Any) -> None:
    """Another manifest."""
    told = orjson.loads((copy / MANIFEST_FILE).read_bytes())
    (copy / MANIFEST_FILE).write_bytes(orjson.dumps(told | changed))


def hashes_of(copy: Path) -> dict[str, str]:
    """What a manifest of the files as they are would name."""
    files = (path for path in copy.rglob("*") if path.is_file() and path.name != MANIFEST_FILE)
    return {str(path.relative_to(copy)): sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_backup_that_is_what_it_says_is_restored(copy: Path) -> None:
    assert hashes_of(copy) == orjson.loads((copy / MANIFEST_FILE).read_bytes())["files"]
    restore(copy, read_settings(copy.with_name("again"), {}))


@pytest.mark.parametrize("changed", [{"size": 1}, {"root": "00" * 32}, {"origin": "another.example/1-0123abcd"}])
def test_a_log_that_is_not_the_one_of_the_manifest_is_refused(copy: Path, changed: dict[str, Any]) -> None:
    say(copy, **changed)
    assert "backup-damaged: " in (told := refusal(copy))
    assert "log.sqlite" in told


def test_a_log_that_was_cut_is_refused_though_its_hash_was_written_anew(copy: Path) -> None:
    db = apsw.Connection(str(copy / "log.sqlite"))
    db.execute("DELETE FROM log WHERE position = (SELECT max(position) FROM log)")
    db.close()
    say(copy, files=hashes_of(copy))
    assert "backup-damaged: " in (told := refusal(copy))
    assert "log.sqlite" in told


@pytest.mark.parametrize("name", ["receipts/R-0000000000", "log.sqlite-wal", "retention.toml", "certificates/x.jws"])
def test_a_file_that_the_manifest_does_not_name_is_refused_by_name(copy: Path, name: str) -> None:
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_bytes(b"put in later")
    assert "backup-damaged: " in (told := refusal(copy))
    assert f"does not name are there: {name}" in told


def test_a_manifest_that_names_no_files_is_refused(copy: Path) -> None:
    say(copy, files={})
    assert "not as they were: keys.sqlite, log.sqlite, receipts.sqlite" in refusal(copy)


@pytest.mark.parametrize("name", ["log.sqlite", "keys.sqlite", "receipts.sqlite"])
def test_a_backup_without_a_file_that_every_home_has_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    say(copy, files=hashes_of(copy))
    assert f"not as they were: {name}" in refusal(copy)


@pytest.mark.parametrize("name", ["log.sqlite", "keys.sqlite"])
def test_what_is_no_database_is_refused_though_its_hash_was_written_anew(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"no database" * 1_000)
    say(copy, files=hashes_of(copy))
    assert "broken-file: " in refusal(copy)


@pytest.mark.parametrize(
    "changed",
    [
        {"files": []},
        {"files": {"log.sqlite": 1}},
        {"files": {"log.sqlite": "zz" * 32}},
        {"erasures": "x"},
        {"erasures": -1},
        {"erasures": True},
        {"erasures_hash": "zz"},
        {"erasures_hash": "00"},
        {"erasures_hash": 5},
        {"size": "all"},
        {"size": 1.5},
        {"root": None},
        {"origin": 7},
        {"made": []},
        {"keys_expire": None},
        {"format": {}},
        {"format": None},
        {"more": 1},
    ],
)
def test_values_of_another_kind_are_no_manifest(copy: Path, changed: dict[str, Any]) -> None:
    say(copy, **changed)
    assert "broken-file: manifest.json: " in refusal(copy)


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b"null", b"\xff", b'{"format": 1}'])
def test_what_is_no_manifest_at_all_is_told(copy: Path, raw: bytes) -> None:
    (copy / MANIFEST_FILE).write_bytes(raw)
    assert "broken-file: manifest.json: " in refusal(copy)
