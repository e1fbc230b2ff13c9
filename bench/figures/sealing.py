"""What sealing costs: processor time an event, from the record's name to a row and its place in the tree.

Measured against the same way without cipher and tree, in turns: the difference is what they cost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from bench.measuring import Bench, Line, Ratio, in_turns
from events.canonical import canonical
from events.catalogue import TYPES
from events.codec import Sealed, StoredRow, leaf_hash, seal
from events.envelope import schema_urn
from events.identity import event_id, fact_token
from events.ledger import EMPTY, extended
from events.sealing import NONCE_BYTES, Cipher
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring

_BATCHES = (1, 10, 60, 1_000)
_BUDGET_US = 20.0
_NEW_SUBJECT_US = 50.0
_BUDGET_FROM = 60  # smaller batches pay for their commits
_TYPE = "housing.accommodation-changed"
_OLD_SUBJECTS = 1_000


def sealing(bench: Bench) -> Iterator[Line]:
    for share in (0.03, 1.0):
        for batch in _BATCHES:
            count = bench.few(max(2_000, min(20_000, batch * 200)), 300)
            plain, sealed = in_turns(
                bench.runs,
                partial(_cost, bench.folder, count, batch, share, is_plain=True),
                partial(_cost, bench.folder, count, batch, share),
            )
            yield _line(batch, share, sealed, plain)
    yield _unsealing(bench)


def _line(batch: int, share: float, sealed: Sequence[float], plain: Sequence[float]) -> Line:
    budget = _BUDGET_US + (_NEW_SUBJECT_US if share == 1.0 else 0.0)
    ratio = _of_budget([one - other for one, other in zip(sealed, plain, strict=True)], budget)
    subjects = "3 % new subjects" if share < 1 else "all of new subjects"
    return Line(
        f"sealing and tree, processor time an event, batches of {batch:,}, {subjects}",
        f"{ratio.median * budget:,.1f} µs",
        "budget",
        f"{budget:,.0f} µs",
        ratio if batch >= _BUDGET_FROM else None,
        1.0 if batch >= _BUDGET_FROM else None,
        0.45,
        is_most=True,
        told=f"of {sorted(sealed)[len(sealed) // 2]:,.0f} µs in all, with look-up, JSON and the key store's commit",
    )


def _of_budget(measured: Sequence[float], budget: float) -> Ratio:
    shares = sorted(each / budget for each in measured)
    return Ratio(shares[len(shares) // 2], shares[0], shares[-1], len(shares))


def _cost(folder: Path, count: int, batch: int, share: float, *, is_plain: bool = False) -> float:
    """Microseconds an event."""
    home = folder / f"sealing-{time.monotonic_ns()}"
    home.mkdir()
    keys = _opened(home)
    for number in range(_OLD_SUBJECTS):
        keys.keys_of("north", _record(number), "housing")
    keys.commit()
    keys.close()
    keys = _opened(home)
    names = _names(count, share)
    with unsealed() if is_plain else nullcontext():
        began = time.process_time()
        _rows(keys, names, batch, has_tree=not is_plain)
        spent = time.process_time() - began
    keys.close()
    return spent / count * 1e6


@contextmanager
def unsealed() -> Iterator[None]:
    """Whatever is sealed inside stays as it is."""
    seal_it = Cipher.seal
    Cipher.seal = lambda self, text, about: (bytes(NONCE_BYTES), text)  # type: ignore[method-assign]
    try:
        yield
    finally:
        Cipher.seal = seal_it  # type: ignore[method-assign]


def _opened(home: Path) -> KeyStore:
    return KeyStore(home / "keys.sqlite", LocalKms(home / "kms.key"))


def _record(number: int) -> str:
    return f"north:housing/tenant/{number}"


def _names(count: int, share: float) -> list[str]:
    every = round(1 / share)
    return [_record(_OLD_SUBJECTS + at if at % every == 0 else at % _OLD_SUBJECTS) for at in range(count)]


def _rows(keys: KeyStore, names: Sequence[str], batch: int, *, has_tree: bool = True) -> list[StoredRow]:
    edge, rows = EMPTY, list[StoredRow]()
    for start in range(0, len(names), batch):
        part = names[start : start + batch]
        keys.look_up(("north", name) for name in part)
        sealed = [_sealed(keys, name, start + at) for at, name in enumerate(part)]
        new = [StoredRow(at, at, *each, leaf_hash(at, at, each)) for at, each in enumerate(sealed, start)]
        if has_tree:
            edge, _ = extended(edge, [row.leaf for row in new])
        keys.commit()
        rows += new
    return rows


def _sealed(keys: KeyStore, name: str, number: int) -> Sealed:
    mine = keys.keys_of("north", name, "housing")
    told: dict[str, Any] = {
        "type": _TYPE,
        "dataschema": schema_urn(_TYPE, TYPES[_TYPE].version),
        "source": "urn:tellonce:source:north:housing",
        "subject": name.partition("/")[2],
        "fact": "tenancy",
        "factref": fact_token(mine, "tenancy").hex(),
        "order": str(number),
        "orderfrom": "sender",
        "data": {"tenure": "social-rent", "action": "started", "condition_concern": "x" * 300},
    }
    return seal(mine, event_id(mine, told, canonical(told["data"]), None), "north", told)


def _unsealing(bench: Bench) -> Line:
    count = bench.few(20_000, 300)
    home = bench.folder / "unsealing"
    home.mkdir()
    keys = _opened(home)
    rows = _rows(keys, _names(count, 0.03), 1_000)
    keys.close()

    def cold() -> float:
        ring = Ring(home / "keys.sqlite", LocalKms(home / "kms.key"))
        began = time.process_time()
        opened = ring.open("main-0", rows)
        spent = time.process_time() - began
        ring.close()
        assert not opened.closed
        return spent / count * 1e6

    measured = sorted(cold() for _ in range(bench.runs))
    return Line(
        f"unsealing {count:,} rows, processor time an event",
        f"{measured[len(measured) // 2]:,.1f} µs",
        "—",
        "",
        told="by a ring that knows no key yet; JSON read, ids worked out again, payloads checked",
    )
