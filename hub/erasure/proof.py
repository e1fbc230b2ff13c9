"""The proof that the log holds an event: its leaf, the way to a root, and the signed checkpoint of that root."""

from __future__ import annotations

from typing import Any

from events.log.sqlite import PARTITION, SqliteLog


def proof_of(log: SqliteLog, at: int) -> dict[str, Any]:
    """See docs/verify.md: whoever has the log's public key checks it without the hub."""
    signed = log.checkpoint()
    (row,) = log.read(PARTITION, at, 1)
    size = signed.checkpoint.size
    return {
        "index": at,
        "leaf": row.leaf.hex(),
        "size": size,
        "inclusion": [node.hex() for node in log.tree().inclusion(at, size)],
        "checkpoint": str(signed.note),
        "key": str(log.key),
    }
