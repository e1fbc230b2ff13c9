"""What goes over the wire to a witness (C2SP tlog-witness, and one request of our own for a new epoch).

old <size>                    the newest size that the witness is known to know
<base64 of a hash> ...        consistency proof, at most 63 lines
<empty line>
<notes>                       add-checkpoint: the checkpoint
                              add-epoch: one declaration or more, the oldest first, then the checkpoint
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from events.checkpoints import Note, parse_note
from events.errors import RejectedMessage
from events.ledger import HASH_BYTES

BODY_MAX_BYTES = 65_536
PROOF_MAX = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class Asked(NamedTuple):
    """A request: the size that its proof begins at, the proof, and signed notes of which the last is the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    notes: tuple[Note, ...]

    def __bytes__(self) -> bytes:
        lines = (f"old {self.old}", *(base64.b64encode(each).decode() for each in self.proof))
        return "".join([*(f"{line}\n" for line in lines), *(f"\n{note}" for note in self.notes)]).encode()


def parse_asked(body: bytes) -> Asked:
    """A request of its bytes. Raises RejectedMessage `bad-witness-request`, and what `parse_note` raises."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _bad("it is not UTF-8")
    # Notes of ours have no empty line in their text, so that an empty line always ends a text or begins a note.
    head, *blocks = text.split("\n\n")
    if not blocks or len(blocks) % 2:
        _bad("it has no signed note below an empty line")
    first, *hashes = head.split("\n")
    old = _OLD.fullmatch(first)
    if old is None:
        _bad("its first line is not `old` and a size")
    if len(hashes) > PROOF_MAX:
        _bad(f"its proof has more than {PROOF_MAX} lines")
    signed = [*(f"{each}\n" for each in blocks[1:-1:2]), blocks[-1]]
    notes = (f"{words}\n\n{lines}" for words, lines in zip(blocks[::2], signed, strict=True))
    return Asked(int(old[1]), tuple(map(_hash, hashes)), tuple(map(parse_note, notes)))


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except ValueError:
        _bad("a line of its proof is not base64")
    if len(found) != HASH_BYTES:
        _bad("a line of its proof is no hash")
    return found


def _bad(why: str) -> NoReturn:
    raise RejectedMessage(
        "bad-witness-request",
        f"this is not a request to a witness: {why}",
        where="body",
        next_step="docs/witness.md has what is sent, line by line.",
    )


def sizes_text(size: int) -> bytes:
    """The body of a 409: the size that the witness knows."""
    return f"{size}\n".encode()


def joined(notes: Sequence[Note]) -> str:
    return "".join(map(str, notes))
