"""Names of things: agencies, sources, records, subjects, people. Each has one text form and one parser."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from typing import NewType

from events.errors import RejectedMessage

AgencyId = NewType("AgencyId", str)
SystemId = NewType("SystemId", str)
EventId = NewType("EventId", bytes)  # 32 bytes, a keyed digest (see events/identity.py)
SubjectId = NewType("SubjectId", bytes)  # 16 random bytes for (agency, source record)
FactToken = NewType("FactToken", bytes)  # 16 bytes, keyed by the subject's secret
PersonNumber = NewType("PersonNumber", str)

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_URN = re.compile(r"urn:tellonce:source:([a-z0-9][a-z0-9-]{0,39}):([a-z0-9][a-z0-9-]{0,39})")
_SUBJECT = re.compile(r"[a-z][a-z0-9-]{0,39}/(?=\s*+\S).{1,512}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """An agency's system, written `<agency>/<system>` or as a URN in CloudEvents."""

    agency: AgencyId
    system: SystemId

    @property
    def urn(self) -> str:
        return f"urn:tellonce:source:{self.agency}:{self.system}"

    def __str__(self) -> str:
        return f"{self.agency}/{self.system}"


def parse_source(urn: str) -> Source:
    """Source of its URN. Raises RejectedMessage `bad-source`."""
    found = _URN.fullmatch(urn)
    if found is None:
        raise RejectedMessage(
            "bad-source",
            "the source is not of the form urn:tellonce:source:<agency>:<system>",
            where="source",
            next_step="Use the agency's and system's names as they stand in the register of agencies.",
        )
    return Source(AgencyId(found[1]), SystemId(found[2]))


def source_of(agency: str, system: str) -> Source:
    """Source of two names. Raises RejectedMessage `bad-source`."""
    return parse_source(f"urn:tellonce:source:{agency}:{system}")


@dataclass(frozen=True, slots=True)
class RecordRef:
    """A source record: an agency's system's idea of a person, written `<agency>:<system>/<type>/<id>`."""

    source: Source
    type: str
    local_id: str

    @property
    def subject(self) -> str:
        """The CloudEvents `subject` attribute: `<type>/<id>`."""
        return f"{self.type}/{self.local_id}"

    def __str__(self) -> str:
        return f"{self.source.agency}:{self.source.system}/{self.type}/{self.local_id}"


def record_of(source: Source, subject: str) -> RecordRef:
    """Record of a source and a CloudEvents subject `<type>/<id>`. Raises RejectedMessage `bad-record`."""
    kind, _, local_id = checked_subject(subject).partition("/")
    return RecordRef(source, kind, local_id)


def checked_subject(subject: str) -> str:
    """The CloudEvents subject as it is, if it is a record's. Raises RejectedMessage `bad-record`."""
    if not _SUBJECT.fullmatch(subject):
        raise RejectedMessage(
            "bad-record",
            "the subject is not of the form <record-type>/<local id>",
            where="subject",
            next_step="Name the record's type in lower case and its id in the sender's system, 512 characters at most.",
        )
    return subject


def parse_record(text: str) -> RecordRef:
    """Record of its text form `<agency>:<system>/<type>/<id>`. Raises RejectedMessage `bad-record`."""
    head, slash, subject = text.partition("/")
    agency, colon, system = head.partition(":")
    if not slash or not colon or not _NAME.fullmatch(agency) or not _NAME.fullmatch(system):
        raise RejectedMessage(
            "bad-record",
            "a record is written <agency>:<system>/<type>/<id>",
            where="record",
            next_step="`tellonce people find` and `tellonce timeline` print records in this form.",
        )
    return record_of(source_of(agency, system), subject)


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def _check_character(body: str) -> str:
    """Luhn mod 32: catches every single wrong character and nearly every swap of neighbours."""
    total, factor = 0, 2
    for character in reversed(body):
        product = factor * _CROCKFORD.index(character)
        total += product // 32 + product % 32
        factor = 3 - factor
    return _CROCKFORD[-total % 32]


def new_person_number() -> PersonNumber:
    """A random number of seven characters and a check character, written XXXX-XXXX; never the next one."""
    drawn = secrets.randbits(35)
    body = "".join(_CROCKFORD[drawn >> 5 * place & 31] for place in range(7))
    whole = body + _check_character(body)
    return PersonNumber(f"{whole[:4]}-{whole[4:]}")


def parse_person_number(text: str) -> PersonNumber:
    """Person number of what somebody typed; case, hyphens and O for 0, I or L for 1 are forgiven.

    Raises RejectedMessage `bad-person-number`.
    """
    whole = text.strip().upper().translate(_MISREAD)
    if len(whole) != 8 or any(c not in _CROCKFORD for c in whole) or _check_character(whole[:7]) != whole[7]:
        raise RejectedMessage(
            "bad-person-number",
            "this is not a person number, or one of its characters is wrong",
            where="person",
            next_step="A person number has eight characters, written XXXX-XXXX; the last one checks the others.",
        )
    return PersonNumber(f"{whole[:4]}-{whole[4:]}")


def fact_reference(subject: SubjectId, token: FactToken) -> str:
    """The opaque reference of a fact that entries carry and `history` takes: 43 URL-safe characters."""
    return base64.urlsafe_b64encode(subject + token).decode().rstrip("=")


def parse_fact_reference(text: str) -> tuple[SubjectId, FactToken]:
    """Subject and token of a fact reference. Raises RejectedMessage `bad-fact-reference`."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    if len(raw) != 32 or fact_reference(SubjectId(raw[:16]), FactToken(raw[16:])) != text:
        raise RejectedMessage(
            "bad-fact-reference",
            "this is not a fact reference",
            where="fact",
            next_step="Copy the `fact` of an entry of the person's timeline.",
        )
    return SubjectId(raw[:16]), FactToken(raw[16:])


def is_nhs_number(text: str) -> bool:
    """True for ten digits with the right check digit (weights 10..2, 11 minus remainder, 10 is invalid, 11 is 0)."""
    if len(text) != 10 or not text.isascii() or not text.isdigit():
        return False
    check = 11 - sum(int(digit) * weight for digit, weight in zip(text, range(10, 1, -1), strict=False)) % 11
    return check != 10 and check % 11 == int(text[9])
