"""Every view of the house passes the conformance suite, on streams that hold everything."""

from __future__ import annotations

import random
from collections.abc import Sequence

from events.envelope import Logged
from projections.engine.membership.fold import MembershipProjection
from projections.engine.testing import ProjectionConformance
from projections.people.fold import PeopleProjection
from projections.sources.fold import SourcesProjection
from projections.timeline.fold import TimelineProjection
from tests.laws.playing import Played
from tests.laws.streams import PROFILES, random_stream


def everything() -> Sequence[Logged]:
    played = Played()
    stream = random_stream(random.Random(11), 60, PROFILES["everything"])
    return [logged for said in stream for logged in played.logged(said)]


def registrations() -> Sequence[Logged]:
    """The same stream, told of names instead of hopes."""
    return [_as_registration(logged) for logged in everything()]


def _as_registration(logged: Logged) -> Logged:
    attributes = dict(logged.event.attributes)
    if attributes["type"].startswith("hub."):
        return logged
    if "text" in attributes["data"]:
        attributes["data"] = {"names": [{"family": attributes["data"]["text"] * 3}], "birth_date": "1980-02-03"}
    if attributes["type"] != "record.retracted":
        attributes["type"] = "person.registered"
    attributes |= {"senderid": f"m{logged.offset % 7}", "rawhash": f"{logged.offset:064x}", "sequence": logged.offset}
    return logged._replace(event=logged.event._replace(attributes=attributes))


class TestMembership(ProjectionConformance):
    projection = MembershipProjection()
    events = staticmethod(everything)


class TestTimeline(ProjectionConformance):
    projection = TimelineProjection()
    events = staticmethod(everything)


class TestPeople(ProjectionConformance):
    projection = PeopleProjection()
    events = staticmethod(registrations)


class TestSources(ProjectionConformance):
    projection = SourcesProjection()
    events = staticmethod(registrations)
