"""Messages by the sender's own id, and what still waits under intake keys: 24 bytes a message are read, and no part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import apsw

from hub.receipts.parts import WAITING, places_of
from hub.receipts.sealing import DAY_US, Days, ReceiptKeys, Tokens, gone_at_us

_NO_END = 1 << 60


class _Token(NamedTuple):
    """What a message may be found by, and the numbers of the receipts that it may be in."""

    token: bytes
    first: int
    after: int


class Finding:
    """Questions to one connection that reads."""

    def __init__(self, db: apsw.Connection, keys: ReceiptKeys, days: Days) -> None:
        self._db = db
        self._keys = keys
        self._days = days

    def messages(self, agencies: Sequence[str], sender_id: str) -> Iterator[tuple[int, int, int]]:
        """Receipt, first of the batch and place in it of the messages of this id, newest first."""
        found = [each for token in self._tokens(agencies, sender_id) for each in self._with_token(token)]
        yield from sorted(found, reverse=True)

    def _with_token(self, wanted: _Token) -> Iterator[tuple[int, int, int]]:
        rows = self._db.execute(
            "SELECT receipt, first, CAST(tokens AS BLOB) FROM owned "
            "WHERE receipt >= ? AND receipt < ? AND instr(tokens, ?)",
            (wanted.first, wanted.after, wanted.token),
        )
        for number, first, tokens in rows:
            for at in places_of(wanted.token, tokens):
                yield number, first, at

    def _tokens(self, agencies: Sequence[str], sender_id: str) -> list[_Token]:
        """The token of what waits under an intake key is made with that key, so that it goes with it."""
        own = Tokens(self._keys.token_key())
        tokens = [_Token(own.of(agency, sender_id), 1, _NO_END) for agency in agencies]
        live = self._days.live()
        begins = [(day, self._first_since(day)) for day in (*live, live.stop)]
        for (day, first), (_, after) in pairwise(begins):
            known = self._days.of(day * DAY_US) if first < after else None
            if known is not None:
                tokens += [_Token(known.tokens.of(agency, sender_id), first, after) for agency in agencies]
        return tokens

    def waiting_until(self, agency: str) -> int | None:
        """When the last of what an agency sent and nobody could read is gone; None where there is nothing of that."""
        newest = self._db.execute(
            "SELECT max(received_us) FROM receipts r WHERE r.number >= :begin AND r.agency = :agency AND (r.number IN "
            "(SELECT number FROM arrived) OR r.number IN (SELECT receipt FROM owned WHERE receipt >= :begin "
            "AND at IS NULL AND instr(owners, :waiting)))",
            {"begin": self._first_since(self._days.live().start), "agency": agency, "waiting": WAITING},
        ).get
        return None if newest is None else gone_at_us(newest)

    def _first_since(self, day: int) -> int:
        """The number of the first receipt from a day on; where the clock was set back it is a guess."""
        low, high = 1, (self._db.execute("SELECT max(number) FROM receipts").get or 0) + 1
        while low < high:
            middle = (low + high) // 2
            received_us = self._db.execute(
                "SELECT received_us FROM receipts WHERE number >= ? ORDER BY number LIMIT 1", (middle,)
            ).get
            if received_us is None or received_us >= day * DAY_US:
                high = middle
            else:
                low = middle + 1
        return low
