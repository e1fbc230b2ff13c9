"""Tables of the timeline view: facts of every kind."""

from __future__ import annotations

from sqlalchemy import MetaData

from projections.engine.facts.tables import fact_tables

metadata = MetaData()
facts = fact_tables("timeline", metadata)
