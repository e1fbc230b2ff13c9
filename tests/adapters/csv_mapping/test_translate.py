"""Rows to facts: values, codes, conditions, orders; and what becomes of rows that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import adapters.csv_mapping
from adapters.csv_mapping.adapter import CsvMappingAdapter
from adapters.sdk.adapter import Fact, Message, Setting, Translation
from adapters.sdk.testing import setting_of
from events.errors import RejectedMessage
from tests.adapters.csv_mapping.builders import ADAPTER, HEADER, codes, mapping, read, setting, split

SAMPLES = Path(adapters.csv_mapping.__file__).parent / "samples"
END = """
[[fact]]
type = "contact.occurred"
name = "visit/{ref}/end"
when.filled = ["end"]

[fact.payload]
channel = "other"
effective.start = "{end}"
"""


def _sample(name: str) -> dict[str, Translation]:
    adapter = CsvMappingAdapter()
    path = SAMPLES / name
    under = setting_of(adapter, path)
    with path.open("rb") as file:
        return {each.place: adapter.translate(each, under) for each in adapter.split(file, under)}


def _names(translation: Translation) -> list[str | None]:
    return [fact.name for fact in translation.facts]


# ---- the worked examples


def test_a_tenancy_is_a_registration_a_start_and_once_it_ended_an_end() -> None:
    found = _sample("tenancies.csv")
    assert _names(found["row 2"]) == ["demographics", "tenancy/T-10441/start"]
    assert _names(found["row 3"]) == ["demographics", "tenancy/T-10452/start", "tenancy/T-10452/end"]
    assert found["row 3"].facts[2] == Fact(
        "tenant",
        "P-2202",
        "housing.accommodation-changed",
        "tenancy/T-10452/end",
        {
            "accommodation_id": "T-10452",
            "action": "ended",
            "tenure": "supported",
            "effective": {"start": "2025-01-31"},
            "reason": {"text": "Moved to residential care"},
            "coded": {"tenure": {"code": "SUP", "system": "oakfield-homes/tenure", "display": "Supported housing"}},
        },
        order="2025-02-03T16:40:00+00:00",
        order_from="file",
        recorded_time="2025-02-03T16:40:00+00:00",
    )


def test_a_mapping_says_which_columns_are_the_registration() -> None:
    person = _sample("tenancies.csv")["row 2"].facts[0]
    assert (person.type, person.record_type, person.local_id) == ("person.registered", "tenant", "P-2201")
    assert person.payload["identifiers"] == [
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990002746"},
        {"system": "oakfield-homes/tenant-ref", "value": "P-2201"},
    ]
    assert person.payload["names"] == [{"use": "official", "family": "Testwood", "given": ["Rowan"]}]
    assert person.payload["birth_date"] == "1961-02-14"
    assert "effective" not in person.payload


def test_odd_cells_of_a_tenancy_are_findings_and_a_garage_is_no_home() -> None:
    found = _sample("tenancies.csv")
    assert found["row 6"].not_mapped == "garage or parking space"
    assert codes(found["row 7"]) == [
        ("bad-date", "row 7, column Date of Birth"),
        ("unknown-code", "row 7, column Tenure"),
    ]
    assert found["row 7"].facts[1].payload["tenure"] == "other"
    assert found["row 7"].facts[1].payload["coded"]["tenure"]["code"] == "LIC"


def test_an_adult_care_extract_has_a_kind_of_row_for_each_fact() -> None:
    found = _sample("adult_care_20250331.csv")
    assert {place: _names(each) for place, each in found.items()} == {
        "row 4": ["demographics"],
        "row 5": ["assessment/A-551/start", "assessment/A-551/end"],
        "row 6": ["need/N-901"],
        "row 7": ["need/N-902"],
        "row 8": ["service/S-118/start", "service/S-118/end"],
        "row 9": ["service/S-131/start"],
        "row 10": ["demographics"],
        "row 11": ["assessment/A-560/start"],
    }
    facts = [fact for each in found.values() for fact in each.facts]
    assert {(fact.order, fact.order_from, fact.said_by) for fact in facts} == {("2025-03-31", "file", "professional")}
    assert found["row 10"].facts[0].payload["birth_date"] == "1990-08"
    assert found["row 11"].facts[0].payload["effective"] == {"start": "2025-02"}


# ---- the file


def test_a_row_carries_its_own_bytes_and_the_heading() -> None:
    (message,) = split("Ref,Person,Kind,Day,End\r\nV1,C1,T,,\r\n")
    assert message == Message("row 2", b"V1,C1,T,,", header=b"Ref,Person,Kind,Day,End")


def test_headings_are_known_whatever_their_case_blanks_order_and_mark() -> None:
    header = "\ufeff END ,\u00a0kind,Reference,DAY,person\u00a0"
    (found,) = read(",T,V1,14/01/2025,C1\n", header=header)
    assert (found.facts[0].name, found.facts[0].payload["effective"]) == ("visit/V1", {"start": "2025-01-14"})


@pytest.mark.parametrize(
    ("header", "code", "what"),
    [
        ("Ref,Kind,Day,End", "missing-column", "the file lacks column Person"),
        ("Ref,Day", "missing-column", "the file lacks columns Person, Kind, End"),
        ("", "missing-column", "the file lacks columns Ref, Person, Kind, Day, End"),
        ("Ref,Person,Kind,Day,End,Day", "doubled-column", "the file has more than one column Day"),
        ("Ref,Person,Kind,Day,End,Reference", "doubled-column", "the file has more than one column Ref"),
    ],
)
def test_a_missing_or_doubled_column_refuses_the_file_and_is_named(header: str, code: str, what: str) -> None:
    with pytest.raises(RejectedMessage) as refused:
        split(header + "\nV1,C1,T,,\n")
    assert (refused.value.code, refused.value.what, refused.value.where) == (code, what, "row 1")


def test_an_extra_column_is_one_finding_on_the_first_row() -> None:
    rows = read("V1,C1,T,,,x\nV2,C1,T,,,y\n", header=HEADER + ",Shoe Size")
    assert [codes(each) for each in rows] == [[("extra-column", "column Shoe Size")], []]
    assert all(each.facts for each in rows)
    blank_first = read(",,,,,\nV2,C1,T,,,y\n", header=HEADER + ",Shoe Size")
    assert (blank_first[0].not_mapped, codes(blank_first[0])) == ("blank row", [("extra-column", "column Shoe Size")])


def test_an_extra_column_may_be_expected() -> None:
    content = mapping(change=("[columns]", '[file]\nextra_columns = "ignore"\n[columns]'))
    assert codes(read("V1,C1,T,,,x\n", setting(content), HEADER + ",Shoe Size")[0]) == []


def test_an_optional_column_may_be_absent() -> None:
    content = mapping(change=('headings = ["End"]', 'headings = ["End"], optional = true'))
    (found,) = read("V1,C1,T,14/01/2025\n", setting(content), "Ref,Person,Kind,Day")
    assert found.facts[0].payload["effective"] == {"start": "2025-01-14"}


def test_rows_above_the_heading_and_blank_rows_count_but_say_nothing() -> None:
    content = mapping(change=("[columns]", "[file]\nheading_rows = 2\n[columns]"))
    found = split(f"Report of visits\n\n{HEADER}\nV1,C1,T,,\n,,,,\n\nV2,C1,T,,\n", setting(content))
    assert [each.place for each in found] == ["row 4", "row 7"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        ("Ref,Person".encode("utf-16"), "wrong-encoding"),
        ("Ref,Person".encode("utf-16-le"), "wrong-encoding"),
        (b"Ref,Pers\xf6n\n", "wrong-encoding"),
        (b'Ref,"Person\n', "unclosed-quote"),
        (b"x" * (2 << 20), "row-too-long"),
    ],
)
def test_a_file_without_a_readable_heading_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(RejectedMessage) as refused:
        split(content)
    assert refused.value.code == code


def test_other_encodings_are_read_when_the_mapping_says_so() -> None:
    content = mapping(change=("[columns]", '[file]\nencoding = "cp1252"\ndelimiter = "\\t"\n[columns]'))
    (found,) = read("V€1\tC1\tT\t\t\n".encode("cp1252"), setting(content), HEADER.replace(",", "\t"))
    assert found.facts[0].name == "visit/V€1"


def test_a_system_without_a_mapping_or_with_a_wrong_one_is_told_so() -> None:
    for under, code in (
        (Setting("a", "b"), "no-mapping"),
        (setting(mapping(change=("{ref}", "{fer}"))), "bad-mapping"),
    ):
        with pytest.raises(RejectedMessage) as refused:
            split(HEADER, under)
        assert refused.value.code == code
        answer = ADAPTER.translate(Message("row 2", b"V1,C1,T,,", header=HEADER.encode()), under)
        assert answer.quarantined is not None
        assert answer.quarantined.code == code


# ---- the row


@pytest.mark.parametrize(
    ("row", "code", "where"),
    [
        (b"V1,C1,T,", "wrong-cell-count", "row 2"),
        (b"V1,C1,T,,,", "wrong-cell-count", "row 2"),
        (b"V1,C1,T,\0,", "nul-byte", "row 2"),
        (b"V1,C\xe91,T,,", "wrong-encoding", "row 2"),
        (b",C1,T,,", "empty-cell", "row 2, column Ref"),
        (b"V1,,T,,", "empty-key", "row 2"),
    ],
)
def test_a_row_nobody_can_read_waits_alone(row: bytes, code: str, where: str) -> None:
    first, second = read(row + b"\nV2,C1,T,,\n")
    assert first.facts == ()
    assert codes(first)[0] == (code, where)
    assert _names(second) == ["visit/V2"]


def test_an_open_quote_is_a_row_in_quarantine() -> None:
    found = split(f'{HEADER}\nV1,"C1,T,,\nV2,C1,T,,\n')
    assert [(each.place, each.fault and each.fault.code) for each in found] == [
        ("row 2", "unclosed-quote"),
        ("row 3", None),
    ]


def test_a_date_that_never_was_is_a_finding_and_left_out() -> None:
    (found,) = read("V1,C1,T,31/02/2025,\n")
    assert codes(found) == [("bad-date", "row 2, column Day")]
    assert "effective" not in found.facts[0].payload


def test_what_a_cell_lost_is_noted_with_the_fact_that_misses_it() -> None:
    unread_end, unread_day = read(
        "V1,C1,T,14/01/2025,31/02/2025\nV2,C1,Z,31/02/2025,15/01/2025\n", setting(mapping(END))
    )
    assert [each.code for each in unread_end.findings] == ["bad-date"]  # no fact is told by the end
    assert [fact.findings for fact in unread_end.facts] == [()]
    assert unread_day.findings == ()
    assert [[each.where for each in fact.findings] for fact in unread_day.facts] == [
        ["row 3, column Kind", "row 3, column Day"],
        [],
    ]


def test_a_date_that_has_to_be_there_rejects_its_row() -> None:
    content = mapping(change=('headings = ["Day"]', 'headings = ["Day"], filled = true'))
    bad, empty = read("V1,C1,T,31/02/2025,\nV2,C1,T,,\n", setting(content))
    assert codes(bad) == [("bad-date", "row 2, column Day")]
    assert codes(empty) == [("empty-cell", "row 3, column Day")]
    assert bad.facts == empty.facts == ()


@pytest.mark.parametrize(
    ("unknown", "is_taken", "channel"), [("reject", False, None), ("other", True, "other"), ("finding", True, None)]
)
def test_an_unknown_code_does_what_the_mapping_says(unknown: str, is_taken: bool, channel: str | None) -> None:
    content = mapping(change=("[codes.kind]", f'[codes.kind]\nunknown = "{unknown}"'))
    (found,) = read("V1,C1,Z,,\n", setting(content))
    assert codes(found) == [("unknown-code", "row 2, column Kind")]
    assert bool(found.facts) is is_taken
    if is_taken:
        assert found.facts[0].payload.get("channel") == channel
        assert found.facts[0].payload["coded"] == {"channel": {"code": "Z"}}


def test_an_end_is_told_only_where_its_column_can_be_read() -> None:
    rows = read("V1,C1,T,,\nV2,C1,T,,15/01/2025\nV3,C1,T,,31/02/2025\n", setting(mapping(END)))
    assert [_names(each) for each in rows] == [["visit/V1"], ["visit/V2", "visit/V2/end"], ["visit/V3"]]
    assert codes(rows[2]) == [("bad-date", "row 4, column End")]


def test_a_row_no_fact_applies_to_is_not_mapped() -> None:
    content = mapping(change=('name = "visit/{ref}"', 'name = "visit/{ref}"\nwhen.is_not.kind = ["v"]'))
    (found,) = read("V1,C1,V,,\n", setting(content))
    assert found.not_mapped == "no fact of the mapping applies to the row"


def test_a_status_column_can_withdraw() -> None:
    more = END.replace('when.filled = ["end"]', 'when.filled = ["end"]\naction = "withdraw"')
    more = more[: more.index("[fact.payload]")]
    (found,) = read("V1,C1,T,,15/01/2025\n", setting(mapping(more)))
    assert [(each.action, each.payload) for each in found.facts][1] == ("withdraw", {})


def test_a_name_may_be_made_of_several_columns_and_needs_them_all() -> None:
    content = mapping(change=('name = "visit/{ref}"', 'name = "visit/{ref}/{day}"'))
    full, empty = read("V1,C1,T,14/01/2025,\nV2,C1,T,,\n", setting(content))
    assert _names(full) == ["visit/V1/2025-01-14"]
    assert codes(empty) == [("empty-key", "row 3")]


def test_a_payload_may_hold_what_is_the_same_for_every_row() -> None:
    fixed = 'participants = [{ role = "worker" }]\nwith_person_present = true\nnote = "100 % {{sure}}"'
    (found,) = read("V1,C1,T,,\n", setting(mapping(change=('effective.start = "{day}"', fixed))))
    assert found.facts[0].payload == {
        "channel": "phone",
        "coded": {"channel": {"code": "T"}},
        "participants": [{"role": "worker"}],
        "with_person_present": True,
        "note": "100 % {sure}",
    }


def test_the_same_mapping_is_compiled_once_and_a_new_one_anew() -> None:
    contents = [mapping(change=("visit/{ref}", f"visit/{number}/{{ref}}")) for number in range(70)]
    for number, content in enumerate(contents):
        (found,) = read("V1,C1,T,,\n", setting(content))
        assert _names(found) == [f"visit/{number}/V1"]


def test_cells_that_look_like_formulas_are_text() -> None:
    content = mapping(change=('effective.start = "{day}"', 'note = "{end.own}"'))
    (found,) = read('V1,C1,T,,"=HYPERLINK(""x"")"\n', setting(content))
    assert found.facts[0].payload["note"] == '=HYPERLINK("x")'


def test_an_inner_object_whose_columns_are_empty_is_left_out_with_what_is_fixed_in_it() -> None:
    content = mapping(
        change=(
            'effective.start = "{day}"',
            'participants = [{ role = "worker", name = "{end.own}" }, { role = "lead" }]',
        )
    )
    full, empty = read("V1,C1,T,,Kay\nV2,C1,T,,\n", setting(content))
    assert full.facts[0].payload["participants"] == [{"role": "worker", "name": "Kay"}, {"role": "lead"}]
    assert "participants" not in empty.facts[0].payload


# ---- order and times


def test_an_order_may_be_a_column() -> None:
    content = mapping(change=('from = "arrival"', 'from = "column"\ncolumn = "day"'))
    told, empty = read("V1,C1,T,14/01/2025,\nV2,C1,T,,\n", setting(content))
    assert (told.facts[0].order, told.facts[0].order_from) == ("2025-01-14", "file")
    assert (empty.facts[0].order, empty.facts[0].order_from) == (None, "arrival")
    assert codes(empty) == [("no-order", "row 3")]


def test_an_order_may_be_given_at_intake() -> None:
    content = mapping(change=('from = "arrival"', 'from = "intake"'))
    for given in ("2025-03-31", 17, "2025-03-31/2"):
        (found,) = read("V1,C1,T,,\n", setting(content, order=given))
        assert (found.facts[0].order, found.facts[0].order_from) == (str(given), "file")


@pytest.mark.parametrize("given", [None, "", "yesterday", "31/03/2025"])
def test_a_file_without_the_order_it_needs_is_refused(given: str | None) -> None:
    content = mapping(change=('from = "arrival"', 'from = "intake"'))
    under = setting(content) if given is None else setting(content, order=given)
    with pytest.raises(RejectedMessage) as refused:
        split(HEADER, under)
    assert refused.value.code == "no-file-order"


def test_an_order_may_stand_in_the_files_name() -> None:
    content = mapping(change=('from = "arrival"', "from = \"file-name\"\npattern = 'v(?P<order>\\d+)\\.csv'"))
    (found,) = read("V1,C1,T,,\n", setting(content, "out/v0042.csv"))
    assert found.facts[0].order == "0042"
    for name in ("visits.csv", None):
        with pytest.raises(RejectedMessage, match="no-file-order"):
            split(HEADER, setting(content, name))


def test_a_mere_date_is_no_instant() -> None:
    content = mapping(change=("[record]", '[defaults]\nrecorded_time = "day"\n[record]'))
    (found,) = read("V1,C1,T,14/01/2025,\n", setting(content))
    assert (found.facts[0].recorded_time, codes(found)) == (None, [("not-an-instant", "row 2, recorded_time")])


def test_who_said_it_and_how_sensitive_may_be_columns() -> None:
    who = '[codes.who]\nvalues = { S = "person", C = "carer" }\n'
    defaults = '[defaults]\nsaid_by = "{end}"\nsensitivity = "restricted"\n'
    content = mapping(
        one=('kind = "date", formats = ["%d/%m/%Y"] }\n\n', 'kind = "code", codes = "who" }\n\n'),
        two=("[record]", who + defaults + "[record]"),
    )
    (found,) = read("V1,C1,T,,C\n", setting(content))
    assert (found.facts[0].said_by, found.facts[0].sensitivity) == ("carer", "restricted")


# ---- nothing of a person in what is said about a row


def test_reasons_and_findings_repeat_no_cell() -> None:
    marked = "Markerson"
    rows = [
        f"{marked},{marked},{marked},{marked},{marked}",
        f"V1,{marked}",
        f'V1,"{marked}',
        f"V1,C1,{marked},{marked},",
    ]
    for row in rows:
        for each in split(f"{HEADER}\n{row}\n"):
            told = repr(each.fault)
            if each.fault is None:
                answer = ADAPTER.translate(each, setting())
                told += repr(answer.findings) + repr(answer.quarantined) + repr(answer.not_mapped)
            assert marked not in told
