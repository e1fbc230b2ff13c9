"""Agencies that send extracts of their databases: social care every week, housing every month."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

from hub.demo import when
from hub.demo.delivery import Parcel, Post
from hub.demo.desks.faces import Faces
from hub.demo.people import Address, Person

Row = Mapping[str, str]


class Spoiler(Protocol):
    """Puts faults into an extract's rows, as real extracts have them."""

    def __call__(self, day: date, rows: list[Row]) -> list[Row]: ...


def day_text(day: date | None) -> str:
    """Dates as both extracts write them."""
    return "" if day is None else f"{day:%d/%m/%Y}"


def written(rows: Sequence[Row]) -> bytes:
    """A CSV file as a spreadsheet writes it: byte order mark, CRLF, and a heading for every column of its rows."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


@dataclass(frozen=True)
class Activity:
    """One line of the social care extract: something asked for, assessed, given or reviewed."""

    reference: str
    person: Person
    kind: str  # REQ, ASM, SVC or REV
    detail: str  # a code of the system's own list
    start: date
    recorded: datetime
    end: date | None = None
    outcome: str = ""
    provider: str = ""
    note: str = ""


class SocialCare:
    """Adult social care's case system; every Monday it exports what was recorded or changed in the week before."""

    AGENCY = "larkmere-social-care"
    SYSTEM = "case-system"

    def __init__(self, faces: Faces, spoil: Spoiler) -> None:
        self._faces = faces
        self._spoil = spoil
        self._clients: dict[int, str] = {}
        self._activities: list[Activity] = []
        self._serial = 0

    def client(self, person: Person) -> str:
        return self._clients.setdefault(person.key, f"P{60_000 + 11 * len(self._clients)}")

    def reference(self) -> str:
        """A new activity's number."""
        self._serial += 1
        return f"A{100_000 + self._serial}"

    def note(self, person: Person, kind: str, detail: str, start: date, *, outcome: str = "", note: str = "") -> str:
        """Something that is over as it is recorded, such as a request; returns its number."""
        number = self.reference()
        self.client(person)
        recorded = when.instant(start, 16, self._serial % 60)
        self._activities.append(Activity(number, person, kind, detail, start, recorded, outcome=outcome, note=note))
        return number

    def span(
        self,
        person: Person,
        kind: str,
        detail: str,
        start: date,
        end: date | None,
        *,
        outcome: str = "",
        provider: str = "",
        note: str = "",
    ) -> str:
        """Something with a beginning, exported at once, and an end, exported again with it; returns its number."""
        number = self.reference()
        self.client(person)
        begun = when.instant(start, 16, self._serial % 60)
        self._activities.append(Activity(number, person, kind, detail, start, begun, provider=provider, note=note))
        if end is not None:
            ended = when.instant(end, 15, self._serial % 60)
            self._activities.append(Activity(number, person, kind, detail, start, ended, end, outcome, provider, note))
        return number

    def dispatch(self, post: Post, start: date, end: date) -> None:
        monday = when.next_weekday(start, 0)
        while monday <= end:
            since, until = when.instant(monday - timedelta(days=7), 0), when.instant(monday, 0)
            week = sorted((a for a in self._activities if since <= a.recorded < until), key=lambda a: a.recorded)
            if week:
                rows = self._spoil(monday, [self._row(activity) for activity in week])
                name = f"social-care-{monday:%Y%m%d}.csv"
                due = when.instant(monday, 5, 30)
                post.send(Parcel(due, self.AGENCY, self.SYSTEM, "csv_mapping", name, _file(rows)))
            monday += timedelta(days=7)

    def _row(self, activity: Activity) -> Row:
        day = when.local_day(activity.recorded)
        face = self._faces.of(self.AGENCY, activity.person, day)
        home = activity.person.home_on(day)
        return {
            "ClientRef": self.client(activity.person),
            "NHSNumber": _spaced(face.nhs_number),
            "DateOfBirth": day_text(face.born),
            "Forename": face.given,
            "Surname": face.family,
            "Sex": "F" if activity.person.sex == "female" else "M",
            "Address": f"{home.line}, {home.city}",
            "Postcode": home.postcode,
            "ActivityRef": activity.reference,
            "Activity": activity.kind,
            "Detail": activity.detail,
            "StartDate": day_text(activity.start),
            "EndDate": day_text(activity.end),
            "Outcome": activity.outcome,
            "Provider": activity.provider,
            "Note": activity.note,
            "RecordedOn": f"{activity.recorded.astimezone(when.LONDON):%d/%m/%Y %H:%M}",
        }


@dataclass
class Tenancy:
    """A tenancy with everything that changed in it, each from its day on."""

    reference: str
    tenant: Person
    kind: str  # a code of the system's own list: SEC, INT, FLX, SUP
    home: Address
    start: date
    weekly_rent: str
    changes: list[tuple[date, dict[str, str]]] = field(default_factory=list)
    ended: date | None = None
    end_reason: str = ""

    def change(self, day: date, **columns: str) -> None:
        if "ArrearsStage" in columns:
            columns["StageSince"] = day_text(day) if columns["ArrearsStage"] else ""
        self.changes.append((day, columns))

    def end(self, day: date, reason: str) -> None:
        self.ended, self.end_reason = day, reason

    def columns_on(self, day: date) -> dict[str, str]:
        told: dict[str, str] = {}
        for since, columns in sorted(self.changes, key=lambda change: change[0]):
            if since <= day:
                told.update(columns)
        return told


class Homes:
    """Larkmere Homes: on the first of the month, every tenancy there is, and those ended in the last quarter."""

    AGENCY = "larkmere-homes"
    SYSTEM = "tenancies"

    def __init__(self, faces: Faces, spoil: Spoiler) -> None:
        self._faces = faces
        self._spoil = spoil
        self.tenancies: list[Tenancy] = []

    @staticmethod
    def tenant(person: Person) -> str:
        """The tenant's number, the same in all of their tenancies."""
        return f"T{20_000 + person.key * 3}"

    def let(self, tenant: Person, start: date, kind: str = "SEC", home: Address | None = None) -> Tenancy:
        """A new tenancy; its reference holds the property's number, as housing systems like it."""
        serial = len(self.tenancies) + 1
        rent = f"{84 + serial % 9 * 4.35:.2f}"
        reference = f"{3_000 + serial * 17}/{1 + serial % 4}"
        tenancy = Tenancy(reference, tenant, kind, home or tenant.home_on(start), start, rent)
        self.tenancies.append(tenancy)
        return tenancy

    def dispatch(self, post: Post, start: date, end: date) -> None:
        day = date(start.year, start.month, 1)
        while day <= end:
            if day >= start and self.tenancies:
                rows = self._spoil(day, [self._row(each, day) for each in self.tenancies if _is_listed(each, day)])
                name = f"tenancies-{day:%Y%m%d}.csv"
                due = when.instant(day, 3, 10)
                post.send(Parcel(due, self.AGENCY, self.SYSTEM, "csv_mapping", name, _file(rows)))
            day = (day + timedelta(days=32)).replace(day=1)

    def _row(self, tenancy: Tenancy, day: date) -> Row:
        face = self._faces.of(self.AGENCY, tenancy.tenant, day)
        is_over = tenancy.ended is not None and tenancy.ended <= day
        row = {
            "TenancyRef": tenancy.reference,
            "TenantRef": self.tenant(tenancy.tenant),
            "NHSNumber": face.nhs_number or "",
            "DateOfBirth": day_text(face.born),
            "Forename": face.given,
            "Surname": face.family,
            "Address": tenancy.home.line,
            "Postcode": tenancy.home.postcode,
            "TenancyType": tenancy.kind,
            "StartDate": day_text(tenancy.start),
            "EndDate": day_text(tenancy.ended) if is_over else "",
            "EndReason": tenancy.end_reason if is_over else "",
            "WeeklyRent": tenancy.weekly_rent,
            "Arrears": "0.00",
            "ArrearsStage": "",
            "StageSince": "",
            "Interpreter": "",
        }
        return {**row, **tenancy.columns_on(day)}


def _is_listed(tenancy: Tenancy, day: date) -> bool:
    return tenancy.start <= day and (tenancy.ended is None or day - tenancy.ended < timedelta(days=92))


def _spaced(number: str | None) -> str:
    """Ten digits as people write them: 3 3 4."""
    return "" if number is None else f"{number[:3]} {number[3:6]} {number[6:]}"


def _file(rows: Sequence[Row]) -> Callable[[], bytes]:
    return lambda: written(rows)
