"""Every word that the product makes a keyed digest of, overheard: what somebody could try again later."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from events.identity import mac


class Digested(NamedTuple):
    word: bytes
    digest: bytes


@contextmanager
def overhearing() -> Iterator[list[Digested]]:
    """While it is entered, all keyed digests are noted."""
    heard: list[Digested] = []

    def noted(key: bytes, message: bytes) -> bytes:
        digest = mac(key, message)
        heard.append(Digested(message, digest))
        return digest

    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if (
                name.partition(".")[0] in ("events", "adapters", "projections", "hub")
                and getattr(module, "mac", None) is mac
            ):
                patch.setattr(module, "mac", noted)
        yield heard
