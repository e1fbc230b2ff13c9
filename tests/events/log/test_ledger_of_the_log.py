"""The tree in the log's file: it grows with the rows, what is signed about it is durable, and acts come alone."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw
import pytest

from events.checkpoints import open_checkpoint, parse_note
from events.clock import DrivenClock, from_us
from events.codec import Sealed
from events.errors import Refused, TryAgainLater, WrongSettings
from events.ids import SubjectId
from events.ledger import EMPTY, EMPTY_ROOT, TILE_WIDTH, Tree, extended, extends, includes, root_of
from events.log.file import nodes_of
from events.log.port import Outcome
from events.log.specimens import ASigner, a_row, everything, leaf_of, polled, rows_from
from events.log.sqlite import PARTITION, SqliteLog

OpenLog = Callable[..., SqliteLog]


def rewritten(path: Path, statement: str, *values: object) -> None:
    """Somebody changes the file of the log while the hub is stopped."""
    db = apsw.Connection(str(path))
    db.execute(statement, values)  # type: ignore[arg-type]
    db.close()


@pytest.fixture
def ask(path: Path) -> Iterator[Callable[..., list[tuple[object, ...]]]]:
    """Asks the file beside the log."""
    opened: list[apsw.Connection] = []

    def it(statement: str, *values: object) -> list[tuple[object, ...]]:
        if not opened:
            opened.append(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY))
        return list(opened[0].execute(statement, values))  # type: ignore[arg-type]

    yield it
    for db in opened:
        db.close()


def derived(log: SqliteLog) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    """Root and tiles as they follow from the rows' bytes alone."""
    edge, tiles = extended(EMPTY, [leaf_of(row) for _, row in everything(log)])
    return root_of(edge), sorted(tuple(tile) for tile in tiles)


# ---- tiles and the edge


@pytest.mark.parametrize("batch", [1, 7, 256, 700])
def test_the_tree_is_that_of_the_rows(open_log: OpenLog, ask: Callable[..., list[object]], batch: int) -> None:
    log = open_log()
    for at in range(0, 700, batch):
        log.append(rows_from(at, batch))
    root, tiles = derived(log)
    assert log.checkpoint().checkpoint.root == root
    assert ask("SELECT level, number, hash FROM tiles ORDER BY level, number") == tiles
    size = log.head()[PARTITION]
    assert len(tiles) == size // TILE_WIDTH + size // TILE_WIDTH**2


def test_the_tree_goes_on_after_reopening(open_log: OpenLog) -> None:
    log = open_log()
    log.append(rows_from(0, 300))
    log.close()
    log = open_log()
    log.append(rows_from(300, 300))
    assert log.checkpoint().checkpoint.root == derived(log)[0]


def test_duplicates_and_failed_groups_add_no_leaf(open_log: OpenLog, path: Path) -> None:
    faults = [TryAgainLater("disk-full", "no room for keys")]

    def before_commit() -> None:
        if faults:
            raise faults.pop()

    log = open_log(before_commit=before_commit)
    with pytest.raises(TryAgainLater):
        log.append(rows_from(0, 300))
    log.append(rows_from(0, 3))
    log.append(rows_from(1, 3))
    assert log.checkpoint().checkpoint.size == 4
    assert log.checkpoint().checkpoint.root == derived(log)[0]


def test_tiles_are_in_the_rows_transaction(open_log: OpenLog, path: Path) -> None:
    open_log().close()
    rewritten(path, "CREATE TRIGGER t BEFORE INSERT ON tiles BEGIN SELECT RAISE(ABORT, 'no tiles'); END")
    log = open_log()
    log.append(rows_from(0, 15))
    with pytest.raises(apsw.ConstraintError, match="no tiles"):
        log.append(rows_from(15, 10))
    assert log.head() == {PARTITION: 15}
    assert len(everything(log)) == 15


def test_proofs_are_given_of_what_is_stored(open_log: OpenLog) -> None:
    log = open_log()
    log.append(rows_from(0, 300))
    old = log.checkpoint().checkpoint
    log.append(rows_from(300, 700))
    new = log.checkpoint().checkpoint
    leaves = [row.leaf for _, row in everything(log)]
    for index in (0, 255, 256, 299, 300, 999):
        assert includes(leaves[index], index, new.size, log.tree().inclusion(index, new.size), new.root)
    assert extends(old.size, old.root, new.size, new.root, log.tree().consistency(old.size, new.size))


# ---- checkpoints


def test_a_checkpoint_is_signed_and_in_the_file_before_it_is_given(
    open_log: OpenLog, ask: Callable[..., list[tuple[str]]]
) -> None:
    log = open_log()
    log.append(rows_from(0, 5))
    signed = log.checkpoint()
    assert signed.checkpoint.origin == log.origin == f"{log.name}/{log.epoch}"
    assert signed.checkpoint.size == 5
    ((told,),) = ask("SELECT note FROM checkpoints")
    assert open_checkpoint(parse_note(told), log.key) == signed.checkpoint


def test_an_empty_log_signs_that_it_is_empty(open_log: OpenLog) -> None:
    assert open_log().checkpoint().checkpoint[1:] == (0, EMPTY_ROOT)


def test_what_the_disk_did_not_take_is_not_given(open_log: OpenLog, path: Path) -> None:
    open_log().close()
    rewritten(path, "CREATE TRIGGER t BEFORE INSERT ON checkpoints BEGIN SELECT RAISE(ABORT, 'none'); END")
    log = open_log()
    log.append(rows_from(0, 5))
    with pytest.raises(apsw.ConstraintError, match="none"):
        log.checkpoint()
    rewritten(path, "DROP TRIGGER t")
    assert log.checkpoint().checkpoint.size == 5


def test_the_same_state_is_signed_once(open_log: OpenLog, ask: Callable[..., list[tuple[int]]]) -> None:
    log = open_log()
    log.append(rows_from(0, 5))
    assert log.checkpoint() is log.checkpoint()
    log.close()
    log = open_log()
    assert log.checkpoint().checkpoint.size == 5
    assert ask("SELECT count(*) FROM checkpoints") == [(1,)]


def test_one_checkpoint_a_minute_stays_and_every_one_that_was_given(
    open_log: OpenLog, clock: DrivenClock, ask: Callable[..., list[tuple[int]]]
) -> None:
    log = open_log()
    for number in range(130):  # seconds
        log.append([a_row(number)])
        log.checkpoint(is_kept=number == 70)
        clock.set(from_us(clock() + 1_000_000))
    assert [size for (size,) in ask("SELECT size FROM checkpoints ORDER BY number")] == [1, 61, 71, 130]


def test_a_checkpoint_that_is_given_later_stays(
    open_log: OpenLog, clock: DrivenClock, ask: Callable[..., list[tuple[int]]]
) -> None:
    log = open_log()
    for number in range(3):
        log.append([a_row(number)])
        log.checkpoint(is_kept=False)
    assert log.checkpoint().is_kept
    log.append([a_row(3)])
    log.checkpoint()
    assert [size for (size,) in ask("SELECT size FROM checkpoints ORDER BY number")] == [1, 3, 4]


def test_the_name_outlives_the_epoch(open_log: OpenLog, path: Path) -> None:
    log = open_log()
    log.append(rows_from(0, 3))
    before = log.checkpoint()
    log.close()
    rewritten(path, "UPDATE meta SET value = 'another' WHERE name = 'epoch'")
    log = open_log()
    after = log.checkpoint()
    assert after.checkpoint == before.checkpoint._replace(origin=f"{log.name}/another")
    assert open_checkpoint(before.note, log.key).root == open_checkpoint(after.note, log.key).root


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE log SET leaf = zeroblob(32) WHERE position = 299", "its first 300 events are not those"),
        ("UPDATE tiles SET hash = zeroblob(32)", "its first 300 events are not those"),
        ("DELETE FROM tiles", "a part of its tree is missing"),
        ("DELETE FROM log WHERE position >= 290", "it holds 290 events, but signed that it had 300"),
        ("UPDATE checkpoints SET note = 'nothing'", "its newest checkpoint does not read back"),
    ],
)
def test_a_log_that_contradicts_what_it_signed_signs_no_more(
    open_log: OpenLog, path: Path, statement: str, why: str
) -> None:
    log = open_log()
    log.append(rows_from(0, 300))
    log.checkpoint()
    log.close()
    rewritten(path, statement)
    with pytest.raises(WrongSettings, match=f"log-changed: .*{why}"):
        open_log()


def test_what_is_not_sealed_is_not_stored(open_log: OpenLog) -> None:
    log = open_log()
    sealed = a_row(1)
    with pytest.raises(Refused, match="unsealed-row"):
        log.append([a_row(0), sealed._replace(header=sealed.header[:-24] + bytes(24))])
    assert everything(log) == []


# ---- acts


class AnAct:
    """An act that notes what it sees."""

    def __init__(self, log: SqliteLog, fault: Exception | None = None, late_fault: Exception | None = None) -> None:
        self.log = log
        self.fault, self.late_fault = fault, late_fault
        self.seen: list[tuple[str, int]] = []

    def before(self) -> None:
        self.seen.append(("before", self.log.head()[PARTITION]))
        if self.fault:
            raise self.fault

    def after(self, outcomes: Sequence[Outcome]) -> None:
        assert [outcome.placed.offset for outcome in outcomes] == [self.log.head()[PARTITION] - 1]
        self.seen.append(("after", self.log.head()[PARTITION]))
        if self.late_fault:
            raise self.late_fault


def test_an_act_is_ordered_among_all_rows(open_log: OpenLog) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def before_commit() -> None:
        begun.set()
        assert go_on.wait(10)

    log = open_log(before_commit=before_commit)
    act = AnAct(log)
    first = log.submit([a_row(0)])
    assert begun.wait(10)
    futures = [log.submit([a_row(number)]) for number in range(1, 20)]
    alone = log.submit([a_row(20)], act)
    later = [log.submit([a_row(number)]) for number in range(21, 40)]
    go_on.set()
    placed = [future.result(10)[0].placed.offset for future in (first, *futures, alone, *later)]
    assert placed == list(range(40))
    assert act.seen == [("before", 20), ("after", 21)]


def test_what_an_act_refuses_is_not_stored(open_log: OpenLog) -> None:
    log = open_log()
    with pytest.raises(Refused, match="held"):
        log.submit([a_row(0)], AnAct(log, fault=Refused("held", "it is held"))).result(10)
    assert everything(log) == []
    assert log.append([a_row(1)])[0].placed.offset == 0


def test_a_fault_after_an_act_is_told_and_the_row_stays(open_log: OpenLog) -> None:
    log = open_log()
    subscription = log.subscribe({})
    with pytest.raises(RuntimeError, match="a bug"):
        log.submit([a_row(0)], AnAct(log, late_fault=RuntimeError("a bug"))).result(10)
    assert len(everything(log)) == len(polled(subscription, 1)) == 1
    subscription.close()


# ---- closed subjects


def test_rows_of_a_closed_subject_get_no_place(open_log: OpenLog) -> None:
    closed: set[SubjectId] = set()
    log = open_log(is_closed=lambda agency, subject, key_id: subject in closed)
    rows = [a_row(number, subject=number % 2) for number in range(4)]
    before = log.append(rows)
    closed.add(SubjectId((1).to_bytes(16, "big")))
    more = [a_row(number, subject=number % 2) for number in range(6)]
    after = log.append(more)
    assert [outcome.refused for outcome in after] == [None, "subject-erased"] * 3
    assert after[0] == before[0]._replace(is_known=True)
    assert [outcome.position for outcome in after[1::2]] == [None] * 3
    assert after[4].placed.offset == 4
    assert len(everything(log)) == log.checkpoint().checkpoint.size == 5
    with pytest.raises(Refused, match="subject-erased"):
        _ = after[1].placed


def test_what_closes_in_an_act_holds_for_every_row_after_it(open_log: OpenLog) -> None:
    closed: set[SubjectId] = set()
    subject = SubjectId((7).to_bytes(16, "big"))

    class Closing(AnAct):
        def after(self, outcomes: Sequence[Outcome]) -> None:
            closed.add(subject)

    log = open_log(is_closed=lambda agency, subject, key_id: subject in closed)
    stop = threading.Event()
    answers: list[list[Outcome]] = [[] for _ in range(4)]

    def send(thread: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            answers[thread] += log.append([a_row(thread * 100_000 + number, subject=7)])

    senders = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
    for sender in senders:
        sender.start()
    while log.head()[PARTITION] < 50:
        pass
    at = log.submit([a_row(1_000_000, subject=8)], Closing(log)).result(10)[0].placed.offset
    while not all(answer and answer[-1].refused for answer in answers):
        pass
    stop.set()
    for sender in senders:
        sender.join()
    for answer in answers:
        refused = [outcome.refused is not None for outcome in answer]
        assert refused == sorted(refused)
        assert all(outcome.placed.offset < at for outcome in answer if outcome.refused is None)


# ---- redaction


def test_a_removed_body_leaves_its_leaf_and_every_proof(open_log: OpenLog, path: Path) -> None:
    log = open_log()
    secret = b"the words to be removed"
    row = a_row(1)
    log.append([a_row(0), Sealed(row.header, row.nonce, secret.ljust(256)), a_row(2)])
    before, leaves = log.checkpoint(), [stored.leaf for _, stored in everything(log)]
    log.append([a_row(3)])
    assert log.remove_bodies([1], named_by=3)
    stored = [stored for _, stored in everything(log)]
    assert (stored[1].nonce, stored[1].body, stored[1].leaf) == (bytes(12), b"", leaves[1])
    assert [each.leaf for each in stored[:3]] == leaves
    after = log.checkpoint().checkpoint
    proof = log.tree().consistency(3, 4)
    assert extends(3, before.checkpoint.root, 4, after.root, proof)
    log.close()
    assert not [file for file in path.parent.iterdir() if secret in file.read_bytes()]


def test_a_fresh_reader_proves_what_another_process_wrote(open_log: OpenLog, path: Path) -> None:
    log = open_log(signer=ASigner(9))
    log.append(rows_from(0, 600))
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    assert Tree(nodes_of(db)).root(600) == log.checkpoint().checkpoint.root
    db.close()
