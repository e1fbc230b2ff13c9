"""CSV of any agency, read as its mapping says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from adapters.csv_mapping.heading import layout_of
from adapters.csv_mapping.mapping import Stamp, bad_mapping, read_mapping, stamp_of
from adapters.csv_mapping.plan import Plan, compiled
from adapters.csv_mapping.rows import ROW_BYTES_MAX, ROW_TOO_LONG, UNCLOSED_QUOTE, Row, rows
from adapters.csv_mapping.translate import translated
from adapters.sdk.adapter import Finding, Message, Option, Setting, Translation
from events.errors import RejectedMessage, WrongSettings

_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_WHY = {
    UNCLOSED_QUOTE: "a quoted cell begins here and is not closed as it should be; the next line is read as a row",
    ROW_TOO_LONG: f"a row may have {ROW_BYTES_MAX} bytes at most; is a quote left open?",
}
_PLANS_MAX = 64


class CsvMappingAdapter:
    """Reads each row by the mapping in `options.mapping`.

    The mapping is given as the parsed content of its TOML file; `prepare` reads it from where the register names it.
    `options.order` is the file's date or sequence, for mappings that take their order from intake.
    """

    name = "csv_mapping"
    version = "1"
    title = "CSV of any agency, by a declarative mapping in TOML"
    options: tuple[Option, ...] = (
        Option("mapping", "the mapping's TOML file; its path counts from the register's folder", is_of_register=True),
        Option("order", "the file's date or sequence, where the mapping takes its order from intake"),
    )

    def __init__(self) -> None:
        self._plans: dict[int, tuple[Mapping[str, Any], Plan]] = {}
        self._files: dict[Path, tuple[Stamp | None, Mapping[str, Any]]] = {}

    def prepare(self, options: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
        """The options with the mapping's file read and checked; a relative path counts from the folder.

        Raises WrongSettings `no-mapping` or `bad-mapping`, listing every fault.
        """
        mapping = options.get("mapping")
        if isinstance(mapping, str):
            return {**options, "mapping": self._read(folder / mapping, mapping)}
        if not isinstance(mapping, Mapping):
            raise WrongSettings(
                "no-mapping",
                "no mapping is named",
                where="options.mapping",
                next_step="Name its TOML file in `options.mapping`.",
            )
        self._checked(mapping, "options.mapping")
        return options

    def _read(self, path: Path, shown: str) -> Mapping[str, Any]:
        """A file's content, read again only when the file has changed: a plan goes with it."""
        stamp = stamp_of(path)
        kept = self._files.get(path)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        content = read_mapping(path)
        self._checked(content, shown)
        self._files[path] = (stamp, content)
        return content

    def _checked(self, content: Mapping[str, Any], shown: str) -> Plan:
        try:
            return self._compiled(content)
        except WrongSettings as error:
            raise bad_mapping([error.what], shown) from error

    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        """One message a row, without the blank ones.

        Raises RejectedMessage `empty`, `wrong-encoding`, `missing-column`, `doubled-column`, `no-file-order`,
        `no-mapping` or `bad-mapping`: none of the rows could be read.
        """
        plan = self._plan(setting)
        plan.order_of(setting)  # refused before the first row, if it is missing
        all_rows = rows(raw, plan.dialect)
        header = _heading(all_rows, plan)
        layout = layout_of(plan, header)
        blanks = plan.dialect.blanks
        for row in all_rows:
            number, raw_row, fault = row
            if fault is not None:
                yield _faulty(row, header)
            elif raw_row.strip(blanks) or (layout.extra and f"row {number}" == layout.first_row):
                yield Message(f"row {number}", raw_row, None, None, header)

    def translate(self, message: Message, setting: Setting) -> Translation:
        try:
            plan = self._plan(setting)
            return translated(message, setting, plan, layout_of(plan, message.header or b""))
        except RejectedMessage as error:
            return Translation(quarantined=Finding(error.code, error.where or message.place, f"{error.what}."))

    def _plan(self, setting: Setting) -> Plan:
        content = setting.options.get("mapping")
        plan = self._kept(content)
        if plan is not None:
            return plan
        if not isinstance(content, Mapping):
            raise RejectedMessage(
                "no-mapping", "this system has no mapping", next_step="Name its TOML file in `options.mapping`."
            )
        try:
            return self._compiled(content)
        except WrongSettings as error:
            raise RejectedMessage(error.code, error.what, where=error.where, next_step=error.next_step) from error

    def _kept(self, content: object) -> Plan | None:
        kept = self._plans.get(id(content))
        return kept[1] if kept is not None and kept[0] is content else None

    def _compiled(self, content: Mapping[str, Any]) -> Plan:
        """The content's plan, kept beside the content, so that its identity stays its own."""
        plan = self._kept(content)
        if plan is None:
            plan = compiled(content)
            if len(self._plans) >= _PLANS_MAX:
                self._plans.clear()
            self._plans[id(content)] = (content, plan)
        return plan


def _heading(all_rows: Iterator[Row], plan: Plan) -> bytes:
    """The heading's bytes; what stands above it is passed over."""
    for number, row in enumerate(all_rows, start=1):
        if number == 1 and row.raw.startswith(_OTHER_MARKS):
            raise RejectedMessage(
                "wrong-encoding", "the file is in UTF-16", where="row 1", next_step="Save it as CSV in UTF-8."
            )
        if number <= plan.file.heading_rows:
            continue
        if row.fault is not None:
            raise RejectedMessage(row.fault, _WHY[row.fault], where=f"row {row.number}")
        return row.raw
    raise RejectedMessage("empty", "the file has no heading line", next_step="Send the file with its headings.")


def _faulty(row: Row, header: bytes) -> Message:
    place = f"row {row.number}"
    fault = row.fault or UNCLOSED_QUOTE
    return Message(place, row.raw, None, Finding(fault, place, _WHY[fault]), header)
