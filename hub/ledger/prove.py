"""A proof that an event stands in the log, for whoever checks it without us (docs/verify.md)."""

from __future__ import annotations

import base64
from typing import Any

from events.checkpoints import open_checkpoint, parse_note
from events.codec import StoredRow
from events.errors import Refused, RejectedMessage
from events.ids import EventId
from events.log.port import parse_position
from events.log.sqlite import PARTITION, SqliteLog

FORMAT = "tellonce-proof/1"
_SIZE_DIGITS = 18


def prove(log: SqliteLog, event: str, since: str | None = None) -> dict[str, Any]:
    """The proof of an event, by its position or its id (hex), under a checkpoint that covers it.

    `since` is an older checkpoint that the asker kept, or the size of one that the log keeps; the proof then also
    shows that nothing it covers has changed. Raises Refused `unknown-event`, `unknown-checkpoint`, `other-epoch`,
    `checkpoint-differs`, RejectedMessage `bad-event-id`, and as `open_checkpoint` does.
    """
    at = _position(log, event)
    signed = log.checkpoint()
    row = next(log.read(PARTITION, at, 1))
    size = signed.checkpoint.size
    return {
        "format": FORMAT,
        "position": f"{log.epoch}:{PARTITION}:{at}",
        "index": at,
        "row": _row(row),
        "leaf": _base64(row.leaf),
        "inclusion": [_base64(each) for each in log.tree().inclusion(at, size)],
        "checkpoint": str(signed.note),
        "since": None if since is None else _since(log, _kept(log, since), size),
        "key": str(log.key),
    }


def _row(row: StoredRow) -> dict[str, Any] | None:
    """What the leaf is the hash of. Null where the body was removed: its leaf shows nothing then."""
    if not row.body:
        return None
    return {
        "known_us": row.known_us,
        "header": _base64(row.header),
        "nonce": _base64(row.nonce),
        "body": _base64(row.body),
    }


def _since(log: SqliteLog, kept: str, size: int) -> dict[str, Any]:
    note = parse_note(kept)
    old = open_checkpoint(note, log.key)
    if old.origin != log.origin:
        raise Refused(
            "other-epoch",
            "this checkpoint is from before a restore, or of another log",
            where="since",
            next_step="What a restore lost and kept is told by `hub.restored` and by the witnesses.",
        )
    if not 0 < old.size <= size or log.tree().root(old.size) != old.root:
        raise Refused(
            "checkpoint-differs",
            "the log signed this checkpoint, and is not what it says any more",
            where="since",
            next_step="Keep the checkpoint: it is evidence. `tellonce log verify --checkpoint FILE` narrows it down.",
        )
    return {"checkpoint": str(note), "consistency": [_base64(each) for each in log.tree().consistency(old.size, size)]}


def _position(log: SqliteLog, event: str) -> int:
    if ":" in event:
        position = parse_position(event)
        if position.epoch != log.epoch:
            raise Refused("other-epoch", "this position is from before a restore", where="event")
        at: int | None = position.offset
        if position.partition != PARTITION or position.offset >= log.head()[PARTITION]:
            at = None
    else:
        at = log.find(_event_id(event))
    if at is None:
        raise Refused(
            "unknown-event",
            "the log holds no such event",
            where="event",
            next_step="`tellonce log read` prints positions, timelines and receipts print ids.",
        )
    return at


def _event_id(text: str) -> EventId:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise RejectedMessage(
            "bad-event-id",
            "an event is named by its position or by the 64 hex digits of its id",
            where="event",
            next_step="`tellonce log read` prints positions, timelines and receipts print ids.",
        )
    return EventId(raw)


def _kept(log: SqliteLog, told: str) -> str:
    """The note that somebody names: by its text, or by its size."""
    if not told.isascii() or not told.isdigit():
        return told
    note = log.kept_checkpoint(int(told)) if len(told) <= _SIZE_DIGITS else None
    if note is None:
        raise Refused(
            "unknown-checkpoint",
            "the log keeps no checkpoint of this size",
            where="since",
            next_step="Name a file with a checkpoint that you kept.",
        )
    return note


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
