"""Acknowledgements: in the sender's delimiters, sender and receiver swapped, read back by python-hl7."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import hl7
import pytest

from adapters.hl7v2.acks import Verdict, acknowledgement, header_of
from tests.adapters.hl7v2.builders import message

NOW = datetime(2025, 7, 14, 10, 0, 0, tzinfo=timezone(timedelta(hours=1)))


def _ack(raw: bytes, verdict: Verdict = "AA", text: str = "Stored as R-1") -> bytes:
    return acknowledgement(header_of(raw), verdict, text, control_id="ACK1", now=NOW)


def _read(ack: bytes) -> Any:
    return hl7.parse(ack.decode("latin-1"))


def test_sender_and_receiver_change_places() -> None:
    read = _read(_ack(message("ADT^A01^ADT_A01", f5="HUB^1.2^ISO", f6="COUNCIL", f11="T", f12="2.5.1")))
    fields = [str(read[f"MSH.F{number}"]) for number in (3, 4, 5, 6)]
    assert fields == ["HUB", "COUNCIL", "PAS", "RX9"]
    assert str(read.segment("MSH")[3]) == "HUB^1.2^ISO"
    assert [str(read.segment("MSH")[number]) for number in (7, 10, 11, 12)] == [
        "20250714090000+0000",
        "ACK1",
        "T",
        "2.5.1",
    ]
    assert str(read.segment("MSH")[9]) == "ACK^A01"


def test_it_names_the_message_and_the_receipt() -> None:
    read = _read(_ack(message("ADT^A01", f10="C-77")))
    assert [str(field) for field in read.segment("MSA")] == ["MSA", "AA", "C-77", "Stored as R-1"]
    assert [str(segment[0]) for segment in read] == ["MSH", "MSA"]


@pytest.mark.parametrize(("verdict", "code"), [("AE", "207"), ("AR", "200")])
def test_a_refusal_says_why_in_msa_and_err(verdict: Verdict, code: str) -> None:
    read = _read(_ack(message("ADT^A01"), verdict, "disk-full: try again later"))
    assert str(read.segment("MSA")[1]) == verdict
    err = read.segment("ERR")
    assert (str(err[3][0][0]), str(err[4]), str(err[8])) == (code, "E", "disk-full: try again later")


def test_it_speaks_in_the_senders_delimiters_and_escapes_them_in_its_text() -> None:
    raw = b"MSH#*+!%#PAS#RX9#HUB#COUNCIL#20250114##ADT*A01#C1#P#2.4\rPID###1\r"
    lines = _ack(raw, "AE", "a#b*c+d!e%f|g").split(b"\r")
    assert lines[0] == b"MSH#*+!%#HUB#COUNCIL#PAS#RX9#20250714090000+0000##ACK*A01#ACK1#P#2.4"
    assert lines[1] == b"MSA#AE#C1#a!F!b!S!c!R!d!E!e!T!f|g"


def test_what_is_copied_stays_in_the_senders_character_set() -> None:
    raw = message("ADT^A01", f4="Zoë", f10="ë1", f18="8859/1").decode().encode("latin-1")
    ack = _ack(raw)
    assert b"|Zo\xeb|" in ack
    assert b"|\xeb1|" in ack
    assert ack.split(b"\r")[0].endswith(b"|2.4||||||8859/1")


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (message("ADT^A01"), True),
        (b"\xef\xbb\xbf" + message("ADT^A01"), True),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + message("ADT^A01") + b"BTS|1\r", True),
        (b"junk\r" + message("ADT^A01"), True),
        (b"", False),
        (b"PID|||1\r", False),
        (b'{"id": 1}', False),
        (b"MSH^^^^^^\r", False),
    ],
)
def test_the_header_of_a_frame_is_its_first_messages(raw: bytes, found: bool) -> None:
    header = header_of(raw)
    assert (header is not None) is found
    assert header is None or header.startswith("MSH|")


def test_what_is_no_hl7_is_answered_in_the_usual_delimiters() -> None:
    ack = acknowledgement(None, "AR", "not-hl7: no", control_id="ACK1", now=NOW.astimezone(UTC))
    assert [line.split(b"|")[:2] for line in ack.split(b"\r")[:2]] == [[b"MSH", b"^~\\&"], [b"MSA", b"AR"]]
    assert _read(ack).segment("MSA")[2] == [""]


def test_a_short_or_hostile_header_is_answered_too() -> None:
    for raw in (b"MSH|^~\\&", b"MSH|\x00\x01|\x02|||\x1c", b"MSH|^~\\&|" + b"x" * 5000, b"MSH|~~~~|a|b|c|d|e||A|\xff"):
        ack = _ack(raw)
        assert ack.startswith(b"MSH|")
        assert not set(ack) & {0, 1, 2, 0x0B, 0x1C, 0x0A}
