"""What the documents say of commands, settings and the register is what the code does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from adapters.sdk.register import read_register
from hub.access.door import ROLES
from hub.cli.app import AREAS, app_for
from hub.cli.exit_codes import MEANINGS
from hub.settings import read_settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_LINK = r"\]\((?!https?:|#)([^)#]+)"
OF_EVERY_COMMAND = {"--home", "--json", "--as"}


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def commands() -> Iterator[tuple[str, set[str]]]:
    """Every command by its words, with its long options."""

    def walk(command: typer.core.TyperCommand | typer.core.TyperGroup, words: str) -> Iterator[tuple[str, set[str]]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            given = {option for each in command.params for option in each.opts if option.startswith("--")}
            yield words, given - {"--help"}
            return
        for name, each in inner.items():
            yield from walk(each, f"{words} {name}")

    yield from walk(get_command(app_for(None)), "tellonce")


COMMANDS = dict(commands())


def _entry(words: str) -> str:
    """What docs/cli.md says of a command: its synopsis between backticks, in one line."""
    found = re.search(rf"^- `({re.escape(words)}(?:[ \n][^`]*)?)`:", page("cli.md"), re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_every_command_is_documented_with_its_options(words: str) -> None:
    entry = _entry(words)
    assert entry, f"docs/cli.md has no entry for `{words}`"
    assert set(re.findall(r"--[a-z-]+", entry)) == COMMANDS[words]


def test_no_document_names_a_command_that_there_is_not() -> None:
    groups = {words.rsplit(" ", 1)[0] for words in COMMANDS if words.count(" ") == 2}
    strange = set()
    for path in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for line in path.read_text("utf-8").splitlines():
            for given in re.findall(r"(?:^|`|\$\()(tellonce [a-z]+(?: [a-z]+)?)", line):
                two = " ".join(given.split()[:2])
                if two not in COMMANDS and given not in COMMANDS and given not in groups and two not in groups:
                    strange.add(f"{path.name}: {given}")
    assert strange == set()


def test_exit_codes_are_documented() -> None:
    table = re.findall(r"^\| (\d+) \| (.+) \|$", page("cli.md"), re.MULTILINE)
    assert {int(code): words for code, words in table} == MEANINGS


def test_the_three_options_of_every_command_are_documented() -> None:
    text = page("cli.md")
    assert all(f"`{option}" in text for option in OF_EVERY_COMMAND)
    assert all(role in page("http.md") for role in ROLES)


def test_every_setting_is_documented() -> None:
    read = set()
    for path in (ROOT / "hub").rglob("*.py"):
        read |= set(re.findall(r'environ(?:\.get\(|\[)"(TELLONCE_[A-Z_]+)"', path.read_text("utf-8")))
    assert set(re.findall(r"^\| `(TELLONCE_[A-Z_]+)` \|", page("settings.md"), re.MULTILINE)) == read


def test_documented_defaults_are_those_of_the_code() -> None:
    table = dict(re.findall(r"^\| `(TELLONCE_[A-Z_]+)` \| `([^`]+)` \|", page("settings.md"), re.MULTILINE))
    settings = read_settings(environ={})
    assert table == {
        "TELLONCE_HOME": str(settings.home),
        "TELLONCE_ZONE": settings.zone.key,
        "TELLONCE_ACCEPT_CLOCK": str(int(settings.accepts_clock)),
    }


def test_the_registers_example_is_a_register(tmp_path: Path) -> None:
    example = page("agencies.md").partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "agencies.toml").write_text(example, "utf-8")
    [agency] = read_register(tmp_path / "agencies.toml").agencies
    assert [system.name for system in agency.system] == ["lettings", "repairs"]
    assert set(tomllib.loads(example)["agency"][0]) == set(type(agency).model_fields)


def test_links_between_documents_lead_somewhere() -> None:
    pages = (ROOT / "README.md", *DOCS.rglob("*.md"))
    targets = [(path, target) for path in pages for target in re.findall(_LINK, path.read_text("utf-8"))]
    assert [f"{path.name}: {target}" for path, target in targets if not (path.parent / target).exists()] == []


def test_each_command_is_found_in_the_area_that_the_table_names() -> None:
    for area, names in AREAS.items():
        for name in names:
            assert name in get_command(app_for(name)).commands, (area, name)
    assert {words.split()[1] for words in COMMANDS} == {name for names in AREAS.values() for name in names}
