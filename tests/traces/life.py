"""A marked person, put wherever a hub may put somebody: what she leaves there, erasure has to find."""

from __future__ import annotations

from typing import Any

import orjson

from adapters.sdk.outcome import Report
from adapters.sdk.receipts import Arrival
from hub.assembly import Hub
from hub.receipts.store import ROW_MAX_BYTES
from hub.services import Services
from tests.adapters.hl7v2.builders import message, segment
from tests.hub.homes import ADMIN, NHS, STEWARD, cloudevent, nhs_number, registration
from tests.traces.spellings import Marks

FAMILY, GIVEN, STREET, NUMBER = "Quartzmarker", "Zebedea", "Opalmarker", nhs_number(7)
HOPE, WORRY, REASON = "Topazmarker", "Garnetmarker", "Agatemarker"
MARKS = Marks(FAMILY, GIVEN, STREET, NUMBER, HOPE, WORRY, REASON)
RECORD, NEIGHBOUR = "housing:crm/tenant/7", "housing:crm/tenant/8"
SENDER_IDS = ("her-registration", "her-hope", "her-consent", "her-worry", "her-long-file")
# What a word has that is about her.
HERS = tuple(
    map(str.encode, ("tenant/7", "her-", "hope/1", "hope/2", "hope/3", "consent/1", "allergy/1", *MARKS.words))
)
# Another's event that names her: its id is keyed by that record's own secret, and stays (docs/erasure.md).
STAYS = b"its-circle"
PERSON = {
    "identifiers": [{"system": NHS, "value": NUMBER}],
    "names": [{"family": FAMILY, "given": [GIVEN]}],
    "birth_date": "1931-07-19",
    "addresses": [{"line": [f"1 {STREET} Road"]}],
}


def her_events() -> list[dict[str, Any]]:
    """What her agency says of her, in four retention classes."""
    return [
        cloudevent("her-registration", "person.registered", "tenant/7", PERSON, fact="demographics"),
        cloudevent("her-hope", "aboutme.statement-shared", "tenant/7", {"topic": "hopes", "text": HOPE}, fact="hope/1"),
        cloudevent(
            "her-consent", "consent.given", "tenant/7", {"consent_id": "C1", "purposes": ["care"]}, fact="consent/1"
        ),
        cloudevent(
            "her-worry",
            "health.allergy-recorded",
            "tenant/7",
            {"substance": {"text": WORRY}, "status": "active"},
            fact="allergy/1",
        ),
    ]


def her_in_the_neighbours_circle() -> dict[str, Any]:
    """What another's record says of her: it stays, but for her in it, who is removed on request."""
    other = {"name": {"family": FAMILY, "given": [GIVEN]}, "addresses": PERSON["addresses"]}
    data = {"other": other, "relation": {"text": "neighbour"}}
    return cloudevent("its-circle", "circle.relationship-changed", "tenant/8", data, fact="circle/1")


def neighbours_events() -> list[dict[str, Any]]:
    """What stays, though some of it came in the same files."""
    return [
        registration("its-registration", "tenant/8", number=nhs_number(3)),
        cloudevent("its-hope", "aboutme.statement-shared", "tenant/8", {"topic": "hopes", "text": "stays"}, fact="h/1"),
    ]


def receive(hub: Hub, raw: bytes, adapter: str = "cloudevents", system: str = "crm") -> Report:
    report = hub.intake.receive(Arrival("housing", system, adapter), raw)
    assert hub.wait_until_read(60)
    return report


def live(hub: Hub) -> None:
    """Everything about her comes in, alone and in files with her neighbour, understood and not."""
    first, *rest = her_events()
    assert receive(hub, orjson.dumps([first])).counts.accepted == 1
    assert receive(hub, orjson.dumps([*rest, *neighbours_events()])).counts.accepted == 5
    long = cloudevent(
        "her-long-file", "aboutme.statement-shared", "tenant/7", {"topic": "hopes", "text": HOPE}, fact="hope/2"
    )
    assert receive(hub, orjson.dumps([long]).ljust(ROW_MAX_BYTES + 1)).counts.accepted == 1
    assert receive(hub, orjson.dumps([her_in_the_neighbours_circle()])).counts.accepted == 1
    assert not_mapped(hub).counts.not_mapped == 1
    assert quarantined(hub).counts.quarantined == 1
    services = Services(hub)
    (neighbour,) = services.reading.find(STEWARD, record=NEIGHBOUR)["people"]
    services.link(STEWARD, RECORD, neighbour["person"], f"{REASON}: {GIVEN} {FAMILY} moved in")
    services.unlink(STEWARD, RECORD, f"{REASON}: {GIVEN} {FAMILY} never lived there")
    assert services.reading.find(STEWARD, name=f"Nobody {FAMILY}", born="1931-07-20")["people"] == []
    services.rebuild(ADMIN)
    again = cloudevent(
        "her-last", "aboutme.statement-shared", "tenant/7", {"topic": "hopes", "text": HOPE}, fact="hope/3"
    )
    assert receive(hub, orjson.dumps([again])).counts.accepted == 1


def not_mapped(hub: Hub) -> Report:
    """A message of a kind that nothing is made of, with her in it."""
    patient = {3: "7^^^RX9^MR", 5: f"{FAMILY}^{GIVEN}", 7: "19310719", 11: f"1 {STREET} Road"}
    return receive(hub, message("ADT^A99", segment("EVN"), pid=patient), "hl7v2", "pas")


def quarantined(hub: Hub) -> Report:
    """A row that nobody can read, between two that are good."""
    bad = cloudevent("her-bad-row", "aboutme.statement-shared", "tenant/7", {"topic": HOPE, "wrong": FAMILY})
    return receive(hub, orjson.dumps([bad, neighbours_events()[1]]))
