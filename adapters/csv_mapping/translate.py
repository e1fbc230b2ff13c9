"""One row to the facts that a mapping finds in it."""

from __future__ import annotations

from typing import Any

from adapters.csv_mapping.heading import Layout
from adapters.csv_mapping.plan import FactPlan, Plan
from adapters.csv_mapping.templates import Slots
from adapters.sdk.adapter import Fact, Finding, Message, Setting, Translation
from events.order import instant_ns

_WORDS = {
    "ambiguous-time": "this local time came twice, when the clocks went back; the first is taken",
    "bad-boolean": "neither yes nor no; left out",
    "bad-date": "not a real date in any of the column's formats; left out",
    "bad-decimal": "not a decimal number; left out",
    "bad-integer": "not a whole number; left out",
    "bad-nhs-number": "not ten digits with the right check digit; left out",
    "nonexistent-time": "this local time never was, since the clocks went forward",
    "unknown-code": "not in the column's code list; add it there or correct the file",
}
_NO_CELL = ("",)


def translated(message: Message, setting: Setting, plan: Plan, layout: Layout) -> Translation:
    """Facts of a row. Raises RejectedMessage `no-file-order` where the mapping counts on an order of the file."""
    order = plan.order_of(setting)
    slots, odd = _slots(message, plan, layout)
    if slots is None:
        return Translation(quarantined=odd[0])
    findings: list[Finding] = []
    if layout.extra and message.place == layout.first_row:
        findings += [Finding("extra-column", f"column {each}", "the mapping does not know it") for each in layout.extra]
    if not any(slots[: len(layout.indexes)]):
        return Translation(not_mapped="blank row", findings=tuple(findings))
    for reason, holds in plan.skips:
        if holds(slots):
            return Translation(not_mapped=reason, findings=tuple(findings))
    rejected = _read(slots, message.place, setting.zone, plan, layout, findings)
    if rejected is not None:
        return Translation(quarantined=rejected, findings=tuple(each for each in findings if each != rejected))
    local_id = plan.record_id(slots)
    if local_id is None:
        return Translation(quarantined=_empty_key(message.place, "the record's id"), findings=tuple(findings))
    if plan.order_slot is not None:
        order = _own_order(slots[plan.order_slot], message.place, findings)
    return _facts(message.place, slots, plan, layout, local_id, order, findings)


def _slots(message: Message, plan: Plan, layout: Layout) -> tuple[Slots | None, list[Finding]]:
    """The row's cells by column, None where a cell is empty; or why they cannot be told apart."""
    raw = message.raw
    if b"\0" in raw:
        return None, [Finding("nul-byte", message.place, "the row holds a zero byte; export the file again")]
    try:
        text = raw.decode(plan.file.encoding)
    except UnicodeDecodeError:
        return None, [Finding("wrong-encoding", message.place, f"the row is not in {plan.file.encoding}")]
    cells = plan.dialect.cells(text)
    if len(cells) != layout.width:
        counted = f"the row has {len(cells)} cells and the heading {layout.width}"
        return None, [Finding("wrong-cell-count", message.place, f"{counted}; quote cells that hold a delimiter")]
    cells += _NO_CELL  # what a column that is not there reads
    empty = plan.empty
    return [None if (cell := cells[index].strip()) in empty else cell for index in layout.indexes], []


def _read(slots: Slots, place: str, zone: str, plan: Plan, layout: Layout, findings: list[Finding]) -> Finding | None:
    """Reads the cells of columns that are more than text, behind the row's own; says why the row is rejected, if so."""
    rejected: Finding | None = None
    for own, reader, rejects in plan.readers(zone):
        text = slots[own]
        if text is None:
            slots.append(None)
            continue
        value, code = reader(text)
        slots.append(value)
        if code is not None:
            finding = Finding(code, f"{place}, column {layout.headings[own]}", _WORDS[code])
            findings.append(finding)
            if rejects or (value is None and plan.columns[own][1].filled):
                rejected = rejected or finding
    if rejected is not None:
        return rejected
    for own, slot in plan.filled:
        if slots[slot] is None:
            return Finding("empty-cell", f"{place}, column {layout.headings[own]}", "this column has to be filled")
    return None


def _own_order(value: Any, place: str, findings: list[Finding]) -> str | None:
    if value is None:
        findings.append(Finding("no-order", place, "the row gives no order; its arrival counts"))
        return None
    return str(value)


def _facts(
    place: str,
    slots: Slots,
    plan: Plan,
    layout: Layout,
    local_id: str,
    order: str | None,
    findings: list[Finding],
) -> Translation:
    facts, told_by = [], []
    for fact in plan.facts:
        if fact.holds is not None and not fact.holds(slots):
            continue
        name = fact.name(slots)
        if name is None:
            return Translation(quarantined=_empty_key(place, f"the name of {fact.type}"), findings=tuple(findings))
        told_by.append(fact.columns)
        facts.append(
            Fact(
                plan.record_type,
                local_id,
                fact.type,
                name,
                _payload(fact, slots),
                fact.action,
                order,
                "file" if order is not None else "arrival",
                False,
                _instant(fact.time, slots, place, "time", findings),
                _instant(fact.recorded_time, slots, place, "recorded_time", findings),
                fact.said_by(slots),
                fact.sensitivity(slots),
            )
        )
    if not facts:
        return Translation(not_mapped="no fact of the mapping applies to the row", findings=tuple(findings))
    if findings:
        facts = [_noted(fact, by, place, layout, findings) for fact, by in zip(facts, told_by, strict=True)]
    return Translation(tuple(facts), tuple(findings))


def _noted(fact: Fact, told_by: frozenset[int], place: str, layout: Layout, findings: list[Finding]) -> Fact:
    """The fact with the findings of the columns it is told by, taken from the row's: who reads it has to see them.

    A finding stays one: it stands with the first fact that misses the value.
    """
    cells = {f"{place}, column {layout.headings[own]}" for own in told_by}
    noted = tuple(finding for finding in findings if finding.where in cells)
    findings[:] = [finding for finding in findings if finding.where not in cells]
    return fact._replace(findings=noted) if noted else fact


def _payload(fact: FactPlan, slots: Slots) -> dict[str, Any]:
    payload = fact.payload(slots)
    if not fact.own_codes or fact.action != "assert":
        return payload
    coded = dict(payload.get("coded", {}))
    for field, own, label, system in fact.own_codes:
        if (code := slots[own]) is not None:
            coded[field] = {"code": code}
            if system is not None:
                coded[field]["system"] = system
            if label >= 0 and slots[label] is not None:
                coded[field]["display"] = slots[label]
    if coded:
        payload["coded"] = coded
    return payload


def _instant(slot: int | None, slots: Slots, place: str, what: str, findings: list[Finding]) -> str | None:
    """The value if it is an instant; a mere date is no instant and is left out, with a finding."""
    value = None if slot is None else slots[slot]
    if value is None:
        return None
    if isinstance(value, str) and len(value) > 10 and instant_ns(value) is not None:
        return value
    finding = Finding("not-an-instant", f"{place}, {what}", "needs a date with its time; left out")
    if finding not in findings:
        findings.append(finding)
    return None


def _empty_key(place: str, what: str) -> Finding:
    return Finding("empty-key", place, f"{what} is made of an empty or unreadable cell")
