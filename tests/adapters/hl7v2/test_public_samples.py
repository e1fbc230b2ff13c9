"""The public messages, as real senders send them: what each trigger must at least become, read off by hand.

The reader below is the test's own: bytes, lines and bars, nothing of the adapter.
"""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO
from pathlib import Path

import hl7
import pytest
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from adapters.hl7v2.tokens import Hl7
from adapters.sdk.adapter import Translation
from tests.adapters.hl7v2.builders import ADAPTER, SETTING, check
from tests.adapters.hl7v2.test_tokens import _as_lists, _judged_by_python_hl7

pytestmark = pytest.mark.samples

MESSAGES = 83
# From the mapping: (type, action) that a message of the trigger leads to at least once.
LEAST = {
    "ADT^A01": [("person.registered", "assert"), ("episode.started", "assert")],
    "ADT^A02": [("person.registered", "assert"), ("episode.changed", "assert")],
    "ADT^A03": [("person.registered", "assert"), ("episode.ended", "assert")],
    "ADT^A04": [("person.registered", "assert"), ("episode.started", "assert")],
    "ADT^A05": [("person.registered", "assert"), ("episode.changed", "assert")],
    "ADT^A06": [("person.registered", "assert"), ("episode.changed", "assert")],
    "ADT^A07": [("person.registered", "assert"), ("episode.changed", "assert")],
    "ADT^A08": [("person.registered", "assert"), ("episode.started", "assert"), ("episode.ended", "assert")],
    "ADT^A11": [("person.registered", "assert"), ("episode.started", "withdraw")],
    "ADT^A13": [("person.registered", "assert"), ("episode.ended", "withdraw")],
    "ADT^A28": [("person.registered", "assert")],
    "ADT^A29": [("person.registered", "withdraw")],
    "ADT^A31": [("person.registered", "assert")],
    "ADT^A40": [("person.registered", "assert"), ("person.identifier-changed", "assert")],
    "SIU^S12": [("person.registered", "assert"), ("appointment.booked", "assert")],
    "SIU^S13": [("person.registered", "assert"), ("appointment.booked", "assert")],
    "SIU^S14": [("person.registered", "assert"), ("appointment.booked", "assert")],
    "SIU^S15": [("person.registered", "assert"), ("appointment.outcome-recorded", "assert")],
    "SIU^S17": [("person.registered", "assert"), ("appointment.booked", "withdraw")],
    "SIU^S26": [("person.registered", "assert"), ("appointment.outcome-recorded", "assert")],
    "ORU^R01": [("person.registered", "assert"), ("health.result-recorded", "assert")],
    "MDM^T02": [("person.registered", "assert"), ("document.shared", "assert")],
    "VXU^V04": [("person.registered", "assert"), ("health.immunisation-recorded", "assert")],
}
NOBODY = {"sample-v2.3-oru-r01-1.hl7", "sample-v2.3.1-oru-r01-1.hl7"}  # PID-3 a placeholder, and none
# Visit facts belong to the triggers of visits alone: A28, A31 and the rest have a PV1 too.
NO_VISIT = {"ADT^A28", "ADT^A31", "ADT^A29", "ADT^A40"} | {kind for kind in LEAST if not kind.startswith("ADT")}


def _lines(raw: bytes) -> list[list[str]]:
    text = raw.decode("utf-8-sig")
    return [line.split("|") for line in re.split(r"[\r\n]+", text) if line.strip()]


def _every(lines: list[list[str]], name: str) -> list[list[str]]:
    return [line + [""] * 60 for line in lines if line[0] == name]


def _trigger(lines: list[list[str]]) -> str:
    return "^".join(lines[0][8].strip().split("^")[:2])


@pytest.fixture(scope="module")
def files(request: pytest.FixtureRequest) -> dict[str, bytes]:
    folder: Path = request.getfixturevalue("samples") / "hl7v2"
    found = {path.name: path.read_bytes() for path in sorted(folder.rglob("*.hl7"))}
    assert len(found) == MESSAGES
    return found


@pytest.fixture(scope="module")
def translations(files: dict[str, bytes]) -> dict[str, Translation]:
    told = {}
    for name, raw in files.items():
        (part,) = ADAPTER.split(BytesIO(raw), SETTING)
        told[name] = ADAPTER.translate(part, SETTING)
        check(told[name])
    return told


def test_every_message_is_cut_out_and_none_is_lost(files: dict[str, bytes]) -> None:
    whole = b"\r".join(files.values())
    counted = len(re.findall(rb"(?:^|[\r\n])(?:\xef\xbb\xbf)?MSH\|", whole))
    assert counted == MESSAGES
    parts = list(ADAPTER.split(BytesIO(whole), SETTING))
    assert [part.fault for part in parts] == [None] * counted


def test_each_message_becomes_one_thing(translations: dict[str, Translation]) -> None:
    became = Counter(
        "quarantined" if each.quarantined else "not mapped" if each.not_mapped else "facts"
        for each in translations.values()
    )
    assert sum(became.values()) == MESSAGES
    assert {name for name, each in translations.items() if each.quarantined} == NOBODY


def test_only_triggers_not_listed_are_not_mapped_and_by_name(
    files: dict[str, bytes], translations: dict[str, Translation]
) -> None:
    for name, raw in files.items():
        trigger = _trigger(_lines(raw))
        expected = None if trigger in LEAST else f"trigger {trigger}"
        assert (name, translations[name].not_mapped) == (name, expected)


def test_every_trigger_becomes_at_least_what_it_implies(
    files: dict[str, bytes], translations: dict[str, Translation]
) -> None:
    seen = Counter()
    for name, raw in files.items():
        trigger = _trigger(_lines(raw))
        if trigger not in LEAST or name in NOBODY:
            continue
        seen[trigger] += 1
        told = {(fact.type, fact.action) for fact in translations[name].facts}
        assert (name, set(LEAST[trigger]) - told) == (name, set())
    assert seen == Counter(
        {**dict.fromkeys(LEAST, 1), "ADT^A01": 2, "ADT^A04": 4, "ORU^R01": 7, "MDM^T02": 2, "VXU^V04": 4, "SIU^S12": 2}
    )


def test_what_a_change_of_a_visit_is_follows_its_trigger(
    files: dict[str, bytes], translations: dict[str, Translation]
) -> None:
    change = {"ADT^A02": "location", "ADT^A05": "planned", "ADT^A06": "class", "ADT^A07": "class"}
    for name, raw in files.items():
        trigger = _trigger(_lines(raw))
        told = [fact.payload["change"] for fact in translations[name].facts if fact.type == "episode.changed"]
        assert (name, told) == (name, [change[trigger]] if trigger in change else [])


def test_only_visits_triggers_tell_of_visits(files: dict[str, bytes], translations: dict[str, Translation]) -> None:
    for name, raw in files.items():
        if _trigger(_lines(raw)) in NO_VISIT:
            assert not [fact for fact in translations[name].facts if fact.type.startswith("episode.")]


def test_every_row_of_a_list_is_a_fact(files: dict[str, bytes], translations: dict[str, Translation]) -> None:
    for name, raw in files.items():
        translation, lines = translations[name], _lines(raw)
        trigger = _trigger(lines)
        if not translation.facts or trigger in ("ADT^A29", "ADT^A40"):
            continue
        types = Counter(fact.type for fact in translation.facts)
        relatives = [row for row in _every(lines, "NK1") if "".join(row[2:]).strip()]
        assert (name, types["circle.relationship-changed"]) == (name, len(relatives))
        assert (name, types["health.allergy-recorded"]) == (name, len(_every(lines, "AL1")))
        assert (name, types["health.condition-recorded"]) == (name, len(_every(lines, "DG1")))
        if trigger == "VXU^V04":
            assert (name, types["health.immunisation-recorded"]) == (name, len(_every(lines, "RXA")))
        if trigger == "ORU^R01":
            observed = [row for row in _every(lines, "OBX") if row[3].strip()]
            assert (name, types["health.result-recorded"]) == (name, len(observed))


def test_a_death_is_told_where_the_message_tells_one(
    files: dict[str, bytes], translations: dict[str, Translation]
) -> None:
    for name, raw in files.items():
        lines = _lines(raw)
        if not translations[name].facts or _trigger(lines) == "ADT^A29":
            continue
        says_so = any(row[30].strip().upper() == "Y" for row in _every(lines, "PID"))
        told = [fact for fact in translations[name].facts if fact.type == "person.died"]
        assert (name, len(told)) == (name, int(says_so))


def test_one_number_under_three_authorities_is_three_records(translations: dict[str, Translation]) -> None:
    records = {fact.local_id for each in translations.values() for fact in each.facts}
    assert {"test1|PATID1234", "ADT1|PATID1234", "NIST MPI|PATID1234", "GENHOS|191919"} <= records
    assert not [record for record in records if "00000-0000000" in record]


def test_the_only_nhs_number_is_told_as_one(translations: dict[str, Translation]) -> None:
    told = {
        name: identifier["value"]
        for name, each in translations.items()
        for fact in each.facts
        for identifier in fact.payload.get("identifiers", ())
        if identifier.get("system") == "https://fhir.nhs.uk/Id/nhs-number"
    }
    assert list(told) == ["MDM-T02-03.hl7"]


def test_an_appointment_is_in_the_year_of_ais_not_of_sch(translations: dict[str, Translation]) -> None:
    booked = {
        name: fact.payload["start"]
        for name, each in translations.items()
        for fact in each.facts
        if fact.type == "appointment.booked" and fact.action == "assert"
    }
    assert booked["SIU-S12-01.hl7"] == "2021-09-24T09:30:00+02:15"
    assert booked["SIU-S12_1.hl7"] == "2020-10-04T11:26:00+02:15"  # AIS-4 empty: TQ1-7


def test_birth_dates_are_as_written(files: dict[str, bytes], translations: dict[str, Translation]) -> None:
    for name, raw in files.items():
        for fact in translations[name].facts:
            if fact.type == "person.registered" and "birth_date" in fact.payload:
                written = _every(_lines(raw), "PID")[0][7]
                assert fact.payload["birth_date"].replace("-", "") == written[: len("YYYYMMDD")]


def test_python_hl7_reads_the_same_parts(files: dict[str, bytes]) -> None:
    judged = 0
    for name, raw in files.items():
        try:
            theirs = _judged_by_python_hl7(raw)
        except (hl7.HL7Exception, IndexError):
            continue
        judged += 1
        assert (name, _as_lists(raw)) == (name, theirs)
    assert judged >= MESSAGES - 5


def test_hl7apy_reads_the_same_person_where_it_can(files: dict[str, bytes]) -> None:
    judged = 0
    for name, raw in files.items():
        text = re.sub(r"[\r\n]+", "\r", raw.decode("utf-8-sig"))
        try:
            theirs = [each.to_er7().rstrip("^") for each in parse_message(text, find_groups=False).pid.pid_3]
        except (HL7apyException, AttributeError, IndexError):
            continue
        judged += 1
        pid = Hl7(raw).first("PID")
        ours = [repeat.raw.rstrip("^") for repeat in pid[3].repeats] if pid else []
        assert (name, ours) == (name, theirs)
    assert judged >= 20
