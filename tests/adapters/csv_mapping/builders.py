"""A small mapping, and what the adapter makes of rows read by it."""

from __future__ import annotations

import io
import tomllib
from typing import Any

from adapters.csv_mapping.adapter import CsvMappingAdapter
from adapters.sdk.adapter import Message, Setting, Translation

ADAPTER = CsvMappingAdapter()
HEADER = "Ref,Person,Kind,Day,End"

MAPPING = """
title = "Visits"

[columns]
ref = { headings = ["Ref", "Reference"], filled = true }
person = { headings = ["Person"] }
kind = { headings = ["Kind"], kind = "code", codes = "kind" }
day = { headings = ["Day"], kind = "date", formats = ["%d/%m/%Y"] }
end = { headings = ["End"], kind = "date", formats = ["%d/%m/%Y"] }

[codes.kind]
values = { T = "phone", V = "home-visit" }

[record]
type = "client"
id = "{person}"

[order]
from = "arrival"

[[fact]]
type = "contact.occurred"
name = "visit/{ref}"

[fact.payload]
channel = "{kind}"
effective.start = "{day}"
"""


def mapping(more: str = "", **changes: tuple[str, str]) -> dict[str, Any]:
    """The mapping with texts replaced, old by new, and more TOML at its end."""
    text = MAPPING
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    return tomllib.loads(text + more)


def setting(content: dict[str, Any] | None = None, file_name: str | None = "visits.csv", **options: Any) -> Setting:
    return Setting("oakfield-council", "care", file_name, "Europe/London", {"mapping": content or mapping(), **options})


def split(content: str | bytes, under: Setting | None = None) -> list[Message]:
    raw = content if isinstance(content, bytes) else content.encode()
    return list(ADAPTER.split(io.BytesIO(raw), under or setting()))


def read(rows: str | bytes, under: Setting | None = None, header: str = HEADER) -> list[Translation]:
    """What becomes of rows below the heading."""
    under = under or setting()
    raw = rows if isinstance(rows, bytes) else rows.encode()
    return [ADAPTER.translate(each, under) for each in split(header.encode() + b"\n" + raw, under)]


def codes(translation: Translation) -> list[tuple[str, str]]:
    """Codes and places of a row's findings, the reason for its quarantine first."""
    found = [*translation.findings, *(each for fact in translation.facts for each in fact.findings)]
    if translation.quarantined is not None:
        found.insert(0, translation.quarantined)
    return [(each.code, each.where) for each in found]
