"""docs/events.md says what the catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from events.catalogue import TYPES
from events.catalogue.reference import reference

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "events.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """What stands under a heading of the page."""
    return re.split(r"^#{2,3} ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_page_ends_with_what_the_catalogue_says() -> None:
    assert PAGE.endswith(reference())


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_its_row_and_its_fields(name: str) -> None:
    payload = TYPES[name]
    row = next(line for line in section("All types").splitlines() if line.startswith(f"| [{name}]"))
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert cells[1] == f"`{payload.title}`".replace("|", "\\|")
    assert cells[2:] == [
        "yes" if payload.key_event else "",
        payload.retention,
        payload.sensitivity,
        str(payload.version),
        "published" if payload.published else "draft",
    ]
    told = set(re.findall(r"^\| (\w+)\*? \|", section(name) + section("Shared by every type but hub.*"), re.MULTILINE))
    assert set(payload.json_names()) <= told


def test_required_fields_are_marked() -> None:
    assert "| identifiers* | list of [Identifier](#identifier) |" in section("person.registered")
    assert "| birth_date | [FuzzyDate](#fuzzydate) |" in section("person.registered")


def test_rules_between_fields_are_told() -> None:
    assert "needs start unless status is offered; end is not before start" in section("appointment.booked")


def test_every_link_leads_to_a_heading_of_the_page() -> None:
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings
