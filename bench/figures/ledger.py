"""The tree over the log: what it costs a row, how soon it proves one, and how fast a stored log is derived again."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw

from bench.measuring import Bench, Line, in_turns, microseconds, percentile, rate, ratio_of
from events.checkpoints import Checkpoint, Signer, VerifierKey, sign_checkpoint
from events.clock import SystemClock
from events.codec import Sealed, StoredRow, leaf_hash
from events.ledger import EMPTY, Edge, Tree, extended, includes, root_of
from events.log import file
from events.log.file import Signed
from events.log.specimens import ASigner, a_row
from events.log.sqlite import SqliteLog
from hub.ledger.verify import verify

_BATCHES = (1, 10, 60, 1_000)
_LEAVES = 1_000_000
_PROOFS = 200
_PROOF_S = 0.001
_VERIFIED_A_SECOND = 50_000.0
_CONTENT_BYTES = 900  # of the workload's events, about
_KNOWN_US = 1_700_000_000_000_000


def costs(bench: Bench) -> Iterator[Line]:
    """Processor time an event of the tree, its tiles and a checkpoint a second, beside the rows alone.

    A part of what `sealing` sums, and there its goal stands. Leaf hashes are made before the clock runs.
    """
    for batch in _BATCHES:
        count = bench.few(min(bench.events, 2_000 * batch), 10 * batch)
        rows = _rows(count, _CONTENT_BYTES)
        alone, with_tree = in_turns(
            bench.runs,
            lambda rows=rows, batch=batch: _stored(bench, rows, batch, None),  # type: ignore[misc]
            lambda rows=rows, batch=batch: _stored(bench, rows, batch, ASigner()),  # type: ignore[misc]
        )
        more = [both - rows_alone for rows_alone, both in zip(alone, with_tree, strict=True)]
        yield Line(
            f"tree, tiles and a checkpoint a second: processor time an event, batches of {batch:,}",
            f"{percentile(more, 0.5) * 1e6:,.1f} µs",
            "storing the rows alone",
            f"{percentile(alone, 0.5) * 1e6:,.1f} µs",
            told="leaf hashes not counted; the goal is that of the sum with sealing",
        )


def inclusion(bench: Bench) -> Iterator[Line]:
    """A proof that a leaf is in the tree, each from a file that was just opened."""
    count = bench.few(_LEAVES, 5_000)
    path = bench.folder / "leaves.sqlite"
    edge = _filled(path, count, 0)
    root, chance = root_of(edge), random.Random(4)
    proofs, opened = [], []
    for _ in range(bench.few(_PROOFS, 20)):
        proof_s, opened_s = _proved(path, chance.randrange(count), count, root)
        proofs.append(proof_s)
        opened.append(opened_s)
    path.unlink()
    yield Line(
        f"inclusion proof at {count:,} leaves from a freshly opened file, p50",
        microseconds([percentile(proofs, 0.5)]),
        "the goal",
        microseconds([_PROOF_S]),
        ratio_of([percentile(proofs, 0.5)], [_PROOF_S]),
        1.0,
        0.5,
        is_most=True,
        told=f"p99 {percentile(proofs, 0.99) * 1e6:,.0f} µs; opening it {percentile(opened, 0.5) * 1e6:,.0f} µs before",
    )


def verified(bench: Bench) -> Iterator[Line]:
    """Rows, leaves, tiles and checkpoints derived again by one process, none of the file in memory before."""
    path = bench.folder / "log.sqlite"
    log = SqliteLog(path, clock=SystemClock(), new_epoch=lambda: "1-00000000", signer=ASigner())
    for start in range(0, bench.events, 1_000):
        log.append([a_row(number, size_bytes=_CONTENT_BYTES) for number in range(start, start + 1_000)][: bench.events])
        log.checkpoint()
    key = log.key
    log.close()
    measured = [_verified(path, key) for _ in range(bench.runs)]
    yield Line(
        f"log verify of {bench.events:,} events, one process",
        rate(measured),
        "the goal",
        rate([_VERIFIED_A_SECOND]),
        ratio_of(measured, [_VERIFIED_A_SECOND] * len(measured)),
        1.0,
        1.5,
        told=f"{path.stat().st_size / (1 << 20):,.0f} MiB read from the disk",
    )
    path.unlink()


def _rows(count: int, size_bytes: int) -> list[StoredRow]:
    """Rows as the log's writer has them when it stores them."""
    rows = []
    for at in range(count):
        sealed = a_row(at, size_bytes=size_bytes)
        rows.append(StoredRow(at, _KNOWN_US + at, *sealed, leaf_hash(at, _KNOWN_US + at, sealed)))
    return rows


def _stored(bench: Bench, rows: Sequence[StoredRow], batch: int, signer: Signer | None) -> float:
    """Seconds of processor time an event: with a signer, with all that the tree needs."""
    path = bench.folder / "costs.sqlite"
    db = file.connect(path)
    meta = file.prepare(db, path, lambda: "1-00000000")
    edge, signed_at = EMPTY, time.monotonic()
    began = time.process_time()
    for start in range(0, len(rows), batch):
        group = rows[start : start + batch]
        if signer is None:
            commit_rows(db, group, edge, is_tree=False)
            continue
        edge = commit_rows(db, group, edge, is_tree=True)
        if time.monotonic() - signed_at >= 1.0:
            signed_at = time.monotonic()
            sign_edge(db, edge, meta, signer)
    took_s = time.process_time() - began
    db.close()
    path.unlink()
    return took_s / len(rows)


def commit_rows(db: apsw.Connection, rows: Sequence[StoredRow], edge: Edge, *, is_tree: bool) -> Edge:
    """Stores rows, and where there is a tree the tiles that they complete; durable. The tree's edge after them."""
    edge, tiles = extended(edge, [row.leaf for row in rows]) if is_tree else (edge, [])
    db.execute("BEGIN IMMEDIATE")
    file.store(db, rows, tiles)
    db.execute("COMMIT")
    return edge


def sign_edge(db: apsw.Connection, edge: Edge, meta: file.Meta, signer: Signer) -> None:
    """Signs and stores a checkpoint of all that the tree holds; durable."""
    checkpoint = Checkpoint(meta.origin, edge.size, root_of(edge))
    db.execute("BEGIN IMMEDIATE")
    file.store_checkpoint(db, Signed(sign_checkpoint(checkpoint, meta.name, signer), checkpoint, 0, False))
    db.execute("COMMIT")


def _filled(path: Path, count: int, size_bytes: int) -> Edge:
    """A log of so many small rows, made without waiting for the disk."""
    db = file.connect(path)
    db.pragma("synchronous", "off")
    file.prepare(db, path, lambda: "1-00000000")
    edge = EMPTY
    sealed = a_row(0, size_bytes=size_bytes)
    for start in range(0, count, 10_000):
        numbers = range(start, min(start + 10_000, count))
        edge = commit_rows(db, [_row(at, sealed) for at in numbers], edge, is_tree=True)
    db.close()
    return edge


def _row(at: int, sealed: Sealed) -> StoredRow:
    return StoredRow(at, _KNOWN_US + at, *sealed, leaf_hash(at, _KNOWN_US + at, sealed))


def _proved(path: Path, index: int, size: int, root: bytes) -> tuple[float, float]:
    """Seconds of one proof, and of opening the file before it. Raises RuntimeError where it does not hold."""
    began = time.perf_counter()
    db = file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)
    nodes = file.nodes_of(db)
    db.execute("SELECT count(*) FROM meta").fetchall()
    opened_s = time.perf_counter() - began
    proof = Tree(nodes).inclusion(index, size)
    proof_s = time.perf_counter() - began - opened_s
    if not includes(nodes(0, index, 1)[0], index, size, proof, root):
        raise RuntimeError("a proof does not hold")
    db.close()
    return proof_s, opened_s


def _verified(path: Path, key: VerifierKey) -> float:
    """Events a second."""
    with path.open("rb") as raw:
        os.posix_fadvise(raw.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    began = time.perf_counter()
    found = verify(path, key, jobs=1)
    if found.fault is not None:
        raise RuntimeError("the log does not verify")
    return found.state.position / (time.perf_counter() - began)
