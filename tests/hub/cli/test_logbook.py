"""The log on the command line."""

from __future__ import annotations

from pathlib import Path

import apsw

from hub.cli.exit_codes import REFUSED
from tests.hub.cli.conftest import Tell


def test_events_are_read_in_order_with_positions_and_leaves(tell: Tell, alex: str) -> None:
    found = tell("--json", "log", "read").document["events"]
    assert [row["position"].rpartition(":")[2] for row in found] == [str(at) for at in range(len(found))]
    assert [row["event"]["type"] for row in found][:3] == [
        "hub.log-opened",
        "person.registered",
        "housing.accommodation-changed",
    ]
    assert all(len(row["leaf"]) == 64 and row["event"]["specversion"] == "1.0" for row in found)


def test_reading_goes_on_from_a_position(tell: Tell, alex: str) -> None:
    first = tell("--json", "log", "read", "--limit", "2").document["events"]
    again = tell("--json", "log", "read", "--from", first[1]["position"], "--limit", "1").document["events"]
    assert again == first[1:]
    assert len(tell("log", "read", "--limit", "2").out.splitlines()) == 2


def test_a_position_of_another_time_is_refused_also_within_json(tell: Tell, alex: str) -> None:
    found = tell("--json", "log", "read", "--from", "9-ffffffff:main-0:0")
    assert found.code == REFUSED
    assert (found.document["events"], found.document["error"]["code"]) == ([], "other-epoch")
    assert tell("log", "read", "--from", "x").err.startswith("bad-position: ")


def test_a_whole_log_verifies(tell: Tell, alex: str) -> None:
    found = tell("log", "verify")
    assert found.code == 0
    assert "every leaf and every tile holds, no gap, known times rising" in found.out
    assert "This shows no change by whoever has the signing key" in found.out


def test_an_event_is_proved_and_the_log_is_held_to_the_checkpoint(tell: Tell, alex: str, tmp_path: Path) -> None:
    position = tell("--json", "log", "read", "--limit", "2").document["events"][1]["position"]
    proof = tell("log", "prove", position).document
    assert proof["position"] == position
    kept = tmp_path / "kept.txt"
    kept.write_text(proof["checkpoint"], "utf-8")
    again = tell("log", "prove", position, "--since", str(kept)).document
    assert again["since"] == {"checkpoint": proof["checkpoint"], "consistency": []}
    assert tell("log", "prove", position, "--since", str(len(proof))).err.startswith("unknown-checkpoint: ")
    found = tell("log", "verify", "--checkpoint", str(kept), "--key", proof["key"])
    assert (found.code, "kept elsewhere (1)" in found.out) == (0, True)
    assert tell("log", "verify", "--checkpoint", str(tmp_path / "nowhere")).err.startswith("no-such-file: ")
    assert tell("--as", "practitioner", "log", "verify").err.startswith("not-permitted: ")


def test_one_changed_byte_is_found_and_named(tell: Tell, alex: str, home: Path) -> None:
    db = apsw.Connection(str(home / "log.sqlite"))
    body: bytes = db.execute("SELECT body FROM log WHERE position = 2").get
    db.execute("UPDATE log SET body = ? WHERE position = 2", (bytes([body[0] ^ 1]) + body[1:],))
    db.close()
    found = tell("--json", "log", "verify")
    assert (found.code, found.document.get("verified")) == (REFUSED, False), found.out
    assert found.document["first_bad"].endswith(":2")
    assert "was changed or damaged" in tell("log", "verify").out
