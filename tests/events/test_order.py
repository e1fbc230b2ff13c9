"""The order a sender gives: read, brought into normal form, compared."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.order import instant_ns, instant_text, normal_instant, parse_order

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES)  # noqa: DTZ001 - bounds are naive
PARTS = st.one_of(
    st.integers(-(10**30) + 1, 10**30 - 1).map(str),
    INSTANTS.map(datetime.isoformat),
    st.dates().map(str),
)
ORDERS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def key_of(text: str) -> tuple[int, ...]:
    order = parse_order(text)
    assert order is not None, text
    return order.key


@given(INSTANTS, INSTANTS)
def test_instants_compare_as_instants_whatever_their_offset(one: datetime, other: datetime) -> None:
    assert (key_of(one.isoformat()) < key_of(other.isoformat())) == (one < other)
    assert (key_of(one.isoformat()) == key_of(other.isoformat())) == (one == other)


@given(st.integers(-(10**30) + 1, 10**30 - 1), st.integers(-(10**30) + 1, 10**30 - 1))
def test_integers_compare_as_numbers(one: int, other: int) -> None:
    assert (key_of(str(one)) < key_of(str(other))) == (one < other)


@given(ORDERS)
def test_the_normal_form_is_read_as_the_same_order(text: str) -> None:
    order = parse_order(text)
    assert order is not None
    assert parse_order(order.text) == order
    assert len(order.kinds) == len(order.key) == text.count("/") + 1


@given(ORDERS, ORDERS)
def test_one_normal_form_means_one_place_in_the_order(one: str, other: str) -> None:
    first, second = parse_order(one), parse_order(other)
    assert first is not None
    assert second is not None
    assert (first.text == second.text) == ((first.key, first.kinds) == (second.key, second.kinds))


@given(ORDERS, PARTS)
def test_a_missing_part_is_lowest(shorter: str, part: str) -> None:
    assert key_of(shorter) < key_of(f"{shorter}/{part}")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=2, max_size=2))
def test_parts_count_from_the_left_and_the_place_is_a_number(pairs: list[tuple[int, int]]) -> None:
    one, other = (f"2024-02-0{day + 1}T10:00:00Z/{place}" for day, place in pairs)
    assert (key_of(one) < key_of(other)) == (pairs[0] < pairs[1])


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    order = parse_order(text)
    assert order is None or parse_order(order.text) == order


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "1/",
        "/1",
        "abc",
        "1.5",
        "+1",
        "5/²",
        "٣",
        "1" * 31,
        "2024-02-30",
        "2024-13-01",
        "2024-02-01T10:00:00",
        "2024-02-01T10:00",
        "2024-02-01T24:00:00Z",
        "2024-02-01T10:60:00Z",
        "2024-02-01T10:00:61Z",
        "2024-02-01T10:00:00+24:00",
        "2024-02-01T10:00:00,5Z",
        "2024-02-01 10:00:00Z",
        "0000-01-01",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_gives_no_order(text: str) -> None:
    assert parse_order(text) is None


def test_a_date_counts_as_its_first_instant_utc() -> None:
    assert key_of("2024-02-29") == key_of("2024-02-29T00:00:00Z") == key_of("2024-02-29T01:00:00+01:00")


def test_a_leap_second_is_the_last_second_of_its_minute() -> None:
    assert key_of("2016-12-31T23:59:60Z") == key_of("2016-12-31T23:59:59Z")


def test_nanoseconds_count() -> None:
    assert key_of("2024-02-01T10:00:00.000000001Z") > key_of("2024-02-01T10:00:00Z")
    order = parse_order("2024-02-01T10:00:00.120000000Z")
    assert order is not None
    assert order.text == "2024-02-01T10:00:00.12Z"


def test_the_first_part_tells_how_far_ahead_a_sender_is() -> None:
    ahead, sequence = parse_order("2024-02-01T10:00:00.5Z/3"), parse_order("17/2024-02-01")
    assert ahead is not None
    assert sequence is not None
    assert ahead.leading_instant_us == int(datetime(2024, 2, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000 + 500_000
    assert sequence.leading_instant_us is None


@given(INSTANTS)
def test_an_instant_is_written_in_utc_and_read_back(instant: datetime) -> None:
    nanoseconds = instant_ns(instant.isoformat())
    assert nanoseconds is not None
    text = instant_text(nanoseconds)
    assert datetime.fromisoformat(text) == instant
    assert text.endswith("Z")
    assert instant_ns(text) == nanoseconds


@given(INSTANTS)
def test_the_normal_form_of_an_instant_is_its_own(instant: datetime) -> None:
    normal = normal_instant(instant.isoformat())
    assert normal == instant_text(int(instant_ns(instant.isoformat()) or 0))
    assert normal is not None
    assert normal_instant(normal) == normal


@pytest.mark.parametrize("text", ["2024-02-29", "2024-02-30T10:00:00Z", "2024-02-01T24:00:00Z", "5", "", "2" * 36])
def test_a_date_and_what_is_no_instant_have_no_normal_form(text: str) -> None:
    assert normal_instant(text) is None
