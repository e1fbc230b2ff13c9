"""What happens at the same time: hubs that race, a person who accepts while hubs ask, a disk without room."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from events.checkpoints import parse_checkpoint, parse_note
from events.clock import DrivenClock
from events.errors import Refused, TryAgainLater
from hub.witness.house import House, opened
from hub.witness.judge import OtherSize, Pending
from hub.witness.showing import knowledge
from tests.counts import times
from tests.hub.witness.conftest import WITNESS
from tests.hub.witness.logs import SignedLog
from tests.hub.witness.serving import serving
from tests.hub.witness.test_judge import is_cosigned, kinds, trusting
from tests.small_disk import SmallDisk, mounted

RACERS = 6


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """All who race come from one address."""
    monkeypatch.setattr("hub.witness.server.AT_ONCE", 100_000.0)


@pytest.fixture
def url(house: House) -> Iterator[str]:
    with serving(house.witness) as found:
        yield found


def at_once(calls: Sequence[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """The answers to calls that begin together, in their order."""
    gate = threading.Barrier(len(calls))
    answers: dict[int, httpx.Response] = {}

    def run(number: int, call: Callable[[], httpx.Response]) -> None:
        gate.wait(20)
        answers[number] = call()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [answers[number] for number in range(len(calls))]


def asking(url: str, body: bytes) -> Callable[[], httpx.Response]:
    return lambda: httpx.post(f"{url}/add-checkpoint", content=body, trust_env=False, timeout=30)


def size_of(house: House, origin: str) -> int:
    branch = house.store.branch(origin)
    assert branch is not None
    return branch.size


# ---- hubs that race


def test_of_hubs_that_race_from_one_size_over_http_one_is_cosigned(house: House, url: str) -> None:
    log = trusting(house, SignedLog(10))
    assert asking(url, log.asks(0))().status_code == 200
    for round_at in range(times(4, proof=60)):
        size = len(log.leaves)
        hubs = [log.cut(size, log.epoch) for _ in range(RACERS)]
        for number, hub in enumerate(hubs):
            hub.grow(1, f"{round_at} {number}")
        answers = at_once([asking(url, hub.asks(size)) for hub in hubs])
        assert sorted(each.status_code for each in answers) == [200, *[409] * (RACERS - 1)]
        assert {each.text for each in answers if each.status_code == 409} == {f"{size + 1}\n"}
        winner = next(hub for hub, each in zip(hubs, answers, strict=True) if each.status_code == 200)
        branch = house.store.branch(log.origin)
        assert branch is not None
        assert (branch.size, branch.root) == (size + 1, winner.root(size + 1))
        again = at_once([asking(url, hub.asks(size + 1)) for hub in hubs if hub is not winner])
        assert {(each.status_code, each.json()["code"]) for each in again} == {(409, "forked")}
        log = winner
    assert set(kinds(house)) == {"forked"}


def test_no_cosigned_size_is_ever_taken_back_by_a_slower_request(house: House, url: str) -> None:
    """One and the same log, asked about at many sizes from one: the race that the specification warns of."""
    log = trusting(house, SignedLog(10))
    assert asking(url, log.asks(0))().status_code == 200
    for _ in range(times(4, proof=60)):
        old = size_of(house, log.origin)
        log.grow(old + RACERS - len(log.leaves))
        sizes = [old + 1 + number for number in range(RACERS)]
        answers = at_once([asking(url, log.asks(old, size)) for size in sizes])
        cosigned = [size for size, each in zip(sizes, answers, strict=True) if each.status_code == 200]
        assert len(cosigned) == 1
        assert size_of(house, log.origin) == cosigned[0]
        assert {each.text for each in answers if each.status_code == 409} == {f"{cosigned[0]}\n"}
    assert kinds(house) == []


# ---- a person accepts while hubs ask


def test_nothing_is_cosigned_in_an_epoch_after_its_successor_was_accepted(
    house: House, url: str, tmp_path: Path, clock: DrivenClock
) -> None:
    """The old hub goes on asking while a person, in another process's place, accepts the new epoch."""
    log = trusting(house, SignedLog(100))
    assert asking(url, log.asks(0))().status_code == 200
    restored = log.cut(100, "2-bbbb")
    restored.grow(1, "hub.restored")
    assert house.witness.add_epoch(restored.declares(100, restored.declaration(log.origin, 100)))
    cosigned: list[int] = []
    is_accepted = threading.Event()

    def old_hub() -> str:
        while True:
            log.grow(1)
            answer = asking(url, log.asks(len(log.leaves) - 1))()
            if answer.status_code != 200:
                return str(answer.json()["code"])
            is_cosigned(answer.text, log.checkpoint().text, house.key.public_key)
            cosigned.append(len(log.leaves))
            if len(cosigned) == 5:
                is_accepted.set()

    ended: list[str] = []
    hub = threading.Thread(target=lambda: ended.append(old_hub()))
    hub.start()
    assert is_accepted.wait(30)
    with opened(tmp_path / "witness", clock) as person:
        person.witness.accept_epoch(restored.origin, "local:wanda")
    hub.join(30)
    assert ended == ["epoch-closed"]
    old, new = knowledge(house.store)[0]["epochs"]
    assert (old["state"], old["size"], new["state"]) == ("closed", cosigned[-1], "open")
    assert new["lost"] == [100, cosigned[-1] - 1], "all that was cosigned up to the last moment is told of"
    assert asking(url, restored.asks(101))().status_code == 200


def declared_late(house: House) -> tuple[SignedLog, SignedLog, SignedLog, bytes]:
    """Cosigned up to 880, restored from a copy of 900, declared; then the old hub has 890 cosigned.

    The old log, the new one, one that is the same but for what the old one has signed since, and its declaration.
    """
    log = trusting(house, SignedLog(880))
    house.witness.add_checkpoint(log.asks(0))
    log.grow(20)
    other = log.cut(880, log.epoch)
    other.grow(20, "other")
    new, forged = log.cut(900, "2-bbbb"), other.cut(900, "2-bbbb")
    for each in (new, forged):
        each.grow(1, "hub.restored")
    return log, new, forged, forged.declares(880, forged.declaration(log.origin, 900))


def test_what_was_cosigned_while_an_epoch_waited_is_compared_before_it_is_accepted(house: House) -> None:
    log, new, _, _ = declared_late(house)
    declaration = new.declaration(log.origin, 900)
    assert house.witness.add_epoch(new.declares(880, declaration)) == Pending(new.origin)
    house.witness.add_checkpoint(log.asks(880, 890))
    with pytest.raises(Refused, match="not-compared"):
        house.witness.accept_epoch(new.origin, "local:wanda")
    with pytest.raises(Refused, match="epoch-unknown"):  # so that its hub declares it anew
        house.witness.add_checkpoint(new.asks(0))
    with pytest.raises(OtherSize) as told:
        house.witness.add_epoch(new.declares(0, declaration))
    assert told.value.size == 890
    assert house.witness.add_epoch(new.declares(890, declaration)) == Pending(new.origin)
    with pytest.raises(Refused, match="epoch-pending"):
        house.witness.add_checkpoint(new.asks(0))
    house.witness.accept_epoch(new.origin, "local:wanda")
    assert knowledge(house.store)[0]["epochs"][1]["compared_up_to"] == 890
    assert house.witness.add_checkpoint(new.asks(901))
    assert kinds(house) == []


def test_an_epoch_that_contradicts_what_was_cosigned_while_it_waited_is_never_accepted(house: House) -> None:
    log, _, forged, body = declared_late(house)
    assert house.witness.add_epoch(body) == Pending(forged.origin)
    house.witness.add_checkpoint(log.asks(880, 890))
    with pytest.raises(Refused, match="prefix-changed"):
        house.witness.add_epoch(forged.declares(890, forged.declaration(log.origin, 900)))
    assert kinds(house) == ["prefix-changed"]
    with pytest.raises(Refused, match="not-compared"):
        house.witness.accept_epoch(forged.origin, "local:wanda")
    assert house.witness.add_checkpoint(log.asks(890, 900)), "the old epoch goes on"


# ---- no room


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk", 2) as found:
        yield found


def test_a_witness_without_room_cosigns_nothing_and_forgets_nothing(disk: SmallDisk, clock: DrivenClock) -> None:
    log = SignedLog(10)
    other = log.cut(9, log.epoch)
    other.grow(1, "other")
    with opened(disk.folder / "w", clock, WITNESS) as house, serving(house.witness) as url:
        trusting(house, log)
        assert asking(url, log.asks(0))().status_code == 200
        for round_at in range(times(3, proof=30)):
            disk.fill(but_bytes=round_at * 4096)
            answer = asking(url, log.asks(size_of(house, log.origin)))()
            for _ in range(1_000):  # until what room SQLite's own files had left is gone
                if answer.status_code != 200:
                    break
                log.grow(1)
                answer = asking(url, log.asks(size_of(house, log.origin)))()
            assert (answer.status_code, answer.json()["code"]) == (503, "disk-full")
            newest = parse_checkpoint(parse_note(house.witness.newest(sha256(log.origin.encode()).hexdigest())).text)
            assert newest.size == size_of(house, log.origin)
            assert newest.root == log.root(newest.size)
            disk.empty()
        known = size_of(house, log.origin)
        assert asking(url, log.asks(known))().status_code == 200
        assert asking(url, other.asks(10))().text == f"{size_of(house, log.origin)}\n"
        assert kinds(house) == ["forked"]


def test_a_witness_cannot_begin_without_room_and_says_so(disk: SmallDisk, clock: DrivenClock) -> None:
    disk.fill()
    with pytest.raises(TryAgainLater, match="disk-full"), opened(disk.folder / "w", clock, WITNESS):
        pass
    disk.empty()
    with opened(disk.folder / "w", clock, WITNESS) as house:
        log = trusting(house, SignedLog(3))
        assert house.witness.add_checkpoint(log.asks(0))
