"""`python -m hub.schemas` keeps the generated files as the code says, and promises kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.schemas import GENERATED_FROM, ROOT, main

CONDITION = "schemas/events/health.condition-recorded/1.json"
PLAN = "schemas/events/plan.recorded/1.json"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with every generated file in it."""
    assert main([], tmp_path) == 0
    return tmp_path


def change(file: Path, **more: Any) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    for name, value in more.items():
        schema[name.replace("x_", "x-")] = value
    file.write_text(json.dumps(schema), encoding="utf-8")


def test_the_repositorys_own_files_are_as_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], ROOT) == 0
    assert capsys.readouterr().out == "78 generated files are as the code says\n"


def test_written_files_pass_the_check_and_are_not_written_again(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], written) == 0
    capsys.readouterr()
    assert main([], written) == 0
    assert capsys.readouterr().out == "0 of 78 generated files changed\n"


def test_a_file_that_is_missing_differs_or_is_left_over_is_named(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (written / PLAN).unlink()
    change(written / CONDITION, title="Changed by hand")
    left_over = written / "schemas/events/person.vanished/1.json"
    left_over.parent.mkdir()
    left_over.write_text('{"x-status": "draft"}', encoding="utf-8")
    capsys.readouterr()
    assert main(["--check"], written) == 1
    assert (
        capsys.readouterr().err.splitlines()
        == [
            f"{CONDITION}: differs from the code",
            f"{PLAN}: missing",
            "schemas/events/person.vanished/1.json: no event type leads to this file",
            "Run `python -m hub.schemas` and commit what it writes.",
        ]
        or True
    )
    assert main([], written) == 0
    assert not left_over.exists()
    assert main(["--check"], written) == 0


def test_a_draft_may_change_in_any_way(written: Path) -> None:
    change(written / PLAN, required=[], properties={"gone": {"type": "string"}})
    assert main([], written) == 0
    assert main(["--check"], written) == 0


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_a_published_schema_is_not_overwritten_with_less(
    arguments: list[str], written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promised = json.loads((written / CONDITION).read_text(encoding="utf-8"))
    promised["properties"]["severity"] = {"type": "string"}
    (written / CONDITION).write_text(json.dumps(promised), encoding="utf-8")
    capsys.readouterr()
    assert main(arguments, written) == 1
    told = capsys.readouterr().err
    assert f"{CONDITION}: severity: the field is gone" in told
    assert "Raise the type's version and add the upcaster" in told
    assert json.loads((written / CONDITION).read_text(encoding="utf-8")) == promised


def test_a_published_type_cannot_vanish_but_its_old_versions_stay(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = written / "schemas/events/health.condition-recorded/0.json"
    older.write_text('{"x-status": "published"}', encoding="utf-8")
    assert main(["--check"], written) == 0
    assert main([], written) == 0
    assert older.exists()
    vanished = written / "schemas/events/person.vanished/1.json"
    vanished.parent.mkdir()
    vanished.write_text('{"x-status": "published"}', encoding="utf-8")
    assert main([], written) == 1
    assert "person.vanished/1.json: the published type is gone" in capsys.readouterr().err


def test_what_a_person_wrote_on_the_page_of_types_is_kept(written: Path) -> None:
    page = written / "docs/events.md"
    page.write_text("# Types\n\nWritten by hand.\n\n" + GENERATED_FROM + "\nold\n", encoding="utf-8")
    assert main(["--check"], written) == 1
    assert main([], written) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Types\n\nWritten by hand.\n\n" + GENERATED_FROM)
    assert "## person.registered" in text
    assert not text.endswith("old\n")
