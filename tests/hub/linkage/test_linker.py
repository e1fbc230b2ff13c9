"""Records become persons, and records of one person are found and linked; humans may decide otherwise."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from events.errors import Refused
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.linkage.decisions import DecisionWriter
from hub.linkage.linker import Linker
from hub.reading import Reading
from tests.growth import grows_with_the_bytes
from tests.hub.homes import STEWARD, cloudevent, nhs_number, open_home, registration, send
from tests.keyring import events_of

TENANT = "housing:crm/tenant/1"
PATIENT = "hospital:crm/patient/1"


def person_of(hub: Hub, record: str) -> str:
    (found,) = Reading(hub).find(STEWARD, record=record)["people"]
    return str(found["person"])


def hope(message_id: str, record: str, text: str, agency: str = "housing") -> dict[str, object]:
    data = {"topic": "hopes", "text": text}
    return cloudevent(message_id, "aboutme.statement-shared", record, data, fact=f"hope/{message_id}", agency=agency)


def titles(hub: Hub, person: str) -> int:
    from hub.reading import TimelineQuestion

    return len(Reading(hub).timeline(STEWARD, TimelineQuestion(person=person))["entries"])


@pytest.fixture
def hub(tmp_path: Path):  # type: ignore[no-untyped-def]
    with open_home(tmp_path / "home") as hub:
        yield hub


def test_each_new_record_gets_a_person_of_its_own(hub: Hub) -> None:
    send(hub, hope("1", "tenant/1", "a garden"), hope("2", "tenant/2", "a cat"))
    assert person_of(hub, TENANT) != person_of(hub, "housing:crm/tenant/2")


def test_the_same_number_and_birth_date_link_two_agencies_records(hub: Hub) -> None:
    send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    send(hub, registration("9", "patient/1", number=nhs_number(1), agency="hospital"))
    assert person_of(hub, TENANT) == person_of(hub, PATIENT)


def test_many_records_of_one_person_in_one_message_become_one_person(hub: Hub) -> None:
    send(hub, *(registration(str(at), f"tenant/{at}", number=nhs_number(1)) for at in range(6)))
    assert len({person_of(hub, f"housing:crm/tenant/{at}") for at in range(6)}) == 1


def reviews(hub: Hub) -> list[list[str]]:
    events = (logged.event for logged in events_of(hub))
    return [event.payload["pair"] for event in events if event.type == "hub.review-opened"]


def test_a_number_that_is_corrected_after_it_linked_two_records_is_asked_about_once(hub: Hub) -> None:
    send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    send(hub, registration("9", "patient/1", number=nhs_number(1), agency="hospital"))
    assert reviews(hub) == []
    for message_id in ("10", "11"):
        send(hub, registration(message_id, "patient/1", number=nhs_number(2), agency="hospital"))
        assert person_of(hub, TENANT) == person_of(hub, PATIENT), "only a human takes a record off a page"
        assert reviews(hub) == [[PATIENT, TENANT]]


def test_a_link_by_hand_is_not_asked_about(hub: Hub) -> None:
    send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    send(hub, registration("9", "patient/1", number=nhs_number(2), agency="hospital"))
    hub.decisions.link(PATIENT, person_of(hub, TENANT), reason="the tenant told us", by="a steward")
    send(hub, registration("10", "patient/1", number=nhs_number(2), agency="hospital"))
    assert reviews(hub) == []


@pytest.mark.parametrize(
    ("number", "born"),
    [(nhs_number(2), "1980-02-03"), (nhs_number(1), "1980-02-04"), ("9990000000", "1980-02-03")],
    ids=["another number", "another birth date", "a wrong check digit"],
)
def test_less_evidence_links_nothing(hub: Hub, number: str, born: str) -> None:
    send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    send(hub, registration("9", "patient/1", number=number, born=born, agency="hospital"))
    assert person_of(hub, TENANT) != person_of(hub, PATIENT)


def test_two_persons_of_several_records_wait_for_a_human(hub: Hub) -> None:
    send(hub, *(registration(f"a{at}", f"tenant/{at}", number=nhs_number(1)) for at in range(2)))
    send(hub, *(registration(f"b{at}", f"tenant/{at}", number=nhs_number(2)) for at in range(2, 4)))
    send(hub, registration("c", "tenant/0", number=nhs_number(2), order="9"))
    assert person_of(hub, "housing:crm/tenant/0") != person_of(hub, "housing:crm/tenant/3")
    assert len(reviews(hub)) == 1


def test_what_a_human_unlinked_no_rule_links_again(hub: Hub) -> None:
    send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    send(hub, registration("9", "patient/1", number=nhs_number(1), agency="hospital"))
    apart = hub.decisions.unlink(PATIENT, reason="two people, one number", by="sam")
    assert person_of(hub, PATIENT) == apart["person"] != person_of(hub, TENANT)
    send(hub, registration("10", "patient/1", number=nhs_number(1), order="7", agency="hospital"))
    assert person_of(hub, PATIENT) == apart["person"]


def test_link_and_unlink_by_hand_move_the_entries_and_nothing_else(hub: Hub) -> None:
    send(hub, hope("1", "tenant/1", "a garden"), hope("2", "tenant/2", "a cat"))
    one, other = person_of(hub, TENANT), person_of(hub, "housing:crm/tenant/2")
    hub.decisions.link(TENANT, other, reason="she told us", by="sam")
    assert (titles(hub, other), titles(hub, one)) == (2, 2)  # the emptied number leads on
    back = hub.decisions.unlink(TENANT, reason="a mistake", by="sam")
    assert back["person"] == one
    assert (titles(hub, other), titles(hub, one)) == (1, 1)


def test_merge_and_unmerge(hub: Hub) -> None:
    send(hub, hope("1", "tenant/1", "a garden"), hope("2", "tenant/2", "a cat"))
    one, other = person_of(hub, TENANT), person_of(hub, "housing:crm/tenant/2")
    hub.decisions.merge(one, other, reason="Same number", by="sam")
    assert (titles(hub, one), titles(hub, other)) == (2, 2)
    hub.decisions.unmerge(one, other, reason="different-people", by="sam")
    assert (titles(hub, one), titles(hub, other)) == (1, 1)


def test_decisions_that_make_no_sense_are_refused(hub: Hub) -> None:
    send(hub, hope("1", "tenant/1", "a garden"), hope("2", "tenant/2", "a cat"))
    one, other = person_of(hub, TENANT), person_of(hub, "housing:crm/tenant/2")
    decisions = hub.decisions
    refusals = {
        "already-linked": lambda: decisions.link(TENANT, one, reason="r", by="s"),
        "unknown-record": lambda: decisions.link("housing:crm/tenant/77", one, reason="r", by="s"),
        "unknown-person": lambda: decisions.link(TENANT, "0000-0000", reason="r", by="s"),
        "not-linked": lambda: decisions.unlink(TENANT, reason="r", by="s"),
        "not-merged": lambda: decisions.unmerge(one, other, reason="merged-in-error", by="s"),
        "already-merged": lambda: decisions.merge(one, one, reason="same-number", by="s"),
        "unknown-reason": lambda: decisions.merge(one, other, reason="her sister said so", by="s"),
    }
    for code, attempt in refusals.items():
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == code


def test_dropped_views_are_folded_again_without_deciding_anything_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        send(hub, registration("1", "tenant/1", number=nhs_number(1)), hope("2", "tenant/2", "a cat"))
        send(hub, registration("9", "patient/1", number=nhs_number(1), agency="hospital"))
        before, person = hub.log.head(), person_of(hub, PATIENT)
    for path in home.glob("views*"):
        path.unlink()
    with open_home(home) as hub:
        assert hub.wait_until_read(60)
        assert (hub.log.head(), person_of(hub, PATIENT)) == (before, person)


def test_what_was_not_decided_before_a_crash_is_decided_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    with monkeypatch.context() as crashed:
        crashed.setattr(Linker, "_work", lambda linker: linker._queue.clear())  # the record is opened, and no more
        with open_home(home) as hub:
            send(hub, registration("9", "patient/1", number=nhs_number(1), agency="hospital"))
            assert person_of(hub, TENANT) != person_of(hub, PATIENT)
    with open_home(home) as hub:
        assert hub.wait_until_read(60)
        assert person_of(hub, TENANT) == person_of(hub, PATIENT)


def test_a_link_says_why_only_as_long_as_both_records_are_there(hub: Hub) -> None:
    send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    send(hub, registration("9", "patient/1", number=nhs_number(1), agency="hospital"))
    send(hub, registration("10", "patient/1", number=nhs_number(1), order="7", agency="hospital"))
    hub.decisions.unlink(PATIENT, reason="she says no", by="sam")
    (tenant,) = (each for each in events_of(hub) if each.event.type == "hub.person-opened" and "tenant" in str(each))
    rows = list(hub.log.read(PARTITION, 0, 1_000))

    def told(name: str) -> dict[str, object]:
        opened = hub.keys.ring.open(PARTITION, rows, with_grounds=True).logged
        (found,) = (each.event.payload for each in opened if each.event.type == name)
        return dict(found)

    assert told("hub.records-unlinked")["reason"] == "she says no"
    hub.keys.destroy(tenant.event.subject)
    after = told("hub.records-unlinked")
    assert "reason" not in after
    assert after["removed"] is True


def test_evidence_for_a_pair_that_is_reported_already_keeps_nothing_waiting(hub: Hub) -> None:
    one, other = nhs_number(1), nhs_number(2)
    send(hub, *(registration(f"a{at}", f"tenant/a{at}", number=one) for at in range(2)))
    send(hub, *(registration(f"b{at}", f"tenant/b{at}", number=other) for at in range(2)))
    for turn in range(3):
        send(hub, *(registration(f"{turn}{name}", f"tenant/{name}", number=one) for name in ("b0", "b1", "a0", "a1")))
    assert hub.linker.settled == hub.log.head()["main-0"]


def test_a_record_taken_out_never_lands_on_the_page_that_its_own_number_was_merged_into(hub: Hub) -> None:
    r, t, s, u = records = [f"housing:crm/tenant/{name}" for name in "rtsu"]
    send(hub, *(hope(name, f"tenant/{name}", "a garden") for name in "rtsu"))
    number = {record: person_of(hub, record) for record in records}
    told = {"reason": "told so", "by": "sam"}
    hub.decisions.link(t, number[r], **told)
    hub.decisions.merge(number[s], number[r], reason="same-details", by="sam")
    hub.decisions.link(r, number[u], **told)
    hub.decisions.link(t, number[u], **told)
    assert hub.decisions.unlink(r, **told)["person"] not in number.values()
    assert person_of(hub, r) not in number.values()


def test_a_number_that_a_sender_gives_to_everybody_costs_no_more_than_its_records(tmp_path: Path) -> None:
    def link(count: int) -> None:
        with open_home(tmp_path / secrets.token_hex(4)) as hub:
            send(hub, *(registration(f"r{at}", f"tenant/{at}", number=nhs_number(1)) for at in range(count)))
            head = hub.log.head()[PARTITION]
            again = Linker(hub.log, hub.store, DecisionWriter(hub.keys), hub.keys.ring)
            again.consider(events_of(hub), head)
            assert hub.log.head()[PARTITION] == head

    assert grows_with_the_bytes(link, 100)
