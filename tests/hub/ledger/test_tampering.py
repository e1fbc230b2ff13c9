"""Whoever changes the stored log by hand is found out, with the first bad position or the narrowest range."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from events.checkpoints import VerifierKey, parse_checkpoint, parse_note, sign_checkpoint
from events.errors import WrongSettings
from events.ledger import TILE_WIDTH
from events.log.specimens import ASigner, a_row
from tests.counts import times
from tests.hub.ledger.forging import CHECKPOINTS, SIGNER, SIZE, Copy, key_of, make_log

ROUNDS = times(4, proof=60)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VerifierKey]:
    path = tmp_path_factory.mktemp("original") / "log.sqlite"
    return path, make_log(path)


@pytest.fixture
def key(original: tuple[Path, VerifierKey]) -> VerifierKey:
    return original[1]


@pytest.fixture
def copy(original: tuple[Path, VerifierKey], tmp_path: Path) -> Copy:
    return Copy(original[0], tmp_path)


@pytest.fixture(params=range(ROUNDS))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(f"{request.node.originalname} {request.param}")


def flipped(raw: bytes, chance: random.Random) -> bytes:
    bit = chance.randrange(len(raw) * 8)
    changed = bytearray(raw)
    changed[bit >> 3] ^= 1 << (bit & 7)
    return bytes(changed)


def between_checkpoints(at: int) -> tuple[int, int]:
    """The last checkpoint that does not cover a position, and the last position that the next one covers."""
    return max((size for size in CHECKPOINTS if size <= at), default=0), min(
        each for each in CHECKPOINTS if each > at
    ) - 1


# ---- the control


def test_an_untouched_log_verifies(copy: Copy, key: VerifierKey) -> None:
    seen: list[tuple[int, int]] = []
    found = copy.verify(key, progress=lambda done, of: seen.append((done, of)))
    assert found.fault is None
    assert (found.state.position, found.state.signed, found.state.checkpoints) == (SIZE, 1_000, len(CHECKPOINTS))
    assert seen[-1] == (SIZE, SIZE)


def test_an_empty_log_verifies(tmp_path: Path) -> None:
    key = make_log(tmp_path / "empty.sqlite", size=0, checkpoints=(0,))
    assert Copy(tmp_path / "empty.sqlite", tmp_path).verify(key).state.checkpoints == 1


# ---- one column of one row


@pytest.mark.parametrize("column", ["header", "nonce", "body", "leaf"])
def test_a_flipped_bit_is_found_at_its_position(
    copy: Copy, key: VerifierKey, chance: random.Random, column: str
) -> None:
    at = chance.randrange(SIZE)
    raw = copy.ask(f"SELECT {column} FROM log WHERE position = ?", at)
    copy.run(f"UPDATE log SET {column} = ? WHERE position = ?", flipped(raw, chance), at)
    assert copy.fault(key)[:3] == ("leaf-differs", at, at)


def test_another_known_time_is_found_at_its_position(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    at = chance.randrange(SIZE)
    copy.run("UPDATE log SET known_us = known_us + ? WHERE position = ?", chance.choice([-1, 1, 10**9]), at)
    assert copy.fault(key)[:3] == ("leaf-differs", at, at)


def test_a_row_at_another_position_is_found(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    at = chance.randrange(SIZE)
    copy.run("UPDATE log SET position = ? WHERE position = ?", SIZE + chance.randrange(5), at)
    fault = copy.fault(key)
    assert fault.first == at if at < SIZE - 1 else fault.code in ("log-gap", "leaf-differs")


def test_swapped_rows_are_found_at_the_first(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    first, second = sorted(chance.sample(range(SIZE), 2))
    for old, new in ((first, -1), (second, first), (-1, second)):
        copy.run("UPDATE log SET position = ? WHERE position = ?", new, old)
    assert copy.fault(key)[:3] == ("leaf-differs", first, first)


def test_swapped_contents_are_found_at_the_first(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    first, second = sorted(chance.sample(range(SIZE), 2))
    one, other = (copy.ask("SELECT body FROM log WHERE position = ?", at) for at in (first, second))
    for at, body in ((first, other), (second, one)):
        copy.run("UPDATE log SET body = ? WHERE position = ?", body, at)
    assert copy.fault(key)[:3] == ("leaf-differs", first, first)


@pytest.mark.parametrize(("left", "right"), [("header", "nonce"), ("nonce", "body")])
def test_a_boundary_moved_between_columns_is_found(
    copy: Copy, key: VerifierKey, chance: random.Random, left: str, right: str
) -> None:
    at, by = chance.randrange(SIZE), chance.randrange(1, 12)
    one, other = (copy.ask(f"SELECT {column} FROM log WHERE position = ?", at) for column in (left, right))
    moved = (one[:-by], one[-by:] + other) if chance.random() < 0.5 else (one + other[:by], other[by:])
    for column, raw in zip((left, right), moved, strict=True):
        copy.run(f"UPDATE log SET {column} = ? WHERE position = ?", raw, at)
    assert copy.fault(key)[:3] == ("leaf-differs", at, at)


@pytest.mark.parametrize("column", ["header", "nonce", "body", "leaf"])
def test_a_column_cut_short_is_found(copy: Copy, key: VerifierKey, chance: random.Random, column: str) -> None:
    at = chance.randrange(SIZE)
    raw = copy.ask(f"SELECT {column} FROM log WHERE position = ?", at)
    copy.run(f"UPDATE log SET {column} = ? WHERE position = ?", raw[: chance.randrange(1, len(raw))], at)
    assert copy.fault(key)[:3] == ("leaf-differs", at, at)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("body = CAST(body AS TEXT)", "broken-row"),
        ("header = 'text'", "broken-row"),
        ("nonce = 7", "broken-row"),
        ("known_us = -1", "broken-row"),
        ("known_us = 'now'", "broken-row"),
        ("leaf = 'text'", "leaf-differs"),
        ("header = x''", "leaf-differs"),
        ("body = x'', nonce = zeroblob(12)", "body-missing"),
    ],
)
def test_whatever_sqlite_lets_somebody_write_is_told(copy: Copy, key: VerifierKey, change: str, code: str) -> None:
    copy.run(f"UPDATE log SET {change} WHERE position = 300")
    assert copy.fault(key)[:3] == (code, 300, 300)


def test_known_times_that_do_not_rise_are_found_though_leaves_fit(copy: Copy, key: VerifierKey) -> None:
    copy.run("UPDATE log SET known_us = (SELECT known_us FROM log WHERE position = 299) WHERE position = 300")
    copy.rewrite_leaves()
    assert copy.fault(key)[:3] == ("known-time-not-rising", 300, 300)


# ---- rows taken away or added


def test_a_lost_row_is_found(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    at = chance.randrange(1_000)
    copy.run("DELETE FROM log WHERE position = ?", at)
    assert copy.fault(key)[:2] == ("log-gap", at)


def test_a_log_cut_short_below_a_checkpoint_is_found(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    size = chance.randrange(990)
    copy.run("DELETE FROM log WHERE position >= ?", size)
    copy.run("DELETE FROM tiles WHERE (number + 1) << (4 * level) > ?", size)
    assert copy.fault(key) == ("log-cut-short", size, 999, 1_000)


def test_a_cut_beyond_the_last_checkpoint_leaves_a_tile_that_tells(
    copy: Copy, key: VerifierKey, tmp_path: Path
) -> None:
    path = tmp_path / "longer.sqlite"
    key = make_log(path, size=1_100)
    longer = Copy(path, tmp_path)
    longer.run("DELETE FROM log WHERE position >= 1050")
    assert longer.fault(key)[:3] == ("tile-beyond", 1_040, 1_087)


def test_an_old_state_as_a_whole_verifies_and_only_a_kept_checkpoint_tells(
    original: tuple[Path, VerifierKey], copy: Copy, key: VerifierKey
) -> None:
    newest = copy.ask("SELECT note FROM checkpoints WHERE size = 1000")
    copy.run("DELETE FROM log WHERE position >= 700")
    copy.run("DELETE FROM tiles WHERE (number + 1) << (4 * level) > 700")
    copy.run("DELETE FROM checkpoints WHERE size > 700")
    assert copy.verify(key).fault is None
    assert copy.fault(key, kept=[newest]) == ("log-cut-short", 700, 999, 1_000)


def test_a_row_put_in_behind_the_end_verifies_only_if_it_is_whole(copy: Copy, key: VerifierKey) -> None:
    row = a_row(5_000)
    copy.run("INSERT INTO log VALUES(?, 1 << 60, zeroblob(32), ?, ?, ?)", SIZE, *row)
    assert copy.fault(key)[:3] == ("leaf-differs", SIZE, SIZE)


# ---- tiles and checkpoints


def test_a_changed_tile_is_found(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    level = chance.choice([1, 1, 2])
    width = TILE_WIDTH**level
    number = chance.randrange(SIZE // width)
    raw = copy.ask("SELECT hash FROM tiles WHERE level = ? AND number = ?", level, number)
    copy.run("UPDATE tiles SET hash = ? WHERE level = ? AND number = ?", flipped(raw, chance), level, number)
    fault = copy.fault(key)
    assert fault.code == "tile-differs"
    assert number * width <= fault.first <= fault.last < (number + 1) * width


@pytest.mark.parametrize("level", [1, 2])
def test_a_lost_tile_is_found(copy: Copy, key: VerifierKey, level: int) -> None:
    copy.run("DELETE FROM tiles WHERE level = ? AND number = 2", level)
    fault = copy.fault(key)
    assert fault.code == "tile-missing"
    assert fault.last == 3 * TILE_WIDTH**level - 1


def test_a_changed_checkpoint_is_found(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    number, size = chance.choice(list(enumerate(CHECKPOINTS, 1)))
    told = copy.ask("SELECT note FROM checkpoints WHERE number = ?", number)
    at = chance.randrange(len(told))
    changed = told[:at] + chance.choice([c for c in "AZaz09+/=\n" if c != told[at]]) + told[at + 1 :]
    copy.run("UPDATE checkpoints SET note = ? WHERE number = ?", changed, number)
    fault = copy.fault(key)
    assert fault.code in ("bad-note", "bad-checkpoint", "bad-signature", "not-signed")
    assert fault.checkpoint == size


@pytest.mark.parametrize("size", ["17", "'many'", "-1"])
def test_a_checkpoint_under_another_size_is_found(copy: Copy, key: VerifierKey, size: str) -> None:
    copy.run(f"UPDATE checkpoints SET size = {size} WHERE number = 3")
    assert copy.fault(key).code in ("bad-checkpoint", "checkpoint-order")


def test_checkpoints_in_another_order_are_found(copy: Copy, key: VerifierKey) -> None:
    copy.run("UPDATE checkpoints SET number = -number WHERE number = 4")
    assert copy.fault(key)[:1] == ("checkpoint-order",)


def test_an_epoch_that_is_signed_again_after_another_is_found(copy: Copy, key: VerifierKey, tmp_path: Path) -> None:
    told = copy.ask("SELECT note FROM checkpoints WHERE number = 3")
    said = parse_checkpoint(parse_note(told).text)
    other = sign_checkpoint(said._replace(origin=f"{key.name}/2-00000000"), key.name, SIGNER)
    copy.run("UPDATE checkpoints SET note = ? WHERE number = 3", str(other))
    assert copy.fault(key).code == "epoch-signed-again"


def test_another_logs_checkpoint_is_found(copy: Copy, key: VerifierKey, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_log(tmp_path / "other.sqlite")
    told = Copy(tmp_path / "other.sqlite", tmp_path / "other").ask("SELECT note FROM checkpoints WHERE number = 3")
    copy.run("UPDATE checkpoints SET note = ? WHERE number = 3", told)
    assert copy.fault(key).code == "not-signed"
    assert other.name != key.name


def test_the_logs_name_is_part_of_what_is_signed(copy: Copy, key: VerifierKey) -> None:
    copy.run("UPDATE meta SET value = 'tellonce-another' WHERE name = 'name'")
    assert copy.fault(key).code == "wrong-origin"


# ---- the four attackers


def is_rewritten(body: bytes) -> bytes:
    return body[::-1]


def test_the_first_attacker_changes_a_row(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    at = chance.randrange(SIZE)
    copy.rewrite_row(at, is_rewritten)
    assert copy.fault(key)[:3] == ("leaf-differs", at, at)


def test_the_second_attacker_changes_its_leaf_too(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    at = chance.randrange(1_000)
    copy.rewrite_row(at, is_rewritten)
    copy.rewrite_leaves()
    fault = copy.fault(key)
    low, high = between_checkpoints(at)
    is_whole = at < SIZE - SIZE % TILE_WIDTH
    assert fault.code == ("tile-differs" if is_whole else "checkpoint-differs")
    assert fault.first == (max(low, at - at % TILE_WIDTH) if is_whole else low)
    assert fault.last == (min(high, at - at % TILE_WIDTH + TILE_WIDTH - 1) if is_whole else high)


def test_the_third_attacker_changes_the_tiles_too(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    at = chance.randrange(1_000)
    copy.rewrite_row(at, is_rewritten)
    copy.rewrite_leaves()
    copy.rewrite_tiles()
    low, high = between_checkpoints(at)
    assert copy.fault(key) == ("checkpoint-differs", low, high, high + 1)


def test_the_fourth_attacker_signs_again_without_the_key(copy: Copy, key: VerifierKey, chance: random.Random) -> None:
    thief = ASigner(666)
    copy.rewrite_row(chance.randrange(1_000), is_rewritten)
    copy.rewrite_leaves()
    copy.rewrite_tiles()
    copy.sign_again(thief)
    assert copy.fault(key).code == "not-signed"
    assert copy.verify(key_of(key, thief)).fault is None


def test_the_fourth_attacker_with_the_key_is_seen_by_whoever_kept_a_checkpoint(
    copy: Copy, key: VerifierKey, chance: random.Random
) -> None:
    at = chance.randrange(1_000)
    kept = {size: copy.ask("SELECT note FROM checkpoints WHERE size = ?", size) for size in CHECKPOINTS}
    copy.rewrite_row(at, is_rewritten)
    copy.rewrite_leaves()
    copy.rewrite_tiles()
    copy.sign_again(SIGNER)
    assert copy.verify(key).fault is None
    for size, note in kept.items():
        fault = copy.verify(key, kept=[note]).fault
        assert fault is None if size <= at else fault is not None and fault.code == "checkpoint-differs"


def test_what_no_checkpoint_covers_can_be_rewritten(copy: Copy, key: VerifierKey) -> None:
    copy.rewrite_row(1_001, is_rewritten)
    copy.rewrite_leaves()
    copy.rewrite_tiles()
    assert copy.verify(key).fault is None


# ---- redaction; test_removals.py has more


def test_the_leaf_of_a_removed_body_cannot_be_changed(copy: Copy, key: VerifierKey) -> None:
    copy.run("UPDATE log SET body = x'', nonce = zeroblob(12), leaf = zeroblob(32) WHERE position = 300")
    copy.run("INSERT INTO removed VALUES(300, 900)")
    assert copy.fault(key)[:3] == ("tile-differs", 288, 303)


def test_an_epoch_that_the_log_neither_signed_nor_was_restored_into_is_told(copy: Copy, key: VerifierKey) -> None:
    copy.run("UPDATE meta SET value = '2-00000000' WHERE name = 'epoch'")
    assert copy.fault(key).code == "wrong-epoch"
    copy.run("INSERT INTO meta VALUES('restored', ?)", f'[{{"origin": "{key.name}/2-00000000"}}]')
    assert copy.verify(key).fault is None


# ---- the file


def test_no_flipped_bit_of_the_file_is_passed_over_or_makes_it_fall(
    copy: Copy, key: VerifierKey, chance: random.Random
) -> None:
    """What is neither found nor refused changed nothing that is signed: not so a checkpoint's number and time."""
    whole = copy.content()
    raw = copy.path.read_bytes()
    for _ in range(50):
        first_pages = chance.random() < 0.5
        at = chance.randrange((6 * 8192 if first_pages else len(raw)) * 8)
        flipped_raw = bytearray(raw)
        flipped_raw[at >> 3] ^= 1 << (at & 7)
        copy.put(bytes(flipped_raw))
        try:
            fault = copy.verify(key).fault
        except WrongSettings as error:
            if error.code not in ("broken-file", "home-newer", "home-older"):
                raise
            continue
        assert fault is not None or copy.content() == whole


def test_damaged_pages_are_told(copy: Copy, key: VerifierKey) -> None:
    raw = bytearray(copy.path.read_bytes())
    raw[40 * 8192 : 44 * 8192] = b"\xff" * (4 * 8192)
    copy.path.write_bytes(raw)
    fault = copy.fault(key)
    assert fault.code == "broken-file"
    assert 0 < fault.first < fault.last == SIZE - 1


@pytest.mark.parametrize("at_once", [1, 2])
def test_stretches_side_by_side_find_the_first_fault(
    copy: Copy, key: VerifierKey, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ledger.verify._ALONE_MAX", 0)
    monkeypatch.setattr("hub.ledger.verify.STRETCH", 64)
    assert copy.verify(key, jobs=at_once).state.position == SIZE
    for at in (300, 301, 900):
        copy.rewrite_row(at, is_rewritten)
    assert copy.fault(key, jobs=at_once)[:3] == ("leaf-differs", 300, 300)


def test_a_verification_goes_on_from_where_it_was(
    copy: Copy, key: VerifierKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ledger.verify.STRETCH", 64)
    states = []
    whole = copy.verify(key, keep=states.append)
    assert len(states) == -(-SIZE // 64)
    for state in states[:-1]:
        assert copy.verify(key, state=state)[1:] == whole[1:]
    copy.rewrite_row(700, is_rewritten)
    assert copy.verify(key, state=states[11]).fault is None  # it goes on behind the change
    assert copy.fault(key, state=states[9])[:3] == ("leaf-differs", 700, 700)
