"""One door: nothing reads the views or speaks HTTP but where the plan puts it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.errors import Refused
from hub.access.door import ACTIONS, ROLES, Caller, permit, permit_agency
from hub.schemas import ROOT

READERS = ("hub/reading/", "hub/services.py", "hub/linkage/", "hub/erasure/")
WEB = ("fastapi", "starlette", "uvicorn", "prometheus_client", "httptools")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(*folders: str) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path


def is_a_question_to_views(module: str) -> bool:
    return module.startswith("projections.") and "queries" in module.split(".")


def test_nothing_but_the_readers_behind_the_door_asks_the_views() -> None:
    asking = {name for name, path in modules("hub") if any(map(is_a_question_to_views, imports(path)))}
    assert {name for name in asking if not name.startswith(READERS)} == set()
    assert "hub/reading/answers.py" in asking


def test_nothing_but_hub_http_and_a_witness_speaks_http() -> None:
    speaking = {
        name
        for name, path in modules("events", "adapters", "projections", "hub")
        if any(module.partition(".")[0] in WEB for module in imports(path))
    }
    # A witness has a server of its own, in another agency's house, and knows nobody.
    assert {name for name in speaking if not name.startswith("hub/http/")} == {"hub/witness/server.py"}
    assert "hub/http/app.py" in speaking


def test_tokens_are_verified_in_one_place() -> None:
    assert [name for name, path in modules("hub") if "jwt" in set(imports(path))] == ["hub/access/tokens.py"]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("role", [*ROLES, "superuser", ""])
def test_a_role_may_what_the_table_says_and_nothing_else(action: str, role: str) -> None:
    caller = Caller("somebody", role, "housing", "audit")
    if role in ACTIONS[action]:
        permit(caller, action)
    else:
        with pytest.raises(Refused, match="not-permitted"):
            permit(caller, action)


def test_the_table_names_known_roles_only() -> None:
    assert {role for roles in ACTIONS.values() for role in roles} <= set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_only_an_adapter_is_held_to_its_agency(role: str) -> None:
    caller = Caller("somebody", role, "housing", "audit")
    permit_agency(caller, "housing")
    if role == "adapter":
        with pytest.raises(Refused, match="other-agency"):
            permit_agency(caller, "hospital")
    else:
        permit_agency(caller, "hospital")
