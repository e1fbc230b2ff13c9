"""Testing guesses: whether what is left holds a digest that somebody can make who has keys and knows what was said.

Every word is hashed and keyed with every key and with everything that the product derives from one, by each function
that somebody may have, and the digests are looked for by their first eight bytes, as they are and in hex and base64.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from events.identity import derive, mac
from tests.conftest import ROOT
from tests.traces.looking import contents

DIGEST_BYTES = 8
_KEYED_MAX_BYTES = 1 << 16  # a longer word is tried without a key alone: there are hundreds of keys
_PACKAGES = ("events", "adapters", "projections", "hub")
_LABEL = re.compile(rb'b"([a-z0-9-]+/[0-9]+)"')
_HEX = re.compile(rb"[0-9a-fA-F]{%d,}" % (2 * DIGEST_BYTES))
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % (DIGEST_BYTES * 4 // 3))
_UNKEYED: Mapping[str, Callable[[bytes], bytes]] = {
    "sha256": lambda word: hashlib.sha256(word).digest(),
    "sha512": lambda word: hashlib.sha512(word).digest(),
    "sha1": lambda word: hashlib.sha1(word).digest(),
    "md5": lambda word: hashlib.md5(word).digest(),
    "blake2b": lambda word: hashlib.blake2b(word).digest(),
    "blake2b of 32 bytes": lambda word: hashlib.blake2b(word, digest_size=32).digest(),
    "blake2s": lambda word: hashlib.blake2s(word).digest(),
}
_KEYED: Mapping[str, Callable[[bytes, bytes], bytes]] = {
    "hmac": mac,
    "sha256 after the key": lambda key, word: hashlib.sha256(key + word).digest(),
    "blake2s": lambda key, word: hashlib.blake2s(word, key=key).digest(),
    # Its length goes into a BLAKE2 digest: a short one is no beginning of the long one.
    "blake2s of 8 bytes": lambda key, word: hashlib.blake2s(word, key=key, digest_size=8).digest(),
}


class Guess(NamedTuple):
    """A digest that somebody can make: with which key, of which word, by which function."""

    key: str
    word: str
    function: str


Made = dict[bytes, Guess]  # by the first bytes of the digest


def guesses(keys: Mapping[str, bytes], words: Mapping[str, bytes]) -> Made:
    """Every digest of every word, without a key and with each."""
    made: Made = {}
    for name, word in words.items():
        for function, digest in _UNKEYED.items():
            made[digest(word)[:DIGEST_BYTES]] = Guess("", name, function)
    short = {name: word for name, word in words.items() if len(word) <= _KEYED_MAX_BYTES}
    for of, key in all_keys(keys).items():
        for function, keyed in _KEYED.items():
            for name, word in short.items():
                made[keyed(key, word)[:DIGEST_BYTES]] = Guess(of, name, function)
    return made


def all_keys(keys: Mapping[str, bytes]) -> dict[str, bytes]:
    """The keys and whatever the product derives from any."""
    found = dict(keys)
    labels = labels_of_the_product()
    for name, key in keys.items():
        for label, derived in zip(labels, derive(key, *labels), strict=True):
            found[f"{name} > {label.decode()}"] = derived
    return found


@cache
def labels_of_the_product() -> tuple[bytes, ...]:
    """Every label that any of our modules writes: a new one is tried from its first day."""
    modules = (path for package in _PACKAGES for path in (ROOT / package).rglob("*.py"))
    return tuple(sorted({label for path in modules for label in _LABEL.findall(path.read_bytes())}))


def matches(made: Mapping[bytes, Guess], folders: Iterable[Path]) -> dict[Guess, set[str]]:
    """Which guesses come true, and where."""
    found: dict[Guess, set[str]] = {}
    for folder in folders:
        for place, content in contents(folder):
            for guess in matches_in(made, content):
                found.setdefault(guess, set()).add(place)
    return found


def matches_in(made: Mapping[bytes, Guess], content: bytes) -> set[Guess]:
    return {guess for part in _readings(content) for guess in _in_windows(made, part)}


def _in_windows(made: Mapping[bytes, Guess], content: bytes) -> Collection[Guess]:
    windows = {content[at : at + DIGEST_BYTES] for at in range(len(content) - DIGEST_BYTES + 1)}
    return [made[digest] for digest in windows & made.keys()]


def _readings(content: bytes) -> Iterator[bytes]:
    """The bytes as they are, and what they say where they could be hex or base64, wherever it begins."""
    yield content
    hexes, sixties = _HEX.findall(content), _BASE64.findall(content)
    for start in range(2):
        yield b"\0".join([_of_hex(run[start:]) for run in hexes])
    for start in range(4):
        yield b"\0".join([_of_base64(run[start:]) for run in sixties])


def _of_hex(run: bytes) -> bytes:
    return bytes.fromhex(run[: len(run) // 2 * 2].decode())


def _of_base64(run: bytes) -> bytes:
    return base64.b64decode(run[: len(run) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/")))
