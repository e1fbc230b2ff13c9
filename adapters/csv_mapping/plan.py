"""A mapping made ready: every column has its place, every template is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from adapters.csv_mapping.cells import Reader, reader_of
from adapters.csv_mapping.dates import date_reader
from adapters.csv_mapping.mapping import CodeList, Column, Condition, CsvMapping, FactRule
from adapters.csv_mapping.rows import Dialect
from adapters.csv_mapping.soundness import sound_mapping
from adapters.csv_mapping.templates import Slots, columns_of, object_builder, text_builder, whole_column
from adapters.sdk.adapter import Action, Setting
from events.errors import RejectedMessage
from events.order import parse_order

Holds = Callable[[Slots], bool]
Text = Callable[[Slots], str | None]


@dataclass(frozen=True, slots=True)
class FactPlan:
    """One fact of a row."""

    type: str
    action: Action
    holds: Holds | None
    name: Text
    payload: Callable[[Slots], dict[str, Any]]
    time: int | None
    recorded_time: int | None
    said_by: Text
    sensitivity: Text
    own_codes: tuple[tuple[str, int, int, str | None], ...]  # field, slots of code and label, code system
    columns: frozenset[int]  # the own slots of all that it is told by


class Plan:
    """A compiled mapping; the same object serves every row of every file."""

    def __init__(self, mapping: CsvMapping) -> None:
        self.mapping = mapping
        self.columns: tuple[tuple[str, Column], ...] = tuple(mapping.columns.items())
        self.file = mapping.file
        self.dialect = Dialect(mapping.file.delimiter, mapping.file.quote)
        self.empty = frozenset({"", *mapping.file.empty})
        self._slots = {f"{name}.own": slot for slot, (name, _) in enumerate(self.columns)}
        self._read: list[tuple[int, Column]] = []  # the own slot and column of each slot behind the own ones
        self._labels: list[tuple[int, CodeList]] = []
        self._place()
        # The own slot, for its heading, and the slot of the value of each column that has to be filled.
        self.filled = tuple(
            (own, self._slots[name]) for own, (name, column) in enumerate(self.columns) if column.filled
        )
        self.skips = tuple((each.reason, self._holds(each.when, "{}.own")) for each in mapping.skip)
        self.record_type = mapping.record.type
        self.record_id = text_builder(mapping.record.id, self._slots.__getitem__)
        self.order_slot = self._slots[mapping.order.column] if mapping.order.column else None
        self.facts = tuple(self._fact(each) for each in mapping.fact)
        self.readers = lru_cache(maxsize=8)(self._readers)
        self._file_order = lru_cache(maxsize=64)(self._order_from)

    def _place(self) -> None:
        """Gives a slot to each column that is read, and to each code's label that somebody wants."""
        for own, (name, column) in enumerate(self.columns):
            if reader_of(column, self._codes(column), _UTC) is None:
                self._slots[name] = own
            else:
                self._slots[name] = len(self.columns) + len(self._read)
                self._read.append((own, column))
        for own, (name, column) in enumerate(self.columns):
            codes = self._codes(column)
            if codes is not None and codes.labels:
                self._slots[f"{name}.label"] = len(self.columns) + len(self._read) + len(self._labels)
                self._labels.append((own, codes))

    def _codes(self, column: Column) -> CodeList | None:
        return self.mapping.codes.get(column.codes) if column.codes else None

    def _readers(self, zone: str) -> tuple[tuple[int, Reader, bool], ...]:
        """For each slot behind the own ones: the slot it is read from, how, and whether an unknown code rejects."""
        made: list[tuple[int, Reader, bool]] = []
        for own, column in self._read:
            codes = self._codes(column)
            reader = reader_of(column, codes, ZoneInfo(zone))
            if reader is not None:
                made.append((own, reader, codes is not None and codes.unknown == "reject"))
        made.extend((own, _label_reader(codes), False) for own, codes in self._labels)
        return tuple(made)

    def order_of(self, setting: Setting) -> str | None:
        """The order that the whole file has, if the mapping counts on one. Raises RejectedMessage `no-file-order`."""
        if self.mapping.order.from_ in ("column", "arrival"):
            return None
        given = setting.options.get("order")
        return self._file_order(setting.file_name, None if given is None else str(given))

    def _order_from(self, file_name: str | None, given: str | None) -> str | None:
        """The order of the whole file. Raises RejectedMessage `no-file-order` where the mapping counts on one."""
        rule = self.mapping.order
        if rule.from_ == "intake":
            order, missing = given, "give the file's date or sequence: --option order=2025-03-31"
        else:
            order, missing = self._order_in(file_name), "the file's name has to match the mapping's order.pattern"
        if order is None or parse_order(order) is None or _DAY_FIRST.fullmatch(order):
            raise RejectedMessage("no-file-order", "the file has no order to be read by", next_step=f"{missing}.")
        return order

    def _order_in(self, file_name: str | None) -> str | None:
        rule = self.mapping.order
        found = re.search(rule.pattern or "", file_name or "")
        if found is None:
            return None
        text = found["order"]
        if rule.format is None:
            return text
        value, _ = date_reader((rule.format,), None, _UTC)(text)
        return value if isinstance(value, str) else None

    def _fact(self, rule: FactRule) -> FactPlan:
        defaults = self.mapping.defaults
        slot_of = self._slots.__getitem__
        return FactPlan(
            rule.type,
            rule.action,
            None if rule.when == Condition() else self._holds(rule.when, "{}"),
            text_builder(rule.name, slot_of),
            object_builder(rule.payload, slot_of),
            self._slot(rule.time or defaults.time),
            self._slot(rule.recorded_time or defaults.recorded_time),
            self._said(rule.said_by or defaults.said_by),
            self._said(rule.sensitivity or defaults.sensitivity),
            tuple(self._own_codes(rule)),
            frozenset(self._columns(rule)),
        )

    def _columns(self, rule: FactRule) -> Iterator[int]:
        defaults = self.mapping.defaults
        told = (rule.payload, rule.name, rule.said_by or defaults.said_by, rule.sensitivity or defaults.sensitivity)
        times = (rule.time or defaults.time, rule.recorded_time or defaults.recorded_time)
        for name in (*columns_of(told), *filter(None, times)):
            yield self._slots[f"{name.partition('.')[0]}.own"]

    def _slot(self, column: str | None) -> int | None:
        return None if column is None else self._slots[column]

    def _said(self, text: str | None) -> Text:
        return text_builder(text, self._slots.__getitem__) if text is not None else lambda slots: None

    def _own_codes(self, rule: FactRule) -> list[tuple[str, int, int, str | None]]:
        """The payload's fields whose value is a translated code: the sender's own is kept beside it."""
        found = []
        for field, value in rule.payload.items():
            column = whole_column(value)
            read = self.mapping.columns.get(column) if column is not None else None
            codes = self._codes(read) if read is not None else None
            if codes is not None:
                own = self._slots[f"{column}.own"]
                found.append((field, own, self._slots.get(f"{column}.label", -1), codes.system))
        return found

    def _holds(self, condition: Condition, filled_slot: str) -> Holds:
        """A condition's test; `filled_slot` says whether a cell counts as filled as it stands, or once it was read."""
        filled = [self._slots[filled_slot.format(name)] for name in condition.filled]
        empty = [self._slots[f"{name}.own"] for name in condition.empty]
        is_one = [(self._slots[f"{name}.own"], _folded(words)) for name, words in condition.is_.items()]
        is_none = [(self._slots[f"{name}.own"], _folded(words)) for name, words in condition.is_not.items()]

        def holds(slots: Slots) -> bool:
            return (
                all(slots[slot] is not None for slot in filled)
                and all(slots[slot] is None for slot in empty)
                and all((slots[slot] or "").casefold() in words for slot, words in is_one)
                and all((slots[slot] or "").casefold() not in words for slot, words in is_none)
            )

        return holds


def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)


def _label_reader(codes: CodeList) -> Reader:
    labels = {code.casefold(): label for code, label in codes.labels.items()}
    return lambda text: (labels.get(text.casefold()), None)


_UTC = ZoneInfo("UTC")
# By its form 31/03/2025 is an order, three integers: it would put every first of a month before every second.
_DAY_FIRST = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}")


def compiled(content: Mapping[str, Any]) -> Plan:
    """The plan of a mapping's content. Raises WrongSettings `bad-mapping`, listing every fault."""
    return Plan(sound_mapping(content))
