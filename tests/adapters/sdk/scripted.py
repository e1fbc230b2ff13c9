"""An adapter whose messages say themselves what shall become of them, and the parts that intake stands on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from adapters.sdk.adapter import Fact, Finding, Message, Option, Setting, Translation
from adapters.sdk.intake import Intake
from adapters.sdk.outcome import MessageOutcome, Report
from adapters.sdk.receipts import Arrival
from adapters.sdk.register import Register, read_register
from events.clock import Clock, DrivenClock
from events.envelope import Event
from events.errors import RejectedMessage
from events.log.specimens import ASigner
from events.log.sqlite import SqliteLog
from hub.receipts.store import ReceiptStore
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from tests.keyring import events_of
from tests.registers import an_agency, write_register

HOME = {"tenure": "social-rent", "action": "started"}
TYPE = "housing.accommodation-changed"
ORDER = "2024-02-01T10:00:00Z"
REGISTER = an_agency(
    "north",
    '{ name = "housing", options = { colour = "blue" } }',
    '{ name = "adt" }',
    title="Borough of North",
    agreement_to=date(2029, 12, 31),
    default_sensitivity="restricted",
) + an_agency(
    "south",
    '{ name = "housing" }',
    title="Borough of South",
    zone="Europe/Paris",
    agreement_from=date(2024, 1, 1),
    agreement_to=date(2024, 6, 30),
    lawful_basis="consent",
)


class ScriptedAdapter:
    """One message a line, each a JSON object: what `translate` returns, or what goes wrong."""

    name = "scripted"
    version = "3"
    title = "Messages that say what shall become of them"
    options: tuple[Option, ...] = (Option("colour", "any"), Option("shape", "any"))

    def __init__(self) -> None:
        self.settings: list[Setting] = []

    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        self.settings.append(setting)
        for at, line in enumerate(raw, 1):
            script = json.loads(line)
            if "unreadable" in script:
                raise RejectedMessage("unreadable", "this is no script", where=f"line {at}", next_step="Send one.")
            if "crash_in_split" in script:
                raise ValueError("Ottoline Fictitious")
            fault = Finding(*script["fault"]) if "fault" in script else None
            yield Message(script.get("place", str(at)), line.rstrip(b"\n"), script.get("sender_id"), fault)

    def translate(self, message: Message, setting: Setting) -> Translation:
        script = json.loads(message.raw)
        if "reject" in script:
            raise RejectedMessage("bad-script", "the script is bad", where=script["reject"], next_step="Mend it.")
        if "crash" in script:
            raise ValueError("Ottoline Fictitious")
        facts = tuple(
            Fact(**{**fact, "findings": tuple(Finding(*each) for each in fact.get("findings", ()))})
            for fact in script.get("facts", ())
        )
        quarantined = Finding(*script["quarantined"]) if "quarantined" in script else None
        findings = tuple(Finding(*each) for each in script.get("findings", ()))
        return Translation(facts, findings, script.get("not_mapped"), quarantined)


def a_fact(record: str = "1", name: str = "tenancy/T1", **told: Any) -> dict[str, Any]:
    """A home of a tenant, with an order of its sender."""
    fact = Fact("tenant", record, TYPE, name, HOME, order=ORDER, order_from="sender")
    return {**fact._asdict(), **told}


def a_message(*facts: dict[str, Any], **script: Any) -> bytes:
    """A message of these facts."""
    return orjson.dumps({**script, "facts": list(facts)}) + b"\n"


def codes(outcome: MessageOutcome) -> list[str]:
    """What was found wrong with a message, in its order."""
    return [finding.code for finding in outcome.findings]


class Bench:
    """A home of SQLite files with an intake of scripted messages; `reopen` is a restart."""

    def __init__(
        self, folder: Path, clock: Clock | None = None, register: Callable[[], Register] | None = None
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.clock = clock or DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))
        self.adapter = ScriptedAdapter()
        if not (folder / "agencies.toml").exists():
            self.register(REGISTER)
        self._open()

    def _open(self) -> None:
        self.keys = KeyStore(self.folder / "keys.sqlite", LocalKms(self.folder / "kms.key"))
        self.log = SqliteLog(
            self.folder / "log.sqlite",
            clock=self.clock,
            new_epoch=lambda: "e",
            signer=ASigner(),
            before_commit=self.keys.commit,
        )
        self.receipts = ReceiptStore(self.folder, clock=self.clock, keys=self.keys)
        self.intake = Intake(
            log=self.log,
            keyring=self.keys,
            receipts=self.receipts,
            register=lambda: read_register(self.folder / "agencies.toml"),
            adapter_of=lambda name: self.adapter,
            clock=self.clock,
        )

    def register(self, text: str) -> None:
        write_register(self.folder, text)

    def send(self, *messages: bytes, file_name: str | None = None, agency: str = "north", **told: Any) -> Report:
        arrival = Arrival(agency, told.pop("system", "housing"), "scripted", file_name, told)
        return self.intake.receive(arrival, b"".join(messages))

    def events(self) -> list[Event]:
        """All events of the log, in their order."""
        return [logged.event for logged in events_of(self)]

    def close(self) -> None:
        self.intake.close()
        self.receipts.close()
        self.log.close()
        self.keys.close()

    def reopen(self) -> None:
        self.close()
        self._open()
