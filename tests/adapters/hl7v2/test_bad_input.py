"""Whatever comes in, no exception but RejectedMessage comes out, and nothing of a person stands in a finding."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.adapter import Message, Translation
from events.canonical import canonical
from events.errors import RejectedMessage
from events.order import parse_order
from tests.adapters.hl7v2.builders import ADAPTER, PATIENT, SETTING, VISIT, check, facts, findings, message, segment
from tests.adapters.hl7v2.builders import translate as translate_one
from tests.counts import times

SAMPLES = Path(__file__).resolve().parents[3] / "adapters" / "hl7v2" / "samples"
OWN = [path.read_bytes() for path in sorted(SAMPLES.glob("*.hl7"))]


def _through(raw: bytes) -> list[Translation]:
    """Everything a stream becomes; each translation is sound, or the whole is refused."""
    try:
        parts = list(ADAPTER.split(BytesIO(raw), SETTING))
    except RejectedMessage:
        return []
    translations = [ADAPTER.translate(part, SETTING) for part in parts]
    for part, translation in zip(parts, translations, strict=True):
        assert len(part.raw) <= len(raw) + 2
        check(translation)
        for fact in translation.facts:
            canonical(fact.payload)
            assert fact.local_id.strip()
            assert fact.order is None or parse_order(fact.order) is not None
    return translations


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(raw: bytes) -> None:
    _through(raw)
    _through(b"MSH|^~\\&|" + raw)
    ADAPTER.translate(Message("1", raw), SETTING)


_LETTERS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
_FIELD = st.one_of(
    st.sampled_from(["", '""', "4471^^^RX9^MR", "20250114093000", "2025", "99991231235959", "Y", "D", "|", "\\X00\\"]),
    st.sampled_from(["^~&\\", "~~~", "^^^^^^", "1e9", "\x00", "\udcff".encode("utf-8", "replace").decode(), "000"]),
    _LETTERS,
)
_NAMES = ["EVN", "PID", "PD1", "NK1", "PV1", "PV2", "AL1", "DG1", "MRG", "SCH", "TQ1", "AIS", "AIL", "AIP"]
_SEGMENT = st.builds(
    lambda name, fields: "|".join([name, *fields]),
    st.sampled_from([*_NAMES, "ORC", "OBR", "OBX", "TXA", "RXA", "ZZZ"]),
    st.lists(_FIELD, max_size=46),
)
_TRIGGERS = ["ADT^A01", "ADT^A03", "ADT^A05", "ADT^A06", "ADT^A08", "ADT^A12", "ADT^A40", "SIU^S12", "SIU^S26"]


@given(
    kind=st.sampled_from([*_TRIGGERS, "SIU^S17", "ORU^R01", "MDM^T02", "VXU^V04"]),
    segments=st.lists(_SEGMENT, max_size=8),
    time=_FIELD,
)
def test_any_fields_of_any_segments_are_findings_at_most(kind: str, segments: list[str], time: str) -> None:
    if "|" in time:
        time = ""
    raw = message(kind, *segments, pid={**PATIENT, 29: "20250101"}, f7=time)
    for translation in _through(raw):
        assert translation.quarantined is None or translation.quarantined.code in {"not-hl7", "no-trigger"}


@pytest.mark.parametrize("whole", OWN, ids=lambda raw: str(len(raw)))
def test_a_message_cut_anywhere_never_names_another_record(whole: bytes) -> None:
    records = {fact.local_id for translation in _through(whole) for fact in translation.facts}
    for length in range(0, len(whole), max(1, len(whole) // times(120, proof=10_000))):
        for translation in _through(whole[:length]):
            assert {fact.local_id for fact in translation.facts} <= records


@given(
    whole=st.sampled_from(OWN),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_flipped_bytes_are_taken_or_refused(whole: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(whole)
    for place, byte in changes:
        changed[place % len(changed)] = byte
    _through(bytes(changed))


def test_nul_bytes_are_left_out_with_a_finding() -> None:
    raw = message("ADT^A31", pid={**PATIENT, 5: "Test\0person^Wil\0helmina"})
    (fact,) = translate_one(raw).facts
    assert fact.payload["names"] == [{"family": "Testperson", "given": ["Wilhelmina"]}]
    assert findings(translate_one(raw)) >= {("control-characters", "PID-5.1"), ("control-characters", "PID-5.2")}


def test_text_from_the_message_keeps_no_control_characters_but_tab_and_newline() -> None:
    raw = message("ORU^R01", "OBR|1||R1", "OBX|1|TX|C^Comment||a\x01\x1b[31mb\x7f\tc\\X00\\\\.br\\d")
    assert facts(raw)["result/R1/C"].payload["value"] == {"text": "a[31mb\tc\nd"}


def test_a_part_that_could_not_be_cut_out_keeps_its_fault() -> None:
    parts = list(ADAPTER.split(BytesIO(b"garbage"), SETTING))
    translation = ADAPTER.translate(parts[0], SETTING)
    assert translation.quarantined is not None
    assert (translation.quarantined.code, translation.facts) == ("not-hl7", ())


def test_findings_never_hold_what_a_field_holds() -> None:
    marked = "Xyzzyperson"
    wrong = dict.fromkeys(range(3, 40), marked) | {3: f"4471^^^RX9^MR~{marked}^^^^{marked} {marked}"}
    segments = [segment(name, dict.fromkeys(range(1, 40), marked)) for name in ("NK1", "AL1", "DG1", "PV1")]
    for raw in (
        message("ADT^A01", *segments, pid=wrong),
        message("ADT^A01", *segments, pid={3: "0", 5: marked}),
        message("SIU^S12", segment("SCH", {2: marked}), segment("AIS", {4: marked}), pid=wrong),
        message("ORU^R01", f"OBX|1|NM|{marked}||{marked}||||||{marked}|||{marked}", pid=wrong),
        message(f"{marked}^{marked}", pid=wrong),
    ):
        translation = translate_one(raw)
        own = [*translation.findings, *(each for fact in translation.facts for each in fact.findings)]
        own += [translation.quarantined] if translation.quarantined else []
        assert own
        assert marked not in str(own)
        assert translation.not_mapped is None


def test_a_message_of_nothing_but_junk_lines_is_read_in_time() -> None:
    raw = message("ADT^A01", *["x"] * 250_000, segment("PV1", VISIT))
    assert "visit/V1/start" in facts(raw)


def test_a_field_of_nothing_but_escapes_is_read_in_time() -> None:
    raw = message("MDM^T02", "TXA|1|||||||||||D1", "OBX|1|TX|D||" + "\\" * 500_000)
    assert findings(translate_one(raw)) == {("unknown-escape", "OBX-5")}
