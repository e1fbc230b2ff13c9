"""Checks a proof that `tellonce log prove` wrote: docs/verify.md has each step. Needs Python 3.11 and `cryptography`.

Usage: python check_proof.py PROOF KEY [KEPT]
KEY is the log's, as somebody other than the proof told it; KEPT a file with a checkpoint that it has to begin at.
"""

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def need(holds, what):
    if not holds:
        raise ValueError(what)


def raw(text, size=None):
    decoded = base64.b64decode(text, validate=True)
    need(base64.b64encode(decoded).decode() == text and size in (None, len(decoded)), "a value is not as it has to be")
    return decoded


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def checkpoint_of(note, vkey):
    """Origin, size and root of a signed note, if the key signed it."""
    name, key_id, encoded = vkey.strip().split("+", 2)
    key = raw(encoded, 33)
    need(key[0] == 1 and sha(name.encode(), b"\n", key)[:4].hex() == key_id, "this is not a verifier key")
    text, _, lines = note.rpartition("\n\n")
    *signed, end = [line.split(" ") for line in lines.split("\n")]
    need(end == [""] and all(len(each) == 3 and each[0] == "\u2014" for each in signed), "this is no signed note")
    mine = [raw(each[2])[4:] for each in signed if (each[1], raw(each[2])[:4].hex()) == (name, key_id)]
    need(len(mine) == 1, "the key did not sign the checkpoint")
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(mine[0], f"{text}\n".encode())
    origin, size, root = text.split("\n")
    need(origin.rpartition("/")[0] == name and str(int(size)) == size, "this is no checkpoint of the key's log")
    return origin, int(size), raw(root, 32)


def root_over(leaf, index, size, proof):
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.1, read backwards)."""
    need(0 <= index < size and bool(proof) == (size > 1), "the inclusion proof is not one of this index and size")
    if size == 1:
        return leaf
    left, (*inner, sibling) = 1 << (size - 1).bit_length() - 1, proof
    if index < left:
        return sha(b"\1", root_over(leaf, index, left, inner), sibling)
    return sha(b"\1", sibling, root_over(leaf, index - left, size - left, inner))


def both_roots(old, new, proof, old_root, whole=True):
    """The roots of both sizes that a consistency proof leads to (RFC 9162, 2.1.4.1, read backwards)."""
    need(0 < old <= new and (old < new or len(proof) == (not whole)), "the consistency proof is not one of these sizes")
    if old == new:
        return (old_root, old_root) if whole else (proof[0], proof[0])
    left, (*inner, sibling) = 1 << (new - 1).bit_length() - 1, proof
    if old <= left:
        first, second = both_roots(old, left, inner, old_root, whole)
        return first, sha(b"\1", second, sibling)
    first, second = both_roots(old - left, new - left, inner, old_root, False)
    return sha(b"\1", sibling, first), sha(b"\1", sibling, second)


def check(proof, vkey, kept=None):
    """What the proof shows, in words; any error means that it shows nothing."""
    origin, size, root = checkpoint_of(proof["checkpoint"], vkey)
    index, row, leaf, since = proof["index"], proof["row"], raw(proof["leaf"], 32), proof["since"]
    place, known = f"{origin.rpartition('/')[2]}:main-0:{index}", ("tellonce-proof/1", int)
    need((proof["format"], type(index)) == known and proof["position"] == place, "its format or position is another")
    if row is not None:  # null where its body was removed: the leaf still stands for it
        header, nonce, body = raw(row["header"]), raw(row["nonce"], 12), raw(row["body"])
        head = struct.pack(">BQQH", 0, index, row["known_us"], len(header))
        need(sha(head, header, nonce, struct.pack(">I", len(body)), body) == leaf, "the row is not that of the leaf")
    path = [raw(each, 32) for each in proof["inclusion"]]
    need(root_over(leaf, index, size, path) == root, "the leaf is not under the checkpoint's root")
    need(kept is None or (since and since["checkpoint"] == kept), "it begins at no checkpoint of yours (prove --since)")
    shown = f"{place} is one of the {size} events that {origin} signed{'' if row else '; what it says is not shown'}"
    if not since:
        return shown
    old, path = checkpoint_of(since["checkpoint"], vkey), [raw(each, 32) for each in since["consistency"]]
    need(old[0] == origin and both_roots(old[1], size, path, old[2]) == (old[2], root), "history was changed")
    return f"{shown}; the first {old[1]} are as it signed them before"


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        texts = [Path(name).read_text("utf-8") for name in (sys.argv[1], *sys.argv[3:])]
        print("It holds:", check(json.loads(texts[0]), sys.argv[2], *texts[1:]))
    except Exception as error:  # whatever is wrong with it, nothing is shown
        sys.exit(f"IT DOES NOT HOLD: {error or 'the signature is not that of the key'}")
