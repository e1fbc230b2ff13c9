"""Character sets: MSH-18, what the bytes say themselves, and what to do when they disagree."""

from __future__ import annotations

import pytest

from adapters.hl7v2.tokens import Hl7
from tests.adapters.hl7v2.builders import PATIENT, message, segment, split, translate

NAME = {**PATIENT, 5: "Brontë^Zoë"}


def _read(raw: bytes) -> tuple[str, list[str]]:
    parsed = Hl7(raw)
    family = parsed.every("PID")[0][5][1].text
    return family, [note.code for note in parsed.notes.take()]


def _sent(charset: str, codec: str, pid: dict[int, str] = NAME) -> bytes:
    return message("ADT^A01", pid=pid, f18=charset).decode().encode(codec)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("UNICODE", "utf-8"),
        ("8859/1", "latin-1"),
        ("8859/15~UNICODE UTF-8", "iso8859-15"),
        ("GB 18030-2000", "gb18030"),
    ],
)
def test_the_character_set_named_is_used(charset: str, codec: str) -> None:
    assert _read(_sent(charset, codec)) == ("Brontë", [])


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_two_byte_unicode_is_recognised_with_and_without_a_mark(codec: str) -> None:
    assert _read(_sent("UNICODE", codec)) == ("Brontë", [])


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("", "latin-1"),
        ("ASCII", "utf-8"),
        ("ASCII", "latin-1"),
        ("UNICODE UTF-8", "latin-1"),
        ("UNICODE UTF-16", "utf-8"),
    ],
)
def test_another_encoding_than_named_is_read_with_a_finding(charset: str, codec: str) -> None:
    assert _read(_sent(charset, codec)) == ("Brontë", ["wrong-encoding"])


def test_windows_characters_under_the_name_of_latin_1_are_read_as_meant() -> None:
    raw = message("ADT^A01", pid=PATIENT, f18="8859/1").replace(b"Testperson", b"O\x92Sample")
    assert _read(raw) == ("O\u2019Sample", ["wrong-encoding"])


def test_a_character_set_nobody_knows_is_a_finding() -> None:
    assert _read(_sent("ISO IR87", "utf-8")) == ("Brontë", ["unknown-character-set"])


def test_ascii_needs_no_character_set() -> None:
    assert _read(message("ADT^A01", f18="ISO IR87"))[1] == []


def test_bytes_of_no_encoding_at_all_are_still_read() -> None:
    raw = message("ADT^A01", segment("NK1", {1: "1", 2: "Sample^Bo"})).replace(b"Bo", b"\x81\x8d\xff")
    translation = translate(raw)
    assert [fact.name for fact in translation.facts] == ["demographics", "next-of-kin/1"]
    assert "wrong-encoding" in {finding.code for finding in translation.findings}


def test_two_byte_unicode_is_split_and_translated() -> None:
    raw = (_sent("UNICODE", "utf-8") * 3).decode().encode("utf-16")
    parts = split(raw)
    assert [part.place for part in parts] == ["1", "2", "3"]
    assert [_read(part.raw) for part in parts] == [("Brontë", [])] * 3
    assert {part.sender_id for part in parts} == {"A0001"}
