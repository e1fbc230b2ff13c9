"""What goes wrong between agencies and a hub in real life: lost lines, doubled messages, bad cells, wrong rooms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from hub.demo import when
from hub.demo.delivery import Parcel, Post
from hub.demo.desks.extracts import Row
from hub.demo.desks.wards import allergy
from hub.demo.lives.ailments import DIABETES, LATEX, PEANUT
from hub.demo.shapes import snomed
from hub.demo.town import Town

HOSPITAL = "riverside-hospital"
SURGERY = "mill-lane-surgery"
UNKNOWN_CODE = "QZ9"
NO_SUCH_DAY = "31/02/1987"


class BadCells:
    """Spoils a few cells of every so-manieth extract: a code nobody knows, a day that does not exist."""

    def __init__(self, code_column: str, date_column: str, key_column: str) -> None:
        self._code_column = code_column
        self._date_column = date_column
        self._key_column = key_column
        self._extracts = 0

    def __call__(self, day: date, rows: list[Row]) -> list[Row]:
        """The rows, some of them spoiled; which ones depends on the extract's number alone."""
        self._extracts += 1
        spoiled = [dict(row) for row in rows]
        if spoiled and self._extracts % 7 == 3:
            spoiled[self._extracts % len(spoiled)][self._code_column] = UNKNOWN_CODE
        if spoiled and self._extracts % 9 == 5:
            spoiled[self._extracts * 3 % len(spoiled)][self._date_column] = NO_SUCH_DAY
        if spoiled and self._extracts % 17 == 11:
            spoiled[-1][self._key_column] = ""
        return list(spoiled)


def live(town: Town) -> None:
    """Mishaps at the desks: messages without a patient, messages nobody maps, entries in the wrong record."""
    for number, person in enumerate(town.pick("nameless", town.people, 0.02)):
        at = when.instant(town.start + timedelta(days=150 + 260 * number), 3, 12)
        town.wards.nameless(person, at)
    for person in town.pick("a60", town.people, 0.03):
        rng = town.rng("a60", person.key)
        day = town.day(rng, person)
        if day is not None:
            at = when.office_hours(rng, day)
            substance = allergy(1, rng.choice((LATEX, PEANUT)), "Swelling", f"{day.year - 3}")
            town.wards.allergies_updated(person, at, substance)
    for person in town.pick("wrong-room", town.adults(30, 80), 0.05):
        rng = town.rng("wrong-room", person.key)
        day = town.day(rng, person, keep=9)
        if day is not None:
            at = when.office_hours(rng, day)
            condition = {"condition_id": "entered-in-error", "code": snomed(DIABETES), "status": "active"}
            kind, fact = "health.condition-recorded", f"condition/{DIABETES[0]}-{day:%Y%m%d}"
            town.surgery.tell(person, at, kind, condition, fact=fact, since=day)
            town.surgery.withdraw(person, at + timedelta(days=rng.randrange(1, 8)), kind, fact, "Another patient's")


def befall(post: Post, start: date) -> None:
    """Mishaps on the way: a dead line over a long weekend, messages late, doubled, and overtaking one another."""
    sent = sorted(post.parcels, key=lambda parcel: parcel.at)
    hospital = [parcel for parcel in sent if parcel.agency == HOSPITAL]
    surgery = [parcel for parcel in sent if parcel.agency == SURGERY]
    dead_from = when.instant(when.next_weekday(start + timedelta(days=400), 4), 18)
    dead_until = dead_from + timedelta(days=5, hours=13)  # a long weekend, and two days to find the cable
    delayed = {id(parcel): _late(number, parcel) for number, parcel in enumerate(hospital, 1)}
    delayed.update(_queued_up([each for each in hospital if dead_from <= each.at < dead_until], dead_until))
    delayed.update({id(parcel): parcel.at + timedelta(days=6) for parcel in surgery[30::90]})
    post.parcels = [replace(parcel, at=delayed.get(id(parcel), parcel.at)) for parcel in sent]
    post.parcels += [_again(parcel, timedelta(minutes=25)) for parcel in hospital[40::60]]
    post.parcels += [_again(parcel, timedelta(hours=9)) for parcel in surgery[70::140]]


def _late(number: int, parcel: Parcel) -> datetime:
    """Every seventieth message waits for days; every fiftieth is overtaken by what follows within the hour."""
    if number % 70 == 35:
        return parcel.at + timedelta(days=2 + number % 8)
    if number % 50 == 20:
        return parcel.at + timedelta(minutes=55)
    return parcel.at


def _queued_up(parcels: list[Parcel], until: datetime) -> dict[int, datetime]:
    """When the line is back, the queue is sent from its end: the last message first."""
    return {id(parcel): until + timedelta(seconds=2 * n) for n, parcel in enumerate(reversed(parcels))}


def _again(parcel: Parcel, after: timedelta) -> Parcel:
    stem, dot, ending = parcel.file_name.rpartition(".")
    return replace(parcel, at=parcel.at + after, file_name=f"{stem}-again{dot}{ending}")
