"""Seals what arrives, and the parts that are kept of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from adapters.sdk.receipts import Arrival, Part
from events.sealing import SECRET_BYTES, Cipher, Drawn
from hub.receipts.parts import SealedBatch, SealedPart, Sealing, seal_batch, seal_part
from hub.receipts.sealing import Days, ReceiptKeys, Tokens, about_body, about_head, head_key_of, sealed, wrap

_FLIGHTS_MAX = 20_000


@dataclass(slots=True, eq=False)
class Flight:
    """A receipt between its arrival and its parting: what its parts are sealed with, and how many were noted."""

    number: int
    agency: str
    received_us: int
    key: bytes
    has_head: bool
    next_first: int = 0


class Sealer:
    """Keys of receipts that are on their way. For any thread."""

    def __init__(self, keys: ReceiptKeys, days: Days, random: Callable[[int], bytes] = os.urandom) -> None:
        self._keys = keys
        self._days = days
        self._fresh = Drawn(SECRET_BYTES, random)
        self._tokens = Tokens(keys.token_key())
        self._flights: dict[str, Flight] = {}

    def begin(self, receipt_id: str, flight: Flight) -> None:
        """Remembers a receipt until its last messages are noted."""
        while len(self._flights) >= _FLIGHTS_MAX:  # those that a fault of the disk left to the sweep
            self._flights.pop(next(iter(self._flights)), None)
        self._flights[receipt_id] = flight

    def flight(self, receipt_id: str) -> Flight | None:
        return self._flights.get(receipt_id)

    def end(self, receipt_id: str) -> None:
        self._flights.pop(receipt_id, None)

    def new_key(self) -> bytes:
        """A random key for a receipt."""
        return self._fresh.draw()

    def wrapped(self, number: int, key: bytes, received_us: int) -> bytes:
        """The key as it is stored. Raises TryAgainLater `clock-behind`."""
        return wrap(self._days.of_today(received_us), number, key)

    def body(self, number: int, key: bytes, raw: bytes) -> bytes:
        return sealed(Cipher(key), raw, about_body(number))

    def head(self, number: int, key: bytes, arrival: Arrival) -> bytes | None:
        """File name and options, sealed; None where there are none."""
        if arrival.file_name is None and not arrival.options:
            return None
        told = orjson.dumps((arrival.file_name, dict(arrival.options)))
        return sealed(Cipher(head_key_of(key)), told, about_head(number))

    def batch(self, flight: Flight, parts: Sequence[Part]) -> SealedBatch:
        """The parts of the next messages of a receipt."""
        needs_head = flight.has_head or any(part.message.header is not None for part in parts)
        head_key = head_key_of(flight.key) if needs_head else b""
        return seal_batch(self._sealing(flight, head_key), flight.next_first, parts)

    def moved(self, flight: Flight, head_key: bytes, parts: Mapping[int, Part]) -> dict[int, SealedPart]:
        """Parts of single messages, by the how-manieth of the receipt from 0."""
        sealing = self._sealing(flight, head_key)
        return {at: seal_part(sealing, at, part, None) for at, part in parts.items()}

    def _sealing(self, flight: Flight, head_key: bytes) -> Sealing:
        return Sealing(flight.number, flight.agency, self._days.of(flight.received_us), self._tokens, head_key)
