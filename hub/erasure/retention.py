"""How long each agency keeps each class of a record after its last event, and what has been kept long enough.

A table in the home, `retention.toml`, says so (docs/retention.md). Where it says nothing, the periods here hold; none
of them is law by itself, and each names where it is said to come from. A class lives or dies as a whole.
"""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from events.catalogue import TYPES
from events.catalogue.base import Retention as RetentionClass
from events.clock import from_us, us_text
from events.errors import WrongSettings
from events.ids import SubjectId
from hub.erasure.plan import holds_over
from projections.engine.membership import queries as membership

FILE = "retention.toml"
RETENTIONS: tuple[str, ...] = get_args(RetentionClass)
_LAST = "SELECT subject, type, max(known_us) FROM timeline_entries GROUP BY subject, type ORDER BY subject"
Years = Annotated[int, Field(ge=1, le=150)]


class Period(NamedTuple):
    """Years after a class's last event, where that is said, and whether somebody looked it up there."""

    years: int
    source: str
    is_verified: bool


def _unverified(years: int, source: str) -> Period:
    return Period(years, source, is_verified=False)


DEFAULTS: Mapping[str, Period] = MappingProxyType(
    {
        "core": _unverified(75, "as long as the class that lives longest: what it holds says whose the others are"),
        "care": _unverified(8, "NHS England, Records Management Code of Practice, adult social care"),
        "health": _unverified(8, "NHS England, Records Management Code of Practice, adult health records"),
        "safeguarding": _unverified(75, "Care Planning, Placement and Case Review Regulations 2010, regulation 50"),
        "housing": _unverified(6, "Limitation Act 1980, section 5"),
        "education": _unverified(25, "IRMS, Information Management Toolkit for Schools"),
        "benefits": _unverified(6, "Limitation Act 1980, section 5"),
        "consent": _unverified(75, "as long as core: a refusal must not end before what it refuses"),
    }
)


class _Said(BaseModel):
    """A period as the table says it."""

    model_config = ConfigDict(extra="forbid")

    years: Years
    source: str = Field(min_length=1, max_length=200)
    verified: bool = False


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    periods: dict[str, _Said] = {}
    agency: dict[str, dict[str, _Said]] = {}


class Due(NamedTuple):
    """A class of a record whose period is over. `is_held`: a legal hold keeps it all the same."""

    agency: str
    record: str
    subject: SubjectId
    retention: str
    last_us: int
    over_on: date
    is_held: bool


class Retention:
    """The table of one home, as it stands now."""

    def __init__(self, home: Path) -> None:
        """Raises WrongSettings `bad-retention` for a table that does not hold together."""
        self._path = home / FILE
        self._table = self._read()
        for agency in ("", *self._table.agency):
            periods = {retention: self.period(agency, retention).years for retention in RETENTIONS}
            if periods["core"] < max(periods.values()):
                raise self._bad("core must live at least as long as every other class: it says whose they are")

    def period(self, agency: str, retention: str) -> Period:
        said = self._table.agency.get(agency, {}).get(retention) or self._table.periods.get(retention)
        return Period(said.years, said.source, said.verified) if said is not None else DEFAULTS[retention]

    def document(self) -> list[dict[str, Any]]:
        """The periods of each agency that has some of its own, and those of all others (agency null)."""
        return [
            {
                "agency": agency or None,
                "retention": retention,
                "years": period.years,
                "source": period.source,
                "verified": period.is_verified,
            }
            for agency in ("", *sorted(self._table.agency))
            for retention in RETENTIONS
            for period in [self.period(agency, retention)]
        ]

    def due(self, db: sqlite3.Connection, now_us: int) -> Iterator[Due]:
        """What has been kept long enough, record by record."""
        last: dict[tuple[bytes, str], int] = {}
        newest: dict[bytes, int] = {}
        for subject, kind, known_us in db.execute(_LAST):
            key = (subject, TYPES[kind].retention)
            last[key] = max(known_us, last.get(key, 0))
            newest[subject] = max(known_us, newest.get(subject, 0))
        # What is still there of a record keeps its core, which says whose it is.
        last |= {(subject, "core"): newest[subject] for subject, retention in last if retention == "core"}
        today = from_us(now_us).date()
        for (subject, retention), last_us in last.items():
            record = membership.record_of_subject(db, subject) or ""
            agency = record.partition(":")[0]
            over_on = _later(from_us(last_us).date(), self.period(agency, retention).years)
            if over_on <= today:
                is_held = bool(holds_over(db, subject))
                yield Due(agency, record, SubjectId(subject), retention, last_us, over_on, is_held)

    def _read(self) -> _Table:
        try:
            told = tomllib.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return _Table()
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise self._bad("it is not TOML") from error
        try:
            table = _Table.model_validate(told)
        except ValidationError as error:
            places = sorted({".".join(map(str, fault["loc"])) for fault in error.errors()})
            raise self._bad(f"these entries are not understood: {', '.join(places)}") from error
        named = {*table.periods, *(name for periods in table.agency.values() for name in periods)}
        if unknown := sorted(named - set(RETENTIONS)):
            raise self._bad(f"there are no such classes: {', '.join(unknown)}")
        return table

    def _bad(self, what: str) -> WrongSettings:
        return WrongSettings("bad-retention", what, where=FILE, next_step="docs/retention.md shows how it is written.")


def due_document(due: Due) -> dict[str, Any]:
    return {
        "agency": due.agency,
        "record": due.record,
        "retention": due.retention,
        "last": us_text(due.last_us),
        "over_on": due.over_on.isoformat(),
        "held": due.is_held,
    }


def _later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)
