"""What a log says, signed, of the epoch it goes on in after a restore: where the one before was cut off.

    tellonce/restored/v1
    <new origin>
    <old origin>
    <restored size>
    <base64 of the root at that size>

Its second line is no size, so that it can never be taken for a checkpoint.
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple, NoReturn

from events.checkpoints import ED25519, Note, Signature, Signer, VerifierKey
from events.errors import RejectedMessage
from events.ledger import HASH_BYTES
from hub.epochs import name_of

_HEADING = "tellonce/restored/v1"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class Declaration(NamedTuple):
    """The epoch `origin` goes on where `parent` had `size` events with this root; what came after is lost."""

    origin: str
    parent: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        root = base64.b64encode(self.root).decode()
        return f"{_HEADING}\n{self.origin}\n{self.parent}\n{self.size}\n{root}\n"


def sign_declaration(declaration: Declaration, name: str, signer: Signer) -> Note:
    """The declaration under the log's own signature; `name` is the log's."""
    key = VerifierKey(name, ED25519, signer.public_key)
    return Note(declaration.text, (Signature(name, key.key_id, signer.sign(declaration.text.encode())),))


def parse_declaration(text: str) -> Declaration:
    """The declaration of a note's text. Raises RejectedMessage `bad-declaration`."""
    lines = text.split("\n")
    if len(lines) != 6 or lines[0] != _HEADING or lines[5] or not _SIZE.fullmatch(lines[3]):
        _bad()
    try:
        root = base64.b64decode(lines[4], validate=True)
    except ValueError:
        _bad()
    if len(root) != HASH_BYTES or name_of(lines[1]) != name_of(lines[2]) or lines[1] == lines[2]:
        _bad()
    return Declaration(lines[1], lines[2], int(lines[3]), root)


def _bad() -> NoReturn:
    raise RejectedMessage(
        "bad-declaration",
        "this does not say of which log's epoch a new one is the continuation",
        where="body",
        next_step="docs/witness.md has what is sent, line by line.",
    )
