"""What is kept of messages once they were read, for whom, and what is gone with whom."""

from __future__ import annotations

import io
import random
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.adapter import Finding, Message
from adapters.sdk.outcome import Counts, MessageOutcome
from adapters.sdk.receipts import Arrival, Kept, Part
from events.clock import DrivenClock, from_us
from events.errors import Refused
from hub.receipts.parts import HOLE, SEVERAL, Sealing, cut, open_part, places_of, seal_batch
from hub.receipts.sealing import Days, Tokens, gone_at_us
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.builders import accepted, not_mapped, quarantined
from tests.hub.receipts.holders import HeldKeys
from tests.hub.receipts.keeping import KEYS, LARGE, NORTH, OpenStore, finish, note, places
from tests.traces.looking import traces
from tests.traces.spellings import Marks

ANN, BOB = "Ottoline Fictitious", "Bartholomew Fictitious"


def part_of(*who: str, place: str = "1", sender_id: str | None = None, text: str = "") -> Part:
    """A message that tells of people; of nobody, where nobody could read it."""
    raw = f"{place} {' and '.join(who)} {text}".encode()
    owners = tuple(sorted((KEYS.of(each) for each in who), key=lambda keys: keys.key_id))
    return Part(Message(place, raw, sender_id), owners)


def keep(store: ReceiptStore, *parts: Part, arrival: Arrival = NORTH) -> str:
    """A receipt of these messages, parted."""
    receipt = store.store(arrival, b"\n".join(part.message.raw for part in parts))
    outcomes = [
        accepted(part.message.place, sender_id=part.message.sender_id)
        if part.owners or part.is_closed
        else quarantined(part.message.place, sender_id=part.message.sender_id)
        for part in parts
    ]
    store.note(receipt.id, outcomes, parts)
    store.finish(receipt.id)
    return receipt.id


def kept(store: ReceiptStore, receipt_id: str) -> list[Kept]:
    return [each for batch in store.kept(receipt_id) for each in batch.kept]


def raws(store: ReceiptStore, receipt_id: str) -> list[bytes | None]:
    return [None if each.part is None else each.part.message.raw for each in kept(store, receipt_id)]


def everything(folder: Path) -> bytes:
    """All bytes of all files of the store, as they lie on the disk."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# ---- the whole is gone, the parts are there


@pytest.mark.parametrize("padding", [b"", LARGE], ids=["row", "file"])
def test_once_all_have_their_outcome_the_bytes_as_a_whole_are_gone(
    open_store: OpenStore, tmp_path: Path, padding: bytes
) -> None:
    store = open_store()
    receipt = store.store(NORTH, b"one\ntwo\n" + padding)
    store.note(receipt.id, [accepted(1)], [part_of(ANN)])
    assert store.open(receipt.id)[1] is not None
    store.note(receipt.id, [not_mapped(2)], [part_of(place="2")])
    store.finish(receipt.id)
    assert store.open(receipt.id) == (receipt, None)
    assert raws(store, receipt.id) == [b"1 Ottoline Fictitious ", b"2  "]
    store.close()
    assert list((tmp_path / "receipts").iterdir()) == []
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"))
    assert db.execute("SELECT count(*) FROM arrived").get == 0
    assert set(db.execute("SELECT wrapped FROM receipt_keys WHERE number > 0").get) == {0}
    db.close()


def test_a_part_comes_back_as_it_was_given(store: ReceiptStore) -> None:
    fault = Finding("row-too-long", "row 3", "is a quote left open?")
    given_parts = [
        Part(Message("row 1", b"a,b", "M1", None, b"one,two"), (KEYS.of(ANN),), False, (0, 3), "7"),
        Part(Message("row 2", bytes(range(256)), None, None, b"other,line"), (KEYS.of(BOB),)),
        Part(Message("row 3", b"", "\u00e9", fault, b"one,two")),
    ]
    receipt = keep(store, *given_parts, arrival=Arrival("north", "housing", "x", "monday.csv", {"order": "7"}))
    assert [each.part for each in kept(store, receipt)] == [part._replace(owners=()) for part in given_parts]
    assert [each.is_owned for each in kept(store, receipt)] == [True, True, False]
    its = store.receipt(receipt).receipt.arrival
    assert (its.file_name, its.options) == ("monday.csv", {"order": "7"})


def test_nothing_that_a_sender_gave_stands_in_a_file_unsealed(store: ReceiptStore, tmp_path: Path) -> None:
    arrival = Arrival("north", "housing", "x", f"{ANN}.csv", {"note": ANN})
    for padding in ("", "x" * (1 << 20)):
        keep(store, part_of(ANN, sender_id=ANN, text=padding), part_of(sender_id=ANN, place="2"), arrival=arrival)
    store.store(arrival, ANN.encode() + LARGE)
    store.settle()
    assert traces(Marks(ANN), tmp_path) == []


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcd"), max_size=3), st.binary(max_size=600)), min_size=1))
def test_what_was_sealed_opens_for_those_whom_it_is_about_together_and_for_nobody_less(
    told: list[tuple[set[str], bytes]],
) -> None:
    clock = DrivenClock(from_us(0))
    day = Days(HeldKeys(), clock).of(0)
    assert day is not None
    sealing = Sealing(7, "north", day, Tokens(b"t" * 32), b"h" * 32)
    parts = [
        Part(
            Message(str(at), raw, None, None, raw[:2] or None),
            tuple(sorted(map(KEYS.of, who), key=lambda keys: keys.key_id)),
        )
        for at, (who, raw) in enumerate(told)
    ]
    batch = seal_batch(sealing, 3, parts)
    sizes = [int.from_bytes(size, "big") for size in cut(batch.sizes, 4)]
    assert sum(sizes) == len(batch.content)
    end = 0
    for at, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        content, end = batch.content[end : end + size], end + size
        layers = max(1, len(part.owners))
        assert (size - 28 * layers) % 256 == 0  # nonce and tag around what is padded
        ciphers = [owner.cipher for owner in part.owners] or [day.waiting]

        def heading(key: bytes) -> bytes:
            return parts[0].message.header or next(each.message.header or b"" for each in parts if each.message.header)

        opened = open_part(content, 7, 3 + at, ciphers, heading)
        assert opened.part == part._replace(owners=(), message=part.message._replace(place=""))
        for fewer in (ciphers[1:], [*ciphers, day.wrapping], [day.wrapping]):
            with pytest.raises(Exception, match=r"^"):
                open_part(content, 7, 3 + at, fewer, heading)
        with pytest.raises(ValueError, match=r"^$"):
            open_part(content, 7, 4 + at, ciphers, heading)  # another's place


@given(st.binary(min_size=2, max_size=2), st.binary(max_size=40))
def test_a_value_is_found_only_where_one_begins(wanted: bytes, whole: bytes) -> None:
    assert places_of(wanted, whole) == [at // 2 for at in range(0, len(whole) - 1, 2) if whole[at : at + 2] == wanted]


# ---- erasure


def test_an_erased_persons_parts_are_holes_and_the_others_are_as_they_were(open_store: OpenStore) -> None:
    store = open_store()
    receipt = keep(store, part_of(ANN), part_of(BOB, place="2"), part_of(ANN, BOB, place="3"), part_of(place="4"))
    assert store.drop_parts(KEYS.of(ANN).subject) == 2
    assert store.drop_parts(KEYS.of(ANN).subject) == 0
    for _ in range(2):
        assert raws(store, receipt) == [None, b"2 Bartholomew Fictitious ", None, b"4  "]
        assert [each.is_erased for each in kept(store, receipt)] == [True, False, True, False]
        told = [(outcome.place, outcome.state, outcome.reason) for _, outcome in store.outcomes(receipt)]
        assert told == [
            ("1", "not-mapped", "subject-erased"),
            ("2", "accepted", ""),
            ("3", "not-mapped", "subject-erased"),
            ("4", "quarantined", ""),
        ]
        store.close()
        store = open_store()


def test_a_hole_has_no_length_and_no_owner(store: ReceiptStore, tmp_path: Path) -> None:
    keep(store, part_of(ANN, text="x" * 5_000), part_of(ANN, BOB, place="2", text="y"))
    store.drop_parts(KEYS.of(ANN).subject)
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"))
    owned = db.execute("SELECT owners FROM owned WHERE seq > 0 ORDER BY seq").fetchall()
    assert owned == [(HOLE * 2,), (bytes(32),)]
    assert db.execute("SELECT sizes, content, several FROM parts").fetchone() == (bytes(8), b"", None)
    db.close()


def test_what_comes_about_somebody_erased_meanwhile_is_a_hole_at_once(open_store: OpenStore) -> None:
    store = open_store()
    store.drop_parts(KEYS.of(ANN).subject)
    first = keep(store, part_of(ANN, BOB), part_of(ANN, place="2"), part_of(BOB, place="3"))
    store.close()
    store = open_store()
    second = keep(store, part_of(ANN), part_of(BOB, place="2"))
    assert [each is None for each in (*raws(store, first), *raws(store, second))] == [True, True, False, True, False]


def test_a_closed_message_is_not_kept(store: ReceiptStore, tmp_path: Path) -> None:
    receipt = keep(store, part_of(sender_id="M-closed")._replace(is_closed=True), part_of(BOB, place="2"))
    assert raws(store, receipt) == [None, b"2 Bartholomew Fictitious "]
    assert store.find(sender_id="M-closed") == []


def test_whoever_has_no_key_any_more_opens_no_part(store: ReceiptStore) -> None:
    """Also where the store was not told yet."""
    receipt = keep(store, part_of("Carla Fictitious"), part_of(BOB, "Carla Fictitious", place="2"))
    KEYS.forget("Carla Fictitious")
    assert raws(store, receipt) == [None, None]


def test_a_name_of_an_erased_persons_file_is_gone_with_the_last_part_that_opens_it(store: ReceiptStore) -> None:
    receipt = keep(store, part_of(ANN), part_of(BOB, place="2"), arrival=Arrival("north", "housing", "x", "f.csv"))
    store.drop_parts(KEYS.of(ANN).subject)
    assert store.receipt(receipt).receipt.arrival.file_name == "f.csv"
    store.drop_parts(KEYS.of(BOB).subject)
    assert store.receipt(receipt).receipt.arrival.file_name is None


def test_nothing_is_left_to_test_guesses_against(store: ReceiptStore, tmp_path: Path) -> None:
    """Owners' places and tokens are overwritten wherever they lay, through splits of pages and rewritten rows."""
    rng = random.Random(7)
    for at in range(120):
        who, size = (ANN if at % 7 == 0 else BOB), rng.choice((1, 1, 40))
        keep(store, *[part_of(who, place=str(each), sender_id=f"{who}-{at}-{each}") for each in range(size)])
    subject = KEYS.of(ANN).subject
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"))
    tokens = {
        token
        for owners, held in db.execute("SELECT owners, tokens FROM owned WHERE seq > 0")
        for owner, token in zip(cut(owners, 16), cut(held, 8), strict=True)
        if owner == subject
    }
    db.close()
    before = everything(tmp_path)
    assert len(tokens) > 20
    assert all(token in before for token in tokens)
    store.drop_parts(subject)
    left = everything(tmp_path)
    assert [token.hex() for token in tokens if token in left] == []
    assert left.count(subject) == 1  # among those that were dropped
    assert all(store.find(sender_id=f"{ANN}-{at}-0") == [] for at in range(0, 120, 7))
    assert len(store.find(sender_id=f"{BOB}-1-0")) == 1


def test_what_was_redacted_is_gone_and_its_outcome_and_what_comes_stay(store: ReceiptStore) -> None:
    before = keep(store, part_of(ANN), part_of(BOB, place="2"))
    assert store.redact_parts(KEYS.of(ANN).subject) == 1
    after = keep(store, part_of(ANN))
    assert raws(store, before) == [None, b"2 Bartholomew Fictitious "]
    assert places(store, before) == [("1", "accepted"), ("2", "accepted")]
    assert raws(store, after) == [b"1 Ottoline Fictitious "]


# ---- thirty days


def test_what_nobody_could_read_is_gone_after_thirty_days_and_the_rest_stays(
    store: ReceiptStore, clock: DrivenClock
) -> None:
    receipt = keep(store, part_of(ANN, sender_id="M1"), part_of(place="2", sender_id="M2"))
    (entry,) = store.quarantined()
    assert (entry.sender_id, entry.gone_at_us) == ("M2", gone_at_us(clock()))
    assert store.waiting_until("north") == gone_at_us(clock())
    assert store.waiting_until("south") is None
    clock.set(from_us(entry.gone_at_us) - timedelta(microseconds=1))
    store.forget_old()
    assert raws(store, receipt) == [b"1 Ottoline Fictitious ", b"2  "]
    clock.set(from_us(entry.gone_at_us))
    store.forget_old()
    assert raws(store, receipt) == [b"1 Ottoline Fictitious ", None]
    assert store.quarantined() == []
    (entry,) = store.quarantined(state="expired")
    assert (entry.sender_id, entry.state, entry.code) == (None, "expired", "bad-segment")
    assert [len(store.find(sender_id=sender_id)) for sender_id in ("M1", "M2")] == [1, 0]
    assert store.waiting_until("north") is None


@pytest.mark.parametrize("padding", [b"", LARGE], ids=["row", "file"])
def test_what_could_not_be_cut_stays_whole_for_thirty_days(
    store: ReceiptStore, clock: DrivenClock, tmp_path: Path, padding: bytes
) -> None:
    receipt = store.store(NORTH, b"raw" + padding)
    finish(store, receipt.id, [accepted(1), quarantined("whole")])
    _, raw = store.open(receipt.id)
    assert raw is not None
    assert raw.read() == b"raw" + padding
    clock.set(from_us(gone_at_us(clock())))
    store.forget_old()
    assert store.open(receipt.id) == (receipt, None)
    assert list((tmp_path / "receipts").iterdir()) == []
    assert raws(store, receipt.id) == [b"raw 1", None]


def test_what_could_not_be_cut_goes_with_whoever_is_known_to_be_in_it(store: ReceiptStore) -> None:
    receipt = store.store(NORTH, b"raw")
    store.note(receipt.id, [accepted(1), quarantined("whole")], [part_of(ANN), part_of(place="whole")], are_last=True)
    store.drop_parts(KEYS.of(BOB).subject)
    assert store.open(receipt.id)[1] is not None
    store.drop_parts(KEYS.of(ANN).subject)
    assert store.open(receipt.id)[1] is None


def test_a_receipt_that_nobody_read_in_time_says_so(store: ReceiptStore, clock: DrivenClock) -> None:
    receipt = store.store(NORTH, b"raw")
    clock.set(from_us(gone_at_us(clock())))
    store.forget_old()
    assert list(store.unfinished()) == []
    assert places(store, receipt.id) == [("whole", "not-mapped")]
    assert store.receipt(receipt.id).status == "done"


# ---- damage


def test_a_cut_or_swapped_chunk_is_refused(store: ReceiptStore, tmp_path: Path) -> None:
    receipt = store.store(NORTH, LARGE * 4)
    path = tmp_path / "receipts" / receipt.id
    whole = path.read_bytes()
    chunk = (1 << 20) + 16
    first, second, rest = whole[:chunk], whole[chunk : 2 * chunk], whole[2 * chunk :]
    flipped = bytes([whole[100] ^ 1])
    for harmed in (second + first + rest, first + first + rest, whole[:100] + flipped + whole[101:]):
        path.write_bytes(harmed)
        _, raw = store.open(receipt.id)
        assert raw is not None
        with raw, pytest.raises(Refused, match=rf"receipt-damaged: receipt {receipt.id}: .*from a backup"):
            raw.read()
    for cut_off in (first + second, b"", whole[:-16]):
        path.write_bytes(cut_off)
        with pytest.raises(Refused, match="receipt-bytes-missing"):
            store.open(receipt.id)
    path.write_bytes(whole)
    _, raw = store.open(receipt.id)
    assert raw is not None
    assert raw.read() == LARGE * 4


@pytest.mark.parametrize("size", [0, 1, 255, 256, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) - 256])
def test_a_file_cut_at_the_end_of_a_chunk_is_refused(store: ReceiptStore, tmp_path: Path, size: int) -> None:
    files, key = store._files, b"k" * 32
    raw = (LARGE * 2)[:size]
    assert files.write("R", key, raw, io.BytesIO()) == size
    with files.open("R", key, lambda: Refused("receipt-damaged", "x")) as opened:
        assert opened.read() == raw
    path = tmp_path / "receipts" / "R"
    path.write_bytes(path.read_bytes()[: (1 << 20) + 16] if size > 1 << 20 else b"")
    with files.open("R", key, lambda: Refused("receipt-damaged", "x")) as opened, pytest.raises(Refused):
        opened.read()


def test_a_row_whose_bytes_were_changed_or_swapped_is_refused(store: ReceiptStore, tmp_path: Path) -> None:
    names = [store.store(NORTH, b"one").id, store.store(NORTH, b"two").id]
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"))
    db.execute("UPDATE arrived SET body = (SELECT body FROM arrived WHERE number = 1) WHERE number = 2")
    with pytest.raises(Refused, match=rf"receipt-damaged: receipt {names[1]}"):
        store.open(names[1])
    db.execute("UPDATE receipt_keys SET wrapped = (SELECT wrapped FROM receipt_keys WHERE number = 2) WHERE number = 1")
    with pytest.raises(Refused, match=rf"receipt-damaged: receipt {names[0]}"):
        store.open(names[0])
    db.close()


def test_a_part_that_does_not_open_harms_no_other(store: ReceiptStore, tmp_path: Path) -> None:
    receipt = keep(store, part_of(ANN), part_of(ANN, place="2"))
    store.settle()
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"))
    content: bytes = db.execute("SELECT content FROM parts").get
    half = len(content) // 2
    db.execute("UPDATE parts SET content = ?", (content[half:] + content[half:],))
    db.close()
    assert [(each.part is not None, each.is_damaged) for each in kept(store, receipt)] == [(False, True), (True, False)]
    assert places(store, receipt) == [("1", "accepted"), ("2", "accepted")]


# ---- again


def test_a_run_begun_again_leaves_nothing_of_what_it_kept_before(store: ReceiptStore, tmp_path: Path) -> None:
    receipt = store.store(NORTH, b"raw")
    store.note(receipt.id, [accepted(1, sender_id="M1")], [part_of(ANN, BOB, sender_id="M1")])
    store.begin(receipt.id)
    store.note(receipt.id, [accepted(1, sender_id="M2")], [part_of(BOB, sender_id="M2")], are_last=True)
    assert [len(store.find(sender_id=sender_id)) for sender_id in ("M1", "M2")] == [0, 1]
    assert store.drop_parts(KEYS.of(ANN).subject) == 0
    assert KEYS.of(ANN).subject not in everything(tmp_path).replace(KEYS.of(ANN).subject, b"", 1)


def test_what_was_understood_at_last_is_kept_for_whom_it_tells_of(store: ReceiptStore, clock: DrivenClock) -> None:
    receipt = keep(store, part_of(place="1", sender_id="M1"), part_of(BOB, place="2"))
    store.replace(receipt, 0, accepted(1, sender_id="M1"), part_of(ANN, BOB, sender_id="M1"))
    clock.set(from_us(gone_at_us(clock())))
    store.forget_old()
    assert raws(store, receipt)[0] == b"1 Ottoline Fictitious and Bartholomew Fictitious "
    assert len(store.find(sender_id="M1")) == 1
    store.drop_parts(KEYS.of(BOB).subject)
    assert raws(store, receipt) == [None, None]


def test_outcomes_of_what_is_read_again_stand_for_the_old_ones(store: ReceiptStore) -> None:
    receipt = keep(store, part_of(ANN), part_of(place="2"), part_of(place="3"), part_of(BOB, place="4"))
    store.replace(receipt, 1, accepted(2), part_of(ANN, place="2"))
    anew: list[MessageOutcome] = [accepted(1, duplicates=1), accepted(2, duplicates=1), quarantined(3), not_mapped(4)]
    store.note_again(receipt, 0, anew, {})
    store.finish(receipt)
    status = store.receipt(receipt)
    assert status.status == "done"
    assert status.counts == Counts(messages=4, accepted=2, findings=2, not_mapped=1, quarantined=1, duplicates=2)
    assert [entry.place for entry in store.quarantined()] == ["3"]
    (day,) = store.counts_by_day()
    assert (day.accepted, day.not_mapped, day.quarantined) == (2, 1, 1)


def test_a_part_about_several_stands_in_a_row_of_its_own(store: ReceiptStore, tmp_path: Path) -> None:
    keep(store, part_of(ANN, BOB))
    store.settle()
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"))
    assert db.execute("SELECT owners FROM owned WHERE seq > 0 AND at IS NULL").get == SEVERAL
    assert len(db.execute("SELECT owners FROM owned WHERE seq > 0 AND at = 0").get) == 32
    db.close()


def test_a_note_after_a_stop_counts_from_the_beginning(open_store: OpenStore) -> None:
    store = open_store()
    receipt = store.store(NORTH, b"raw").id
    note(store, receipt, accepted(1), accepted(2))
    store.close()
    store = open_store()
    store.begin(receipt)
    note(store, receipt, accepted(1), accepted(2), accepted(3), are_last=True)
    assert raws(store, receipt) == [b"raw 1", b"raw 2", b"raw 3"]
