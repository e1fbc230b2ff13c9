"""HL7 datatypes as the catalogue's shapes: CWE, XPN, XAD, XTN, XON, XCN, PL. Empty in, None out."""

from __future__ import annotations

from typing import Any

from adapters.hl7v2.codes import (
    ADDRESS_USE,
    NAME_USE,
    NO_ADDRESS_OF_THE_PERSON,
    SYSTEMS,
    TABLE_URI,
    TELECOM_SYSTEM,
    TELECOM_USE,
    Table,
    Words,
)
from adapters.hl7v2.identifiers import is_placeholder
from adapters.hl7v2.moments import period
from adapters.hl7v2.tokens import Notes, Part

Shape = dict[str, Any]


def told(**fields: Any) -> Shape:
    """The fields that say something: absence has one spelling."""
    return {name: value for name, value in fields.items() if value}


def coded(part: Part) -> Shape | None:
    """A Coded of a CE, CWE, IS or ID; of two codes the first. Words where a code should stand are text."""
    if not part:
        return None
    code, words, system = part[1].whole, part[2].whole, part.at(3)
    if not code and not words:
        code, words, system = part[4].whole, part[5].whole, part.at(6)
    original = part[9].whole
    if code and " " in code and not words and not system:
        return {"text": code}
    if not code:
        return told(text=original or words) or None
    return told(code=code, system=_system(system), display=words, text=original if original != words else "")


def in_words(code: Shape | None, words: Words) -> Shape | None:
    """The code with words beside it, where it is one of HL7's and came without."""
    if code is None or {"display", "text"} & set(code) or code["code"].upper() not in words:
        return code
    return code | {"display": words[code["code"].upper()]}


def _system(name: str) -> str:
    if name.upper() in SYSTEMS:
        return SYSTEMS[name.upper()]
    number = name.upper().removeprefix("HL7")
    return f"{TABLE_URI}{number}" if number != name.upper() and number.isdigit() and len(number) == 4 else name


def listed(part: Part, table: Table, number: str, notes: Notes) -> tuple[str | None, Shape | None]:
    """Our word for the sender's code, if there is one, and the sender's own code to stand beside it."""
    own = coded(part)
    if own is None:
        return None, None
    code = (own.get("code") or own["text"]).upper()
    if code not in table:
        notes.add("unknown-code", part.where, "This code is in no list known here; it is kept as sent.")
        return None, own
    return table[code], {"system": TABLE_URI + number} | own if "code" in own else own


def _use(part: Part, table: Table, notes: Notes) -> str | None:
    code = part.text.upper()
    if code and code not in table:
        notes.add("unknown-code", part.where, "This use is in no list known here.")
    return table.get(code)


def name(part: Part, notes: Notes) -> Shape | None:
    """A Name of an XPN; None where it holds no name."""
    given = [text for text in (part[2].whole, part[3].whole) if text]
    shape = told(family=part.at(1), given=given)
    if not shape:
        return None
    return shape | told(
        use=_use(part[7], NAME_USE, notes),
        prefix=[part.at(5)] if part.at(5) else None,
        suffix=[text for text in (part.at(4), part.at(6)) if text],
        period=period(part[12], part[13], notes),
    )


def address(part: Part, notes: Notes) -> Shape | None:
    """An Address of an XAD; None where it holds none, or one that is not the person's to be found at."""
    if part.at(7).upper() in NO_ADDRESS_OF_THE_PERSON:
        return None
    shape = told(
        line=[text for text in (_street(part[1]), part[2].whole) if text],
        city=part[3].whole,
        district=part[9].whole,
        state=part[4].whole,
        postalCode=part.at(5),
        country=part.at(6),
    )
    if not shape:
        return None
    is_postal = part.at(7).upper() == "M"
    return shape | told(
        use=_use(part[7], ADDRESS_USE, notes),
        type="postal" if is_postal else None,
        period=period(part[13], part[14], notes),
    )


def _street(part: Part) -> str:
    """The street of a SAD: its first part is the whole of it, but some senders put only the number there."""
    whole, street = part.at(1), part.at(2)
    return whole if street in whole else f"{whole} {street}".strip()


def telecom(part: Part, use: str | None, notes: Notes) -> Shape | None:
    """A Telecom of an XTN; `use` is what the field says where the number does not."""
    email, written = part.at(4), part.at(1) or part.at(12)
    number = " ".join(text for text in (part.at(5), part.at(6), part.at(7)) if text)
    if number and part.at(8):
        number += f" ext. {part.at(8)}"
    value = (email if "@" in email else "") or written or number or email
    if is_placeholder(value):
        return None
    kind = part.at(3).upper()
    if kind and kind not in TELECOM_SYSTEM:
        notes.add("unknown-code", part[3].where, "This kind of number is in no list known here.")
    system = "email" if "@" in value else TELECOM_SYSTEM.get(kind, "phone") or "other"
    if system == "email" and "@" not in value:
        system = "other"
    sent_use = "mobile" if kind == "CP" else _use(part[2], TELECOM_USE, notes)
    return told(system=system, value=value, use=sent_use or use)


def organisation(part: Part) -> Shape | None:
    """An Org of an XON."""
    if not part:
        return None
    number = part.at(10) or part.at(3)
    identifier = told(value=number, assigner=part.at(6)) if number and not is_placeholder(number) else None
    return told(name=part[1].whole, identifier=identifier) or None


def actor(part: Part) -> Shape | None:
    """An Actor of an XCN: a member of staff, named as a reader would."""
    if not part:
        return None
    number, family = part.at(1), part.at(2)
    written = " ".join(text for text in (part.at(6), part.at(3), part.at(4), family, part.at(5)) if text)
    if number and not written and not any(map(str.isdigit, number)):
        number, written = "", number  # a name where the number should stand
    identifier = told(value=number, assigner=part.at(9)) if number else None
    return told(name=written, identifier=identifier) or None


def place(part: Part) -> str:
    """A PL in words, from the smallest to the largest: bed, room, ward, floor, building, facility."""
    parts = (part.at(number) for number in (3, 2, 1, 8, 7, 4))
    return ", ".join(dict.fromkeys(text for text in parts if text)) or part.at(9)


def entity(part: Part) -> str:
    """The identifier of an EI; "" for a placeholder."""
    number = part.at(1)
    return "" if is_placeholder(number) else number


def first(part: Part) -> Part:
    """The first repeat that holds anything, else the field itself."""
    repeats = part.repeats
    return repeats[0] if repeats else part
