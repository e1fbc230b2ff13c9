"""Sending files in: sums, receipts, what did not go in, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub import homes
from tests.hub.cli.conftest import NUMBER, Tell

SUMS = ("accepted", "findings", "not_mapped", "quarantined", "events", "duplicates")
HOUSING = ("--agency", "housing", "--system", "crm")


def test_a_file_is_summed_up_with_its_receipt(tell: Tell, events_file: Callable[..., Path]) -> None:
    file = events_file(homes.registration("m-1", "tenant/7", number=NUMBER))
    found = tell("--json", "intake", "cloudevents", file, *HOUSING)
    assert found.code == 0
    assert {name: found.document[name] for name in SUMS} == {
        "accepted": 1, "findings": 0, "not_mapped": 0, "quarantined": 0, "events": 1, "duplicates": 0,
    }  # fmt: skip
    [receipt] = found.document["receipts"]
    assert receipt["file"] == str(file)
    assert receipt["outcomes"][0]["sender_id"] == "m-1"


def test_a_second_send_adds_nothing_and_says_so(tell: Tell, events_file: Callable[..., Path]) -> None:
    file = events_file(homes.registration("m-1", "tenant/7", number=NUMBER))
    tell("intake", "cloudevents", file, *HOUSING)
    again = tell("--json", "intake", "cloudevents", file, *HOUSING).document
    assert (again["events"], again["duplicates"]) == (0, 1)


def test_a_folder_without_files_is_told_from_one_that_was_sent(tell: Tell, tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / ".half-written").write_text("[", "utf-8")
    ran = tell("intake", "cloudevents", folder, *HOUSING)
    assert (ran.code, ran.out) == (0, "")
    assert "nothing was sent" in ran.err
    assert tell("--json", "intake", "cloudevents", folder, *HOUSING).document["receipts"] == []


def test_a_folder_is_taken_in_file_by_file_in_the_order_of_names(tell: Tell, tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.json", "a.json", "deeper/c.json", ".hidden.json"):
        event = homes.registration(f"m-{name}", "tenant/7", number=NUMBER, order=name)
        (folder / name).write_text(json.dumps(event), "utf-8")
    found = tell("--json", "intake", "cloudevents", folder, *HOUSING).document
    assert [Path(each["file"]).name for each in found["receipts"]] == ["a.json", "b.json", "c.json"]
    assert found["messages"] == 3


def test_links_out_of_a_folder_are_left_out_and_named(tell: Tell, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "inbox", tmp_path / "register.json"
    folder.mkdir()
    elsewhere.write_text(json.dumps(homes.registration("m-1", "tenant/7", number=NUMBER)), "utf-8")
    (folder / "a.json").write_text(json.dumps(homes.registration("m-2", "tenant/8", number=NUMBER)), "utf-8")
    (folder / "link.json").symlink_to(elsewhere)
    (folder / "same.json").symlink_to(folder / "a.json")
    ran = tell("--json", "intake", "cloudevents", folder, *HOUSING)
    assert [Path(each["file"]).name for each in ran.document["receipts"]] == ["a.json", "same.json"]
    assert "link.json: a link that leads out of the folder" in ran.err
    given = tell("--json", "intake", "cloudevents", folder / "link.json", *HOUSING).document
    assert given["accepted"] == 1


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file here whose reading fails")
def test_a_file_whose_reading_fails_is_named(tell: Tell) -> None:
    ran = tell("intake", "cloudevents", "/proc/self/mem", *HOUSING)
    assert ran.code == 1
    assert ran.err.startswith("unreadable-file: /proc/self/mem: it cannot be read")


def test_standard_input_is_taken_in_under_the_name_given(
    tell: Tell, stdin: Callable[[bytes], None], home: Path
) -> None:
    stdin(json.dumps(homes.registration("m-1", "tenant/7", number=NUMBER)).encode())
    found = tell("--json", "intake", "cloudevents", "-", *HOUSING, "--file-name", "night.json").document
    receipt = tell("--json", "receipt", found["receipts"][0]["receipt"]).document
    assert (receipt["file_name"], receipt["status"]) == ("night.json", "done")


def test_what_cannot_be_understood_is_said_line_by_line_and_is_no_failure(
    tell: Tell, events_file: Callable[..., Path]
) -> None:
    good = homes.registration("m-1", "tenant/7", number=NUMBER)
    bad = {**homes.registration("m-2", "tenant/8", number=NUMBER), "specversion": "0.3"}
    found = tell("intake", "cloudevents", events_file(good, bad), *HOUSING)
    assert found.code == 0
    assert "quarantined: 2: unknown-specversion" in found.out


def test_a_missing_file_stops_before_anything_is_sent(tell: Tell, events_file: Callable[..., Path]) -> None:
    file = events_file(homes.registration("m-1", "tenant/7", number=NUMBER))
    found = tell("intake", "cloudevents", file, "not-there.json", *HOUSING)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("no-such-file: not-there.json: ")
    assert tell("--json", "status").document["records"] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--agency", "nowhere", "--system", "crm"), "unknown-agency"),
        (("--agency", "housing", "--system", "nothing"), "unknown-system"),
    ],
)
def test_who_is_not_in_the_register_is_refused(
    tell: Tell, events_file: Callable[..., Path], arguments: tuple[str, ...], code: str
) -> None:
    file = events_file(homes.registration("m-1", "tenant/7", number=NUMBER))
    found = tell("--json", "intake", "cloudevents", file, *arguments)
    assert found.code == 1
    assert found.document["error"]["code"] == code
    assert found.document["receipts"] == []


def test_an_unknown_adapter_is_refused(tell: Tell, events_file: Callable[..., Path]) -> None:
    found = tell("intake", "telex", events_file(), *HOUSING)
    assert (found.code, found.err.split(":")[0]) == (1, "unknown-adapter")


def test_an_option_that_the_adapter_does_not_know_is_refused(tell: Tell, events_file: Callable[..., Path]) -> None:
    found = tell("intake", "cloudevents", events_file(), *HOUSING, "--option", "colour=red")
    assert (found.code, found.out) == (1, "")
    assert found.err == (
        "unknown-option: adapter cloudevents, option colour: the adapter knows no option of this name. "
        "It knows none: leave it out.\n"
    )


def test_options_are_names_and_values(tell: Tell, events_file: Callable[..., Path]) -> None:
    found = tell("intake", "cloudevents", events_file(), *HOUSING, "--option", "order")
    assert (found.code, found.err.split(":")[0]) == (1, "bad-option")


def test_a_message_is_found_by_the_senders_own_id(tell: Tell, alex: str) -> None:
    found = tell("--json", "message", "m-2").document["messages"]
    assert [(each["place"], each["state"]) for each in found] == [("2", "accepted")]
    assert "No message of this id" in tell("message", "m-99").out


def test_a_message_sent_twice_says_when_each_came_and_that_the_second_was_known(
    tell: Tell, events_file: Callable[..., Path]
) -> None:
    file = events_file(homes.registration("m-1", "tenant/7", number=NUMBER))
    sent = [tell("--json", "intake", "cloudevents", file, *HOUSING).document["receipts"][0]["receipt"] for _ in "12"]
    headings, *rows = [line.split() for line in tell("message", "m-1").out.splitlines()]
    assert headings == ["receipt", "received", "place", "state", "events", "duplicates"]
    came = {number: tell("--json", "receipt", number).document["received"] for number in sent}
    assert rows == [
        [sent[1], came[sent[1]], "1", "accepted", "0", "1"],
        [sent[0], came[sent[0]], "1", "accepted", "1", "0"],
    ]
    assert [each["received"] for each in tell("--json", "message", "m-1").document["messages"]] == [
        came[sent[1]],
        came[sent[0]],
    ]


def test_a_message_refused_twice_names_the_receipt_of_each(tell: Tell, events_file: Callable[..., Path]) -> None:
    file = events_file({**homes.registration("m-1", "tenant/7", number=NUMBER), "specversion": "0.3"})
    for _ in range(2):
        tell("intake", "cloudevents", file, *HOUSING)
    newest, oldest = (each["receipt"] for each in tell("--json", "message", "m-1").document["messages"])
    why = [line for line in tell("message", "m-1").out.splitlines() if line.startswith("quarantined: ")]
    assert [line.split(", ")[0] for line in why] == [f"quarantined: {newest}", f"quarantined: {oldest}"]


def test_the_place_of_what_is_quarantined_is_said_once(tell: Tell, tmp_path: Path) -> None:
    file = tmp_path / "lines.ndjson"
    good = json.dumps(homes.registration("m-1", "tenant/7", number=NUMBER))
    file.write_text(f"{good}\n[[[\n", "utf-8")
    out = tell("intake", "cloudevents", file, *HOUSING).out
    assert "quarantined: 2: truncated: the file or its line ends" in out


def test_a_receipt_is_shown_in_words(tell: Tell, alex: str) -> None:
    number = tell("--json", "message", "m-1").document["messages"][0]["receipt"]
    found = tell("receipt", number)
    assert found.out.startswith(f"{number}  done\nfrom housing/crm, read by cloudevents\n")
    assert "messages 2, accepted 2" in found.out
    assert tell("receipt", "R-0000000000").err.startswith("unknown-receipt: ")
