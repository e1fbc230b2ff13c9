"""Every view of the hub."""

from __future__ import annotations

from projections.custody.fold import CustodyProjection
from projections.engine.membership.fold import MembershipProjection
from projections.engine.projection import Projection
from projections.people.fold import PeopleProjection
from projections.sources.fold import SourcesProjection
from projections.timeline.fold import TimelineProjection


def projections() -> tuple[Projection, ...]:
    """In the order in which a batch is folded."""
    return (
        MembershipProjection(),
        TimelineProjection(),
        PeopleProjection(),
        SourcesProjection(),
        CustodyProjection(),
    )
