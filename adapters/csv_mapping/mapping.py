"""What a mapping may say, key by key; docs/adapters/csv_mapping.md explains each with an example."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from events.errors import WrongSettings

# All of these write line feeds, quotes and commas as ASCII does, so rows can be cut before they are decoded.
Encoding = Literal["utf-8", "utf-8-sig", "ascii", "cp1252", "cp850", "iso-8859-1", "iso-8859-15"]
Kind = Literal["text", "date", "decimal", "integer", "boolean", "code", "nhs-number"]
ColumnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Stamp = tuple[int, int, int]
Words = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FileRules(_Table):
    """How the file is written."""

    encoding: Encoding = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    heading_rows: int = Field(default=0, ge=0, le=100)
    empty: tuple[str, ...] = ()
    extra_columns: Literal["finding", "ignore"] = "finding"

    @field_validator("delimiter", "quote")
    @classmethod
    def _is_a_sign(cls, sign: str) -> str:
        if sign and (not sign.isascii() or sign.isalnum() or sign in " \r\n\0"):
            raise ValueError("must be one ASCII sign, no letter, digit, blank or line end")
        return sign


class Column(_Table):
    """One column: by which headings it is known and how its cells are read."""

    headings: Words | None = None
    optional: bool = False
    filled: bool = False
    kind: Kind = "text"
    formats: tuple[str, ...] = ()
    pivot: int | None = Field(default=None, ge=0, le=99)
    codes: str | None = None
    yes: Words = ("y", "yes", "true", "1")
    no: Words = ("n", "no", "false", "0")
    separator: str | None = Field(default=None, min_length=1, max_length=3)


class CodeList(_Table):
    """The sender's codes and the words of ours that they mean."""

    values: Mapping[str, str] = Field(min_length=1)
    labels: Mapping[str, str] = {}
    system: str | None = None
    unknown: Literal["reject", "other", "finding"] = "finding"


class Condition(_Table):
    """True where all of its parts are; cells are compared as they stand, without regard to case."""

    filled: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    is_: Mapping[str, Words] = Field(default={}, alias="is")
    is_not: Mapping[str, Words] = {}


class Skip(_Table):
    """Rows that have nothing for a timeline."""

    reason: str = Field(min_length=1)
    when: Condition


class Record(_Table):
    """The source record that a row is about."""

    type: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    id: str = Field(min_length=1)


class OrderRule(_Table):
    """Where the order of a row's facts comes from."""

    from_: Literal["column", "intake", "file-name", "arrival"] = Field(alias="from")
    column: str | None = None
    pattern: str | None = None
    format: str | None = None


class Said(_Table):
    """What the envelope says beside the fact; texts may hold columns in braces."""

    time: str | None = None
    recorded_time: str | None = None
    said_by: str | None = None
    sensitivity: str | None = None


class FactRule(Said):
    """One fact that a row may tell."""

    type: str
    name: str = Field(min_length=1)
    action: Literal["assert", "withdraw", "void"] = "assert"
    when: Condition = Condition()
    payload: Mapping[str, Any] = {}


class CsvMapping(_Table):
    """A whole mapping."""

    title: str = Field(min_length=1)
    file: FileRules = FileRules()
    columns: Mapping[ColumnName, Column] = Field(min_length=1)
    codes: Mapping[str, CodeList] = {}
    record: Record
    order: OrderRule
    skip: tuple[Skip, ...] = ()
    defaults: Said = Said()
    fact: tuple[FactRule, ...] = Field(min_length=1)


def stamp_of(path: Path) -> Stamp | None:
    """What changes when a file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_mapping(path: Path) -> dict[str, Any]:
    """The content of a mapping's TOML file. Raises WrongSettings `no-mapping` or `bad-mapping`."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise WrongSettings(
            "no-mapping",
            "the mapping cannot be read",
            where=path.name,
            next_step="`options.mapping` names a TOML file beside the register of agencies.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise bad_mapping([f"not TOML in UTF-8: {error}"], path.name) from error


def bad_mapping(faults: list[str], where: str = "mapping") -> WrongSettings:
    return WrongSettings(
        "bad-mapping", "; ".join(faults), where=where, next_step="docs/adapters/csv_mapping.md explains every key."
    )
