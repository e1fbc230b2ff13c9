"""Who looks for traces finds them, in every encoding, in freed pages and indexes; and finds none where none is."""

from __future__ import annotations

import base64
import json
import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traces.looking import places, traces
from tests.traces.spellings import Marks

NAME, NUMBER = "Quartzmárker", "9990000018"
MARKS = Marks(NAME, NUMBER)

SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
    "latin-1": lambda text: text.encode("latin-1"),
    "upper case": lambda text: text.upper().encode(),
    "lower case": lambda text: text.lower().encode(),
    "case-folded": lambda text: text.casefold().encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "hex in capitals": lambda text: text.encode().hex().upper().encode(),
    "hex with blanks": lambda text: text.encode().hex(" ").encode(),
    "hex of utf-16": lambda text: text.encode("utf-16-le").hex().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()),
    "base64 from the second byte": lambda text: base64.b64encode(b"?" + text.encode()),
    "base64 from the third byte": lambda text: base64.b64encode(b"??" + text.encode() + b"?"),
    "base64 of utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")),
    "json": lambda text: json.dumps(text).encode(),
    "json with every letter escaped": lambda text: "".join(f"\\u{ord(each):04X}" for each in text).encode(),
    "letters with accents apart": lambda text: text.replace("á", "a\u0301").encode(),
    "url": lambda text: text.replace("á", "%C3%A1").encode(),
}
DIGITS: dict[str, Callable[[str], bytes]] = {
    "in groups": lambda text: f"{text[:3]} {text[3:6]} {text[6:]}".encode(),
    "each apart": lambda text: " ".join(text).encode(),
    "with dashes": lambda text: f"{text[:3]}-{text[3:6]}-{text[6:]}".encode(),
    "in groups, utf-16": lambda text: f"{text[:3]} {text[3:6]} {text[6:]}".encode("utf-16-le"),
    "as a packed number": lambda text: int(text).to_bytes(6, "big"),
    "as a packed number, the other way round": lambda text: int(text).to_bytes(8, "little"),
}


@pytest.mark.parametrize("mark", [NAME, NUMBER])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_mark_is_found_in_every_encoding(mark: str, spelling: str, rng: random.Random) -> None:
    planted = rng.randbytes(999) + SPELLINGS[spelling](mark) + rng.randbytes(999)
    assert {found.mark for found in MARKS.found_in(planted)} == {mark}


@pytest.mark.parametrize("spelling", DIGITS)
def test_digits_are_found_however_they_are_written(spelling: str, rng: random.Random) -> None:
    planted = rng.randbytes(999) + DIGITS[spelling](NUMBER) + rng.randbytes(999)
    assert {found.mark for found in MARKS.found_in(planted)} == {NUMBER}


@given(st.binary(max_size=4_000))
def test_nothing_is_found_where_nothing_was_planted(content: bytes) -> None:
    assert MARKS.found_in(content) == set()


def test_nothing_is_found_in_a_lot_of_chance(rng: random.Random) -> None:
    assert MARKS.found_in(rng.randbytes(8_000_000)) == set()


def test_a_mark_that_is_found_anywhere_is_no_mark() -> None:
    with pytest.raises(ValueError, match="fewer than six"):
        Marks("Ann")


# ---- in files and tables


def database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement, (NAME,) if "?" in statement else ())
        db.commit()


def test_a_mark_is_found_in_files_and_in_their_names(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "log").write_bytes(NAME.encode())
    (tmp_path / f"{NUMBER}.csv").touch()
    (tmp_path / "clean").write_bytes(b"nobody")
    assert places(traces(MARKS, tmp_path)) == {"inner/log", f"{NUMBER}.csv"}


def test_a_mark_is_found_in_a_row_a_schema_and_a_number(tmp_path: Path) -> None:
    database(tmp_path / "a", "CREATE TABLE people(name TEXT)", "INSERT INTO people VALUES(?)")
    database(tmp_path / "b", f"CREATE TABLE t(n INTEGER DEFAULT {NUMBER})")
    database(tmp_path / "c", "CREATE TABLE t(n INTEGER)", f"INSERT INTO t VALUES({NUMBER})")
    found = {trace.place for trace in traces(MARKS, tmp_path)}
    assert {"a: people.name", "b: schema", "c: t.n"} <= found


def test_a_mark_is_found_that_a_page_cuts_in_two(tmp_path: Path) -> None:
    for at in range(4_000, 4_100, 7):  # overflow pages: some of these texts have it at a page's end
        place = tmp_path / str(at)
        place.mkdir()
        database(place / "a", "CREATE TABLE t(x TEXT)", f"INSERT INTO t VALUES('{'-' * at}' || ? || '{'-' * 9000}')")
        assert "a: t.x" in {trace.place for trace in traces(MARKS, place)}


def test_a_mark_is_found_in_freed_pages_unless_they_were_overwritten(tmp_path: Path) -> None:
    for name, is_secure in (("left", 0), ("overwritten", 1)):
        database(
            tmp_path / name,
            f"PRAGMA secure_delete = {is_secure}",
            "CREATE TABLE t(x TEXT)",
            "INSERT INTO t VALUES(?)",
            "DELETE FROM t",
        )
    assert places(traces(MARKS, tmp_path)) == {"left"}


def test_a_mark_is_found_in_what_sqlite_keeps_beside_a_file(tmp_path: Path) -> None:
    db = apsw.Connection(str(tmp_path / "a"))
    db.pragma("journal_mode", "wal")
    db.execute("CREATE TABLE t(x TEXT)")
    db.execute("INSERT INTO t VALUES(?)", (NAME,))
    db.execute("DELETE FROM t")
    assert places(traces(MARKS, tmp_path)) == {"a-wal"}
    db.close()


def test_a_mark_is_found_in_a_full_text_index(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a")) as db:
        db.execute(
            "CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize=\"unicode61 remove_diacritics 0\")"
        )
        # Beside its neighbours the index stores but the end of each word.
        for text in ("quartzmár", "quartzmárk", "quartzmárke", NAME):
            db.execute("INSERT INTO words(text) VALUES(?)", (text,))
        db.execute("INSERT INTO words(words) VALUES('optimize')")
        db.commit()
    assert "a: words (words)" in {trace.place for trace in traces(MARKS, tmp_path)}


def test_an_odd_file_stops_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert traces(MARKS, tmp_path) == []
