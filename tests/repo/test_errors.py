"""Every error and finding that the code can tell has its line in docs/errors.md, and no line is left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hub.cli.chronology import FINDINGS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("events", "adapters", "projections", "hub")
KINDS = {"HubError", "Refused", "RejectedMessage", "TryAgainLater", "WrongSettings", "BrokenKey", "Finding"}
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Said by the command line and by no HubError.
OTHERS = {"usage", "interrupted", "bug"}


def _modules() -> list[tuple[str, ast.Module]]:
    paths = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return [(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))) for path in paths]


def _constants(modules: list[tuple[str, ast.Module]]) -> Mapping[str, list[str]]:
    """Texts that a name stands for, anywhere: NAME = "text" and NAME = {"text": ...} or ("text", ...)."""
    found: dict[str, list[str]] = {}
    for _, tree in modules:
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found.setdefault(node.targets[0].id, []).extend(_texts(node.value, {}))
    return found


def _texts(node: ast.AST, constants: Mapping[str, list[str]]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, constants)
        yield from _texts(node.orelse, constants)
    elif isinstance(node, ast.Name):
        yield from constants.get(node.id, ())


def _tellers(modules: list[tuple[str, ast.Module]]) -> Mapping[tuple[str, str], int]:
    """Functions that are given a code: (folder, name) and the place of their parameter `code`."""
    found = {}
    for path, tree in modules:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = [each.arg for each in node.args.args if each.arg not in ("self", "cls")]
                if "code" in names:
                    found[path.rpartition("/")[0], node.name] = names.index("code")
    return found


def told_codes() -> dict[str, set[str]]:
    """Codes by the files that tell them."""
    modules = _modules()
    constants, tellers = _constants(modules), _tellers(modules)
    found: dict[str, set[str]] = {}
    for path, tree in modules:
        for node in ast.walk(tree):
            for code in _codes(node, path, constants, tellers):
                if CODE.fullmatch(code):
                    found.setdefault(code, set()).add(path)
    return found


def _codes(
    node: ast.AST, path: str, constants: Mapping[str, list[str]], tellers: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    place = 0 if name in KINDS else tellers.get((path.rpartition("/")[0], name))
    if place is not None and len(node.args) > place:
        yield from _texts(node.args[place], constants)
    for keyword in node.keywords:
        if keyword.arg == "code" and (name in KINDS or place is not None):
            yield from _texts(keyword.value, constants)


def documented() -> set[str]:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    return set(re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE))


def test_every_code_is_documented() -> None:
    told = told_codes()
    missing = {code: sorted(told[code])[0] for code in sorted(told.keys() - documented())}
    assert missing == {}


def test_no_documented_code_is_made_up() -> None:
    """A code that the walk cannot see stands in the sources as a text at least."""
    text = "\n".join(path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    left_over = sorted(code for code in documented() - OTHERS if f'"{code}"' not in text and f"`{code}`" not in text)
    assert left_over == []


def test_findings_that_a_chronology_puts_into_words_are_documented() -> None:
    assert FINDINGS.keys() <= documented()
