"""A marked person, put wherever a hub may put somebody: what she leaves there, erasure has to find.

Each place has a mark of its own, so that one that stored nothing would be seen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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
HOPE, WORRY = "Topazmarker", "Garnetmarker"  # in a file that tells of her neighbour too
LONG, LAST = "Ambermarker", "Coralmarker"  # in a file beside the receipts; after the views were rebuilt
NICKNAME = "Onyxmarker"  # in her neighbour's record alone
UNMAPPED, UNREADABLE = "Jaspermarker", "Berylmarker"  # in what nothing is made of, and in what nobody can read
REASONS = ("Agatemarker", "Zirconmarker")  # why she was linked, and unlinked
SOUGHT = "Rubymarker"  # in a search without hits
KEPT = (FAMILY, GIVEN, STREET, NUMBER, HOPE, WORRY, LONG, LAST, NICKNAME)  # what the views show
MARKS = Marks(*KEPT, UNMAPPED, UNREADABLE, *REASONS, SOUGHT)
RECORD, NEIGHBOUR = "housing:crm/tenant/7", "housing:crm/tenant/8"
SENDER_IDS = ("her-registration", "her-hope", "her-consent", "her-worry", "her-long-file", "her-last")
UNREAD_IDS = ("her-bad-row", "her-unmapped")
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
            "her-consent", "consent.given", "tenant/7", {"consent_id": "her-C1", "purposes": ["care"]}, fact="consent/1"
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
    other = {"name": {"family": NICKNAME, "given": [GIVEN]}, "addresses": PERSON["addresses"]}
    data = {"other": other, "relation": {"text": "neighbour"}}
    return cloudevent("its-circle", "circle.relationship-changed", "tenant/8", data, fact="circle/1")


def neighbours_events() -> list[dict[str, Any]]:
    """What stays, though some of it came in the same files."""
    return [
        registration("its-registration", "tenant/8", number=nhs_number(3)),
        cloudevent("its-hope", "aboutme.statement-shared", "tenant/8", {"topic": "hopes", "text": "stays"}, fact="h/1"),
    ]


class Sent(NamedTuple):
    """What came in as one, and its receipt."""

    raw: bytes
    receipt: str


class Life(NamedTuple):
    """What came in, by the place that it has in her life, and the views' file before they were rebuilt."""

    sent: dict[str, Sent]
    first_views: str


def receive(hub: Hub, raw: bytes, adapter: str = "cloudevents", system: str = "crm") -> Report:
    report = hub.intake.receive(Arrival("housing", system, adapter), raw)
    assert hub.wait_until_read(60)
    return report


def live(hub: Hub) -> Life:
    """Everything about her comes in, alone and in files with her neighbour, understood and not."""
    first, *rest = her_events()
    sent = {
        "alone": accepted(hub, orjson.dumps([first]), 1),
        "with her neighbour": accepted(hub, orjson.dumps([*rest, *neighbours_events()]), 5),
        "long": accepted(hub, orjson.dumps([a_hope("her-long-file", LONG, 2)]).ljust(ROW_MAX_BYTES + 1), 1),
        "her neighbour's": accepted(hub, orjson.dumps([her_in_the_neighbours_circle()]), 1),
        "not mapped": not_mapped(hub),
        "quarantined": quarantined(hub),
    }
    services = Services(hub)
    (neighbour,) = services.reading.find(STEWARD, record=NEIGHBOUR)["people"]
    services.link(STEWARD, RECORD, neighbour["person"], f"{REASONS[0]} moved in")
    services.unlink(STEWARD, RECORD, f"{REASONS[1]} never lived there")
    assert services.reading.find(STEWARD, name=f"Nobody {SOUGHT}", born="1931-07-20")["people"] == []
    first_views = hub.store.path.name
    services.rebuild(ADMIN)
    sent["last"] = accepted(hub, orjson.dumps([a_hope("her-last", LAST, 3)]), 1)
    return Life(sent, first_views)


def a_hope(message_id: str, text: str, number: int) -> dict[str, Any]:
    data = {"topic": "hopes", "text": text}
    return cloudevent(message_id, "aboutme.statement-shared", "tenant/7", data, fact=f"hope/{number}")


def accepted(hub: Hub, raw: bytes, messages: int) -> Sent:
    report = receive(hub, raw)
    assert report.counts.accepted == messages
    return Sent(raw, report.receipt)


def not_mapped(hub: Hub) -> Sent:
    """A message of a kind that nothing is made of, with her in it."""
    patient = {3: "7^^^RX9^MR", 5: f"{UNMAPPED}^{GIVEN}", 7: "19310719", 11: f"1 {STREET} Road"}
    raw = message("ADT^A99", segment("EVN"), pid=patient, f10="her-unmapped")
    report = receive(hub, raw, "hl7v2", "pas")
    assert report.counts.not_mapped == 1
    return Sent(raw, report.receipt)


def quarantined(hub: Hub) -> Sent:
    """A row that nobody can read, before one that is good."""
    bad = cloudevent("her-bad-row", "aboutme.statement-shared", "tenant/7", {"topic": "hopes", "wrong": UNREADABLE})
    raw = orjson.dumps([bad, neighbours_events()[1]])
    report = receive(hub, raw)
    assert report.counts.quarantined == 1
    return Sent(raw, report.receipt)
