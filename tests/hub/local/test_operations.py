"""The table of operations: what an adapter's caller is told, whichever it asks for."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from inspect import Parameter, signature
from pathlib import Path

import orjson
import pytest

from events.errors import HubError
from hub.access.door import Caller
from hub.assembly import Hub
from hub.local.operations import OPERATIONS, answer
from hub.local.requests import Request
from tests.hub import homes

Names = Mapping[str, str]
NOBODYS = {"agency": "nobody", "receipt": "R-0000000000", "number": "Q-9999", "sender_id": "never"}
# What an adapter may ask for, and which names it gives; every other operation is not for its role.
ASKED: Mapping[str, tuple[str, ...]] = {
    "intake": ("agency",),
    "receipt": ("receipt",),
    "find-message": ("sender_id", "agency"),
    "quarantine": ("agency",),
    "quarantined": ("number",),
    "retry": ("number",),
    "sources": (),
    "agencies": (),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with homes.open_home(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture(scope="module")
def housings(hub: Hub) -> Names:
    """What housing has: a message that waits in quarantine, and the names by which it can be asked for."""
    told = ask(hub, "housing", "intake", {"agency": "housing"})
    return {"agency": "housing", "receipt": told["receipt"], "number": "Q-0001", "sender_id": "own-1"}


def ask(hub: Hub, organisation: str, operation: str, names: Names) -> dict[str, object]:
    """What an agency's adapter is answered, or the fault that it is told."""
    arguments: dict[str, str] = dict(names)
    upload = None
    if OPERATIONS[operation].takes_upload:
        arguments |= {"system": "crm", "adapter": "cloudevents"}
        bad = {**homes.registration("own-1", "tenant/own", number=homes.nhs_number(0)), "specversion": "0.3"}
        upload = io.BytesIO(orjson.dumps(bad))
    request = Request(operation, Caller(organisation, "adapter", organisation, ""), arguments)
    try:
        told = answer(hub, request, upload=upload)
    except HubError as error:
        return {"code": error.code, "what": error.what, "where": error.where, "next_step": error.next_step}
    assert isinstance(told, dict)
    return told


def as_told(hub: Hub, organisation: str, operation: str, names: Names) -> str:
    """The same as text, without the names that were asked for."""
    text = json.dumps(ask(hub, organisation, operation, {name: names[name] for name in ASKED[operation]}))
    for name, value in names.items():
        text = text.replace(value, f"<{name}>")
    return text


@pytest.mark.parametrize("operation", ASKED)
def test_what_is_another_agencys_is_answered_as_what_is_not_there(hub: Hub, housings: Names, operation: str) -> None:
    assert "next_step" not in ask(hub, "housing", operation, {name: housings[name] for name in ASKED[operation]})
    theirs = as_told(hub, "hospital", operation, housings)
    assert theirs == as_told(hub, "hospital", operation, NOBODYS)
    assert operation == "intake" or "<agency>" not in theirs, "it names the agency whose it is"


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - ASKED.keys()))
def test_nothing_else_is_for_an_adapter(hub: Hub, tmp_path: Path, operation: str) -> None:
    asked = list(signature(OPERATIONS[operation].function).parameters.values())[2:]  # after the services and the caller
    needed = [each.name for each in asked if each.default is Parameter.empty and each.kind != Parameter.VAR_KEYWORD]
    told = ask(hub, "housing", operation, dict.fromkeys(needed, str(tmp_path / "any")))
    assert told["code"] == "not-permitted"
