"""The socket in the home: private, found again after a crash, in homes of any name."""

from __future__ import annotations

import io
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from events.errors import Refused, RejectedMessage, TryAgainLater, WrongSettings
from hub.access.door import Caller
from hub.assembly import Hub
from hub.local import wire
from hub.local.desks import reached
from hub.local.opened import OpenedHome, held
from hub.local.operations import OPERATIONS, answer
from hub.local.requests import SOCKET, Request, address
from hub.local.served import ServedHome, is_served
from hub.local.server import SocketServer
from hub.settings import Settings, read_settings
from tests.hub import homes
from tests.hub.ailing import HangingShadow

ADMIN = Caller("root", "admin", "hub", "operations")
STATUS = Request("status", ADMIN, {})
ARRIVAL = {"agency": "housing", "system": "crm", "adapter": "cloudevents"}


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@contextmanager
def served(folder: Path) -> Iterator[Hub]:
    with homes.open_home(folder) as hub, SocketServer(hub):
        yield hub


def _settings(home: Path) -> Settings:
    return read_settings(home, {})


def test_the_socket_is_its_owners_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    with served(tmp_path):
        mode = (tmp_path / SOCKET).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert is_served(tmp_path)
    assert not (tmp_path / SOCKET).exists()
    assert not is_served(tmp_path)


def test_a_socket_left_by_a_killed_hub_is_in_nobodys_way(tmp_path: Path) -> None:
    with homes.open_home(tmp_path):
        left = socket.socket(socket.AF_UNIX)
        left.bind(str(tmp_path / SOCKET))
        left.close()
    assert not is_served(tmp_path)
    with reached(_settings(tmp_path)) as desk:
        assert isinstance(desk, OpenedHome)
    with served(tmp_path), reached(_settings(tmp_path)) as desk:
        assert isinstance(desk, ServedHome)
        assert desk.ask(STATUS)["ready"] is True


@pytest.mark.parametrize("length", [60, 107, 108, 200])
def test_a_home_may_have_a_long_path(tmp_path: Path, length: int) -> None:
    home = tmp_path / ("h" * max(1, length - len(str(tmp_path)) - 1))
    with served(home):
        assert ServedHome(home).ask(STATUS)["ready"] is True


def test_the_address_of_a_long_path_fits(tmp_path: Path) -> None:
    home = tmp_path / ("ü" * 60)
    home.mkdir()
    with address(home) as where:
        assert len(where.encode()) <= 107
        assert where.startswith("/proc/self/fd/")


def test_a_second_server_is_an_error_and_a_second_command_waits_its_turn(tmp_path: Path) -> None:
    with served(tmp_path), pytest.raises(WrongSettings, match="home-in-use"), held(_settings(tmp_path), wait_s=30):
        pass
    busy = pytest.raises(TryAgainLater, match="home-busy")
    with homes.open_home(tmp_path), busy, reached(_settings(tmp_path), wait_s=0.1):
        pass


def test_a_command_goes_on_when_the_one_before_is_done(tmp_path: Path) -> None:
    first = homes.open_home(tmp_path)
    closing = threading.Timer(0.3, first.close)
    closing.start()
    with reached(_settings(tmp_path)) as desk:
        assert desk.ask(STATUS)["ready"] is True
    closing.join()


def test_a_server_waits_for_a_command_to_finish(tmp_path: Path) -> None:
    first = homes.open_home(tmp_path)
    closing = threading.Timer(0.3, first.close)
    closing.start()
    with held(_settings(tmp_path)) as hub:
        assert hub.runner.fault is None
    closing.join()


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="no-home"), reached(_settings(tmp_path / "typo")):
        pass


def test_an_upload_refused_early_says_why(tmp_path: Path) -> None:
    """The hub answers before the last byte is sent, and the sender hears it."""
    with served(tmp_path):
        request = Request("intake", ADMIN, {**ARRIVAL, "agency": "nowhere"})
        with pytest.raises(Refused, match="unknown-agency"):
            ServedHome(tmp_path).ask(request, upload=io.BytesIO(b"x" * 20_000_000))


def test_an_upload_whose_sender_goes_away_leaves_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as hub:
        request = wire.request_line(Request("intake", ADMIN, ARRIVAL), has_upload=True)
        with socket.socket(socket.AF_UNIX) as connection, address(tmp_path) as where:
            connection.connect(where)
            connection.sendall(request + (5_000_000).to_bytes(4, "big") + b"[" * 2_000_000)
            connection.shutdown(socket.SHUT_WR)
            [answer] = wire.answers(connection.makefile("rb"))
        assert answer["error"]["code"] == "upload-cut-short"
        assert list(hub.receipts.unfinished()) == []
        assert not any((tmp_path / "receipts").iterdir())


def test_operations_that_do_not_exist_or_lack_their_upload_are_refused(tmp_path: Path) -> None:
    with served(tmp_path):
        desk = ServedHome(tmp_path)
        for operation in ("burn", "intake"):
            with pytest.raises(RejectedMessage, match="unknown-operation"):
                desk.ask(Request(operation, ADMIN, {}))


def test_a_fault_in_the_hub_reaches_the_command_as_a_fault(tmp_path: Path) -> None:
    with served(tmp_path), pytest.raises(wire.HubFault, match="TypeError"):
        ServedHome(tmp_path).ask(Request("receipt", ADMIN, {"no_such_argument": 1}))


def test_the_door_is_asked_on_both_ways(tmp_path: Path) -> None:
    request = Request("timeline", ADMIN, {"person": "0000-0000"})
    with served(tmp_path) as hub:
        for desk in (ServedHome(tmp_path), OpenedHome(hub)):
            with pytest.raises(Refused, match="not-permitted"):
                desk.ask(request)


def test_a_server_that_stops_cuts_off_who_only_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        with served(tmp_path), address(tmp_path) as where:
            silent.connect(where)
            assert ServedHome(tmp_path).ask(STATUS)["ready"] is True
        assert silent.recv(1) == b""


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_local_user_may_ask_for_everything_without_naming_a_role(tmp_path: Path, name: str) -> None:
    """Arguments are missing, so the operation may fail, but not because of who asks."""
    caller = Caller("local", "", "hub", "")
    arguments = {"target": str(tmp_path / "copy")} if name == "back-up" else ARGUMENTS.get(name, {})
    with homes.open_home(tmp_path) as hub:
        upload = io.BytesIO(b"[]") if OPERATIONS[name].takes_upload else None
        try:
            found = answer(hub, Request(name, caller, arguments), upload=upload)
            outcome = "done" if isinstance(found, dict) else f"{len(list(found))} rows"
        except (Refused, RejectedMessage) as error:
            outcome = error.code
    assert outcome != "not-permitted"


ARGUMENTS: dict[str, dict[str, str]] = {
    "prove": {"event": "00" * 32},
    "intake": ARRIVAL,
    "receipt": {"receipt": "R-0000000000"},
    "find-message": {"sender_id": "m-1"},
    "quarantined": {"number": "Q-0001"},
    "retry": {"number": "Q-0001"},
    "timeline": {"person": "0000-0000"},
    "history": {"fact": "x"},
    "find": {"record": "housing:crm/tenant/7"},
    "person": {"person": "0000-0000"},
    "link": {"record": "housing:crm/tenant/7", "person": "0000-0000", "reason": "none"},
    "unlink": {"record": "housing:crm/tenant/7", "reason": "none"},
    "merge": {"survivor": "0000-0000", "absorbed": "0000-0000", "reason": "same-number"},
    "unmerge": {"survivor": "0000-0000", "absorbed": "0000-0000", "reason": "shared-number"},
    "plan-erasure": {"record": "housing:crm/tenant/7"},
    "erase-agency": {"agency": "housing", "ground": "unlawful"},
    "redact": {"position": "1-00000000:main-0:0", "ground": "unlawful"},
    **{
        name: {"record": "housing:crm/tenant/7", "ground": "unlawful"}
        for name in ("erase", "hold", "lift-hold", "readmit", "restrict", "unrestrict")
    },
}


def test_a_hub_that_stops_does_not_wait_for_a_rebuild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Exception] = []

    def rebuild() -> None:
        try:
            ServedHome(tmp_path).ask(Request("rebuild", ADMIN, {}), progress=lambda done, of: is_running.set())
        except Refused as error:
            told.append(error)

    is_running = threading.Event()
    asking = threading.Thread(target=rebuild)
    with served(tmp_path) as hub:
        monkeypatch.setattr(hub.runner, "_beside", lambda path: HangingShadow(hub, path))
        asking.start()
        assert is_running.wait(30)
    asking.join(30)
    assert [str(error) for error in told] == ["hub-stopping: the hub is stopping. Ask again when it serves again."]
    assert len(list(tmp_path.glob("views-*.sqlite"))) == 1
