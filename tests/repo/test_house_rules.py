"""The house's own rules, as far as a program can hold them: sizes, names, nothing left for later."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("events", "adapters", "projections", "hub")
MODULE_MAX_LINES = 500
FUNCTION_MAX_LINES = 60
NEVER = {"utils", "common", "helpers", "core", "misc"}
LEFT_FOR_LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def tracked(*suffixes: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name.endswith(suffixes)]
    return [path for path in paths if path.is_file()]


def modules() -> list[Path]:
    """Modules of the four packages."""
    return [path for path in tracked(".py") if path.relative_to(ROOT).parts[0] in PACKAGES]


def told(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def long_functions(source: str, limit: int) -> Iterator[str]:
    """Functions of more lines than the limit, their docstrings and decorators included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > limit:
                yield f"{node.name} has {lines} lines"


def words_never_used(path: Path) -> set[str]:
    """Forbidden names among a path's folders and its file's stem."""
    return NEVER & {*path.parts[:-1], path.stem}


def test_no_module_is_longer_than_a_folder_should_be() -> None:
    lengths = {told(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_MAX_LINES} == {}


def test_no_function_holds_a_second_idea() -> None:
    found = {
        f"{told(path)}: {fault}"
        for path in modules()
        for fault in long_functions(path.read_text("utf-8"), FUNCTION_MAX_LINES)
    }
    assert found == set()


def test_nothing_is_left_for_later() -> None:
    here = Path(__file__).resolve()
    suffixes = (".py", ".md", ".toml", ".yml", "Makefile")
    found = {
        f"{told(path)}:{number}"
        for path in tracked(*suffixes)
        if path != here
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1)
        if LEFT_FOR_LATER.search(line)
    }
    assert found == set()


def test_every_package_folder_says_what_it_is() -> None:
    folders = {path.parent for path in modules()}
    assert {told(folder) for folder in folders if not (folder / "__init__.py").is_file()} == set()
    silent = {
        told(folder)
        for folder in folders
        if not ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
    }
    assert silent == set()


def test_nothing_is_called_by_a_name_that_says_nothing() -> None:
    found = {told(path) for path in tracked(".py") if words_never_used(path.relative_to(ROOT))}
    assert found == set()


@pytest.mark.parametrize("name", ["hub/utils.py", "events/common/names.py", "tests/helpers/homes.py"])
def test_such_a_name_is_noticed(name: str) -> None:
    assert words_never_used(Path(name))


def test_a_long_function_is_noticed() -> None:
    source = "def long():\n" + "    x = 1\n" * 60
    assert list(long_functions(source, FUNCTION_MAX_LINES)) == ["long has 61 lines"]
