"""Linkage by hand: each decision is said in words, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub import homes
from tests.hub.cli.conftest import Tell

BILLIE = "hospital:crm/patient/3"
BECAUSE = ("--reason", "same tenant, seen in person")


@pytest.fixture
def billie(tell: Tell, events_file: Callable[..., Path]) -> str:
    """A second person, of whom the hospital knows; the person number."""
    event = homes.registration("h-1", "patient/3", number=homes.nhs_number(1), agency="hospital")
    tell("intake", "cloudevents", events_file(event), "--agency", "hospital", "--system", "crm")
    return str(tell("--json", "people", "find", "--record", BILLIE).document["people"][0]["person"])


def test_a_record_is_linked_and_unlinked_again(tell: Tell, alex: str, billie: str) -> None:
    linked = tell("link", BILLIE, alex, *BECAUSE)
    assert linked.out == f"{BILLIE} belongs to {alex} now; it left {billie}.\n"
    assert len(tell("--json", "timeline", alex).document["entries"]) == 3
    unlinked = tell("unlink", BILLIE, "--reason", "not the same")
    assert unlinked.out == f"{BILLIE} left {alex} and belongs to {billie} now.\n"
    assert len(tell("--json", "timeline", alex).document["entries"]) == 2


def test_persons_are_merged_and_parted_again(tell: Tell, alex: str, billie: str) -> None:
    assert tell("merge", alex, billie, "--reason", "Confirmed by person").out == f"{billie} leads to {alex} now.\n"
    assert f"Merged with: {billie}." in tell("timeline", alex).out
    assert f"This number leads to {alex} today." in tell("timeline", billie).out
    assert (
        tell("unmerge", alex, billie, "--reason", "merged-in-error").out
        == f"{billie} and {alex} are two persons again.\n"
    )


def test_a_decision_names_who_made_it(tell: Tell, alex: str, billie: str) -> None:
    tell("--as", "steward:pat", "link", BILLIE, alex, *BECAUSE)
    last = tell("--json", "log", "read", "--limit", "0").document["events"][-1]["event"]
    assert (last["type"], last["data"]["decided_by"]) == ("hub.records-linked", "pat")


def test_a_decision_needs_a_reason_and_something_to_decide(tell: Tell, alex: str) -> None:
    assert tell("link", "housing:crm/tenant/7", alex).code == 2
    for command, code in (
        (("link", "housing:crm/tenant/7", alex), "already-linked"),
        (("link", "housing:crm/tenant/99", alex), "unknown-record"),
        (("unlink", "housing:crm/tenant/7"), "not-linked"),
        (("merge", alex, alex), "unknown-reason"),
        (("unmerge", alex, alex), "unknown-reason"),
    ):
        found = tell(*command, *BECAUSE)
        assert (found.code, found.err.split(":")[0]) == (1, code)
    for command, code in ((("merge", alex, alex), "already-merged"), (("unmerge", alex, alex), "not-merged")):
        found = tell(*command, "--reason", "confirmed-by-person")
        assert (found.code, found.err.split(":")[0]) == (1, code)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_decision_without_a_reason_is_asked_for_one(tell: Tell, alex: str, billie: str, reason: str) -> None:
    for command in (("link", BILLIE, alex), ("unlink", BILLIE), ("merge", alex, billie), ("unmerge", alex, billie)):
        ran = tell(*command, "--reason", reason)
        assert ran.code == 2
        assert "say why" in ran.err
