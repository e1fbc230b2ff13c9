"""Pieces of payloads, as an agency's own software would put them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.demo import when
from hub.demo.numbers import NHS_NUMBER_SYSTEM
from hub.demo.people import Address, Person

Json = dict[str, Any]
Moment = date | datetime | str


def fuzzy(moment: Moment) -> str:
    """A date, instant or text such as `2019` or `2019-04`, as precise as it is."""
    if isinstance(moment, datetime):
        return when.text(moment)
    return moment if isinstance(moment, str) else moment.isoformat()


def effective(start: Moment | None, end: Moment | None = None) -> Json:
    ends = {"start": start, "end": end}
    return {name: fuzzy(moment) for name, moment in ends.items() if moment is not None}


def org(name: str) -> Json:
    return {"name": name}


def actor(role: str, organisation: str | None = None) -> Json:
    return {"role": role} if organisation is None else {"role": role, "organisation": org(organisation)}


def words(text: str) -> Json:
    """A Coded value where the sender has words and no code."""
    return {"text": text}


def snomed(concept: tuple[str, str]) -> Json:
    code, display = concept
    return {"system": "http://snomed.info/sct", "code": code, "display": display}


def pounds(amount: str) -> Json:
    return {"value": amount, "currency": "GBP"}


def other(relation: str, name: tuple[str, str] | None = None) -> Json:
    """A third person: always with the relation, sometimes with a name (given, family)."""
    told: Json = {"relation": words(relation)}
    if name is not None:
        told["name"] = {"given": [name[0]], "family": name[1]}
    return told


def fhir_address(address: Address) -> Json:
    return {"use": "home", "line": [address.line], "city": address.city, "postalCode": address.postcode}


@dataclass(frozen=True)
class Face:
    """How one agency knows a person: what it was told, which may be wrong or missing."""

    given: str
    family: str
    born: date
    nhs_number: str | None

    @classmethod
    def true(cls, person: Person) -> Face:
        return cls(person.given, person.family, person.born, person.nhs_number)


def registration(face: Face, person: Person, own: Mapping[str, str], on: date) -> Json:
    """`person.registered` as an agency's system exports it; `own` is its identifier, system and value."""
    identifiers: list[Json] = [dict(own)]
    if face.nhs_number is not None:
        identifiers.append({"system": NHS_NUMBER_SYSTEM, "value": face.nhs_number})
    return {
        "identifiers": identifiers,
        "names": [{"use": "official", "given": [face.given], "family": face.family}],
        "birth_date": face.born.isoformat(),
        "sex_registered": person.sex,
        "addresses": [fhir_address(person.home_on(on))],
        "telecoms": [{"system": "phone", "use": "mobile", "value": person.phone}],
    }
