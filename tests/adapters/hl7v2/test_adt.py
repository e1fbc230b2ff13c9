"""ADT: who the person is, and their visits, trigger by trigger."""

from __future__ import annotations

import pytest

from adapters.sdk.adapter import Setting
from tests.adapters.hl7v2.builders import PATIENT, VISIT, facts, findings, message, said, segment, translate, visit

EVN = {2: "20250114094500", 6: "20250114092500"}


# ---- demographics


def test_everything_pid_and_pd1_say_is_one_fact_without_a_date() -> None:
    pid = {
        3: "4471^^^RX9^MR~9990007063^^^NHS^NH",
        5: "Testperson^Wilhelmina^Ada^^Ms^^L~Maiden^Wilhelmina^^^^^M",
        7: "19520311",
        8: "F",
        9: "Testy^Billie",
        11: "7 Sample Row^Flat 2^Exampleton^^ZZ99 3VZ^GBR^H~Box 9^^Exampleton^^^^M",
        13: "0113 496 0001^PRN^PH~^NET^Internet^w@example.org",
        14: "^WPN^PH^^44^113^4960002^77",
        17: "C22^Church^NHS",
        22: "A^British^NHSETHNIC",
        28: "GBR",
    }
    raw = message("ADT^A31", segment("PD1", {3: "Sample Road Surgery^^Y99999"}), pid=pid)
    fact = facts(raw)["demographics"]
    assert (fact.type, fact.action, fact.record_type, fact.local_id) == (
        "person.registered",
        "assert",
        "patient",
        "RX9|4471",
    )
    payload = dict(fact.payload)
    assert "effective" not in payload
    assert payload["names"] == [
        {
            "use": "official",
            "family": "Testperson",
            "given": ["Wilhelmina", "Ada"],
            "prefix": ["Ms"],
        },
        {"use": "maiden", "family": "Maiden", "given": ["Wilhelmina"]},
        {"family": "Testy", "given": ["Billie"]},
    ]
    assert (payload["birth_date"], payload["sex_registered"]) == ("1952-03-11", "female")
    assert payload["addresses"] == [
        {
            "use": "home",
            "line": ["7 Sample Row", "Flat 2"],
            "city": "Exampleton",
            "postalCode": "ZZ99 3VZ",
            "country": "GBR",
        },
        {"type": "postal", "line": ["Box 9"], "city": "Exampleton"},
    ]
    assert payload["telecoms"] == [
        {"system": "phone", "value": "0113 496 0001", "use": "home"},
        {"system": "email", "value": "w@example.org", "use": "home"},
        {"system": "phone", "value": "44 113 4960002 ext. 77", "use": "work"},
    ]
    assert payload["religion"] == {"code": "C22", "display": "Church", "system": "NHS"}
    assert payload["ethnicity"]["display"] == "British"
    assert payload["nationality"] == {"code": "GBR"}
    assert payload["gp_practice"] == {"name": "Sample Road Surgery", "identifier": {"value": "Y99999"}}
    assert said(fact) == set()


@pytest.mark.parametrize(
    "trigger",
    ["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A28", "A31", "A34", "A40"],
)
def test_every_listed_trigger_but_a29_tells_the_demographics(trigger: str) -> None:
    assert "demographics" in facts(visit(f"ADT^{trigger}"))


def test_a29_withdraws_the_demographics_and_nothing_else() -> None:
    raw = visit("ADT^A29", "AL1|1|DA|1^Nuts^L", "NK1|1|Sample^Bo")
    (only,) = facts(raw).values()
    assert (only.type, only.name, only.action, only.payload) == ("person.registered", "demographics", "withdraw", {})


def test_a_birth_date_is_never_moved_by_its_offset() -> None:
    raw = message("ADT^A31", pid={**PATIENT, 7: "19850101000000+0700"})
    assert facts(raw)["demographics"].payload["birth_date"] == "1985-01-01"


def test_a_bad_birth_date_is_a_finding_of_that_fact_alone() -> None:
    raw = message("ADT^A31", pid={**PATIENT, 7: "31/02/1952"})
    fact = facts(raw)["demographics"]
    assert "birth_date" not in fact.payload
    assert said(fact) == {("bad-date", "PID-7")}


@pytest.mark.parametrize(
    ("sent", "told", "finding"),
    [
        ("M", "male", False),
        ("f", "female", False),
        ("A", "indeterminate", False),
        ("U", "unknown", False),
        ("O", None, False),
        ("7", None, True),
        ("", None, False),
    ],
)
def test_the_registered_sex_is_never_guessed(sent: str, told: str | None, finding: bool) -> None:
    fact = facts(message("ADT^A31", pid={**PATIENT, 8: sent}))["demographics"]
    assert fact.payload.get("sex_registered") == told
    assert fact.payload.get("coded", {}).get("sex_registered", {}).get("code") == (sent or None)
    assert said(fact) == ({("unknown-code", "PID-8")} if finding else set())


def test_where_one_was_born_is_no_address() -> None:
    raw = message("ADT^A31", pid={**PATIENT, 11: "1 Ward^^Bigtown^^^^BDL~7 Row^^Exampleton^^^^HOME"})
    assert [each["city"] for each in facts(raw)["demographics"].payload["addresses"]] == ["Exampleton"]


def test_an_internet_number_without_an_at_is_no_email() -> None:
    raw = message("ADT^A31", pid={**PATIENT, 13: "(555)555-2004^WPN^Internet~^^^w@example.org"})
    assert facts(raw)["demographics"].payload["telecoms"] == [
        {"system": "other", "value": "(555)555-2004", "use": "work"},
        {"system": "email", "value": "w@example.org", "use": "home"},
    ]


def test_a_number_of_zeros_is_no_telephone() -> None:
    raw = message("ADT^A31", pid={**PATIENT, 13: "(000)000-0000~07700 900001^PRS^CP"})
    assert facts(raw)["demographics"].payload["telecoms"] == [
        {"system": "phone", "value": "07700 900001", "use": "mobile"}
    ]


def test_the_senders_word_that_a_person_is_to_be_protected_is_heeded() -> None:
    for indicator, label in (("Y", "restricted"), ("N", None), ("", None)):
        raw = message("ADT^A31", segment("PD1", {12: indicator}))
        assert facts(raw)["demographics"].sensitivity == label


# ---- death


@pytest.mark.parametrize(
    ("date", "indicator", "payload"),
    [
        ("20250120", "Y", {"date": "2025-01-20", "effective": {"start": "2025-01-20"}}),
        ("202501", "", {"date": "2025-01", "effective": {"start": "2025-01"}}),
        ("", "Y", {}),
    ],
)
def test_a_death_is_dated_as_far_as_it_is_known(date: str, indicator: str, payload: dict[str, object]) -> None:
    fact = facts(message("ADT^A31", pid={**PATIENT, 29: date, 30: indicator}))["death"]
    assert (fact.type, fact.action, fact.payload) == ("person.died", "assert", payload)


@pytest.mark.parametrize("indicator", ["N", "NO ", "", '""'])
def test_no_death_says_nothing_and_withdraws_nothing(indicator: str) -> None:
    assert "death" not in facts(message("ADT^A31", pid={**PATIENT, 30: indicator}))


def test_a_date_of_death_of_somebody_alive_is_a_finding() -> None:
    translation = translate(message("ADT^A31", pid={**PATIENT, 29: "20250120", 30: "N"}))
    assert [fact.name for fact in translation.facts] == ["demographics"]
    assert findings(translation) == {("death-contradicted", "PID-30")}


# ---- order, times, ids


def test_the_order_is_the_time_of_the_message_with_its_offset() -> None:
    for sent, told in (
        ("20250714094512", "2025-07-14T09:45:12+01:00"),
        ("198908181126+0215", "1989-08-18T11:26:00+02:15"),
        ("19970901", "1997-09-01"),
    ):
        fact = facts(message("ADT^A31", f7=sent))["demographics"]
        assert (fact.order, fact.order_from) == (told, "sender")


@pytest.mark.parametrize("sent", ["", "yesterday", "2025", "202501"])
def test_without_a_time_of_the_message_there_is_no_order_and_a_finding(sent: str) -> None:
    translation = translate(message("ADT^A31", f7=sent))
    assert (translation.facts[0].order, translation.facts[0].order_from) == (None, "arrival")
    assert ("no-message-time", "MSH-7") in findings(translation)


def test_order_recorded_and_occurred_are_three_times() -> None:
    raw = visit("ADT^A01", evn={2: "20290801070624+0115"}, f44="20150208113419+0110")
    fact = facts(raw)["visit/V1/start"]
    assert fact.order == "2025-01-14T09:45:12+00:00"
    assert fact.recorded_time == "2029-08-01T07:06:24+01:15"
    assert fact.time == "2015-02-08T11:34:19+01:10"
    assert fact.payload["effective"] == {"start": "2015-02-08T11:34:19+01:10"}


def test_a_recorded_date_is_no_instant() -> None:
    assert facts(visit("ADT^A01", evn={2: "20250114"}))["visit/V1/start"].recorded_time is None


def test_local_times_are_in_the_agencys_zone() -> None:
    setting = Setting(agency="exampleton", system="pas", zone="America/New_York")
    assert facts(message("ADT^A31"), setting)["demographics"].order == "2025-01-14T09:45:12-05:00"


# ---- admissions and registrations


def test_an_admission_is_an_inpatient_episode_whatever_its_class_says() -> None:
    for sent_class in ("I", "P", "E", "O", ""):
        fact = facts(visit("ADT^A01", f2=sent_class))["visit/V1/start"]
        assert (fact.type, fact.action) == ("episode.started", "assert")
        assert (fact.payload["episode_id"], fact.payload["kind"]) == ("V1", "inpatient")
        assert fact.payload.get("coded", {}).get("kind", {}).get("code") == (sent_class or None)


@pytest.mark.parametrize(
    ("sent_class", "kind"),
    [("E", "ed-attendance"), ("I", "inpatient"), ("O", "outpatient"), ("P", "outpatient"), ("", "outpatient")],
)
def test_the_class_of_a_registered_visit_says_its_kind(sent_class: str, kind: str) -> None:
    assert facts(visit("ADT^A04", f2=sent_class))["visit/V1/start"].payload["kind"] == kind


def test_an_unknown_class_of_a_registered_visit_is_a_finding() -> None:
    fact = facts(visit("ADT^A04", f2="7"))["visit/V1/start"]
    assert (fact.payload["kind"], said(fact)) == ("outpatient", {("unknown-code", "PV1-2")})


@pytest.mark.parametrize("trigger", ["A01", "A04"])
@pytest.mark.parametrize(
    ("admitted", "evn", "start"),
    [
        ("20250114093000", EVN, "2025-01-14T09:30:00+00:00"),
        ("", EVN, "2025-01-14T09:25:00+00:00"),
        ("", {2: EVN[2]}, "2025-01-14T09:45:00+00:00"),
        ("20251314", EVN, "2025-01-14T09:25:00+00:00"),
        ("", {}, None),
    ],
)
def test_a_visit_begins_at_pv1_44_else_when_it_occurred_else_when_it_was_recorded(
    trigger: str, admitted: str, evn: dict[int, str], start: str | None
) -> None:
    fact = facts(visit(f"ADT^{trigger}", evn=evn, f44=admitted))["visit/V1/start"]
    assert fact.payload.get("effective") == ({"start": start} if start else None)


def test_lead_service_and_reason_of_an_admission_are_told() -> None:
    raw = visit("ADT^A01", segment("PV2", {3: "^Fall at home"}), f7="C1^Exemplar^Noor^^^Dr~C2^Other", f10="430")
    payload = facts(raw)["visit/V1/start"].payload
    assert payload["lead"] == {"name": "Dr Noor Exemplar", "identifier": {"value": "C1"}}
    assert payload["reason"] == {"text": "Fall at home"}
    assert payload["coded"]["service"] == {"code": "430"}


def test_a_visit_without_a_number_is_named_by_its_admission_with_a_finding() -> None:
    for number in ("", "000", '""'):
        named = facts(visit("ADT^A01", f19=number))
        fact = named["visit/at-2025-01-14T09:30:00+00:00/start"]
        assert said(fact) == {("no-visit-number", "PV1-19")}
        assert fact.payload["episode_id"] == "at-2025-01-14T09:30:00+00:00"


@pytest.mark.parametrize("trigger", ["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A11", "A12", "A13"])
def test_a_visit_that_nothing_names_tells_only_the_demographics(trigger: str) -> None:
    translation = translate(visit(f"ADT^{trigger}", f19="", f44=""))
    assert [fact.name for fact in translation.facts] == ["demographics"]
    assert ("no-visit-number", "PV1-19") in findings(translation)


def test_a_visit_message_without_a_visit_tells_only_the_demographics() -> None:
    assert list(facts(message("ADT^A01"))) == ["demographics"]


def test_numbers_of_visits_cannot_imitate_each_other() -> None:
    assert "visit/a%2Fstart/start" in facts(visit("ADT^A01", f19="a/start"))
    assert "visit/a%252Fb/start" in facts(visit("ADT^A01", f19="a%2Fb"))
    long_name = next(name for name in facts(visit("ADT^A01", f19="9" * 400)) if name.startswith("visit/"))
    assert len(long_name) < 60


# ---- discharges


def test_a_discharge_ends_the_visit() -> None:
    fact = facts(visit("ADT^A03", f36="19^Usual residence^NHS", f37="H^Home", f45="20250122153000"))["visit/V1/end"]
    assert (fact.type, fact.action) == ("episode.ended", "assert")
    assert fact.payload == {
        "episode_id": "V1",
        "kind": "inpatient",
        "destination": "H",
        "effective": {"start": "2025-01-22T15:30:00+00:00"},
        "coded": {
            "kind": {"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "I"},
            "reason": {"code": "19", "display": "Usual residence", "system": "NHS"},
        },
    }


def test_a_discharge_is_dated_by_pv1_45_else_when_it_occurred_never_when_it_was_recorded() -> None:
    assert facts(visit("ADT^A03", evn=EVN))["visit/V1/end"].payload["effective"]["start"] == "2025-01-14T09:25:00+00:00"
    assert "effective" not in facts(visit("ADT^A03", evn={2: EVN[2]}))["visit/V1/end"].payload


def test_a_discharge_before_the_admission_is_a_finding() -> None:
    fact = facts(visit("ADT^A03", f45="20250113"))["visit/V1/end"]
    assert said(fact) == {("end-before-start", "PV1-45")}


# ---- transfers, plans, classes


def test_a_transfer_tells_where_the_person_is_and_was() -> None:
    fact = facts(visit("ADT^A02", evn=EVN, f3="WARD7^BAY2^BED4^RX9", f6="EAU^^1"))["visit/V1/location"]
    assert (fact.type, fact.payload["change"]) == ("episode.changed", "location")
    assert fact.payload["to"] == {"text": "BED4, BAY2, WARD7, RX9"}
    assert fact.payload["from"] == {"text": "1, EAU"}
    assert fact.payload["effective"] == {"start": "2025-01-14T09:25:00+00:00"}


def test_a_cancelled_transfer_asserts_the_place_returned_to() -> None:
    fact = facts(visit("ADT^A12", evn=EVN, f3="EAU^^1", f6="WARD7"))["visit/V1/location"]
    assert (fact.action, fact.payload["to"]) == ("assert", {"text": "1, EAU"})
    assert "from" not in fact.payload


def test_a_cancelled_transfer_to_nowhere_withdraws_the_transfer() -> None:
    fact = facts(visit("ADT^A12"))["visit/V1/location"]
    assert (fact.type, fact.action, fact.payload) == ("episode.changed", "withdraw", {"reason": "entered-in-error"})
    assert said(fact) == {("no-location", "PV1-3")}


def test_a_planned_admission_is_dated_when_it_is_expected() -> None:
    fact = facts(visit("ADT^A05", segment("PV2", {8: "20250301"}), f44=""))["visit/V1/planned"]
    assert (fact.type, fact.payload["change"]) == ("episode.changed", "planned")
    assert fact.payload["effective"] == {"start": "2025-03-01"}


@pytest.mark.parametrize(("trigger", "now"), [("A06", "I"), ("A07", "O")])
def test_a_change_of_class_is_told_and_its_account_merges_nobody(trigger: str, now: str) -> None:
    named = facts(visit(f"ADT^{trigger}", "MRG|||ACC1", evn=EVN, f2=now))
    assert set(named) == {"demographics", "visit/V1/class"}
    words = {"I": "inpatient", "O": "outpatient"}
    assert (named["visit/V1/class"].payload["to"]["code"], named["visit/V1/class"].payload["to"]["display"]) == (
        now,
        words[now],
    )
    assert named["visit/V1/class"].payload["effective"] == {"start": "2025-01-14T09:25:00+00:00"}


# ---- updates and cancellations


@pytest.mark.parametrize(
    ("admitted", "discharged", "names"),
    [
        ("20250114", "20250122", {"visit/V1/start", "visit/V1/end"}),
        ("20250114", "", {"visit/V1/start"}),
        ("20250114", '""', {"visit/V1/start"}),
        ("", "20250122", {"visit/V1/end"}),
        ("", "", set()),
    ],
)
def test_an_update_asserts_again_as_far_as_its_dates_go(admitted: str, discharged: str, names: set[str]) -> None:
    named = facts(visit("ADT^A08", f44=admitted, f45=discharged))
    assert set(named) == names | {"demographics"}
    assert {fact.action for fact in named.values()} == {"assert"}


def test_an_update_says_the_same_as_the_admission_it_repeats() -> None:
    for sent_class in ("I", "P"):
        admission, update = (facts(visit(f"ADT^{each}", f2=sent_class)) for each in ("A01", "A08"))
        assert admission["visit/V1/start"].payload == update["visit/V1/start"].payload


def test_the_class_of_an_update_says_its_kind_and_an_unknown_one_is_other() -> None:
    fact = facts(visit("ADT^A08", f2="Z"))["visit/V1/start"]
    assert (fact.payload["kind"], said(fact)) == ("other", {("unknown-code", "PV1-2")})
    assert facts(visit("ADT^A08", f2="E"))["visit/V1/start"].payload["kind"] == "ed-attendance"


@pytest.mark.parametrize(
    ("trigger", "name", "type_name"),
    [("A11", "visit/V1/start", "episode.started"), ("A13", "visit/V1/end", "episode.ended")],
)
def test_a_cancellation_withdraws_with_a_reason(trigger: str, name: str, type_name: str) -> None:
    named = facts(visit(f"ADT^{trigger}", f45="20250122"))
    assert set(named) == {"demographics", name}
    withdrawn = named[name]
    assert (withdrawn.type, withdrawn.action) == (type_name, "withdraw")
    assert withdrawn.payload == {"reason": "entered-in-error"}
    assert withdrawn.order == "2025-01-14T09:45:12+00:00"


def test_a_cancelled_admission_without_a_number_is_found_by_its_time() -> None:
    admitted, cancelled = (facts(visit(f"ADT^{each}", f19="")) for each in ("A01", "A11"))
    assert set(admitted) == set(cancelled)


@pytest.mark.parametrize("trigger", ["A28", "A31"])
def test_the_visit_of_a_message_about_a_person_is_ignored(trigger: str) -> None:
    assert set(facts(visit(f"ADT^{trigger}", f45="20250122"))) == {"demographics"}


def test_old_senders_leave_the_event_to_evn_1() -> None:
    raw = message("ADT", segment("EVN", {1: "A01"}), segment("PV1", VISIT))
    assert "visit/V1/start" in facts(raw)


# ---- what is not mapped


@pytest.mark.parametrize(
    "kind",
    ["ADT^A09", "ADT^A41", "ADT^A45", "ADT^A47", "ADT^A60", "SIU^S16", "ORM^O01", "MDM^T05", "RSP^K11", "QRY^Z99"],
)
def test_triggers_not_listed_are_not_mapped_by_name(kind: str) -> None:
    assert translate(message(kind, segment("PV1", VISIT))).not_mapped == f"trigger {kind}"


def test_a_message_without_an_event_is_not_mapped_by_its_type() -> None:
    assert translate(message("ACK")).not_mapped == "trigger ACK"


@pytest.mark.parametrize("kind", ["", "^A01", "Testperson^Wilhelmina", "ADT^Testperson", '""'])
def test_a_message_that_does_not_say_what_happened_waits_in_quarantine(kind: str) -> None:
    translation = translate(message(kind))
    assert translation.quarantined is not None
    assert translation.quarantined.code == "no-trigger"
    assert "Testperson" not in str(translation)
