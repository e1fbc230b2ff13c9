"""A mapping is checked whole before the first row: every fault at once, in the mapping's own words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import adapters.csv_mapping
from adapters.csv_mapping.adapter import CsvMappingAdapter
from adapters.csv_mapping.mapping import read_mapping
from adapters.csv_mapping.plan import compiled
from events.errors import WrongSettings
from tests.adapters.csv_mapping.builders import MAPPING, mapping

SAMPLES = Path(adapters.csv_mapping.__file__).parent / "samples"


def _fault(content: dict[str, Any]) -> str:
    with pytest.raises(WrongSettings) as refused:
        compiled(content)
    assert refused.value.code == "bad-mapping"
    return refused.value.what


@pytest.mark.parametrize("name", ["tenancies.toml", "adult_care.toml"])
def test_the_shipped_mappings_have_no_fault(name: str) -> None:
    compiled(read_mapping(SAMPLES / name))


def test_all_faults_are_listed_at_once() -> None:
    content = mapping(
        one=('id = "{person}"', 'id = "{persno}"'),
        two=('formats = ["%d/%m/%Y"] }\nend', 'formats = ["%d/%m"] }\nend'),
        three=('type = "contact.occurred"', 'type = "contact.happened"'),
        four=('codes = "kind"', 'codes = "kinds"'),
    )
    fault = _fault(content)
    for part in (
        "record.id: names the column `persno`",
        "columns.day.formats: `%d/%m` has no year",
        "fact 1.type: the catalogue has no event type `contact.happened`",
        "columns.kind.codes: must name one of the lists under [codes]",
        "codes.kind: no column uses it",
    ):
        assert part in fault


def test_all_faults_of_form_are_listed_at_once() -> None:
    fault = _fault({"title": "", "columns": {"Bad Name": {"kind": "number"}}, "record": {"type": "Client"}, "extra": 1})
    for part in ("title", "Bad Name", "columns.Bad Name.kind", "record.type", "record.id", "order", "fact", "extra"):
        assert part in fault


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('channel = "{kind}"', 'chanel = "{kind}"', "chanel is not a field here"),
        ('channel = "{kind}"', 'note = "{kind}"', "channel is missing"),
        ('T = "phone"', 'T = "telephone"', "channel must be one of"),
        ('channel = "{kind}"', 'channel = "{ref}"', "channel must be one of"),
        ('effective.start = "{day}"', "minutes = 1.5", "minutes is a fraction"),
        ('effective.start = "{day}"', 'minutes = "{day}"', "minutes must be a whole number"),
        ('effective.start = "{day}"', 'note = "{day"', "has a brace that names no column"),
        ('effective.start = "{day}"', 'note = "{day.label}"', "`day.label` needs labels"),
        ('effective.start = "{day}"', 'note = "{kind.label}"', "`kind.label` needs labels"),
        ('name = "visit/{ref}"', 'name = "visit/{reff}"', "fact 1.name: names the column `reff`"),
        ('headings = ["Person"]', 'headings = ["Ref "]', "shares the heading `Ref ` with ref"),
        (
            'headings = ["Person"]',
            'headings = ["Person"], formats = ["%Y"]',
            "formats: means nothing for a column of kind text",
        ),
        (
            'headings = ["Person"]',
            "filled = true, optional = true",
            "a column that may be absent cannot have to be filled",
        ),
        ('headings = ["Person"]', 'kind = "boolean", yes = ["1"], no = ["1"]', "yes: shares a word with no"),
        (', formats = ["%d/%m/%Y"] }\nend', " }\nend", "columns.day.formats: a date needs at least one"),
        ('T = "phone"', 't = "phone", T = "phone"', "two codes differ in case only"),
        ("[record]", '[codes.kind.labels]\nX = "Other"\n[record]', "codes.kind.labels: `X` is not among the values"),
        ("[record]", '[[skip]]\nreason = "test"\nwhen.filled = ["refs"]\n[record]', "skip 1: names the column `refs`"),
        ("[record]", '[defaults]\nrecorded_time = "ref"\n[record]', "recorded_time: must name a column of kind date"),
        ("[record]", '[defaults]\nsaid_by = "neighbour"\n[record]', "defaults.said_by: must be one of"),
        ("[record]", '[defaults]\nsensitivity = "{kind}"\n[record]', "needs a code list whose words are"),
        (
            'from = "arrival"',
            'from = "column"\ncolumn = "when"',
            "order.column: must name a column of kind date or integer",
        ),
        (
            'from = "arrival"',
            'from = "column"\ncolumn = "ref"',
            "order.column: must name a column of kind date or integer",
        ),
        ('from = "arrival"', 'from = "arrival"\ncolumn = "day"', "order.column: means nothing with from = arrival"),
        ('from = "arrival"', "from = \"file-name\"\npattern = '(\\d+'", "order.pattern: "),
        ('from = "arrival"', "from = \"file-name\"\npattern = '(\\d+)'", "needs a group (?P<order>...)"),
        ("[columns]", '[file]\nquote = ","\n[columns]', "delimiter and quote are the same sign"),
        ("[columns]", '[file]\ndelimiter = "a"\n[columns]', "must be one ASCII sign"),
        ("[columns]", '[file]\nencoding = "utf-16"\n[columns]', "file.encoding"),
        ('person = { headings = ["Person"] }', 'person = { separator = ";" }', "puts the list in `person` into a text"),
    ],
)
def test_a_fault_is_named_where_it_stands(old: str, new: str, fault: str) -> None:
    assert fault in _fault(mapping(change=(old, new)))


def test_faults_of_form_of_use_and_of_payload_are_told_at_once() -> None:
    content = mapping(
        form=('headings = ["Person"]', 'heading = ["Person"]'),
        use=("filled = true", "filled = true, optional = true"),
        payload=('channel = "{kind}"', 'chanel = "{kind}"'),
    )
    assert re.findall(r"(?:^|; )([a-z]+[. ][a-z0-9.]+): ", _fault(content)) == [
        "columns.person.heading",
        "columns.ref.filled",
        "fact 1.payload",
    ]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("[record]", '[records]\nx = "1"\n[record]', "records"),
        ('from = "arrival"', 'from = "guess"', "order.from"),
        ('headings = ["Person"]', 'kind = "words"', "columns.person.kind"),
        ('values = { T = "phone", V = "home-visit" }', 'value = { T = "phone" }', "codes.kind.value"),
        ('name = "visit/{ref}"', 'names = "visit/{ref}"', "fact 1.names"),
        ('title = "', 'tilte = "', "title"),
    ],
)
def test_a_part_of_the_wrong_form_is_not_blamed_on_others(old: str, new: str, place: str) -> None:
    faults = _fault(mapping(change=(old, new), other=("filled = true", "filled = true, optional = true")))
    told = [each.partition(": ")[0] for each in faults.split("; ")]
    assert place in told
    assert "columns.ref.filled" in told
    assert {each for each in told if not each.startswith((place.rpartition(".")[0] or place, "tilte"))} == {
        "columns.ref.filled"
    }


def test_other_has_to_be_a_word_of_the_field() -> None:
    content = mapping(
        one=('channel = "{kind}"', 'channel = "letter"\ndirection = "{kind}"'),
        two=('values = { T = "phone", V = "home-visit" }', 'values = { T = "to-person" }\nunknown = "other"'),
    )
    assert "direction must be one of" in _fault(content)


def test_a_fact_has_one_type_for_ever() -> None:
    second = '\n[[fact]]\ntype = "person.died"\nname = "visit/{ref}"\n'
    assert "`visit/{ref}` is used for two types" in _fault(mapping(second))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('effective.start = "{day}"', 'language = "{person}"'),
        ('effective.start = "{day}"', 'reason = { code = "{kind.own}", text = "Visit {ref} of {day}" }'),
        ('effective.start = "{day}"', 'note = "in {{braces}}, 100 %"'),
        ('effective.start = "{day}"', 'participants = [{ role = "worker", name = "{person}" }]'),
    ],
)
def test_free_text_may_stand_wherever_some_text_fits(old: str, new: str) -> None:
    compiled(mapping(change=(old, new)))


def test_prepare_reads_the_mapping_beside_the_register(tmp_path: Path) -> None:
    (tmp_path / "visits.toml").write_text(MAPPING)
    prepared = CsvMappingAdapter().prepare({"mapping": "visits.toml", "order": "5"}, tmp_path)
    assert prepared == {"mapping": mapping(), "order": "5"}
    assert CsvMappingAdapter().prepare({"mapping": mapping()}, tmp_path) == {"mapping": mapping()}


def test_a_mapping_is_read_again_only_when_its_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "visits.toml"
    file.write_text(MAPPING)
    adapter = CsvMappingAdapter()
    first, again = (adapter.prepare({"mapping": "visits.toml"}, tmp_path)["mapping"] for _ in range(2))
    assert first is again
    file.write_text(MAPPING.replace('title = "Visits"', 'title = "Other visits"'))
    assert adapter.prepare({"mapping": "visits.toml"}, tmp_path)["mapping"]["title"] == "Other visits"


@pytest.mark.parametrize(
    ("options", "code", "where"),
    [
        ({}, "no-mapping", "options.mapping"),
        ({"mapping": 5}, "no-mapping", "options.mapping"),
        ({"mapping": "absent.toml"}, "no-mapping", "absent.toml"),
        ({"mapping": "broken.toml"}, "bad-mapping", "broken.toml"),
        ({"mapping": "latin.toml"}, "bad-mapping", "latin.toml"),
        ({"mapping": "wrong.toml"}, "bad-mapping", "wrong.toml"),
    ],
)
def test_prepare_names_the_file_that_is_wrong(options: dict[str, Any], code: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("[columns")
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    (tmp_path / "wrong.toml").write_text(MAPPING.replace("{ref}", "{fer}"))
    with pytest.raises(WrongSettings) as refused:
        CsvMappingAdapter().prepare(options, tmp_path)
    assert (refused.value.code, refused.value.where) == (code, where)
