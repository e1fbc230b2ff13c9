"""ORU R01: results, one fact an observation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.hl7v2.codes import INTERPRETATION_WORDS, RESULT_STATUS
from adapters.hl7v2.fields import Shape, coded, entity, first, in_words, listed, told
from adapters.hl7v2.moments import moment
from adapters.hl7v2.reading import ENTERED_IN_ERROR, Patient, code_key, effective, name_part, with_coded
from adapters.hl7v2.tokens import Part, Segment
from adapters.sdk.adapter import Finding

RESULT = "health.result-recorded"
_NUMBER = re.compile(r"([+-]?)0*(\d{0,18})(?:\.(\d{0,9}))?", re.ASCII)
_COMPARATORS = frozenset({"<", "<=", ">=", ">"})
_TEXT_TYPES = frozenset({"", "ST", "TX", "FT", "IS", "ID", "TM"})
_NOT_CARRIED = frozenset({"ED", "RP", "HD"})  # documents and pointers: kept in the receipt, not in events


@dataclass(slots=True)
class _Observation:
    """An OBX with its OBR, and what names it."""

    obx: Segment
    obr: Segment | None
    number: str  # of the report; "" where OBR gives none
    when: str | None
    name: str
    findings: tuple[Finding, ...]
    lines: list[str]  # of text, from all OBX of one name


def results(patient: Patient) -> None:
    """Each OBX of a patient, named by its order. Lines of one text that share a name are one result."""
    obr: Segment | None = None
    texts: dict[str, _Observation] = {}
    seen: Counter[str] = Counter()
    found: list[_Observation] = []
    for segment in patient.segments:
        if segment.name == "OBR":
            obr = segment
        observation = _observation(patient, segment, obr) if segment.name == "OBX" else None
        if observation is None:
            continue
        if observation.lines and observation.name in texts:
            texts[observation.name].lines += observation.lines
            continue
        if observation.lines:
            texts[observation.name] = observation
        found.append(observation)
    for observation in found:
        seen[observation.name] += 1
        _result(patient, observation, seen[observation.name])


def _observation(patient: Patient, obx: Segment, obr: Segment | None) -> _Observation | None:
    """Its name is `result/<OBR-3 or OBR-2>/<OBX-3>/<OBX-4>`; for a report without a number its time stands in."""
    notes = patient.notes
    code = code_key(obx[3])
    if not code:
        notes.add("no-observation-code", obx.where + "-3", "It does not say what was observed.")
        return None
    since = notes.mark
    when = moment(obx[14], patient.zone, notes) or (moment(obr[7], patient.zone, notes) if obr else None)
    number = (entity(obr[3]) or entity(obr[2])) if obr else ""
    if not number:
        notes.add("no-report-number", "OBR-3", "The time of the observation names it.")
    report = name_part(number) if number else patient.moment_name(when)
    name = f"result/{report}/{code}/{name_part(obx[4].text)}".rstrip("/")
    lines = [obx[5].whole] if obx[2].text.upper() in _TEXT_TYPES else []
    return _Observation(obx, obr, number, when, name, notes.take(since), lines)


def _result(patient: Patient, observation: _Observation, nth: int) -> None:
    notes, obx, obr = patient.notes, observation.obx, observation.obr
    since = notes.mark
    for finding in observation.findings:
        notes.add(finding.code, finding.where, finding.detail)
    name = observation.name
    if nth > 1:
        # Told again in one message under one name, the second would hide the first.
        notes.add("repeated-observation", obx.where + "-4", "OBX-3 and OBX-4 come again in one report.")
        name = f"{name}/{nth}"
    own_status = obx[11].text.upper()
    if own_status in ("D", "W"):
        patient.withdraw(RESULT, name, ENTERED_IN_ERROR if own_status == "W" else {}, since=since)
        return
    status, coded_status = listed(obx[11], RESULT_STATUS, "0085", notes)
    code = coded(obx[3]) or {}
    payload = told(
        report_id=observation.number,
        category=coded(obr[24]) if obr else None,
        status=status,
        code=code,
        interpretation=in_words(coded(first(obx[8])), INTERPRETATION_WORDS),
        reference_range=obx[7].whole,
        effective=effective(observation.when),
    ) | _values(patient, obx, code, "\n".join(observation.lines).strip())
    patient.say(RESULT, name, with_coded(payload, status=coded_status), since=since)


def _values(patient: Patient, obx: Segment, code: Shape, text: str) -> Shape:
    """`value`, or `components` where OBX-5 repeats."""
    kind = obx[2].text.upper()
    if kind in _TEXT_TYPES:
        return {"value": {"text": text}} if text else {}
    read = _READERS.get(kind)
    if read is None:
        if obx[5]:
            what = "Documents and pointers" if kind in _NOT_CARRIED else "Values of this type"
            patient.notes.add("value-not-carried", obx.where + "-5", f"{what} are kept in the receipt only.")
        return {}
    values = [value for value in (read(patient, repeat, obx) for repeat in obx[5].repeats) if value]
    if len(values) > 1:
        return {"components": [{"code": code, "value": value} for value in values]}
    return {"value": values[0]} if values else {}


def decimal(text: str) -> str | None:
    """A number as the catalogue writes decimals, its zeros behind the point kept; None for no number."""
    found = _NUMBER.fullmatch(text)
    if found is None or not (found[2] or found[3] or "0" in text):
        return None
    fraction = f".{found[3]}" if found[3] else ""
    sign = "-" if found[1] == "-" else ""
    return f"{sign}{found[2] or '0'}{fraction}"


def _quantity(value: str, obx: Segment, comparator: str = "") -> Shape:
    unit = obx[6]
    own = coded(unit) or {}
    return told(
        value=value,
        comparator=comparator,
        unit=own.get("display") or own.get("text") or own.get("code"),
        system=own.get("system"),
        code=own.get("code") if "system" in own else None,
    )


def _numeric(patient: Patient, part: Part, obx: Segment) -> Shape | None:
    value = decimal(part.text)
    if value is not None:
        return {"quantity": _quantity(value, obx)}
    patient.notes.add("not-a-number", part.where, "OBX-2 says that it is a number; it is kept as text.")
    return {"text": part.whole} if part.whole else None


def _structured(_: Patient, part: Part, obx: Segment) -> Shape | None:
    """SN: a comparator and a number, else its parts as text."""
    comparator, first_number, separator, second = (part.at(n) for n in (1, 2, 3, 4))
    value = decimal(first_number)
    if value is not None and not second and comparator in _COMPARATORS | {"", "="}:
        return {"quantity": _quantity(value, obx, comparator.strip("=") if comparator == "=" else comparator)}
    text = f"{comparator}{first_number}{separator}{second}"
    return {"text": text} if text else None


def _coded(_: Patient, part: Part, __: Segment) -> Shape | None:
    code = coded(part)
    return {"coded": code} if code else None


def _dated(patient: Patient, part: Part, _: Segment) -> Shape | None:
    date = moment(part, patient.zone, patient.notes)
    if date:
        return {"date": date}
    return {"text": part.whole} if part.whole else None


_READERS: dict[str, Callable[[Patient, Part, Segment], dict[str, Any] | None]] = {
    "NM": _numeric,
    "SN": _structured,
    **dict.fromkeys(("CE", "CF", "CNE", "CWE"), _coded),
    **dict.fromkeys(("DT", "TS", "DTM"), _dated),
}
