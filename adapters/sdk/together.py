"""Small arrivals that wait at the same time go in together: stored, translated and appended in one go.

A message alone costs as many commits and hand-overs from thread to thread as a batch of a thousand does. So one
thread takes whatever waits, another answers once the log has it, and each sender sleeps and wakes once.
"""

from __future__ import annotations

import contextvars
import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TypeVar

from adapters.sdk.kept import as_kept, kept
from adapters.sdk.outcome import Report
from adapters.sdk.reading import Pending, Reader, append, make, records_of
from adapters.sdk.receipts import Arrival, Receipt, Receipts
from adapters.sdk.tally import Tally
from events.errors import TryAgainLater
from events.groups import GroupThread
from events.identity import RecordKeys
from events.log.port import Log, Outcome

SMALL_BYTES = 32 << 10
GROUP_BYTES = 256 << 10
_LEAST_BYTES = 1 << 10  # what the smallest counts for, so that a group has 256 arrivals at most
ReaderOf = Callable[[Arrival], Reader]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Small:
    """A small arrival whose sender waits; `context` is the sender's, for what is logged on its behalf."""

    arrival: Arrival
    raw: bytes
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    done: Future[Report] = field(default_factory=Future)

    @property
    def size(self) -> int:
        return max(len(self.raw), _LEAST_BYTES)


class Together:
    """Takes small arrivals in, in the order in which they came.

    What one of them is refused for, only its own sender hears. A fault of the disk or of the clock reaches all of a
    group; receipts that were stored by then are finished by the start-up sweep.
    """

    def __init__(self, *, log: Log, receipts: Receipts, keyring: RecordKeys, readers: Callable[[], ReaderOf]) -> None:
        """`readers` says once a group who reads what, by the register as it stands then."""
        self._log = log
        self._receipts = receipts
        self._keyring = keyring
        self._readers = readers
        self._thread: GroupThread[Small] = GroupThread("intake", self._take_in, size_max=GROUP_BYTES)
        self._answering = ThreadPoolExecutor(1, thread_name_prefix="intake-answers")

    def submit(self, arrival: Arrival, raw: bytes) -> Future[Report]:
        """Its report, once everything in it is durable. Raises Refused `hub-stopping`."""
        small = Small(arrival, raw)
        self._thread.submit(small)
        return small.done

    def close(self) -> None:
        """Takes in what was submitted, and no more."""
        self._thread.close()
        self._answering.shutdown()

    # ---- the thread

    def _take_in(self, group: list[Small]) -> None:
        reader_of = self._readers()
        readers = _each(group, lambda small: reader_of(small.arrival))
        storing = self._receipts.submit([(small.arrival, small.raw) for small in readers])
        stored = dict(zip(readers, storing, strict=True))
        receipts = _each(stored, lambda small: stored[small]())
        read = self._read(receipts, readers, reader_of)
        appended = append(self._log, chain.from_iterable(read.values()))
        self._answering.submit(self._answer, receipts, read, appended)

    def _read(
        self, receipts: dict[Small, Receipt], readers: dict[Small, Reader], reader_of: ReaderOf
    ) -> dict[Small, list[Pending]]:
        def reader(small: Small) -> Reader:
            arrival = receipts[small].arrival  # where its file name held what can't be stored, read as a retry will
            return readers[small] if arrival is small.arrival else reader_of(arrival)

        reading = _each(receipts, reader)
        translated = _each(reading, lambda small: list(reading[small].translate(io.BytesIO(small.raw))))
        makers = {small: reading[small].maker(receipts[small].id) for small in translated}
        self._keyring.look_up(
            chain.from_iterable(records_of(maker, translated[small]) for small, maker in makers.items())
        )
        return _each(translated, lambda small: [make(makers[small], each) for each in translated[small]])

    # ---- the thread that answers, so that the next group is read while the disk writes this one

    def _answer(
        self, receipts: dict[Small, Receipt], read: dict[Small, list[Pending]], appended: Future[list[Outcome]]
    ) -> None:
        try:
            answers = iter(appended.result())
        except BaseException as error:
            for small in read:
                told = as_kept(error, receipts[small].id) if isinstance(error, TryAgainLater) else error
                small.done.set_exception(told)
            return
        for small, report in _each(read, lambda small: self._report(receipts[small], read[small], answers)).items():
            small.done.set_result(report)

    def _report(self, receipt: Receipt, read: list[Pending], answers: Iterator[Outcome]) -> Report:
        """`answers` are those of the group: each takes as many as it has events."""
        tally = Tally()
        events = sum([len(pending.made) for pending in read])
        with kept(receipt.id):
            settled = tally.add(read, list(islice(answers, events)))
            self._receipts.note(receipt.id, settled.outcomes, settled.parts, are_last=True)
        return tally.report(receipt.id)


def _each(group: Iterable[Small], step: Callable[[Small], T]) -> dict[Small, T]:
    """What a step made of each; where it fails for one, its sender is told and the others go on."""
    made: dict[Small, T] = {}
    for small in group:
        try:
            made[small] = small.context.run(step, small)
        except Exception as error:
            small.done.set_exception(error)
    return made
