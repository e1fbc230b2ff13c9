"""The worked example of docs/verify.md is true, to the byte."""

from __future__ import annotations

import json
import re
from types import ModuleType

import pytest

from events.ledger import node
from tests.conftest import ROOT
from tests.hub.ledger.test_prove import SCRIPT, holds

PAGE = (ROOT / "docs" / "verify.md").read_text("utf-8")


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    module = ModuleType("check_proof")
    exec(compile(SCRIPT.read_text("utf-8"), str(SCRIPT), "exec"), module.__dict__)
    return module


def test_the_example_holds_under_the_key_of_the_command(checker: ModuleType) -> None:
    proof = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])
    (key,) = re.findall(r"proof\.json '(\S+)' kept\.txt", PAGE)
    assert proof["key"] == key
    assert holds(checker, proof, key, proof["since"]["checkpoint"])


def test_the_hashes_of_the_example_follow_from_each_other() -> None:
    head, leaf, first, both, third, root = re.findall(r"^\| .* \| `([0-9a-f]{38,64})` \|$", PAGE, re.MULTILINE)
    assert head == "00" + (1).to_bytes(8, "big").hex() + (1_700_000_000_000_001).to_bytes(8, "big").hex() + "004f"
    assert node(bytes.fromhex(first), bytes.fromhex(leaf)).hex() == both
    assert node(bytes.fromhex(both), bytes.fromhex(third)).hex() == root


def test_every_fault_that_verifying_finds_is_explained() -> None:
    told = set()
    for name in ("ranges.py", "removals.py", "verify.py"):
        text = (ROOT / "hub" / "ledger" / name).read_text("utf-8")
        told |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', text))
    explained = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", PAGE.partition("| fault |")[2]))
    assert told - explained == set()
