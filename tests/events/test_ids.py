"""Names of things: one text form each, read back; numbers that check themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import RejectedMessage
from events.ids import (
    FactToken,
    RecordRef,
    SubjectId,
    fact_reference,
    is_nhs_number,
    new_person_number,
    parse_fact_reference,
    parse_person_number,
    parse_record,
    parse_source,
    record_of,
    source_of,
)

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)
RECORD_TYPES = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)
LOCAL_IDS = st.text(min_size=1, max_size=512).filter(str.strip)


@given(NAMES, NAMES)
def test_a_source_is_read_back_from_its_urn(agency: str, system: str) -> None:
    source = source_of(agency, system)
    assert parse_source(source.urn) == source
    assert str(source) == f"{agency}/{system}"


@given(NAMES, NAMES, RECORD_TYPES, LOCAL_IDS)
def test_a_record_is_read_back_from_its_text(agency: str, system: str, kind: str, local_id: str) -> None:
    record = RecordRef(source_of(agency, system), kind, local_id)
    assert parse_record(str(record)) == record
    assert record_of(record.source, record.subject) == record


@pytest.mark.parametrize(
    "urn",
    [
        "",
        "north/housing",
        "urn:tellonce:source:north",
        "urn:tellonce:source:North:housing",
        "urn:tellonce:source:north:housing:more",
        "urn:tellonce:source::housing",
        "urn:tellonce:source:-north:housing",
        "urn:tellonce:source:north:housing\n",
        f"urn:tellonce:source:{'n' * 41}:housing",
    ],
)
def test_what_names_no_source(urn: str) -> None:
    with pytest.raises(RejectedMessage, match="bad-source"):
        parse_source(urn)


@pytest.mark.parametrize(
    "text",
    ["", "north", "north:housing", "north:housing/tenant", "north:housing/tenant/", "north:housing/tenant/ ",
     "north/housing/tenant/1", "North:housing/tenant/1", "north:housing/Tenant/1", f"north:housing/t/{'x' * 513}"],
)  # fmt: skip
def test_what_names_no_record(text: str) -> None:
    with pytest.raises(RejectedMessage, match="bad-record"):
        parse_record(text)


def test_a_local_id_may_hold_slashes_and_colons() -> None:
    assert parse_record("north:housing/tenant/A/1:2").local_id == "A/1:2"


# ---- person numbers


def test_person_numbers_are_read_back_as_they_are_written() -> None:
    for _ in range(200):
        number = new_person_number()
        assert parse_person_number(number) == number
        assert len(number) == 9


def test_person_numbers_do_not_follow_each_other() -> None:
    assert len({new_person_number() for _ in range(1000)}) == 1000


def test_every_single_wrong_character_of_a_person_number_is_caught() -> None:
    number = new_person_number().replace("-", "")
    for at, right in enumerate(number):
        for wrong in CROCKFORD.replace(right, ""):
            with pytest.raises(RejectedMessage, match="bad-person-number"):
                parse_person_number(number[:at] + wrong + number[at + 1 :])


def test_nearly_every_swap_of_neighbours_in_a_person_number_is_caught() -> None:
    caught = swaps = 0
    for _ in range(300):
        number = new_person_number().replace("-", "")
        for at in range(7):
            swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
            if swapped == number:
                continue
            swaps += 1
            try:
                parse_person_number(swapped)
            except RejectedMessage:
                caught += 1
    assert caught / swaps > 0.99


def test_what_people_type_for_a_person_number_is_forgiven() -> None:
    while not set("01") & set(number := new_person_number()):
        pass
    typed = number.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert parse_person_number(f" {typed} ") == number
    assert parse_person_number(number.replace("-", "").replace("1", "I")) == number


@pytest.mark.parametrize("text", ["", "XXXX", "UUUU-UUUU", "0000-00000", "ÄÄÄÄ-ÄÄÄÄ", "0000000²"])
def test_what_is_no_person_number(text: str) -> None:
    with pytest.raises(RejectedMessage, match="bad-person-number"):
        parse_person_number(text)


# ---- fact references


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_fact_reference_is_read_back(subject: bytes, token: bytes) -> None:
    text = fact_reference(SubjectId(subject), FactToken(token))
    assert len(text) == 43
    assert text.isascii()
    assert parse_fact_reference(text) == (subject, token)


@given(st.text(max_size=50))
def test_what_is_no_fact_reference(text: str) -> None:
    with pytest.raises(RejectedMessage, match="bad-fact-reference"):
        parse_fact_reference(text)


def test_a_fact_reference_has_one_spelling() -> None:
    text = fact_reference(SubjectId(bytes(16)), FactToken(bytes(16)))
    for other in (text + "=", text + "A", text[:-1], text[:-1] + "B", f" {text}", text.replace("A", "\n", 1)):
        with pytest.raises(RejectedMessage, match="bad-fact-reference"):
            parse_fact_reference(other)


# ---- NHS numbers


def nhs_number(body: str) -> str | None:
    """The number of nine digits by the published rule, written down the other way round."""
    total = sum((10 - at) * int(digit) for at, digit in enumerate(body))
    check = (11 - total % 11) % 11
    return None if check == 10 else f"{body}{check}"


@given(st.integers(0, 999_999).map(lambda rest: f"999{rest:06d}"))
def test_an_nhs_number_is_told_by_its_check_digit(body: str) -> None:
    right = nhs_number(body)
    accepted = [f"{body}{digit}" for digit in range(10) if is_nhs_number(f"{body}{digit}")]
    assert accepted == ([right] if right else [])


@given(
    st.integers(0, 999_999).map(lambda rest: nhs_number(f"999{rest:06d}")).filter(bool), st.integers(0, 9), st.data()
)
def test_every_single_wrong_digit_of_an_nhs_number_is_caught(number: str, at: int, draw: st.DataObject) -> None:
    wrong = draw.draw(st.sampled_from("0123456789".replace(number[at], "")))
    assert is_nhs_number(number)
    assert not is_nhs_number(number[:at] + wrong + number[at + 1 :])


@pytest.mark.parametrize("text", ["", "999", "999 000 0000", "99900000000", "99900000O0", "٩٩٩٠٠٠٠٠٠٠", "-990000000"])
def test_what_is_no_nhs_number(text: str) -> None:
    assert not is_nhs_number(text)
