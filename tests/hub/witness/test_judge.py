"""A witness cosigns what goes on from what it saw, refuses everything else, and keeps the evidence."""

from __future__ import annotations

import base64
import hashlib
import itertools
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from events.clock import DrivenClock
from events.errors import HubError, Refused, RejectedMessage
from events.ledger import extends
from hub.witness.house import House, opened
from hub.witness.judge import OtherSize, Pending
from hub.witness.showing import knowledge
from tests.hub.witness.conftest import NOON, WITNESS
from tests.hub.witness.logs import NAME, SignedLog


def trusting(house: House, log: SignedLog) -> SignedLog:
    house.store.trust(NAME, log.key.public_key, 0)
    return log


def code_of(house: House, body: bytes) -> str:
    """How the witness refuses a request."""
    with pytest.raises(HubError) as refused:
        house.witness.add_checkpoint(body)
    return refused.value.code


def kinds(house: House) -> list[str]:
    return [each.kind for each in house.store.evidence(NAME)]


def is_cosigned(line: str, text: str, key: bytes, name: str = WITNESS) -> int:
    """The time of a cosignature, read as C2SP tlog-cosignature writes it and by nothing of ours."""
    dash, said, encoded = line.removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded, validate=True)
    assert (dash, said) == ("\u2014", name)
    assert raw[:4] == hashlib.sha256(name.encode() + b"\n\x04" + key).digest()[:4]
    at_s = int.from_bytes(raw[4:12], "big")
    message = b"cosignature/v1\ntime " + str(at_s).encode() + b"\n" + text.encode()
    Ed25519PublicKey.from_public_bytes(key).verify(raw[12:], message)
    return at_s


def test_growth_is_cosigned_as_the_specification_writes_it(house: House) -> None:
    log = trusting(house, SignedLog(10))
    sizes = [0, 10, 11, 256, 300]
    for old, new in itertools.pairwise(sizes):
        log.grow(new - len(log.leaves))
        line = house.witness.add_checkpoint(log.asks(old))
        assert is_cosigned(line, log.checkpoint().text, house.key.public_key) == NOON.timestamp()
    with pytest.raises(InvalidSignature):
        is_cosigned(line, log.checkpoint(299).text, house.key.public_key)
    assert kinds(house) == []


def test_the_same_checkpoint_is_cosigned_again(house: House) -> None:
    log = trusting(house, SignedLog(10))
    house.witness.add_checkpoint(log.asks(0))
    assert house.witness.add_checkpoint(log.asks(10))


def test_an_empty_log_is_cosigned_and_grows(house: House) -> None:
    log = trusting(house, SignedLog(0))
    house.witness.add_checkpoint(log.asks(0))
    log.grow(3)
    assert house.witness.add_checkpoint(log.asks(0))


def test_a_fork_of_the_same_size_is_refused_and_both_notes_are_kept(house: House) -> None:
    log = trusting(house, SignedLog(9))
    other = log.cut(9, log.epoch)
    log.grow(1)
    other.grow(1, "other")
    house.witness.add_checkpoint(log.asks(0))
    assert code_of(house, other.asks(10)) == "forked"
    [kept] = house.store.evidence(NAME)
    assert (kept.kind, kept.known == str(log.checkpoint()), kept.shown) == (
        "forked",
        True,
        str(other.checkpoint()),
    )
    assert kept.at_us == NOON.timestamp() * 1_000_000
    assert house.witness.add_checkpoint(log.asks(10)), "the branch that was seen first goes on"


def test_a_fork_is_kept_as_evidence_even_where_it_comes_with_an_old_size(house: House) -> None:
    log = trusting(house, SignedLog(9))
    other = log.cut(8, log.epoch)
    other.grow(1, "other")
    house.witness.add_checkpoint(log.asks(0))
    log.grow(5)
    house.witness.add_checkpoint(log.asks(9))
    assert code_of(house, other.asks(0)) == "other-size"
    assert kinds(house) == ["forked"]


@pytest.mark.parametrize("size", [0, 10])
def test_lines_of_proof_where_there_is_nothing_to_prove_are_refused_and_are_no_evidence(
    house: House, size: int
) -> None:
    """The tree is the one that was cosigned, or the first of all: nobody has signed two."""
    log = trusting(house, SignedLog(10))
    if size:
        house.witness.add_checkpoint(log.asks(0))
    line = base64.b64encode(b"\0" * 32)
    body = log.asks(size).replace(b"\n\n", b"\n" + line + b"\n\n", 1)
    assert code_of(house, body) == "superfluous-proof"
    assert kinds(house) == []
    assert house.witness.add_checkpoint(log.asks(size)), "without them all is well"


def test_superfluous_lines_with_another_root_are_a_fork_all_the_same(house: House) -> None:
    log = trusting(house, SignedLog(9))
    other = log.cut(8, log.epoch)
    other.grow(1, "other")
    house.witness.add_checkpoint(log.asks(0))
    body = other.asks(9).replace(b"\n\n", b"\n" + base64.b64encode(b"\0" * 32) + b"\n\n", 1)
    assert code_of(house, body) == "forked"
    assert kinds(house) == ["forked"]


def test_a_longer_fork_is_refused_whatever_proof_comes_with_it(house: House) -> None:
    log = trusting(house, SignedLog(10))
    other = log.cut(9, log.epoch)
    other.grow(6, "other")
    house.witness.add_checkpoint(log.asks(0))
    assert code_of(house, other.asks(10)) == "unproven"
    assert kinds(house) == ["unproven"]


def test_a_rollback_is_refused(house: House) -> None:
    log = trusting(house, SignedLog(20))
    house.witness.add_checkpoint(log.asks(0))
    assert code_of(house, log.asks(0, 15)) == "other-size"
    assert code_of(house, log.asks(15, 15)) == "other-size"
    body = log.asks(15, 15).replace(b"old 15", b"old 20")
    assert code_of(house, body) == "bad-witness-request"
    assert house.store.branch(log.origin).size == 20  # type: ignore[union-attr]


def test_a_second_key_under_a_logs_name_is_refused(house: House) -> None:
    """Whoever had it could push the log's epoch forward, or make evidence against a log that signed nothing."""
    log, another = trusting(house, SignedLog(10)), SignedLog(10)
    house.witness.add_checkpoint(log.asks(0))
    with pytest.raises(Refused, match="other-log-key"):
        trusting(house, another)
    assert not house.store.trust(NAME, log.key.public_key, 0), "the log's own is trusted already"
    another.grow(1)
    assert code_of(house, another.asks(10)) == "not-signed"
    log.grow(1)
    assert house.witness.add_checkpoint(log.asks(10))
    assert kinds(house) == []


def test_who_is_not_known_is_told_so(house: House) -> None:
    log = SignedLog(5)
    assert code_of(house, log.asks(0)) == "unknown-log"
    stranger = SignedLog(5)
    trusting(house, stranger)
    assert code_of(house, log.asks(0)) == "not-signed"
    broken = stranger.asks(0).replace(stranger.checkpoint().text.encode(), stranger.checkpoint(4).text.encode())
    assert code_of(house, broken) == "bad-signature"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"\xff",
        b"old 01\n\nx\n\ny\n",
        b"old -1\n\nx\n\ny\n",
        b"new 0\n\nx\n\ny\n",
        b"old 0\nAAAA\n\nx\n\ny\n",
    ],
)
def test_what_is_no_request_is_refused(house: House, body: bytes) -> None:
    with pytest.raises(RejectedMessage, match="bad-witness-request"):
        house.witness.add_checkpoint(body)


def test_more_than_63_lines_of_proof_are_refused(house: House) -> None:
    log = trusting(house, SignedLog(5))
    head, _, rest = log.asks(0).partition(b"\n")
    line = base64.b64encode(b"\0" * 32) + b"\n"
    assert code_of(house, head + b"\n" + line * 63 + rest) == "superfluous-proof"
    assert code_of(house, head + b"\n" + line * 64 + rest) == "bad-witness-request"


@given(st.data())
def test_a_proof_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    log = SignedLog(data.draw(st.integers(2, 70)))
    old = data.draw(st.integers(1, len(log.leaves) - 1))
    proof = list(log.consistency(old))
    at = data.draw(st.integers(0, len(proof) - 1))
    what = data.draw(st.sampled_from(["flipped", "dropped", "doubled", "swapped"]))
    changed = _changed(proof, at, what)
    assert extends(old, log.root(old), len(log.leaves), log.root(len(log.leaves)), proof)
    assert changed == proof or not extends(old, log.root(old), len(log.leaves), log.root(len(log.leaves)), changed)


def _changed(proof: Sequence[bytes], at: int, what: str) -> list[bytes]:
    if what == "flipped":
        return [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
    if what == "dropped":
        return [*proof[:at], *proof[at + 1 :]]
    if what == "doubled":
        return [*proof[: at + 1], *proof[at:]]
    return [*proof[:at], *reversed(proof[at:])]


# ---- two hubs, two processes


def test_of_two_hubs_that_race_from_one_size_one_is_cosigned(tmp_path: Path, clock: DrivenClock) -> None:
    base = SignedLog(10)
    left, right = base.cut(10, base.epoch), base.cut(10, base.epoch)
    left.grow(1, "left")
    right.grow(1, "right")
    with opened(tmp_path / "w", clock, WITNESS) as first, opened(tmp_path / "w", clock) as second:
        trusting(first, base)
        for round_at in range(20):
            assert first.witness.add_checkpoint(base.asks(10 if round_at else 0))
        told = race(
            lambda: first.witness.add_checkpoint(left.asks(10)), lambda: second.witness.add_checkpoint(right.asks(10))
        )
        assert sorted(told) == ["cosigned", "other-size"]
        branch = first.store.branch(base.origin)
        assert branch is not None
        winner, loser = (left, right) if branch.root == left.root(11) else (right, left)
        assert branch.root == winner.root(11)
        assert code_of(second, loser.asks(11)) == "forked"


def race(*calls: object) -> list[str]:
    """How each of several calls ended that began at once."""
    gate = threading.Barrier(len(calls))
    told: list[str] = []

    def run(call: object) -> None:
        gate.wait()
        try:
            assert callable(call)
            call()
            told.append("cosigned")
        except Refused as error:
            told.append(error.code)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


# ---- epochs


def restored_at_900(house: House, known: SignedLog | None = None) -> tuple[SignedLog, SignedLog]:
    """A log that was cosigned at 880 and at 1000, and the same restored from a copy of 900 events."""
    log = trusting(house, SignedLog(880, signer=known.signer if known else None))
    house.witness.add_checkpoint(log.asks(0))
    log.grow(1000 - 880)
    house.witness.add_checkpoint(log.asks(880))
    restored = log.cut(900, "2-bbbb")
    restored.grow(1, "hub.restored")
    return log, restored


def test_a_restore_is_pending_until_a_person_accepts_it_and_its_loss_stays_visible(
    house: House, clock: DrivenClock
) -> None:
    log, restored = restored_at_900(house)
    declaration = restored.declaration(log.origin, 900)
    assert code_of(house, restored.asks(0)) == "epoch-unknown"
    with pytest.raises(OtherSize) as told:
        house.witness.add_epoch(restored.declares(0, declaration))
    assert told.value.size == 880
    body = restored.declares(880, declaration)
    assert house.witness.add_epoch(body) == house.witness.add_epoch(body) == Pending(restored.origin)
    assert code_of(house, restored.asks(0)) == "epoch-pending"
    house.witness.accept_epoch(restored.origin, "local:wanda")
    restored.grow(5)
    assert code_of(house, restored.asks(0)) == "other-size"
    assert house.witness.add_checkpoint(restored.asks(901))
    assert house.witness.add_epoch(body) is None
    assert code_of(house, log.asks(1000)) == "epoch-closed"
    [told_log] = knowledge(house.store)
    old, new = told_log["epochs"]
    assert (old["state"], old["size"]) == ("closed", 1000)
    assert (new["state"], new["lost"], new["compared_up_to"], new["accepted_by"]) == (
        "open",
        [900, 999],
        880,
        "local:wanda",
    )
    assert kinds(house) == ["signed-after-restore"]


def test_lines_of_proof_from_nothing_are_no_evidence_against_a_new_epoch(house: House) -> None:
    log = trusting(house, SignedLog(10))
    house.witness.add_checkpoint(log.asks(0))
    restored = log.cut(5, "2-bbbb")
    restored.grow(1, "hub.restored")
    body = restored.declares(0, restored.declaration(log.origin, 5))
    with pytest.raises(Refused, match="superfluous-proof"):
        house.witness.add_epoch(body.replace(b"\n\n", b"\n" + base64.b64encode(b"\0" * 32) + b"\n\n", 1))
    assert kinds(house) == []
    assert house.witness.add_epoch(body) == Pending(restored.origin)


def test_a_new_epoch_over_a_changed_prefix_is_refused_with_evidence(house: House) -> None:
    log, _ = restored_at_900(house)
    changed = log.cut(500, "2-bbbb")
    changed.grow(401, "other")
    with pytest.raises(Refused, match="prefix-changed"):
        house.witness.add_epoch(changed.declares(880, changed.declaration(log.origin, 900)))
    assert kinds(house) == ["prefix-changed"]
    assert house.store.branch(changed.origin) is None
    with pytest.raises(Refused, match="no-such-epoch"):
        house.witness.accept_epoch(changed.origin, "local:wanda")


def test_a_hub_that_claims_a_smaller_restore_to_hide_a_change_shows_a_larger_loss(house: House) -> None:
    log, _ = restored_at_900(house)
    changed = log.cut(500, "2-bbbb")
    changed.grow(401, "other")
    assert house.witness.add_epoch(changed.declares(0, changed.declaration(log.origin, 500)))
    assert knowledge(house.store)[0]["epochs"][1]["lost"] == [500, 999]


def test_restores_of_restores_are_compared_along_their_line(house: House) -> None:
    log, second = restored_at_900(house)
    third = second.cut(850, "3-cccc")
    third.grow(2, "third")
    both = [second.declaration(log.origin, 900), third.declaration(second.origin, 850)]
    with pytest.raises(Refused, match="unknown-parent"):
        house.witness.add_epoch(third.declares(0, both[1]))
    with pytest.raises(RejectedMessage, match="bad-declaration"):
        house.witness.add_epoch(third.declares(0, *reversed(both)))
    # 880 is above what the third epoch still holds, and nothing smaller was cosigned.
    assert house.witness.add_epoch(third.declares(0, *both)) == Pending(third.origin)
    house.witness.accept_epoch(third.origin, "local:wanda")
    assert house.witness.add_checkpoint(third.asks(852))
    assert code_of(house, second.asks(0)) == "epoch-closed"


def test_an_epoch_of_another_log_is_no_continuation(house: House) -> None:
    log, restored = restored_at_900(house)
    strange = restored.declaration(log.origin.replace(NAME, "another"), 900)
    with pytest.raises(RejectedMessage, match="bad-declaration"):
        house.witness.add_epoch(restored.declares(880, strange))
