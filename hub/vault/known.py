"""What a key store knows of records in memory."""

from __future__ import annotations

from typing import NamedTuple

from events.identity import SubjectKeys
from events.ids import SubjectId

Slot = tuple[str, str]  # who holds a secret (an agency or the hub), retention class


class Pending(NamedTuple):
    """What was made and is not durable yet."""

    subjects: dict[bytes, SubjectId]
    secrets: dict[SubjectId, dict[Slot, bytes]]
    partners: dict[int, tuple[SubjectId, bytes]]  # subject and key id that a reference leads to


class Stored(NamedTuple):
    key_id: bytes
    generation: int
    wrapped: bytes


class Known:
    """What is known of one record: its subject, if it has one, and the secrets of its retention classes."""

    __slots__ = ("is_bound", "keys", "lookup", "secrets", "stored", "subject")

    def __init__(self, lookup: bytes, subject: SubjectId | None) -> None:
        self.lookup = lookup
        self.subject = subject
        self.is_bound = True  # the stored subject is the one that this record was given
        self.stored: dict[Slot, Stored] = {}
        self.secrets: dict[Slot, bytes] = {}  # not durable yet
        self.keys: dict[Slot, SubjectKeys] = {}  # of the classes that were asked for
