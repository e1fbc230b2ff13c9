"""HL7 v2 over MLLP on real sockets: acknowledged when it is stored, and not before."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from events.codec import Sealed
from events.errors import Refused, TryAgainLater, WrongSettings
from events.log.port import Outcome
from hub.assembly import REGISTER
from hub.http.server import MllpPort, mllp_port
from tests.hub.http.serving import Served

ADT = (
    "MSH|^~\\&|PAS|RIV|HUB|HUB|20250301093000||ADT^A01|{control}|P|2.4\r"
    "PID|1||{record}^^^RIV^MR||TESTERTON^ALEX||19800203|M\r"
    "PV1|1|I|WARD7^1^1||||||||||||||||E{record}|||||||||||||||||||||||||20250301090000\r"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("home"), mllp=[MllpPort(0, "hospital", "pas")]) as one:
        yield one


def frame(control: str, record: str = "1001") -> bytes:
    return b"\x0b" + ADT.format(control=control, record=record).encode() + b"\x1c\r"


class Sender:
    """A hospital's interface engine: one connection, one message at a time."""

    def __init__(self, served: Served) -> None:
        at = served.listening
        self._connection = socket.create_connection((at.host, at.mllp[0].port), timeout=20)

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def say(self, content: bytes) -> tuple[str, str]:
        """Code and control id of the acknowledgement, and its text."""
        self._connection.sendall(content)
        told = b""
        while not told.endswith(b"\x1c\r"):
            part = self._connection.recv(65_536)
            assert part, "the hub hung up"
            told += part
        msa = next(line for line in told.decode().split("\r") if line.startswith("MSA")).split("|")
        return f"{msa[1]} {msa[2]}", "|".join(msa[3:])


def test_an_acknowledged_message_is_durable_and_on_its_way_to_a_timeline(served: Served) -> None:
    with Sender(served) as sender:
        code, text = sender.say(frame("MSG1"))
    assert code == "AA MSG1"
    receipt = served.get("admin", f"/v1/receipts/{text.removeprefix('Stored as ').split('|')[0]}")
    assert (receipt["agency"], receipt["system"], receipt["adapter"]) == ("hospital", "pas", "hl7v2")
    assert receipt["outcomes"][0]["sender_id"] == "MSG1"
    positions = [event["position"] for event in receipt["outcomes"][0]["events"]]
    lines = served.ask("auditor", "GET", "/v1/log").text
    assert all(f'"position":"{position}"' in lines for position in positions)


def test_many_connections_at_once_are_each_answered_in_order(served: Served) -> None:
    def send(number: int) -> list[str]:
        with Sender(served) as sender:
            return [sender.say(frame(f"C{number}-{turn}", f"{number}{turn:02d}"))[0] for turn in range(10)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert answers == [[f"AA C{number}-{turn}" for turn in range(10)] for number in range(16)]
    for number in range(16):
        found = served.get("admin", "/v1/receipts", sender_id=f"C{number}-9")["messages"]
        assert [each["state"] for each in found] == ["accepted"]


def test_the_answer_waits_for_the_commit(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    submit = served.hub.log.submit

    def watched(rows: Sequence[Sealed]) -> Future[list[Outcome]]:
        appended = submit(rows)
        appended.add_done_callback(lambda _: done.append("committed"))
        return appended

    monkeypatch.setattr(served.hub.log, "submit", watched)
    with Sender(served) as sender:
        code, _ = sender.say(frame("WAIT1", "4711"))
        done.append("acknowledged")
    assert code == "AA WAIT1"
    assert done.index("committed") < done.index("acknowledged")  # linkage commits too, before or after


@pytest.mark.parametrize(
    "error",
    [
        TryAgainLater("disk-full", "the disk took no more", next_step="Make room."),
        Refused("agreement-out-of-date", "the sharing agreement is over", next_step="Renew it."),
    ],
    ids=lambda error: error.code,
)
def test_what_is_not_stored_is_not_acknowledged(
    served: Served, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    with Sender(served) as sender:
        with monkeypatch.context() as broken:
            broken.setattr(served.hub.intake, "submit", refuse)
            code, text = sender.say(frame("LATE1"))
        assert code == "AE LATE1"
        assert error.code in text  # type: ignore[attr-defined]
        assert sender.say(frame("LATE1", "5005"))[0] == "AA LATE1"


def test_a_bug_is_answered_too_and_the_connection_goes_on(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("TESTERTON")

    with Sender(served) as sender:
        with monkeypatch.context() as broken:
            broken.setattr(served.hub.intake, "submit", stumble)
            code, text = sender.say(frame("BUG1"))
        assert code == "AE BUG1"
        assert "TESTERTON" not in text
        assert sender.say(frame("BUG1", "6006"))[0] == "AA BUG1"


def test_what_cannot_be_understood_is_stored_and_waits_in_quarantine(served: Served) -> None:
    broken = b"\x0bMSH|^~\\&|PAS|RIV|HUB|HUB|20250301093000||ADT^A01|NOPID1|P|2.4\rEVN|A01\r\x1c\r"
    with Sender(served) as sender:
        assert sender.say(broken)[0] == "AA NOPID1"
    (found,) = served.get("admin", "/v1/receipts", sender_id="NOPID1")["messages"]
    assert found["state"] == "quarantined"


# ---- whose port it is


def register(served: Served, systems: str) -> None:
    """Replaces the register by one agency with these systems."""
    path = served.hub.home / REGISTER
    text = path.read_text("utf-8").split("[[agency]]")[1]
    path.write_text("[[agency]]" + text.partition("system = ")[0] + f"system = [{systems}]\n", "utf-8")


def test_a_port_belongs_to_the_only_system_that_speaks_hl7(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Served(tmp_path_factory.mktemp("ports")) as one:
        with pytest.raises(WrongSettings, match="which-mllp-system"):
            mllp_port("2575", one.hub)  # two agencies have one each
        assert mllp_port("2575=hospital/pas", one.hub) == MllpPort(2575, "hospital", "pas")
        register(one, '{ name = "crm" }, { name = "pas", adapter = "hl7v2" }')
        assert mllp_port("2575", one.hub) == MllpPort(2575, "housing", "pas")
        register(one, '{ name = "crm" }')
        with pytest.raises(WrongSettings, match="which-mllp-system"):
            mllp_port("2575", one.hub)
        register(one, '{ name = "crm", adapter = "csv_mapping" }, { name = "pas", adapter = ["csv_mapping", "hl7v2"] }')
        assert mllp_port("2575", one.hub) == MllpPort(2575, "housing", "pas")
        with pytest.raises(Refused, match="other-adapter: housing/crm, adapter hl7v2"):
            mllp_port("2575=housing/crm", one.hub)


@pytest.mark.parametrize("text", ["", "port", "-1", "65536", "=hospital/pas", "2575=hospital", "2575=hospital/none"])
def test_what_is_no_port_or_no_system_is_refused(served: Served, text: str) -> None:
    with pytest.raises(WrongSettings) as caught:
        mllp_port(text, served.hub)
    assert caught.value.code in ("bad-mllp-port", "which-mllp-system")
