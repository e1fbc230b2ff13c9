"""Which record a message speaks of: PID-3 and MRG-1 read by type, never by order (HL7 v2.5.1, 3.4.2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.hl7v2.moments import period
from adapters.hl7v2.tokens import Hl7, Notes, Part, Segment
from events.catalogue.shapes import NHS_NUMBER
from events.ids import is_nhs_number

RECORD_TYPE = "patient"
_PART_MAX = 200  # characters of an authority or an id: a record's id has 512 at most, escapes included

_OWN_TYPES = ("MR", "MRN", "PI")  # the sender's own number for the person, best first
_NHS_TYPES = frozenset({"NH", "NHS", "NHSN", "NHSNO", "NHSNMBR", "NHSNBR", "NHSNUMBER"})
_NHS_AUTHORITIES = frozenset({"NHS", "NHSNBR", "NHSNMBR", "NHSNUMBER", "2.16.840.1.113883.2.1.4.1"})
_SSN_TYPES = frozenset({"SS", "SSN"})
_SSN_AUTHORITIES = frozenset({"SSA", "USSSA", "SSN", "2.16.840.1.113883.4.1"})
# HL7 table 0203, as far as senders put it where it does not belong (unverified: from memory).
_TYPES = frozenset(
    {"AN", "BA", "DI", "DL", "EI", "LR", "MA", "MC", "NH", "NI", "PN", "PPN", "PT", "SR", "SS", "U", "VN", "XX"}
    | {*_OWN_TYPES}
)
_SCHEMES = frozenset({"M10", "M11", "ISO", "NPI", "BCV"})  # table 0061: where a misplaced authority may stand
_NO_NUMBER = re.compile(r"[0\W_]*")
_NO_WORDS = frozenset({"NA", "NIL", "NONE", "NOTKNOWN", "NULL", "TBA", "TBC", "UNK", "UNKNOWN"})

# PID-32, table 0445 of the English HL7 V2 ADT message specifications: NSTS01 "number present and verified" to NSTS08.
_NHS_STATUS_SYSTEM = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus"
_NHS_STATUS = re.compile(r"(?:NSTS)?(0[1-8])")


@dataclass(frozen=True, slots=True)
class Identifier:
    """A CX whose components stand where they belong."""

    value: str
    authority: str
    type: str
    where: str
    period: dict[str, str]

    @property
    def is_nhs(self) -> bool:
        return self.type in _NHS_TYPES or _squeezed(self.authority) in _NHS_AUTHORITIES

    @property
    def is_own(self) -> bool:
        """The sender's number of its own record, as far as its type says: not a driver's or a bank's number."""
        return self.type in ("", *_OWN_TYPES) and not self.is_national

    @property
    def is_national(self) -> bool:
        """An NHS or social security number: it names a person, not a sender's record of one."""
        return self.is_nhs or self.type in _SSN_TYPES or _squeezed(self.authority) in _SSN_AUTHORITIES


@dataclass(frozen=True, slots=True)
class RecordId:
    """A sender's record of a person: who gave the number, and the number."""

    authority: str
    value: str

    @property
    def local_id(self) -> str:
        """`<authority>|<id>`, `|` and `%` within them escaped, so that no two records share it."""
        return f"{_escaped(self.authority)}|{_escaped(self.value)}"

    def payload(self) -> dict[str, Any]:
        """The Identifier shape this record can be told from again: `assigner` and `value` as they are here.

        `record_of_payload` is the way back, for whoever links two records on the sender's word.
        """
        return {"value": self.value} | ({"assigner": self.authority} if self.authority else {})


def record_of_payload(identifier: Mapping[str, Any]) -> RecordId:
    """The record that `RecordId.payload` was made from."""
    return RecordId(str(identifier.get("assigner", "")), str(identifier["value"]))


def read(part: Part, notes: Notes) -> Identifier | None:
    """An identifier of a CX repeat, misplaced components put right with a finding; None where it holds no number."""
    value, authority, kind = part.at(1), _authority(part[4]), part.at(5).upper()
    if is_placeholder(value):
        if value:
            notes.add("placeholder-identifier", part.where, "Zeros or a word in place of a number identify nobody.")
        return None
    if len(value) > _PART_MAX or len(authority) > _PART_MAX:
        notes.add("identifier-too-long", part.where, f"An id or its authority may have {_PART_MAX} characters.")
        return None
    authority, kind, is_misplaced = _put_right(part, authority, kind)
    if is_misplaced:
        notes.add("misplaced-components", part.where, "Authority or type stands in another component of the CX.")
    return Identifier(value, authority, kind, part.where, period(part[7], part[8], notes))


def is_cut(hl7: Hl7, segment: Segment, number: int) -> bool:
    """True where a message breaks off in its identifiers: half a number, or half an authority, names another record.

    One that ends in a type of the sender's own is taken as whole: many files have no end of line at their end.
    """
    if not hl7.is_cut_in(segment, number):
        return False
    repeats = segment[number].repeats
    return not repeats or repeats[-1][5].raw not in _OWN_TYPES


def _authority(part: Part) -> str:
    """Of an HD, the name; without one, the universal id."""
    return part.at(1) or part.at(2)


def _put_right(part: Part, authority: str, kind: str) -> tuple[str, str, bool]:
    """Authority and type, from where senders put them who miscount the components of a CX."""
    scheme, facility = part.at(3), _authority(part[6])
    if not kind and authority.upper() in _TYPES:  # ID^^AUTHORITY^TYPE, ID^^^TYPE
        return ("" if scheme.upper() in _SCHEMES else scheme), authority.upper(), True
    for elsewhere in (scheme, facility):  # ID^^AUTHORITY, ID^^^^^AUTHORITY
        if not kind and not authority and elsewhere.upper() in _SSN_AUTHORITIES | _NHS_AUTHORITIES:
            return elsewhere, "", True
    if kind == "ISO" and facility.upper() in _TYPES:  # an HD written with components: ID^^^&OID^ISO^TYPE
        return authority, facility.upper(), True
    if kind and not kind.isalnum():  # ID^^^AUTHORITY^A FACILITY'S NAME
        return authority, "", True
    return authority, kind, False


def choose(field: Part, facility: str, notes: Notes) -> tuple[RecordId | None, list[Identifier]]:
    """The sender's record of the person and all identifiers of a repeating CX field.

    The record is the repeat of type MR, MRN or PI; else the first that is no national number. Without an authority of
    its own it is the sending facility's.
    """
    found = [each for each in (read(repeat, notes) for repeat in field.repeats) if each]
    own = [each for each in found if not each.is_national]
    ranked = sorted(own, key=lambda each: _OWN_TYPES.index(each.type) if each.type in _OWN_TYPES else len(_OWN_TYPES))
    if not ranked:
        return None, found
    chosen = ranked[0]
    if not (chosen.authority or facility):
        notes.add("no-authority", chosen.where, "Neither it nor MSH-4 says who gave the number.")
    return RecordId(chosen.authority or facility, chosen.value), found


def shape(identifier: Identifier, facility: str, notes: Notes, nhs_status: str = "") -> dict[str, Any]:
    """The Identifier shape; an NHS number has its system, no blanks, and its verification status."""
    kind = {"code": identifier.type, "system": "http://terminology.hl7.org/CodeSystem/v2-0203"}
    told: dict[str, Any] = {"value": identifier.value, "type": kind if identifier.type else None}
    if identifier.is_nhs:
        told |= {"system": NHS_NUMBER, "value": _squeezed(identifier.value)}
        if not is_nhs_number(told["value"]):
            notes.add("nhs-number-check-digit", identifier.where, "The check digit of this NHS number is wrong.")
        status = _NHS_STATUS.fullmatch(nhs_status.upper())
        told["status"] = {"system": _NHS_STATUS_SYSTEM, "code": status[1]} if status else None
    elif identifier.authority:
        told["assigner"] = identifier.authority
    elif identifier.is_own and facility:
        told["assigner"] = facility
    told["period"] = identifier.period
    return {name: value for name, value in told.items() if value}


def is_placeholder(value: str) -> bool:
    """True for nothing, zeros and signs, or a word for "not known"."""
    return bool(_NO_NUMBER.fullmatch(value)) or re.sub(r"\W", "", value).upper() in _NO_WORDS


def _squeezed(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).upper()


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C")
