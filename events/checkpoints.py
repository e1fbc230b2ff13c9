"""What a log has signed about itself, in the forms of C2SP: signed-note, tlog-checkpoint, tlog-cosignature.

The origin of a checkpoint is `<log name>/<epoch>`; its key is named after the log alone, so that whoever pinned the
key can go on checking after a restore has opened another epoch.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple, NoReturn, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from events.errors import RejectedMessage
from events.ledger import EMPTY_ROOT, HASH_BYTES

ED25519 = 1
COSIGNATURE = 4
NOTE_MAX_BYTES = 16_384
SIGNATURES_MAX = 32
PUBLIC_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_KEY_ID_BYTES = 4
_TIME_BYTES = 8
_SIZE_MAX = (1 << 63) - 1
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_LINE = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)")


class Signer(Protocol):
    """Who holds an Ed25519 key and signs with it."""

    @property
    def public_key(self) -> bytes:
        """32 bytes (RFC 8032)."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        ...


class VerifierKey(NamedTuple):
    """A public key by the name it signs under; `kind` is ED25519 or COSIGNATURE."""

    name: str
    kind: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes((self.kind,)) + self.public_key).digest()[:4]

    def __str__(self) -> str:
        """The vkey: name, key id in hex, base64 of kind and key, joined by plus signs."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes((self.kind,)) + self.public_key)}"


class Signature(NamedTuple):
    """A line under a note. `signed` is an Ed25519 signature, after eight bytes of time where it is a cosignature."""

    name: str
    key_id: bytes
    signed: bytes

    def __str__(self) -> str:
        return f"\u2014 {self.name} {_base64(self.key_id + self.signed)}\n"


class Note(NamedTuple):
    """A text that ends in a newline, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"


class Checkpoint(NamedTuple):
    """How many leaves a log has, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def origin_of(log_name: str, epoch: str) -> str:
    return f"{log_name}/{epoch}"


# ---- reading


def parse_key(text: str) -> VerifierKey:
    """A verifier key of its text form (vkey). Raises RejectedMessage `bad-verifier-key`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    raw = _unbase64(encoded)
    if raw is not None and len(raw) == 1 + PUBLIC_KEY_BYTES and raw[0] in (ED25519, COSIGNATURE):
        key = VerifierKey(name, raw[0], raw[1:])
        if _KEY_NAME.fullmatch(name) and key.key_id.hex() == key_id:
            return key
    raise RejectedMessage(
        "bad-verifier-key",
        "this is not a verifier key of an Ed25519 key (<name>+<key id>+<base64>)",
        where="key",
        next_step="Copy the whole line as the log's or the witness's operator gave it.",
    )


def parse_note(told: str) -> Note:
    """A note of its bytes as text; every form but the one that is written is refused. RejectedMessage `bad-note`."""
    if len(told.encode(errors="replace")) > NOTE_MAX_BYTES:
        _bad_note("it is longer than 16 KiB")
    if _CONTROL.search(told):
        _bad_note("it has control characters")
    text, blank, under = told.rpartition("\n\n")
    if not blank or not under.endswith("\n"):
        _bad_note("it has no signature under a blank line, or does not end in a newline")
    signatures = tuple(map(_signature, under[:-1].split("\n")))
    if len(signatures) > SIGNATURES_MAX:
        _bad_note(f"it has more than {SIGNATURES_MAX} signatures")
    return Note(f"{text}\n", signatures)


def _signature(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    raw = _unbase64(found[2]) if found else None
    if found is None or raw is None or len(raw) <= _KEY_ID_BYTES:
        _bad_note("a line below the blank one is no signature")
    return Signature(found[1], raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])


def _bad_note(why: str) -> NoReturn:
    raise RejectedMessage(
        "bad-note", f"this is not a signed note: {why}", where="checkpoint", next_step="Send it as it was signed."
    )


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint of a note's text. Raises RejectedMessage `bad-checkpoint`.

    Lines beyond the third are refused: nobody can audit what they say.
    """
    lines = text.split("\n")
    root = _unbase64(lines[2]) if len(lines) == 4 and not lines[3] else None
    if root is None or len(root) != HASH_BYTES or not lines[0] or not _SIZE.fullmatch(lines[1]):
        _bad_checkpoint("it is not an origin, a size and a root, a line each")
    size = int(lines[1])
    if size > _SIZE_MAX or (size == 0) != (root == EMPTY_ROOT):
        _bad_checkpoint("its size and its root cannot belong together")
    return Checkpoint(lines[0], size, root)


def _bad_checkpoint(why: str) -> NoReturn:
    raise RejectedMessage(
        "bad-checkpoint",
        f"this is not a checkpoint: {why}",
        where="checkpoint",
        next_step="Take it as the log gave it: three lines, a blank one and signatures.",
    )


# ---- signing


def sign_note(text: str, name: str, signer: Signer) -> Note:
    """A text that ends in a newline under one signature."""
    key = VerifierKey(name, ED25519, signer.public_key)
    return Note(text, (Signature(name, key.key_id, signer.sign(text.encode())),))


def sign_checkpoint(checkpoint: Checkpoint, name: str, signer: Signer) -> Note:
    """The checkpoint under the log's own signature."""
    return sign_note(checkpoint.text, name, signer)


def cosign(note: Note, name: str, signer: Signer, at_s: int) -> Signature:
    """A witness's signature: at this time (seconds since 1970) it knew of no larger tree of the note's origin."""
    key = VerifierKey(name, COSIGNATURE, signer.public_key)
    signed = at_s.to_bytes(_TIME_BYTES, "big") + signer.sign(_cosigned(note.text, at_s))
    return Signature(name, key.key_id, signed)


def with_signatures(note: Note, signatures: Iterable[Signature]) -> Note:
    """The same note under more signatures; those it has already are not repeated."""
    return Note(note.text, tuple(dict.fromkeys((*note.signatures, *signatures))))


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


# ---- checking


def open_checkpoint(note: Note, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a note that this key has signed.

    Raises RejectedMessage `not-signed`, `bad-signature`, `bad-checkpoint`. Signatures of others are passed over.
    """
    signed_by(note, [key])
    return parse_checkpoint(note.text)


def signed_by(note: Note, keys: Iterable[VerifierKey]) -> dict[VerifierKey, Signature]:
    """Which of these keys signed the note, with their signatures.

    Raises RejectedMessage `bad-signature` where a signature under one of these keys does not hold, `not-signed` where
    there is none. Lines of other keys are passed over, whatever they hold.
    """
    trusted = {(key.name, key.key_id): key for key in keys}
    found: dict[VerifierKey, Signature] = {}
    for signature in note.signatures:
        key = trusted.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not _holds(key, note.text, signature):
            raise RejectedMessage(
                "bad-signature",
                "a signature does not belong to the text above it",
                where="checkpoint",
                next_step="Do not trust it; keep it, and ask its log's operator how it came about.",
            )
        found[key] = signature
    if not found:
        raise RejectedMessage(
            "not-signed",
            "none of the trusted keys has signed it",
            where="checkpoint",
            next_step="Check that the key is this log's: `tellonce log prove` prints it.",
        )
    return found


def cosigned_at(signature: Signature) -> int:
    """When a witness signed, in seconds since 1970."""
    return int.from_bytes(signature.signed[:_TIME_BYTES], "big")


def _holds(key: VerifierKey, text: str, signature: Signature) -> bool:
    signed, message = signature.signed, text.encode()
    if key.kind == COSIGNATURE:
        message, signed = _cosigned(text, cosigned_at(signature)), signed[_TIME_BYTES:]
    if len(signed) != _SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signed, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unbase64(text: str) -> bytes | None:
    """Bytes of standard base64 in its one spelling; None of anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if _base64(raw) == text else None
