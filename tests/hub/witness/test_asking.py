"""A hub and its witness: cosigned in the ordinary course, and nothing that was witnessed is lost unnoticed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.clock import SystemClock
from events.errors import HubError, TryAgainLater, WrongSettings
from hub.assembly import LOG, Hub
from hub.backup import back_up
from hub.epochs import restorations
from hub.restore import declare, restore
from hub.services import Services
from hub.settings import read_settings
from hub.witness import asking
from hub.witness.client import Reply, WitnessClient
from hub.witness.house import House, opened
from hub.witness.memory import WitnessedStore
from hub.witness.settings import read_witnesses
from hub.witness.showing import knowledge
from tests.counts import times
from tests.hub.homes import ADMIN, nhs_number, open_home, registration, send
from tests.hub.witness.conftest import WITNESS
from tests.hub.witness.homes import (
    copied,
    copy_back,
    grow,
    name_witness,
    reopened,
    size_of,
    state_of,
    trust,
    wait_for,
    wait_for_code,
)
from tests.hub.witness.serving import certificate_for, serving
from tests.hub.witness.test_judge import is_cosigned
from tests.keyring import opened as opened_rows

KEPT, WITNESSED = times(90, proof=900), times(100, proof=1_000)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Witnesses are asked more often than every ten seconds."""
    monkeypatch.setattr(asking, "EVERY_S", 0.25)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path / "witness", SystemClock(), WITNESS) as found:
        yield found


@pytest.fixture
def url(house: House) -> Iterator[str]:
    with serving(house.witness) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path, house: House, url: str) -> Path:
    """The folder of a home that names the witness."""
    name_witness(tmp_path / "home", house, url)
    return tmp_path / "home"


def brought(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings of a new home, with the wrapping keys and the list of erasures of the old one."""
    second = home.with_name("second")
    second.mkdir(exist_ok=True)
    (second / "erasures.jsonl").touch()
    return read_settings(
        home.with_name(name), {"TELLONCE_KMS": str(home / "kms.key"), "TELLONCE_ERASURES": str(second)}
    )


def test_what_is_acknowledged_is_cosigned_and_kept(home: Path, house: House) -> None:
    with open_home(home) as hub:
        assert state_of(hub)["state"] in ("waiting", "late", "refused")
        trust(house, hub)
        grow(hub, 5)
        wait_for_code(hub, "")
        told = Services(hub).status(ADMIN)
        assert (told["witness"], told["witnesses"][0]["size"]) == ({"state": "well", "without_s": 0}, size_of(hub))
        origin = hub.log.origin
    memory = WitnessedStore(home)
    kept = memory.newest(WITNESS, origin)
    memory.close()
    assert kept is not None
    line = str(kept.note.signatures[-1])
    assert is_cosigned(line, kept.note.text, house.key.public_key) == kept.at_s


def test_without_a_witness_the_hub_says_so(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        assert Services(hub).health()["witness"] == {"state": "none", "without_s": None}


def test_a_witness_that_does_not_know_the_log_is_told_of(home: Path) -> None:
    with open_home(home) as hub:
        wait_for_code(hub, "unknown-log")
        assert state_of(hub)["state"] == "waiting"


def test_a_witness_that_is_down_slows_nothing_and_is_red_after_a_quarter_of_an_hour(
    tmp_path: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_witness(tmp_path / "home", house, "http://127.0.0.1:9")
    with open_home(tmp_path / "home") as hub:
        wait_for_code(hub, "witness-unreachable")
        begun = time.monotonic()
        grow(hub, 3)
        assert time.monotonic() - begun < 3
        assert state_of(hub)["state"] == "waiting"
        now_us = hub.clock()
        monkeypatch.setattr(hub, "clock", lambda: now_us + 901_000_000)
        assert state_of(hub)["state"] == "late"
        assert Services(hub).health()["ready"]


def test_a_witness_of_another_make_that_has_another_tree_of_our_size_is_heard(
    home: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By C2SP tlog-witness it says 409 with the size that it was asked about: what differs is the root."""

    def told(client: WitnessClient, path: str, body: bytes) -> Reply:
        return Reply(409, body.partition(b"\n")[0].removeprefix(b"old ") + b"\n")

    with open_home(home) as hub:
        trust(house, hub)
        grow(hub, 5)
        wait_for_code(hub, "")
        monkeypatch.setattr(WitnessClient, "post", told)
        grow(hub, 1)
        wait_for_code(hub, "forked")
        assert state_of(hub)["state"] == "refused"


def test_over_tls_only_a_certificate_that_is_vouched_for_counts(tmp_path: Path, house: House) -> None:
    certificate = certificate_for(tmp_path)
    with serving(house.witness, certificate=certificate) as url:
        assert url.startswith("https://")
        name_witness(tmp_path / "home", house, url)
        with open_home(tmp_path / "home") as hub:
            trust(house, hub)
            wait_for_code(hub, "witness-unreachable")
        name_witness(tmp_path / "home", house, url, f'ca = "{certificate[0]}"')
        with reopened(tmp_path / "home") as hub:
            wait_for_code(hub, "")


@pytest.mark.parametrize(
    "text",
    [
        "witness = 3",
        "[[witness]]\nurl = 1",
        '[[witness]]\nurl = "http://witness.example"\nkey = "KEY"',
        '[[witness]]\nurl = "ftp://127.0.0.1"\nkey = "KEY"',
        '[[witness]]\nurl = "https://x:99999"\nkey = "KEY"',
        '[[witness]]\nurl = "https://x"\nkey = "nonsense"',
        '[[witness]]\nurl = "https://x"\nkey = "KEY"\nca = "nowhere.pem"',
        '[[witness]]\nurl = "https://x"\nkey = "KEY"\n[[witness]]\nurl = "https://y"\nkey = "KEY"',
        "[[",
    ],
)
def test_settings_that_would_ask_nobody_are_refused(tmp_path: Path, house: House, text: str) -> None:
    (tmp_path / "witnesses.toml").write_text(text.replace("KEY", str(house.key)), "utf-8")
    with pytest.raises(WrongSettings, match="bad-witnesses"):
        read_witnesses(tmp_path)


# ---- restored by command


def test_a_restore_is_pending_until_a_person_accepts_it(
    home: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_home(home) as hub:
        trust(house, hub)
        grow(hub, KEPT - size_of(hub))
        wait_for_code(hub, "")
        back_up(hub, home.with_name("copy"))
        kept = size_of(hub)
        grow(hub, WITNESSED - KEPT)
        wait_for_code(hub, "")
        witnessed, origin, name = size_of(hub), hub.log.origin, hub.log.name
    settings = brought(home, "again", monkeypatch)
    told = restore(home.with_name("copy"), settings)
    assert (told["events"], told["known_size"], told["known_by"]) == (kept, witnessed, WITNESS)
    assert told["lost"] == [kept, witnessed - 1]
    with Hub(settings) as hub:
        wait_for_code(hub, "epoch-pending")
        row = next(hub.log.read("main-0", kept, 1))
        payload = opened_rows(hub.keys.ring, [row])[0].event.payload
        assert (payload["origin"], payload["size"], payload["lost_to"]) == (origin, kept, witnessed - 1)
        [log] = knowledge(house.store)
        assert log["epochs"][1]["lost"] == [kept, witnessed - 1]
        house.witness.accept_epoch(hub.log.origin, "local:wanda")
        wait_for_code(hub, "")
        grow(hub, 2)
        wait_for_code(hub, "")
        assert hub.log.name == name
    [log] = knowledge(house.store)
    assert [each["state"] for each in log["epochs"]] == ["closed", "open"]
    assert log["epochs"][1]["lost"] == [kept, witnessed - 1]
    with reopened(home) as old:  # the home of before the restore was not lost after all
        wait_for_code(old, "epoch-closed")
        wait_for(lambda: old.continuity.fault is not None)
        with pytest.raises(TryAgainLater, match="log-behind"):
            grow(old, 1)
        assert state_of(old)["state"] == "refused"


# ---- copied back by hand


def grown_and_copied(home: Path, house: House) -> tuple[Path, int, int]:
    """A home whose copy is older than what was witnessed; the sizes of both."""
    with open_home(home) as hub:
        trust(house, hub)
        grow(hub, KEPT - size_of(hub))
        kept = size_of(hub)
        wait_for_code(hub, "")
    copy = copied(home, "old")
    with reopened(home) as hub:
        grow(hub, WITNESSED - KEPT)
        wait_for_code(hub, "")
        return copy, kept, size_of(hub)


def refuses_to_write(hub: Hub) -> str:
    """Why a hub takes nothing in, though it reads."""
    wait_for(lambda: hub.continuity.fault is not None)
    before = size_of(hub)
    with pytest.raises(TryAgainLater) as refused:
        Services(hub).intake(ADMIN, b"{}", agency="housing", system="crm", adapter="cloudevents")
    with pytest.raises(HubError):
        hub.decisions.merge("0000-0000", "0000-0000", reason="x", by="x")
    with pytest.raises(TryAgainLater):
        grow(hub, 1)
    assert size_of(hub) == before
    assert Services(hub).status(ADMIN)["refuses_writes"] == refused.value.code
    return refused.value.code


@pytest.mark.parametrize("names", [("log.sqlite",), ()], ids=["the log alone", "the whole home"])
def test_files_copied_back_by_hand_are_noticed_and_declared(home: Path, house: House, names: tuple[str, ...]) -> None:
    copy, kept, witnessed = grown_and_copied(home, house)
    copy_back(copy, home, *names)
    with reopened(home) as hub:
        assert refuses_to_write(hub) == "log-behind"
        origin = hub.log.origin
    told = declare(read_settings(home, {}))
    assert (told["events"], told["lost"]) == (kept, [kept, witnessed - 1])
    with reopened(home) as hub:
        assert hub.log.origin != origin
        assert restorations(home / LOG)[0].by_hand
        wait_for_code(hub, "epoch-pending")
        house.witness.accept_epoch(hub.log.origin, "local:wanda")
        grow(hub, 3)
        wait_for_code(hub, "")
        assert hub.wait_until_read(60)


def test_an_older_log_is_read_though_the_list_has_an_erasure_that_it_does_not_tell_of(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        grow(hub, 5)
        send(hub, registration("t", "tenant/7", number=nhs_number(7)))
        assert hub.wait_until_read(20)
    copy = copied(home, "old")
    with open_home(home) as hub:
        hub.eraser.erase("housing:crm/tenant/7", ground="request")
    for path in home.iterdir():  # log and views of yesterday, keys and list of today
        if path.name.startswith(("log.", "views", "seen.")):
            path.unlink()
    for path in copy.iterdir():
        if path.name.startswith(("log.", "views", "seen.")):
            shutil.copyfile(path, home / path.name)
    with open_home(home) as hub:
        assert hub.continuity.fault is not None
        assert Services(hub).status(ADMIN)["refuses_writes"] == "log-behind"


def test_a_whole_home_that_is_copied_back_without_a_witness_is_not_noticed(tmp_path: Path) -> None:
    """What is not promised: key store and log of one day agree, and only somebody outside knows better."""
    home = tmp_path / "home"
    with open_home(home) as hub:
        grow(hub, 5)
    copy = copied(home, "old")
    with reopened(home) as hub:
        grow(hub, 5)
    copy_back(copy, home)
    with reopened(home) as hub:
        grow(hub, 1)
        assert hub.continuity.fault is None


def test_another_log_under_the_same_keys_takes_nothing_in(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        grow(hub, 2)
    for name in ("log.sqlite", "seen.sqlite"):
        (home / name).unlink()
    with pytest.raises(TryAgainLater, match="log-differs"):
        open_home(home)


def test_an_older_epoch_that_is_copied_back_takes_nothing_in(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        grow(hub, 5)
    copy = copied(home, "old")
    declare(read_settings(home, {}))
    copy_back(copy, home, "log.sqlite")
    with reopened(home) as hub:
        assert refuses_to_write(hub) == "log-behind"
    declare(read_settings(home, {}))
    with reopened(home) as hub:
        assert hub.log.epoch.startswith("3-")
        grow(hub, 1)


def test_one_home_that_runs_twice_is_noticed(home: Path, house: House) -> None:
    with open_home(home) as hub:
        trust(house, hub)
        grow(hub, 5)
        wait_for_code(hub, "")
    twin = copied(home, "twin")
    with reopened(home) as one, reopened(twin) as other:
        grow(one, 3, "one")
        wait_for_code(one, "")
        grow(other, 3, "other")
        wait_for(lambda: state_of(other)["state"] == "refused")
        grow(one, 1, "one")
        wait_for_code(one, "")
        assert [each.kind for each in house.store.evidence(one.log.name)] != []
