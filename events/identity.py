"""What makes an event the same event, keyed by the subject's own secrets.

Event ids, fact tokens and fact references are HMACs under keys derived from a secret per (agency, subject, retention
class): destroying the secret leaves no digest to test guesses against (docs/stored-bytes.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import orjson

from events.ids import EventId, FactToken, SubjectId
from events.sealing import Cipher, key_id_of


@dataclass(frozen=True, slots=True)
class SubjectKeys:
    """Keys of one (agency, subject, retention class)."""

    subject: SubjectId
    key_id: bytes
    id_key: bytes = field(repr=False)
    fact_key: bytes = field(repr=False)
    cipher: Cipher = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PairKeys:
    """Keys of two records together; `ref` leads from the one that a decision is about to the other."""

    ref: int
    id_key: bytes = field(repr=False)
    cipher: Cipher = field(repr=False, compare=False)


class RecordKeys(Protocol):
    """Keys of source records; new ones are durable before any event that uses them."""

    def keys_of(self, agency: str, record: str, retention: str) -> SubjectKeys:
        """Keys for a source record (its text form), made at first sight.

        Raises RejectedMessage `subject-erased` for a record that was erased and not admitted again.
        """
        ...

    def look_up(self, records: Iterable[tuple[str, str]]) -> None:
        """Reads what is stored of many records (agency, text form) at once, before their keys are asked for."""
        ...


class Keyring(RecordKeys, Protocol):
    """Where subjects and their secrets come from, the hub's own among them."""

    def keys_about(self, agency: str, record: str, retention: str) -> SubjectKeys:
        """Keys for what the hub says about one record: of its subject, but held by the hub. Raises as `keys_of`."""
        ...

    def service_keys(self, retention: str) -> SubjectKeys:
        """Keys for what the hub says about no single record; new each month."""
        ...

    def pair_keys(self, about: tuple[str, str], other: tuple[str, str], retention: str) -> PairKeys:
        """Keys for what the hub says about a record and rests on another one (agency, text form of each).

        Of the secrets that the hub holds of both. Raises as `keys_of`, for either.
        """
        ...


SEALING = b"sealing/1"
EVENT_IDS = b"event-id/1"
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) under a key of at most 64 bytes.

    Not `hmac.digest`: that lets go of the interpreter for each call, however short, and with a folding thread beside
    it one then waits for the next switch (48 µs a call were measured in place of 2).
    """
    inner, outer = _pads(key)
    return sha256(outer + sha256(inner + message).digest()).digest()


def _pads(key: bytes) -> tuple[bytes, bytes]:
    block = key.ljust(64, b"\0")
    return block.translate(_INNER), block.translate(_OUTER)


def derive(secret: bytes, *labels: bytes) -> list[bytes]:
    """HKDF-SHA256 (RFC 5869) of a uniformly random secret, one block of 32 bytes for each label, empty salt."""
    inner, outer = _pads(mac(b"", secret))
    blocks = [sha256(inner + b"tellonce/" + label + b"\x01").digest() for label in labels]
    return [sha256(outer + block).digest() for block in blocks]


def subject_keys(subject: SubjectId, secret: bytes, cipher_of: Callable[[bytes], Cipher] = Cipher) -> SubjectKeys:
    """Everything that follows from a secret."""
    id_key, fact_key, sealing_key = derive(secret, EVENT_IDS, b"fact-token/1", SEALING)
    return SubjectKeys(subject, key_id_of(secret), id_key, fact_key, cipher_of(sealing_key))


def keys_of_pair(ref: int, one: bytes, other: bytes) -> PairKeys:
    """What follows from two secrets, in the order of their key ids."""
    first, second = (one, other) if key_id_of(one) < key_id_of(other) else (other, one)
    id_key, sealing_key = derive(first + second, b"pair-id/1", b"pair-sealing/1")
    return PairKeys(ref, id_key, Cipher(sealing_key))


def cipher_of(secret: bytes) -> Cipher:
    """What opens all that is sealed under a secret, for whoever only reads."""
    (sealing_key,) = derive(secret, SEALING)
    return Cipher(sealing_key)


def reading_keys(secret: bytes) -> tuple[Cipher, bytes]:
    """What opens an event that is sealed under a secret, and what its id is keyed by."""
    sealing_key, id_key = derive(secret, SEALING, EVENT_IDS)
    return Cipher(sealing_key), id_key


# Everything a reader can see or policy decides by; in this order, for ever.
_COVERED = (
    "source",
    "subject",
    "fact",
    "type",
    "action",
    "time",
    "recordedtime",
    "saidby",
    "dataclassification",
    "factgroup",
    "returnscope",
)

_SENSITIVITY = _COVERED.index("dataclassification")
STAND_IN = "standin"  # of a stored event whose id rests on its place in a file; no reader sees it
NO_MESSAGE_ID = "no-message-id message"  # the finding of one whose id rests on its receipt


def event_id(keys: SubjectKeys, attributes: Mapping[str, Any], content: bytes, stand_in: str | None) -> EventId:
    """Keyed digest of what an event says; an equal id is a duplicate (docs/laws.md, "Identity").

    `stand_in` takes the order's place for senders that give none: their message id, or the receipt and place.
    """
    order = attributes.get("order")
    basis = ["order", order] if order is not None else ["message", stand_in]
    return _event_id(keys.id_key, [*map(attributes.get, _COVERED), basis], content)


def is_id_of(identity: EventId, id_key: bytes, stored: Mapping[str, Any], content: bytes) -> bool:
    """Whether an id is that of an event of these stored attributes.

    They do not tell whether the sender or the register said how sensitive it is: either will do. Nor do they tell what
    stood for an order in events of files from before `standin` was stored: those are taken at their word.
    """
    basis = _basis(stored)
    if basis is None:
        return True
    covered = [*map(stored.get, _COVERED), basis]
    said = covered[_SENSITIVITY]
    covered[_SENSITIVITY] = None  # as most senders leave it
    if _event_id(id_key, covered, content) == identity:
        return True
    covered[_SENSITIVITY] = said
    return _event_id(id_key, covered, content) == identity


def _event_id(id_key: bytes, covered: list[Any], content: bytes) -> EventId:
    return EventId(mac(id_key, orjson.dumps(covered) + b"\0" + content))


def _basis(stored: Mapping[str, Any]) -> list[str] | None:
    """The order, or what takes its place; None where a stored event does not tell."""
    if "order" in stored:
        return ["order", stored["order"]]
    if "senderid" in stored:
        return ["message", f"id:{stored['senderid']}"]
    if STAND_IN in stored:
        return ["message", stored[STAND_IN]]
    is_of_a_receipt = NO_MESSAGE_ID in stored.get("findings", ())
    return ["message", f"receipt:{stored.get('rawref')}"] if is_of_a_receipt else None


def decision_id(id_key: bytes, kind: str, cause: str, model: str) -> EventId:
    """Id of a decision of the hub: from its cause and its model, so that a crash or a twin cannot decide twice.

    Under the id key of what it is sealed with, be that the keys of a pair: nobody finds the cause by trying.
    """
    return EventId(mac(id_key, orjson.dumps(["decision", kind, cause, model])))


def fact_token(keys: SubjectKeys, fact: str) -> FactToken:
    return FactToken(mac(keys.fact_key, fact.encode())[:16])


def content_digest(content: bytes) -> bytes:
    """SHA-256 of plain canonical content: decides ties and says whether two versions say the same."""
    return sha256(content).digest()
