"""Every version of a published type, read again for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from events.canonical import canonical, strict_loads
from events.catalogue import TYPES, check_payload, title_of
from events.catalogue.told import Told
from events.upcasters import upcast

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
CASES = sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob("*/*/*.json"))
SHARED = frozenset(Told.json_names())


def read(case: str) -> tuple[str, int, Any]:
    name, version, _ = case.split("/")
    return name, int(version), strict_loads((GOLDEN / case).read_bytes())


@pytest.mark.parametrize("case", CASES)
def test_a_golden_event_is_still_taken(case: str) -> None:
    name, version, payload = read(case)
    current, told = upcast(name, version, payload)
    assert current == TYPES[name].version
    check_payload(name, dict(told))


@pytest.mark.parametrize("case", CASES)
def test_a_golden_event_fits_the_schema_it_was_written_for(case: str) -> None:
    name, version, payload = read(case)
    schema = json.loads((ROOT / "schemas" / "events" / name / f"{version}.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(payload)


@pytest.mark.parametrize("case", CASES)
def test_a_golden_event_has_a_title_and_the_same_canonical_bytes_whichever_way_it_came(case: str) -> None:
    name, _, payload = read(case)
    title = title_of(name, payload)
    assert title
    assert not set(title) & set("{}[]?|")
    whole = canonical(payload)
    assert canonical(strict_loads(whole)) == whole
    assert canonical(dict(reversed(payload.items()))) == whole


def test_every_published_type_has_golden_events_of_every_version() -> None:
    wanted = {
        f"{name}/{v}" for name, payload in TYPES.items() if payload.published for v in range(1, payload.version + 1)
    }
    assert {case.rpartition("/")[0] for case in CASES} == wanted


def test_golden_events_together_fill_every_field_of_every_published_type() -> None:
    empty = {name: set(payload.json_names()) - SHARED for name, payload in TYPES.items() if payload.published}
    for case in CASES:
        name, _, payload = read(case)
        empty[name] -= set(payload)
    assert {name: sorted(fields) for name, fields in empty.items() if fields} == {}
