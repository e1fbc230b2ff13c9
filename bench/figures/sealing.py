"""What sealing costs: processor time an event, from the record's name to a durable row in the tree.

Two sides take the same events, one group after the other in turns, so that a machine that grows slower slows both.

- Both look keys up, make and keep new ones, work ids and tokens out, write JSON, pad it, and store rows with their own
  commit (`synchronous=FULL`, as the key store's).
- One alone seals (AES-256-GCM with its nonces, for bodies and for new secrets; it opens the secrets that it looks up),
  hashes leaves and nodes, stores tiles, and signs and stores a checkpoint for each second that it worked.

The difference is what sealing, tree and checkpoints cost. The key store's other work is on both sides and so in no
difference; what a new subject costs is told without it and with it.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.figures.ledger import commit_rows, sign_edge
from bench.measuring import Bench, Line, Ratio
from bench.unsealed import NO_LEAF, unsealed
from events.canonical import canonical
from events.catalogue import TYPES
from events.codec import Sealed, StoredRow, leaf_hash, seal
from events.envelope import schema_urn
from events.identity import event_id, fact_token
from events.ledger import EMPTY
from events.log import file
from events.log.specimens import ASigner
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring

_BATCHES = (1, 10, 60, 1_000)
_BUDGET_US = 20.0
_AIM_US = 9.0
_NEW_SUBJECT_US = 50.0
_BUDGET_FROM = 60  # smaller batches pay for their commits
_FEW, _ALL = 0.03, 1.0  # shares of new subjects
_TYPE = "housing.accommodation-changed"
_OLD_SUBJECTS = 1_000


class Cost(NamedTuple):
    """Microseconds of processor time an event."""

    plain: float
    whole: float

    @property
    def more(self) -> float:
        return self.whole - self.plain


def sealing(bench: Bench) -> Iterator[Line]:
    for batch in _BATCHES:
        count = bench.few(max(2_000, min(20_000, batch * 200)), 300)
        few, new = list[Cost](), list[Cost]()
        for _ in range(bench.runs):
            for share, measured in ((_FEW, few), (_ALL, new)):
                measured.append(_cost(bench.folder, _names(count, share), batch))
        yield from _lines(batch, few, new)
    yield _unsealing(bench)


def _lines(batch: int, few: Sequence[Cost], new: Sequence[Cost]) -> Iterator[Line]:
    """The sum for few and for all new subjects; then what each new subject adds, without its keeping and with it."""
    whole = f"sealing, tree, stored tiles and a checkpoint a second: processor time an event, batches of {batch:,}"
    for told, costs, budget, aim in (
        ("3 % new subjects", few, _BUDGET_US, _AIM_US / _BUDGET_US),
        ("all of new subjects", new, _BUDGET_US + _NEW_SUBJECT_US, None),
    ):
        in_all = f"of {median(cost.whole for cost in costs):,.0f} µs in all, with look-up, JSON, rows and commits"
        yield _line(f"{whole}, {told}", [cost.more for cost in costs], budget, batch, in_all, aim)
    subject = f"a new subject costs more, processor time, batches of {batch:,}"
    without = (
        "counted: its event's sealing, its secret's wrapping; not counted: making it, deriving and storing its keys"
    )
    yield _line(f"{subject}, key store not counted", _each(few, new, _more), _NEW_SUBJECT_US, batch, without)
    both = "counted: all of the above, drawing, derivation, binding, rows and commit of the key store"
    yield _line(f"{subject}, key store counted", _each(few, new, _whole), _NEW_SUBJECT_US, batch, both)


def _more(cost: Cost) -> float:
    return cost.more


def _whole(cost: Cost) -> float:
    return cost.whole


def _each(few: Sequence[Cost], new: Sequence[Cost], of: Callable[[Cost], float]) -> list[float]:
    """What one new subject adds, run by run."""
    return [(of(all_new) - of(few_new)) / (_ALL - _FEW) for few_new, all_new in zip(few, new, strict=True)]


def _line(
    figure: str, measured: Sequence[float], budget: float, batch: int, told: str, aim: float | None = None
) -> Line:
    has_goal = batch >= _BUDGET_FROM
    shares = [each / budget for each in measured]
    return Line(
        figure,
        f"{median(measured):,.1f} µs",
        "budget" if has_goal else f"budget, a goal from batches of {_BUDGET_FROM} on",
        f"{budget:,.0f} µs",
        Ratio(median(shares), min(shares), max(shares), len(shares)),
        1.0 if has_goal else None,
        aim if has_goal else None,
        is_most=True,
        told=told,
    )


def _cost(folder: Path, names: Sequence[str], batch: int) -> Cost:
    sides = [_Side(folder, is_plain=True), _Side(folder)]
    gc.collect()
    for start in range(0, len(names), batch):
        for side in sides if start // batch % 2 else sides[::-1]:  # whoever comes second finds caches warm
            side.take(names[start : start + batch])
    return Cost(*(side.close() / len(names) * 1e6 for side in sides))


class _Side:
    """A key store and a log of its own, with subjects that it knew before."""

    def __init__(self, folder: Path, *, is_plain: bool = False) -> None:
        self._is_plain = is_plain
        self._home = home = folder / f"sealing-{time.monotonic_ns()}"
        home.mkdir()
        with self._way():
            _know_subjects(home)
            self._keys = _opened(home)
        path = home / "log.sqlite"
        self._db = file.connect(path)
        self._meta = file.prepare(self._db, path, lambda: "1-00000000")
        self._edge, self._stored = EMPTY, 0
        self._signer = ASigner()
        self._spent_s = self._worked_s = self._signed_at_s = 0.0

    def _way(self) -> AbstractContextManager[None]:
        return unsealed() if self._is_plain else nullcontext()

    def take(self, names: Sequence[str]) -> None:
        """One group, as the log's writer has it: keys are durable before rows."""
        with self._way():
            began, began_s = time.process_time(), time.perf_counter()
            rows = self._rows(names)
            self._keys.commit()
            self._edge = commit_rows(self._db, rows, self._edge, is_tree=not self._is_plain)
            if not self._is_plain:
                self._sign(self._worked_s + time.perf_counter() - began_s)
            self._spent_s += time.process_time() - began
            self._worked_s += time.perf_counter() - began_s
        self._stored += len(rows)

    def _rows(self, names: Sequence[str]) -> list[StoredRow]:
        sealed = _sealed_rows(self._keys, names, self._stored)
        if self._is_plain:
            return [StoredRow(at, at, *each, NO_LEAF) for at, each in enumerate(sealed, self._stored)]
        return _leaved(sealed, self._stored)

    def _sign(self, now_s: float) -> None:
        if now_s - self._signed_at_s >= 1.0:
            self._signed_at_s = now_s
            sign_edge(self._db, self._edge, self._meta, self._signer)

    def close(self) -> float:
        """Seconds of processor time that all groups took; its files go."""
        self._keys.close()
        self._db.close()
        shutil.rmtree(self._home)
        return self._spent_s


def _know_subjects(home: Path) -> None:
    keys = _opened(home)
    for number in range(_OLD_SUBJECTS):
        keys.keys_of("north", _record(number), "housing")
    keys.commit()
    keys.close()


def _opened(home: Path) -> KeyStore:
    return KeyStore(home / "keys.sqlite", LocalKms(home / "kms.key"))


def _record(number: int) -> str:
    return f"north:housing/tenant/{number}"


def _names(count: int, share: float) -> list[str]:
    every = round(1 / share)
    return [_record(_OLD_SUBJECTS + at if at % every == 0 else at % _OLD_SUBJECTS) for at in range(count)]


def _sealed_rows(keys: KeyStore, names: Sequence[str], first: int) -> list[Sealed]:
    keys.look_up(("north", name) for name in names)
    return [_sealed(keys, name, at) for at, name in enumerate(names, first)]


def _leaved(sealed: Sequence[Sealed], first: int) -> list[StoredRow]:
    return [StoredRow(at, at, *each, leaf_hash(at, at, each)) for at, each in enumerate(sealed, first)]


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
    rows = _leaved(_sealed_rows(keys, _names(count, _FEW), 0), 0)
    keys.commit()
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
