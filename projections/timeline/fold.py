"""The timeline view: every fact, folded by the laws that all views of facts share."""

from __future__ import annotations

from sqlalchemy import MetaData

from events.catalogue import TYPES, wording_of_titles
from projections.engine.facts.fold import FactFold
from projections.engine.facts.history import FactStore
from projections.engine.projection import Connection, Folder
from projections.timeline import tables

TYPES_OF_FACTS = frozenset(name for name in TYPES if not name.startswith("hub."))
STORE = FactStore(tables.facts)


class TimelineProjection:
    """The view `timeline`."""

    name = "timeline"
    version = 2 << 32 | wording_of_titles()  # rows carry titles: other words for them make another version
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return FactFold(db, STORE, TYPES_OF_FACTS).batch
