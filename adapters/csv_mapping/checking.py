"""Everything that is wrong with a mapping whose form is right, found before the first row is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, get_args

from adapters.csv_mapping.dates import format_faults
from adapters.csv_mapping.mapping import CodeList, Column, Condition, CsvMapping, FactRule, OrderRule
from adapters.csv_mapping.templates import columns_of, faults_of, object_builder, whole_column
from events.catalogue import TYPES, Sensitivity, check_payload, check_retraction
from events.catalogue.shapes import SaidBy
from events.errors import RejectedMessage

# A free text fits its field if one of these does: words, a key, a language, a currency, a per cent, an event id.
_TEXTS = ("Some words", "some-words", "en", "GBP", "50", "0" * 64)
_EXAMPLES: Mapping[str, Any] = {"decimal": "1.50", "integer": 1, "boolean": True, "nhs-number": "9990000018"}


def mapping_faults(mapping: CsvMapping) -> list[str]:
    """Every fault, each naming the key it stands under."""
    parts = (_file_faults(mapping), _column_faults(mapping), _code_faults(mapping), _use_faults(mapping))
    faults = list(dict.fromkeys(chain(*parts)))
    for number, fact in enumerate(mapping.fact, start=1):
        if _can_be_tried(mapping, fact, f"fact {number}", faults):
            faults += _payload_faults(mapping, fact, f"fact {number}")
    return faults


def _can_be_tried(mapping: CsvMapping, fact: FactRule, where: str, faults: list[str]) -> bool:
    """Whether the type and every column that the payload names are sound."""
    columns = {name.partition(".")[0] for name in columns_of(fact.payload)}
    lists = {mapping.columns[name].codes for name in columns if name in mapping.columns}
    spoil = [f"{where}.type", f"{where}.payload"]
    spoil += [f"{table}.{name}" for table, names in (("columns", columns), ("codes", lists)) for name in names]
    return not any(fault.startswith((f"{each}.", f"{each}:")) for fault in faults for each in spoil)


def _file_faults(mapping: CsvMapping) -> Iterator[str]:
    if mapping.file.delimiter == mapping.file.quote:
        yield "file: delimiter and quote are the same sign"
    rule = mapping.order
    wanted = {"column": {"column"}, "file-name": {"pattern", "format"}}.get(rule.from_, set())
    for key in ("column", "pattern", "format"):
        if getattr(rule, key) is not None and key not in wanted:
            yield f"order.{key}: means nothing with from = {rule.from_}"
    column = mapping.columns.get(rule.column or "")
    if rule.from_ == "column" and (column is None or column.kind not in ("date", "integer")):
        yield "order.column: must name a column of kind date or integer"
    if rule.from_ == "file-name":
        yield from _pattern_faults(rule)


def _pattern_faults(rule: OrderRule) -> Iterator[str]:
    try:
        groups = re.compile(rule.pattern or "").groupindex
    except re.error as error:
        yield f"order.pattern: {error}"
        return
    if "order" not in groups:
        yield "order.pattern: needs a group (?P<order>...)"
    if rule.format is not None:
        yield from (f"order.format: {fault}" for fault in format_faults(rule.format, None))


def _column_faults(mapping: CsvMapping) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name, column in mapping.columns.items():
        for heading in column.headings or (name,):
            normal = " ".join(heading.split()).casefold()
            if seen.setdefault(normal, name) != name:
                yield f"columns.{name}: shares the heading `{heading}` with {seen[normal]}"
        yield from (f"columns.{name}.{fault}" for fault in _kind_faults(column, mapping))


def _kind_faults(column: Column, mapping: CsvMapping) -> Iterator[str]:
    given = column.model_fields_set
    wanted = {"date": {"formats", "pivot"}, "code": {"codes"}, "boolean": {"yes", "no"}, "text": {"separator"}}
    for key in ("formats", "pivot", "codes", "yes", "no", "separator"):
        if key in given and key not in wanted.get(column.kind, set()):
            yield f"{key}: means nothing for a column of kind {column.kind}"
    if column.kind == "date" and not column.formats:
        yield "formats: a date needs at least one, such as %d/%m/%Y"
    for text in column.formats:
        yield from (f"formats: `{text}` {fault}" for fault in format_faults(text, column.pivot))
    if column.kind == "code" and column.codes not in mapping.codes:
        yield "codes: must name one of the lists under [codes]"
    if column.filled and column.optional:
        yield "filled: a column that may be absent cannot have to be filled"
    if {word.casefold() for word in column.yes} & {word.casefold() for word in column.no}:
        yield "yes: shares a word with no"


def _code_faults(mapping: CsvMapping) -> Iterator[str]:
    used = {column.codes for column in mapping.columns.values()}
    for name, codes in mapping.codes.items():
        if name not in used:
            yield f"codes.{name}: no column uses it"
        folded = [code.casefold() for code in codes.values]
        if len(set(folded)) < len(folded):
            yield f"codes.{name}.values: two codes differ in case only"
        for code in codes.labels:
            if code not in codes.values:
                yield f"codes.{name}.labels: `{code}` is not among the values"


def _use_faults(mapping: CsvMapping) -> Iterator[str]:
    """Templates and conditions that name what is not there."""
    yield from _template_faults(mapping, "record.id", mapping.record.id)
    for number, skip in enumerate(mapping.skip, start=1):
        yield from _condition_faults(mapping, f"skip {number}", skip.when)
    yield from _said_faults(mapping, "defaults", mapping.defaults.model_dump())
    for number, fact in enumerate(mapping.fact, start=1):
        where = f"fact {number}"
        if fact.type not in TYPES or fact.type.startswith("hub."):
            yield f"{where}.type: the catalogue has no event type `{fact.type}`"
        yield from _template_faults(mapping, f"{where}.name", fact.name)
        yield from _condition_faults(mapping, f"{where}.when", fact.when)
        yield from _template_faults(mapping, f"{where}.payload", fact.payload)
        yield from _said_faults(mapping, where, fact.model_dump())
    names = [(fact.name, fact.type) for fact in mapping.fact]
    by_name = dict(reversed(names))
    for name, kind in names:
        if by_name[name] != kind:
            yield f"fact.name: `{name}` is used for two types; a fact has one type for ever"


def _template_faults(mapping: CsvMapping, where: str, value: Any) -> Iterator[str]:
    for text in _texts(value):
        yield from (f"{where}: {fault}" for fault in faults_of(text))
        is_alone = where.endswith(".payload") and whole_column(text) is not None
        for name in () if is_alone else columns_of(text):
            if name in mapping.columns and mapping.columns[name].separator:
                yield f"{where}: `{text}` puts the list in `{name}` into a text"
    for used in columns_of(value):
        name, _, part = used.partition(".")
        column = mapping.columns.get(name)
        if column is None:
            yield f"{where}: names the column `{name}`, which is not under [columns]"
        elif part == "label" and not getattr(_codes_of(mapping, name), "labels", None):
            yield f"{where}: `{used}` needs labels in the column's code list"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(_texts(each) for each in value.values())
    elif isinstance(value, list | tuple):
        yield from chain.from_iterable(_texts(each) for each in value)


def _condition_faults(mapping: CsvMapping, where: str, condition: Condition) -> Iterator[str]:
    for name in (*condition.filled, *condition.empty, *condition.is_, *condition.is_not):
        if name not in mapping.columns:
            yield f"{where}: names the column `{name}`, which is not under [columns]"


def _said_faults(mapping: CsvMapping, where: str, said: Mapping[str, Any]) -> Iterator[str]:
    for key in ("time", "recorded_time"):
        column = said[key]
        if column is not None and (column not in mapping.columns or mapping.columns[column].kind != "date"):
            yield f"{where}.{key}: must name a column of kind date"
    for key, allowed in (("said_by", get_args(SaidBy)), ("sensitivity", get_args(Sensitivity))):
        text = said[key]
        if text is None:
            continue
        column = whole_column(text)
        if column is not None:
            codes = _codes_of(mapping, column)
            given = set(codes.values.values()) if codes else set()
            if not codes or not given <= set(allowed):
                yield f"{where}.{key}: the column needs a code list whose words are {', '.join(allowed)}"
        elif text not in allowed:
            yield f"{where}.{key}: must be one of {', '.join(allowed)}, or a column in braces"


def _codes_of(mapping: CsvMapping, column: str) -> CodeList | None:
    found = mapping.columns.get(column)
    return mapping.codes.get(found.codes) if found is not None and found.codes else None


# ---- does the payload fit its type?


def _payload_faults(mapping: CsvMapping, fact: FactRule, where: str) -> Iterator[str]:
    """Tries the payload with an example for every column, once for each word of its code lists."""
    names = list(dict.fromkeys(columns_of(fact.payload)))
    build = object_builder(fact.payload, names.index)
    tried = [_examples(mapping, name) for name in names]
    rounds = max([1, *(len(each) for each in tried)])
    for number in range(rounds):
        values = [each[min(number, len(each) - 1)] for each in tried]
        fault = _fault_of(fact, lambda text, values=values: build([text if each is None else each for each in values]))
        if fault is not None:
            yield f"{where}.payload: {fault}"
            return


def _examples(mapping: CsvMapping, name: str) -> list[Any]:
    """Values that a column may have; None stands for free text."""
    column_name, _, part = name.partition(".")
    column = mapping.columns[column_name]
    if part or column.kind == "text":
        return [None] if part or column.separator is None else [["Some words"]]
    if column.kind == "date":
        return [_example_date(text) for text in column.formats]
    codes = _codes_of(mapping, column_name)
    if codes is not None:
        others = ["other"] if codes.unknown == "other" else []
        return [*dict.fromkeys(codes.values.values()), *others]
    return [_EXAMPLES[column.kind]]


def _example_date(text: str) -> str:
    for letter, example in (("H", "2024-01-02T03:04:05+00:00"), ("d", "2024-01-02")):
        if f"%{letter}" in text:
            return example
    return "2024-01" if any(f"%{letter}" in text for letter in "mbB") else "2024"


def _fault_of(fact: FactRule, payload_with: Any) -> str | None:
    """What is wrong with the payload whatever free texts say, if anything is."""
    last: RejectedMessage | None = None
    common: set[str] | None = None
    for text in _TEXTS:
        try:
            if fact.action == "assert":
                check_payload(fact.type, payload_with(text))
            else:
                check_retraction(payload_with(text))
        except RejectedMessage as error:
            paths = set(error.where.split(", "))
            common = paths if common is None else common & paths
            last = error
        else:
            return None
    return last.what if last is not None and common else None
