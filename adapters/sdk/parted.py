"""What becomes of the others where one person's messages are gone from what was received.

Each message is kept apart, for those whom it tells of. Read again without one person's, the rest has to lead to the
same events with the same ids: nothing that an adapter says of one message may come from another one.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice

from adapters.sdk.adapter import Adapter, Setting
from adapters.sdk.making import Made
from adapters.sdk.reading import Pending, Reader, make
from adapters.sdk.register import Agency, System
from events.identity import SubjectKeys, subject_keys
from events.ids import SubjectId
from events.sealing import NONCE_BYTES, Cipher

_RECEIPT = "R-0000000000"
PEOPLE_MAX = 20


class FixedKeys:
    """Keys that follow from names, and one nonce for all: what says the same is sealed to the same bytes."""

    def keys_of(self, agency: str, record: str, retention: str) -> SubjectKeys:
        secret = hashlib.sha256(f"{agency}\0{record}\0{retention}".encode("utf-8", "surrogatepass")).digest()
        subject = SubjectId(hashlib.sha256(f"{agency}\0{record}".encode("utf-8", "surrogatepass")).digest()[:16])
        return subject_keys(subject, secret, lambda key: Cipher(key, lambda: bytes(NONCE_BYTES)))

    def look_up(self, records: Iterable[tuple[str, str]]) -> None:
        """There is nothing to be read."""


def people_in(adapter: Adapter, setting: Setting, content: bytes) -> list[SubjectId]:
    """The records that messages of this content tell of, in the order in which they come."""
    owners = (owner for each in _read(_reader(adapter, setting), content) for owner in each.part.owners)
    return list(dict.fromkeys(owner.subject for owner in owners))


def disturbed(adapter: Adapter, setting: Setting, content: bytes, people_max: int | None = PEOPLE_MAX) -> Iterator[str]:
    """Places of messages that lead to something else where one person's are gone, tried for the first people.

    With `people_max` None it is tried for each of them.
    """
    reader = _reader(adapter, setting)
    first = _read(reader, content)
    for person in islice(people_in(adapter, setting, content), people_max):
        maker = reader.maker(_RECEIPT)
        for each in first:
            if person in [owner.subject for owner in each.part.owners]:
                continue
            again = make(maker, reader.translate_again(each.part))
            if _said(again) != _said(each):
                yield each.message.place


def _read(reader: Reader, content: bytes) -> list[Pending]:
    maker = reader.maker(_RECEIPT)
    return [make(maker, each) for each in reader.translate(io.BytesIO(content))]


def _said(pending: Pending) -> tuple[str, tuple[Made, ...]]:
    return pending.state, pending.made


def _reader(adapter: Adapter, setting: Setting) -> Reader:
    agency = Agency(
        name=setting.agency,
        title="An agency",
        zone=setting.zone,
        agreement_from=date(2000, 1, 1),
        agreement_to=date(2999, 12, 31),
        agreement_reference="a sample",
        lawful_basis="public-task",
        system=(System(name=setting.system),),
    )
    return Reader(agency, setting, adapter, FixedKeys())
