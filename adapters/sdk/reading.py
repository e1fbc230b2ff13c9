"""Received bytes to translated messages: split, translate, make events; a fault of one message stays with it.

Pure but for the keys of new records. What comes out waits for the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import structlog

from adapters.sdk.adapter import Adapter, Finding, Message, Prepares, Setting, Translation
from adapters.sdk.making import ERASED, EventMaker, Made, Making
from adapters.sdk.outcome import State
from adapters.sdk.receipts import Arrival, Part
from adapters.sdk.register import Agency, System
from events.errors import BrokenKey, HubError, RejectedMessage
from events.identity import RecordKeys
from events.log.port import Log, Outcome

WHOLE = "whole"  # the place of what was received, where no message could be cut out of it
_log = structlog.get_logger()


class Pending(NamedTuple):
    """A translated message that waits for the log."""

    message: Message
    state: State
    reason: str
    findings: tuple[Finding, ...]
    made: tuple[Made, ...]
    part: Part


class Translated(NamedTuple):
    """A message and what its adapter made of it, or why nothing came of it."""

    message: Message
    translation: Translation | None
    fault: Finding | None = None
    ordinals: tuple[int, ...] = ()  # of an earlier reading


class Reader:
    """Reads what one system of an agency sent, by the register as it stood when the reader was made."""

    def __init__(self, agency: Agency, setting: Setting, adapter: Adapter, keyring: RecordKeys) -> None:
        self._agency = agency
        self._setting = setting
        self._adapter = adapter
        self._keyring = keyring

    def translate(self, raw: BinaryIO) -> Iterator[Translated]:
        """The messages of one receipt, in their order; as a stream, as the adapter splits it."""
        for message in self._messages(raw):
            yield self._translated(message)

    def translate_again(self, part: Part) -> Translated:
        """A message that was kept. What was counted for it counts unless another release of the adapter read it."""
        translated = self._translated(part.message)
        return translated if part.version != self._adapter.version else translated._replace(ordinals=part.ordinals)

    def _translated(self, message: Message) -> Translated:
        if message.fault is not None:
            return Translated(message, None, message.fault)
        try:
            return Translated(message, self._translation(message))
        except RejectedMessage as error:
            return Translated(message, None, _finding_of(error))

    def maker(self, receipt_id: str) -> EventMaker:
        """Makes the events of one receipt: places count over the whole of it."""
        return EventMaker(self._agency, self._setting, self._adapter, self._keyring, receipt_id)

    def _messages(self, raw: BinaryIO) -> Iterator[Message]:
        """The adapter's messages; where the whole turns out unreadable, one last message in quarantine says so."""
        try:
            yield from self._adapter.split(raw, self._setting)
        except RejectedMessage as error:
            yield Message(place=WHOLE, raw=b"", fault=_finding_of(error))
        except (HubError, OSError):
            raise
        except Exception as error:
            yield Message(place=WHOLE, raw=b"", fault=_finding_of(_adapter_failed(self._adapter, error)))

    def _translation(self, message: Message) -> Translation:
        """The adapter's translation. A bug in it quarantines the message: the next one and the next start go on."""
        try:
            return self._adapter.translate(message, self._setting)
        except RejectedMessage:
            raise
        except Exception as error:
            raise _adapter_failed(self._adapter, error) from error


def setting_of(arrival: Arrival, agency: Agency, system: System, adapter: Adapter, folder: Path | None) -> Setting:
    """What the adapter is told. Raises WrongSettings where the adapter's options don't hold together."""
    told = {**system.options, **arrival.options}
    if _prepares(type(adapter)):
        # Only the register names files: a sender could have any file of ours read.
        prepared = cast(Prepares, adapter).prepare(system.options, folder or Path())
        told |= {name: value for name, value in prepared.items() if value is not system.options.get(name)}
    return Setting(agency.name, system.name, arrival.file_name, agency.zone, told)


def records_of(maker: EventMaker, batch: Iterable[Translated]) -> Iterator[tuple[str, str]]:
    """Agency and record of every fact: to be looked up at once, before their keys are asked for one by one."""
    for _, translation, _, _ in batch:
        if translation is not None:
            for fact in translation.facts:
                yield maker.record_of(fact)


def make(maker: EventMaker, translated: Translated) -> Pending:
    """The events of a translated message, if it has any."""
    message, translation, fault, ordinals = translated
    if translation is None:
        return Pending(message, "quarantined", "", (fault,) if fault is not None else (), (), Part(message))
    try:
        making = maker.make(message, translation, ordinals)
    except (RejectedMessage, BrokenKey) as error:  # the second waits whole, for a key store that was mended
        return Pending(message, "quarantined", "", (_finding_of(error),), (), Part(message))
    return _pending(message, translation, making, maker.version)


def append(log: Log, read: Iterable[Pending]) -> Future[list[Outcome]]:
    """Hands the events of translated messages to the log, which is not asked where there are none."""
    rows = [made.sealed for pending in read for made in pending.made]
    if rows:
        return log.submit(rows)
    nothing: Future[list[Outcome]] = Future()
    nothing.set_result([])
    return nothing


@cache
def _prepares(kind: type[Adapter]) -> bool:
    """Asked once an adapter: before Python 3.12 the answer takes longer than reading a message."""
    return issubclass(kind, Prepares)


def _pending(message: Message, translation: Translation, making: Making, version: str) -> Pending:
    made, refused = making.made, making.refused
    findings = (*translation.findings, *(finding for each in made for finding in each.findings), *refused)
    part = Part(message)
    if translation.quarantined is not None:
        return Pending(message, "quarantined", "", (translation.quarantined, *findings), (), part)
    if refused and any(finding.code == ERASED for finding in refused):
        part = Part(message, is_closed=True)
        if not made:
            return Pending(message, "not-mapped", ERASED, tuple(refused), (), part)
    elif refused and not made:
        return Pending(message, "quarantined", "", (*refused, *translation.findings), (), part)
    elif translation.not_mapped is not None or not made:
        return Pending(message, "not-mapped", translation.not_mapped or "holds nothing to record", findings, (), part)
    else:
        part = Part(message, making.owners, False, making.ordinals, version)
    return Pending(message, "accepted-with-findings" if findings else "accepted", "", findings, made, part)


def _adapter_failed(adapter: Adapter, error: Exception) -> RejectedMessage:
    _log.error("adapter_failed", adapter=adapter.name, exc_info=error)
    return RejectedMessage(
        "adapter-failed",
        f"the adapter {adapter.name} met something that it was not written for ({type(error).__name__})",
        next_step="Report it together with the hub's log; when the adapter is corrected, retry the message.",
    )


def _finding_of(error: RejectedMessage | BrokenKey) -> Finding:
    return Finding(error.code, error.where, " ".join(filter(None, (f"{error.what}.", error.next_step))))
