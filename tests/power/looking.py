"""What the hub promised to those it acknowledged, looked for in a home that a power cut left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from events.errors import HubError
from hub.assembly import Hub
from hub.services import Services
from tests.hub.homes import AUDITOR, open_home
from tests.power.sending import ARRIVAL, Acknowledged, text_of

_READ_S = 30


def broken_promises(home: Path, told: Sequence[Acknowledged]) -> set[str]:
    """The promises that a home does not keep; none, where all is well."""
    if not home.is_dir():
        return {"home-gone"} if told else set()
    try:
        with open_home(home) as hub:
            return _broken(hub, told)
    except HubError as error:
        return {error.code}


def _broken(hub: Hub, told: Sequence[Acknowledged]) -> set[str]:
    waits = 0
    while not hub.wait_until_read(1):
        waits += 1
        if hub.runner.fault is not None or waits > _READ_S:
            return {"views-stopped"}
    broken = _of_the_log(hub, told)
    broken |= {fault for each in told if (fault := _of_a_receipt(hub, each))}
    if hub.receipts.missing:  # acknowledged or not: a row comes after its file
        broken.add("receipt-bytes-missing")
    if list(hub.receipts.unfinished()):
        broken.add("receipt-without-outcome")
    if told:
        broken |= _of_duplicates(hub, told)
    return broken


def _of_the_log(hub: Hub, told: Sequence[Acknowledged]) -> set[str]:
    """Every event opens, to what was sent, where it was said to be, once."""
    services = Services(hub)
    broken = set() if services.verify_log(AUDITOR)["verified"] else {"log-does-not-verify"}
    stored = {each["position"]: each["event"] for each in services.read_log(AUDITOR) if each["event"] is not None}
    if len(stored) != next(iter(hub.log.head().values())):
        broken.add("event-does-not-open")
    said = Counter(event["senderid"] for event in stored.values() if "senderid" in event)
    if any(times > 1 for times in said.values()):
        broken.add("event-doubled")
    for each in told:
        for outcome in each.report.outcomes:
            for event in outcome.events:
                if not _says(stored.get(event.position), event.id, outcome.sender_id, each.texts):
                    broken.add("acknowledged-event-lost")
    return broken


def _says(event: dict[str, Any] | None, event_id: str, sender_id: str | None, texts: dict[str, str]) -> bool:
    return (
        event is not None
        and (event["id"], event.get("senderid")) == (event_id, sender_id)
        and text_of(event["data"]) == texts[event["senderid"]]
    )


def _of_a_receipt(hub: Hub, each: Acknowledged) -> str | None:
    """The receipt has an outcome, and the parts that are kept of it open to the events that were sent."""
    try:
        if hub.receipts.receipt(each.report.receipt).status != "done":
            return "receipt-without-outcome"
        kept = [part.part for batch in hub.receipts.kept(each.report.receipt) for part in batch.kept]
        sent = [None if part is None else orjson.loads(part.message.raw) for part in kept]
        return None if sent == orjson.loads(each.raw) else "receipt-differs"
    except HubError as error:
        return error.code


def _of_duplicates(hub: Hub, told: Sequence[Acknowledged]) -> set[str]:
    """What was acknowledged and is sent again adds nothing, and is answered as the first time."""
    again = orjson.dumps([event for each in told for event in orjson.loads(each.raw)])
    report = hub.intake.receive(ARRIVAL, again)
    first = [
        (event.id, event.position) for each in told for outcome in each.report.outcomes for event in outcome.events
    ]
    second = [event for outcome in report.outcomes for event in outcome.events]
    if [(event.id, event.position) for event in second] != first or not all(event.is_duplicate for event in second):
        return {"acknowledged-event-doubled"}
    return set()
