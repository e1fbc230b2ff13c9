"""Exported proofs, checked by the script that stands alone: those of the log hold, every mutated one is refused."""

from __future__ import annotations

import base64
import copy
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from events.checkpoints import Checkpoint, Note, parse_checkpoint, parse_note, sign_checkpoint
from events.clock import DrivenClock
from events.codec import Sealed, header_id
from events.errors import HubError, Refused, RejectedMessage
from events.ledger import EMPTY_ROOT
from events.log.specimens import ASigner, rows_from
from events.log.sqlite import PARTITION, SqliteLog
from hub.ledger.prove import prove
from tests.conftest import ROOT
from tests.counts import times

SCRIPT = ROOT / "docs" / "check_proof.py"
SIGNER = ASigner(1)
SIZES = (1, 16, 100, 257)
Document = dict[str, Any]


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    """The script, as whoever copied it would run it."""
    module = ModuleType("check_proof")
    exec(compile(SCRIPT.read_text("utf-8"), str(SCRIPT), "exec"), module.__dict__)
    return module


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteLog]:
    path = tmp_path_factory.mktemp("log") / "log.sqlite"
    clock = DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))
    log = SqliteLog(path, clock=clock, new_epoch=lambda: "1-0123abcd", signer=SIGNER)
    at = 0
    for size in SIZES:
        log.append(rows_from(at, size - at))
        log.checkpoint()
        at = size
    log.append(rows_from(at, 43))
    yield log
    log.close()


def holds(checker: ModuleType, proof: Document, key: str, kept: str | None = None) -> bool:
    try:
        checker.check(proof, key, kept)
    except Exception:  # any error of the script means that the proof shows nothing
        return False
    return True


def as_json(proof: Document) -> Document:
    told: Document = json.loads(json.dumps(proof))
    return told


# ---- those of the log


@pytest.mark.parametrize("at", [0, 1, 15, 16, 255, 256, 299])
@pytest.mark.parametrize("since", [None, "1", "16", "257"])
def test_a_proof_of_the_log_holds(log: SqliteLog, checker: ModuleType, at: int, since: str | None) -> None:
    proof = as_json(prove(log, f"{log.epoch}:{PARTITION}:{at}", since))
    told = checker.check(proof, str(log.key))
    assert f"{log.epoch}:main-0:{at} is one of the 300 events that {log.origin} signed" in told
    assert (since is None) == ("as it signed them before" not in told)


def test_an_event_is_named_by_its_id_too(log: SqliteLog) -> None:
    row = next(log.read(PARTITION, 77, 1))
    assert prove(log, header_id(row.header).hex()) == prove(log, f"{log.epoch}:{PARTITION}:77")


def test_a_proof_under_the_very_checkpoint_that_was_kept(log: SqliteLog, checker: ModuleType) -> None:
    kept = str(log.checkpoint().note)
    proof = as_json(prove(log, f"{log.epoch}:{PARTITION}:3", kept))
    assert proof["since"]["consistency"] == []
    assert holds(checker, proof, str(log.key), kept)


def test_a_log_of_one_event_is_proved(tmp_path: Path, checker: ModuleType) -> None:
    clock = DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))
    log = SqliteLog(tmp_path / "log.sqlite", clock=clock, new_epoch=lambda: "1-0123abcd", signer=SIGNER)
    log.append(rows_from(0, 1))
    proof = as_json(prove(log, "1-0123abcd:main-0:0"))
    assert proof["inclusion"] == []
    assert holds(checker, proof, str(log.key))
    log.close()


def test_a_proof_must_begin_at_the_checkpoint_that_was_kept(log: SqliteLog, checker: ModuleType) -> None:
    kept, other = (log.kept_checkpoint(size) for size in (16, 100))
    proof = as_json(prove(log, f"{log.epoch}:{PARTITION}:3", "16"))
    assert holds(checker, proof, str(log.key), kept)
    assert not holds(checker, proof, str(log.key), other)
    assert not holds(checker, as_json(prove(log, f"{log.epoch}:{PARTITION}:3")), str(log.key), kept)
    with pytest.raises(ValueError, match=r"begins at no checkpoint of yours \(prove --since\)"):
        checker.check(as_json(prove(log, f"{log.epoch}:{PARTITION}:3")), str(log.key), kept)


def test_a_removed_body_is_proved_by_its_leaf(tmp_path: Path, checker: ModuleType) -> None:
    clock = DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))
    log = SqliteLog(tmp_path / "log.sqlite", clock=clock, new_epoch=lambda: "1-0123abcd", signer=SIGNER)
    log.append(rows_from(0, 40))
    log.remove_bodies([7], named_by=30)
    proof = as_json(prove(log, "1-0123abcd:main-0:7"))
    assert proof["row"] is None
    assert checker.check(proof, str(log.key)).endswith("what it says is not shown")
    proof["leaf"] = base64.b64encode(bytes(32)).decode()
    assert not holds(checker, proof, str(log.key))
    log.close()


def test_the_script_says_whether_it_holds(log: SqliteLog, tmp_path: Path) -> None:
    proof, kept = tmp_path / "proof.json", tmp_path / "kept.txt"
    proof.write_text(json.dumps(prove(log, f"{log.epoch}:{PARTITION}:3", "16")), "utf-8")
    kept.write_text(str(log.kept_checkpoint(16)), "utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(SCRIPT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    good = run("proof.json", str(log.key), "kept.txt")
    assert (good.returncode, good.stdout[:10]) == (0, "It holds: ")
    proof.write_text(proof.read_text("utf-8").replace('"index": 3', '"index": 4'), "utf-8")
    bad = run("proof.json", str(log.key), "kept.txt")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("IT DOES NOT HOLD: ")
    assert run("nowhere.json", str(log.key)).returncode == 1
    assert "Usage" in run().stderr


def test_the_script_stands_alone_and_is_short() -> None:
    text = SCRIPT.read_text("utf-8")
    assert len(text.splitlines()) <= 100
    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


# ---- what is refused before a proof is made


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("1-0123abcd:main-0:300", "unknown-event"),
        ("1-0123abcd:main-1:3", "unknown-event"),
        ("9-0123abcd:main-0:3", "other-epoch"),
        ("00" * 32, "unknown-event"),
        ("00" * 31, "bad-event-id"),
        ("an event", "bad-event-id"),
        ("1-0123abcd:main-0:x", "bad-position"),
    ],
)
def test_no_proof_of_what_is_not_there(log: SqliteLog, event: str, code: str) -> None:
    with pytest.raises(HubError) as refused:
        prove(log, event)
    assert refused.value.code == code


def test_no_proof_from_a_checkpoint_that_is_not_the_logs(log: SqliteLog) -> None:
    event = f"{log.epoch}:{PARTITION}:3"
    forked = sign_checkpoint(Checkpoint(log.origin, 16, bytes(32)), log.name, SIGNER)
    longer = sign_checkpoint(Checkpoint(log.origin, 9_000, bytes(32)), log.name, SIGNER)
    empty = sign_checkpoint(Checkpoint(log.origin, 0, EMPTY_ROOT), log.name, SIGNER)
    for note in (forked, longer, empty):
        with pytest.raises(Refused, match=r"checkpoint-differs: since: .*it is evidence"):
            prove(log, event, str(note))
    before = sign_checkpoint(Checkpoint(f"{log.name}/0-00000000", 16, bytes(32)), log.name, SIGNER)
    with pytest.raises(Refused, match="other-epoch"):
        prove(log, event, str(before))
    with pytest.raises(Refused, match="unknown-checkpoint"):
        prove(log, event, "17")
    with pytest.raises(RejectedMessage, match="not-signed"):
        prove(log, event, str(sign_checkpoint(Checkpoint(log.origin, 16, bytes(32)), log.name, ASigner(2))))
    with pytest.raises(RejectedMessage, match="bad-note"):
        prove(log, event, "something else")


# ---- mutated proofs


def flip(text: str, chance: random.Random) -> str:
    raw = bytearray(base64.b64decode(text))
    bit = chance.randrange(len(raw) * 8)
    raw[bit >> 3] ^= 1 << (bit & 7)
    return base64.b64encode(raw).decode()


def signed_anew(told: str, **changed: Any) -> str:
    """The checkpoint changed under the signature of the old one."""
    note = parse_note(told)
    return str(Note(parse_checkpoint(note.text)._replace(**changed).text, note.signatures))


def of_path(name: str) -> dict[str, Callable[[Document, random.Random], None]]:
    def path(proof: Document) -> list[str]:
        found: list[str] = proof["inclusion"] if name == "inclusion" else proof["since"]["consistency"]
        return found

    def flipped(proof: Document, chance: random.Random) -> None:
        at = chance.randrange(len(path(proof)))
        path(proof)[at] = flip(path(proof)[at], chance)

    def dropped(proof: Document, chance: random.Random) -> None:
        del path(proof)[chance.randrange(len(path(proof)))]

    def added(proof: Document, chance: random.Random) -> None:
        node = chance.choice([*path(proof), proof["leaf"]])
        path(proof).insert(chance.randrange(len(path(proof)) + 1), node)

    def swapped(proof: Document, chance: random.Random) -> None:
        nodes = path(proof)
        one, other = chance.sample(range(len(nodes)), 2)
        nodes[one], nodes[other] = nodes[other], nodes[one]

    def shortened(proof: Document, chance: random.Random) -> None:
        at = chance.randrange(len(path(proof)))
        path(proof)[at] = base64.b64encode(base64.b64decode(path(proof)[at])[:-1]).decode()

    return {f"{name}: {each.__name__}": each for each in (flipped, dropped, added, swapped, shortened)}


def of_row(name: str) -> Callable[[Document, random.Random], None]:
    def changed(proof: Document, chance: random.Random) -> None:
        proof["row"][name] = flip(proof["row"][name], chance)

    return changed


def boundary(proof: Document, chance: random.Random) -> None:
    row = Sealed(*(base64.b64decode(proof["row"][name]) for name in ("header", "nonce", "body")))
    by = chance.randrange(1, 12)
    moved = Sealed(row.header + row.nonce[:by], row.nonce[by:] + row.body[:by], row.body[by:])
    proof["row"].update(
        zip(("header", "nonce", "body"), (base64.b64encode(each).decode() for each in moved), strict=True)
    )


def set_to(name: str, value: Callable[[Document, random.Random], Any]) -> Callable[[Document, random.Random], None]:
    def changed(proof: Document, chance: random.Random) -> None:
        proof[name] = value(proof, chance)

    return changed


def index_and_position(proof: Document, chance: random.Random) -> None:
    proof["index"] += chance.choice([-1, 1, 2, 256])
    proof["position"] = f"1-0123abcd:main-0:{proof['index']}"


def since(**changed: Any) -> Callable[[Document, random.Random], None]:
    def it(proof: Document, chance: random.Random) -> None:
        proof["since"]["checkpoint"] = signed_anew(proof["since"]["checkpoint"], **changed)

    return it


def from_nothing(proof: Document, chance: random.Random) -> None:
    """Truly signed, and shows nothing all the same."""
    origin = parse_checkpoint(parse_note(proof["checkpoint"]).text).origin
    empty = sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), origin.partition("/")[0], SIGNER)
    proof["since"] = {"checkpoint": str(empty), "consistency": []}


def from_another_epoch(proof: Document, chance: random.Random) -> None:
    """Truly signed, over the same events, in the epoch before."""
    old = parse_checkpoint(parse_note(proof["since"]["checkpoint"]).text)
    name = old.origin.partition("/")[0]
    before = sign_checkpoint(old._replace(origin=f"{name}/0-00000000"), name, SIGNER)
    proof["since"]["checkpoint"] = str(before)


def from_a_fork(proof: Document, chance: random.Random) -> None:
    """Truly signed, but of a history that is not this one's beginning."""
    old = parse_checkpoint(parse_note(proof["since"]["checkpoint"]).text)
    fork = sign_checkpoint(old._replace(root=bytes(32)), old.origin.partition("/")[0], SIGNER)
    proof["since"]["checkpoint"] = str(fork)


def truly_signed(part: str, **changed: Any) -> Callable[[Document, random.Random], None]:
    """The proof's checkpoint, or the one that it begins at, changed and signed by the log's own key."""

    def it(proof: Document, chance: random.Random) -> None:
        holder = proof if part == "proof" else proof["since"]
        told = parse_checkpoint(parse_note(holder["checkpoint"]).text)
        signed = sign_checkpoint(told._replace(**changed), told.origin.partition("/")[0], SIGNER)
        holder["checkpoint"] = str(signed)

    return it


def under_another_name(proof: Document, chance: random.Random) -> None:
    """Both checkpoints truly signed, both under the origin of another log."""
    for part in ("proof", "since"):
        truly_signed(part, origin="another.example/1-0123abcd")(proof, chance)


def under_another_epoch(proof: Document, chance: random.Random) -> None:
    """Both checkpoints truly signed for an epoch that the event's position is not of."""
    name = parse_checkpoint(parse_note(proof["checkpoint"]).text).origin.partition("/")[0]
    for part in ("proof", "since"):
        truly_signed(part, origin=f"{name}/2-0123abcd")(proof, chance)


def badly_signed(part: str, how: str) -> Callable[[Document, random.Random], None]:
    """Every word as it was, under no signature, a spoilt one, or another key's that says it is the log's."""

    def it(proof: Document, chance: random.Random) -> None:
        holder = proof if part == "proof" else proof["since"]
        text, _, line = holder["checkpoint"].partition("\n\n")
        dash, name, encoded = line.split()
        raw = bytearray(base64.b64decode(encoded))
        if how == "spoilt":
            raw[4 + chance.randrange(64)] ^= 1 << chance.randrange(8)
        else:
            raw[4:] = ASigner(2).sign(f"{text}\n".encode())
        told = base64.b64encode(raw).decode()
        holder["checkpoint"] = f"{text}\n\n" + ("" if how == "none" else f"{dash} {name} {told}\n")

    return it


def junk(chance: random.Random) -> str:
    """A line that is no signature."""
    return chance.choice(["junk\n", "- a.example AAAAAAAA\n", "\u2014 a.example\n", "\u2014 a.example A=B=\n", " \n"])


MUTATIONS: dict[str, Callable[[Document, random.Random], None]] = {
    **of_path("inclusion"),
    **of_path("consistency"),
    **{f"row: {name}": of_row(name) for name in ("header", "nonce", "body")},
    "row: boundary": boundary,
    "row: known time": lambda proof, chance: proof["row"].update(known_us=proof["row"]["known_us"] + 1),
    "leaf": set_to("leaf", lambda proof, chance: flip(proof["leaf"], chance)),
    "index off by one": set_to("index", lambda proof, chance: proof["index"] + chance.choice([-1, 1])),
    "index as text": set_to("index", lambda proof, chance: str(proof["index"])),
    "index and position": index_and_position,
    "position of another epoch": set_to("position", lambda proof, chance: f"2-0123abcd:main-0:{proof['index']}"),
    "position in another partition": set_to("position", lambda proof, chance: f"1-0123abcd:main-1:{proof['index']}"),
    "format": set_to("format", lambda proof, chance: "tellonce-proof/2"),
    "size doubled": set_to("checkpoint", lambda proof, chance: signed_anew(proof["checkpoint"], size=600)),
    "size one more": set_to("checkpoint", lambda proof, chance: signed_anew(proof["checkpoint"], size=301)),
    "size 0": set_to("checkpoint", lambda proof, chance: signed_anew(proof["checkpoint"], size=0, root=EMPTY_ROOT)),
    "root": set_to("checkpoint", lambda proof, chance: signed_anew(proof["checkpoint"], root=bytes(32))),
    "wrong origin": set_to("checkpoint", lambda proof, chance: signed_anew(proof["checkpoint"], origin="a/1-0123abcd")),
    "wrong epoch": set_to(
        "checkpoint",
        lambda proof, chance: proof["checkpoint"].replace("1-0123abcd", "2-0123abcd"),
    ),
    "no signature": set_to("checkpoint", lambda proof, chance: proof["checkpoint"].partition("\n\n")[0] + "\n\n"),
    "no last newline": set_to("checkpoint", lambda proof, chance: proof["checkpoint"][:-1]),
    "a newline more": set_to("checkpoint", lambda proof, chance: proof["checkpoint"] + "\n"),
    "junk below": set_to("checkpoint", lambda proof, chance: proof["checkpoint"] + junk(chance)),
    "junk above the signature": set_to(
        "checkpoint", lambda proof, chance: proof["checkpoint"].replace("\n\n", f"\n\n{junk(chance)}")
    ),
    "since: junk below": lambda proof, chance: proof["since"].update(
        checkpoint=proof["since"]["checkpoint"] + junk(chance)
    ),
    "since: size doubled": since(size=200),
    "since: size 0": since(size=0, root=EMPTY_ROOT),
    "since: wrong epoch": since(origin="x/2-0123abcd"),
    "since: from nothing": from_nothing,
    "since: of another epoch": from_another_epoch,
    "since: of a fork": from_a_fork,
    "truly signed: another log's name": under_another_name,
    "truly signed: another epoch": under_another_epoch,
    "truly signed: size doubled": truly_signed("proof", size=600),
    "truly signed: size 0": truly_signed("proof", size=0),
    "truly signed: size 0 of nothing": truly_signed("proof", size=0, root=EMPTY_ROOT),
    "truly signed: another root": truly_signed("proof", root=bytes(32)),
    "since, truly signed: another log's name": truly_signed("since", origin="another.example/1-0123abcd"),
    "since, truly signed: size doubled": truly_signed("since", size=200),
    "since, truly signed: size 0": truly_signed("since", size=0),
    **{
        f"{part}: signature {how}": badly_signed(part, how)
        for part in ("proof", "since")
        for how in ("none", "spoilt", "of another key")
    },
}


@pytest.mark.parametrize("family", sorted(MUTATIONS))
def test_a_mutated_proof_is_refused(log: SqliteLog, checker: ModuleType, family: str) -> None:
    chance = random.Random(family)
    for _ in range(times(8, proof=200)):
        at = chance.randrange(1, 299)
        proof = as_json(prove(log, f"{log.epoch}:{PARTITION}:{at}", "100"))
        assert holds(checker, proof, str(log.key))
        changed = copy.deepcopy(proof)
        while changed == proof:
            MUTATIONS[family](changed, chance)
        assert not holds(checker, changed, str(log.key))


def test_signatures_of_others_are_passed_over(log: SqliteLog, checker: ModuleType) -> None:
    proof = as_json(prove(log, f"{log.epoch}:{PARTITION}:3"))
    other = base64.b64encode(bytes(76)).decode()
    proof["checkpoint"] += f"\u2014 witness.example {other}\n"
    assert holds(checker, proof, str(log.key))


def test_another_key_and_another_log_are_refused(log: SqliteLog, checker: ModuleType) -> None:
    proof = as_json(prove(log, f"{log.epoch}:{PARTITION}:3"))
    twin = sign_checkpoint(Checkpoint(log.origin, 16, bytes(32)), log.name, ASigner(2))
    other = log.key._replace(public_key=ASigner(2).public_key)
    assert not holds(checker, proof, str(other))
    assert not holds(checker, {**proof, "checkpoint": str(twin)}, str(log.key))
    assert not holds(checker, proof, str(log.key._replace(name="another")))
    assert not holds(checker, proof, "")
