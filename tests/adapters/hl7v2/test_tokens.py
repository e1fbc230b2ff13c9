"""The tokeniser: HL7's encoding rules, with python-hl7 and hl7apy as judges."""

from __future__ import annotations

import hl7
import pytest
from hl7apy.core import Message as Hl7apyMessage
from hl7apy.parser import parse_message

from adapters.hl7v2.tokens import Hl7, NotHl7Error, Segment
from tests.adapters.hl7v2.builders import PATIENT, VISIT, header, message, segment


def _only(text: str, name: str = "OBX") -> tuple[Hl7, Segment]:
    parsed = Hl7(f"{header()}\r{text}\r".encode())
    found = parsed.first(name)
    assert found is not None
    return parsed, found


def _text(raw: str, *, end: str = "\r") -> str:
    return Hl7(f"{header()}{end}OBX|1|ST|X||{raw}{end}".encode()).every("OBX")[0][5].whole


def test_fields_are_numbered_as_in_the_standard() -> None:
    msh = Hl7(message("ADT^A01")).segments[0]
    assert (msh[1].raw, msh[2].raw, msh[9].raw, msh[10].text) == ("|", "^~\\&", "ADT^A01", "A0001")
    assert msh[9][2].text == "A01"
    assert msh[99].text == ""


def test_delimiters_come_from_the_header() -> None:
    parsed = Hl7(b"MSH#*+!%#PAS#RX9#####ADT*A01\rPID###4471***RX9%1.2%ISO*MR+77***OTHER\r")
    pid = parsed.every("PID")[0]
    assert [repeat[1].text for repeat in pid[3].repeats] == ["4471", "77"]
    assert [pid[3][4][number].text for number in (1, 2, 3)] == ["RX9", "1.2", "ISO"]
    assert parsed.segments[0][9][2].text == "A01"


@pytest.mark.parametrize("declared", ["^~", "^~\\", "", "^^^^", "AB~\\", "^~\\&#"])
def test_short_or_unusable_delimiters_leave_the_usual_ones(declared: str) -> None:
    parsed = Hl7(f"MSH|{declared}|PAS\rPID|||4471^^^RX9~88\r".encode())
    assert [repeat[1].text for repeat in parsed.every("PID")[0][3].repeats] == ["4471", "88"]
    codes = [note.code for note in parsed.notes.take()]
    assert codes == ([] if declared == "^~\\&#" else ["bad-delimiters"])  # the fifth is truncation, v2.7


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"MSH", b"MSHA|^~\\&", b"MSH ^~\\&", b"PID|||1", b"\x00\x01\x02"])
def test_what_does_not_begin_with_a_header_is_no_message(raw: bytes) -> None:
    with pytest.raises(NotHl7Error):
        Hl7(raw)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (r"A\T\E", "A&E"),
        (r"1\S\2\F\3\R\4\E\5", "1^2|3~4\\5"),
        (r"one\.br\two\.sp2\three", "one\ntwo\n\nthree"),
        (r"caf\XC3A9\ \X0D0A\tea", "café \ntea"),
        (r"\H\bold\N\ plain\.in+4\ text\.ce\.", "bold plain text."),
        (r"trunc\P\ated", "trunc#ated"),
    ],
)
def test_escapes_are_undone(raw: str, meant: str) -> None:
    assert _text(raw) == meant


@pytest.mark.parametrize("raw", [r"C:\temp\notes", r"a\b", "end\\", r"\X1\ ", r"\Zlocal\ text"])
def test_what_is_no_escape_stays_as_written_with_a_finding(raw: str) -> None:
    parsed, obx = _only(f"OBX|1|ST|X||{raw}")
    assert obx[5].whole == raw.strip()
    assert [(note.code, note.where) for note in parsed.notes.take()] == [("unknown-escape", "OBX-5")]


def test_an_escaped_backslash_does_not_begin_another_escape() -> None:
    assert _text(r"C:\E\temp\E\F\T\G") == r"C:\temp\F&G"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_any_line_end_ends_a_segment(end: str) -> None:
    parsed = Hl7(message("ADT^A01", segment("PV1", VISIT), end=end))
    assert [each.name for each in parsed] == ["MSH", "PID", "PV1"]


def test_a_byte_order_mark_blanks_and_blank_lines_are_forgiven() -> None:
    raw = b"\xef\xbb\xbf" + header().encode() + b"\r\r  \r  PID|||4471 \r"
    parsed = Hl7(raw)
    assert [each.name for each in parsed] == ["MSH", "PID"]
    assert parsed.every("PID")[0][3].text == "4471"


def test_local_segments_are_kept_apart() -> None:
    parsed = Hl7(f"{header()}\rZPD|local|data\rPID|||4471\r".encode())
    assert [each.name for each in parsed] == ["MSH", "ZPD", "PID"]


def test_a_line_that_is_no_segment_goes_on_from_the_one_before() -> None:
    parsed, obx = _only("OBX|1|TX|X||first line\nsecond line|||||F")
    assert (obx[5].whole, obx[10].text) == ("first line\nsecond line", "F")
    assert [note.code for note in parsed.notes.take()] == ["line-without-segment"]


def test_control_characters_are_left_out_with_a_finding() -> None:
    parsed, obx = _only("OBX|1|ST|X||a\0b\x07c\td")
    assert obx[5].whole == "abc\td"
    assert [(note.code, note.where) for note in parsed.notes.take()] == [("control-characters", "OBX-5")]


def test_the_null_value_says_nothing() -> None:
    _, pid = _only('PID|||""||""^Ada', "PID")
    assert (bool(pid[3]), pid[3].text, pid[3].repeats, pid[5][1].text, pid[5][2].text) == (False, "", [], "", "Ada")


def test_places_are_told_in_the_senders_words() -> None:
    parsed = Hl7(f"{header()}\rOBX|1\rOBX|2||a^b~c^d&e\rPID|||x".encode())
    second = parsed.every("OBX")[1]
    assert second.where == "OBX(2)"
    assert [repeat[2].where for repeat in second[3].repeats] == ["OBX(2)-3(1).2", "OBX(2)-3(2).2"]
    assert second[3].repeats[1][2][2].where == "OBX(2)-3(2).2.2"
    assert parsed.every("PID")[0][3].repeats[0][1].where == "PID-3.1"


def test_nothing_says_that_the_last_field_of_an_unended_message_is_whole() -> None:
    cut = b"PID|||447"
    for line, is_cut in ((cut, True), (cut + b"^^^R", True), (cut + b"\r", False), (cut + b"|", False)):
        parsed = Hl7(header().encode() + b"\r" + line)
        assert parsed.is_cut_in(parsed.every("PID")[0], 3) is is_cut


# ---- judges

_FULL = message(
    "ADT^A01",
    segment("PV1", VISIT | {3: "WARD7^BAY2^BED4^RX9", 7: "C1^Exemplar^Noor~C2^Sampleton^Jo"}),
    r"AL1|1|DA|1^Nuts \T\ seeds^L|SV|Rash~Swelling",
    pid={**PATIENT, 3: "4471^^^RX9&1.2.3&ISO^MR~9990007063^^^NHS^NH", 11: "7 Row^^Exampleton^^ZZ99 3VZ"},
)


def _as_lists(raw: bytes) -> list[list[list[list[list[str]]]]]:
    """Segments, fields, repeats, components, subcomponents, by our reader, undecoded."""
    parsed = Hl7(raw)
    told = []
    for each in parsed:
        fields = [each[number] for number in range(1, len(each.line.split("|")) + (each.name == "MSH"))]
        told.append([_parts(field.raw) for field in fields] if each.name != "MSH" else _header_parts(each))
    return told


def _parts(raw: str) -> list[list[list[str]]]:
    return [[part.split("&") for part in repeat.split("^")] for repeat in raw.split("~")]


def _header_parts(msh: Segment) -> list[list[list[list[str]]]]:
    return [_parts(msh[number].raw) for number in range(3, len(msh.line.split("|")) + 1)]


def _judged_by_python_hl7(raw: bytes) -> list[list[list[list[list[str]]]]]:
    told = []
    for each in hl7.parse(raw.decode("utf-8-sig").replace("\r\n", "\r").replace("\n", "\r")):
        fields = list(each)[3 if str(each[0]) == "MSH" else 1 :]
        told.append([[[_subs(part) for part in _comps(repeat)] for repeat in field] for field in fields])
    return told


def _comps(repeat: object) -> list[object]:
    return list(repeat) if isinstance(repeat, list) else [repeat]


def _subs(part: object) -> list[str]:
    return [str(sub) for sub in part] if isinstance(part, list) else [str(part)]


def test_python_hl7_reads_the_same_parts() -> None:
    assert _as_lists(_FULL) == _judged_by_python_hl7(_FULL)


def test_hl7apy_reads_the_same_values() -> None:
    judge: Hl7apyMessage = parse_message(_FULL.decode(), find_groups=False)
    ours = Hl7(_FULL)
    pid, pv1 = ours.every("PID")[0], ours.every("PV1")[0]
    assert [repeat[1].text for repeat in pid[3].repeats] == [each.cx_1.value for each in judge.pid.pid_3]
    assert pid[3][4][2].text == judge.pid.pid_3[0].cx_4.hd_2.to_er7()
    assert pid[5][2].text == judge.pid.pid_5.xpn_2.value
    assert [repeat[2].text for repeat in pv1[7].repeats] == [each.xcn_2.value for each in judge.pv1.pv1_7]
    assert ours.every("AL1")[0][3][2].text == "Nuts & seeds"
    assert [each.value for each in judge.al1.al1_5] == [repeat.text for repeat in ours.every("AL1")[0][5].repeats]
