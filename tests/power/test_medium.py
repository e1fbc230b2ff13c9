"""The simulated disk itself: it loses what was not synced, keeps what was, and never holds what was never written."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.power.medium import MANNERS, Folder, Image, Manner, Medium
from tests.power.vfs import power


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


@pytest.fixture
def medium(root: Path) -> Iterator[Medium]:
    with power(root) as medium:
        yield medium


def found(image: Image, target: Path, manner: Manner, seed: int = 0) -> dict[str, bytes]:
    place = target / f"{manner}{seed}"
    image.restore(place, random.Random(seed), manner)
    files = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    shutil.rmtree(place)
    return files


def write(path: Path, content: bytes, *, is_synced: bool) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        if is_synced:
            os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def database(path: Path, synchronous: str) -> apsw.Connection:
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", synchronous)
    db.execute("CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, body BLOB)")
    return db


def rows_after(image: Image, target: Path, manner: Manner, seed: int) -> int:
    """Rows of the database after a cut; it has to be whole."""
    place = target / f"{manner}{seed}"
    image.restore(place, random.Random(seed), manner)
    db = apsw.Connection(str(place / "a.sqlite"))
    try:
        assert db.pragma("integrity_check") == "ok"
        return int(db.execute("SELECT count(*) FROM t").get)
    finally:
        db.close()
        shutil.rmtree(place)


def test_what_is_there_at_first_is_durable(root: Path, tmp_path: Path) -> None:
    (root / "inner").mkdir()
    (root / "inner" / "old").write_bytes(b"old")
    with power(root) as medium:
        for manner in MANNERS:
            assert found(medium.image(), tmp_path, manner) == {"inner/old": b"old"}


@pytest.mark.parametrize(
    ("is_synced", "is_folder_synced", "after"),
    [
        (True, True, {"new": b"content"}),
        (True, False, {}),
        (False, True, {"new": b""}),
        (False, False, {}),
    ],
)
def test_a_new_file_needs_its_folder_synced_too(
    medium: Medium, tmp_path: Path, is_synced: bool, is_folder_synced: bool, after: dict[str, bytes]
) -> None:
    write(medium.root / "new", b"content", is_synced=is_synced)
    if is_folder_synced:
        sync_folder(medium.root)
    assert found(medium.image(), tmp_path, "lost") == after
    assert found(medium.image(), tmp_path, "kept") == {"new": b"content"}


def test_a_deleted_file_may_come_back_whole(medium: Medium, tmp_path: Path) -> None:
    write(medium.root / "gone", b"content", is_synced=True)
    sync_folder(medium.root)
    (medium.root / "gone").unlink()
    assert found(medium.image(), tmp_path, "lost") == {"gone": b"content"}
    sync_folder(medium.root)
    assert found(medium.image(), tmp_path, "lost") == {}


def test_a_replaced_file_is_the_old_or_the_new_one(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"old")
    with power(root) as medium:
        write(root / "draft", b"new", is_synced=True)
        (root / "draft").replace(root / "a")
        after = [found(medium.image(), tmp_path, "any", seed) for seed in range(20)]
    assert {each["a"] for each in after} == {b"old", b"new"}
    assert {name for each in after for name in each} == {"a"}


def test_a_replacement_that_was_not_synced_may_be_empty(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"old")
    with power(root) as medium:
        write(root / "draft", b"new", is_synced=False)
        (root / "draft").replace(root / "a")
        sync_folder(root)
        assert found(medium.image(), tmp_path, "lost") == {"a": b""}


def test_a_renamed_file_is_never_at_both_names_nor_at_none(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"a")
    with power(root) as medium:
        (root / "a").rename(root / "b")
        after = [found(medium.image(), tmp_path, "any", seed) for seed in range(20)]
    assert {tuple(each) for each in after} == {("a",), ("b",)}


def test_changes_of_names_that_touch_one_file_go_together() -> None:
    folder = Folder(durable={"a": 1, "b": 2, "c": 3}, current={"b": 1, "d": 3, "e": 4})
    assert sorted(map(sorted, folder.changes())) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_folder_whose_name_is_not_synced_goes_with_all_that_is_in_it(medium: Medium, tmp_path: Path) -> None:
    (medium.root / "inner").mkdir()
    write(medium.root / "inner" / "new", b"content", is_synced=True)
    sync_folder(medium.root / "inner")
    assert found(medium.image(), tmp_path, "lost") == {}
    sync_folder(medium.root)
    assert found(medium.image(), tmp_path, "lost") == {"inner/new": b"content"}


def test_an_unsynced_file_is_any_mixture_of_its_blocks(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"o" * 20_000)
    with power(root) as medium:
        (root / "a").write_bytes(b"n" * 20_000)
        after = {found(medium.image(), tmp_path, "sectors", seed)["a"] for seed in range(10)}
    assert len(after) > 5
    assert {len(each) for each in after} == {20_000}
    assert set(b"".join(after)) == {ord("o"), ord("n")}


@pytest.mark.parametrize("manner", MANNERS)
def test_a_synced_commit_survives_every_cut_and_a_torn_one_is_rolled_back(
    medium: Medium, tmp_path: Path, manner: Manner
) -> None:
    db = database(medium.root / "a.sqlite", "full")
    for number in range(20):
        db.execute("INSERT INTO t VALUES(?, ?)", (number, bytes(3_000)))
    images: list[Image] = []
    medium.watch = lambda step: images.append(medium.image())
    db.execute("INSERT INTO t VALUES(20, zeroblob(30000))")
    medium.watch = lambda step: None
    db.close()
    assert len(images) > 4
    assert {rows_after(image, tmp_path, manner, 1) for image in images} <= {20, 21}


def test_a_commit_that_was_not_synced_is_lost(medium: Medium, tmp_path: Path) -> None:
    db = database(medium.root / "a.sqlite", "full")
    db.pragma("synchronous", "normal")
    db.execute("INSERT INTO t VALUES(1, x'00')")
    image = medium.image()
    db.close()
    assert rows_after(image, tmp_path, "lost", 0) == 0
    assert rows_after(image, tmp_path, "kept", 0) == 1


def test_a_checkpoint_of_the_log_ahead_loses_nothing(medium: Medium, tmp_path: Path) -> None:
    db = database(medium.root / "a.sqlite", "full")
    images: list[Image] = []
    for rows in range(1, 11):
        db.execute("INSERT INTO t VALUES(?, zeroblob(9000))", (rows,))
        medium.watch = lambda step: images.append(medium.image())
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE if rows % 2 else apsw.SQLITE_CHECKPOINT_PASSIVE)
        medium.watch = lambda step: None
        for at, image in enumerate(images):
            assert rows_after(image, tmp_path, MANNERS[(rows + at) % len(MANNERS)], at) == rows
        images.clear()
    db.close()


def test_the_usual_disk_is_the_default_again(root: Path) -> None:
    with power(root):
        assert apsw.vfs_names()[0] == "power"
    assert apsw.vfs_names()[0] == "unix"
    path = root / "a.sqlite"
    database(path, "full").close()
    assert path.stat().st_size > 0
