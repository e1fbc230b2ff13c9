"""The samples that come with the adapter: one person's story in every kind of message."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import hl7
import pytest
from hl7apy.parser import parse_message

from adapters.hl7v2.tokens import Hl7
from tests.adapters.hl7v2.builders import ADAPTER, SETTING, check

SAMPLES = Path(__file__).resolve().parents[3] / "adapters" / "hl7v2" / "samples"

EXPECTED = {
    "admission": {
        "demographics",
        "visit/V20250001/start",
        "next-of-kin/1",
        "allergy/91936005",
        "visit/V20250001/diagnosis/D77",
    },
    "appointment": {"identity", "appointment/AP88121/booked"},
    "batch": {"demographics", "identity", "appointment/AP88121/outcome"},
    "cancelled-admission": {"demographics", "visit/V20250001/start"},
    "discharge": {"demographics", "visit/V20250001/end"},
    "letter": {"identity", "document/DOC5521"},
    "merge": {"demographics", "merged"},
    "results": {"identity", "result/L9907/718-7", "result/L9907/1988-5", "result/L9907/COM"},
    "vaccination": {"identity", "vaccination/VAC3310"},
}


def test_every_sample_has_its_story() -> None:
    assert {path.stem for path in SAMPLES.glob("*.hl7")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_becomes_its_facts_without_a_finding(name: str) -> None:
    names: set[str | None] = set()
    for part in ADAPTER.split(BytesIO((SAMPLES / f"{name}.hl7").read_bytes()), SETTING):
        translation = ADAPTER.translate(part, SETTING)
        check(translation)
        assert translation.findings == ()
        assert all(fact.findings == () for fact in translation.facts)
        names |= {fact.name for fact in translation.facts}
    assert names == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"batch"}))
def test_python_hl7_and_hl7apy_read_the_same_person(name: str) -> None:
    raw = (SAMPLES / f"{name}.hl7").read_bytes()
    pid = Hl7(raw).every("PID")[0]
    ours = [(repeat[1].text, repeat[4].text) for repeat in pid[3].repeats], pid[5][1].text, pid[7].text
    first = hl7.parse(raw.decode())
    theirs = [(str(repeat[0]), str(repeat[3])) for repeat in first.segment("PID")[3]]
    assert ours == (theirs, str(first["PID.F5.R1.C1"]), str(first["PID.F7"]))
    second = parse_message(raw.decode(), find_groups=False).pid
    theirs = [(repeat.cx_1.value, repeat.cx_4.hd_1.to_er7()) for repeat in second.pid_3]
    assert ours == (theirs, second.pid_5.xpn_1.fn_1.to_er7(), second.pid_7.to_er7())
