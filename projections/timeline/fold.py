"""The timeline view: every fact, folded by the laws that all views of facts share."""

from __future__ import annotations

from sqlalchemy import MetaData

from events.catalogue import TYPES
from projections.engine.facts.fold import FACTS_VERSION, FactFold
from projections.engine.facts.store import FactStore
from projections.engine.projection import Connection, Folder
from projections.timeline import tables

TYPES_OF_FACTS = frozenset(name for name in TYPES if not name.startswith("hub."))
STORE = FactStore(tables.facts)


class TimelineProjection:
    """The view `timeline`."""

    name = "timeline"
    version = FACTS_VERSION
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return FactFold(db, STORE, TYPES_OF_FACTS)
