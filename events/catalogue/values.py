"""The values that payloads are made of: texts, fuzzy dates, decimals, keys. All are JSON strings, integers or booleans.

Dates and decimals are strings checked by pattern alone, so that the JSON Schemas judge exactly as the hub does and
nothing is ever converted: what a sender wrote is what is stored.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import Field, GetCoreSchemaHandler, StringConstraints, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_LEAP_YEAR = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"
_YEAR = "[1-9][0-9]{3}"
_DATE = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"

FUZZY_DATE = f"^(?:{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_DATE}(?:{_TIME})?)$"
DAY_OR_INSTANT = f"^{_DATE}(?:{_TIME})?$"
DECIMAL = r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,9})?$"
PERCENT = r"^(?:100(?:\.0{1,9})?|(?:0|[1-9][0-9]?)(?:\.[0-9]{1,9})?)$"
KEY = "^[a-z0-9]+(?:[-._:/][a-z0-9]+)*$"
FIELD_PATH = "^[a-z][a-z0-9_]*(?:[.][a-z][a-z0-9_]*)*$"
LANGUAGE = "^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*$"
CURRENCY = "^[A-Z]{3}$"
EVENT_ID = "^[0-9a-f]{64}$"
SUBJECT = "^[0-9a-f]{32}$"
HEX_PREFIX = "^[0-9a-f]{0,32}$"
KEY_ID = "^[0-9a-f]{48}$"
NONCE = "^[0-9a-f]{24}$"
HEX = "^(?:[0-9a-f]{2})+$"
PERSON_NUMBER = "^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$"
RECORD = "^[a-z0-9][a-z0-9-]{0,39}:[a-z0-9][a-z0-9-]{0,39}/[a-z][a-z0-9-]{0,39}/."

# What a value that does not match its pattern is told to be.
PATTERN_WORDS = {
    FUZZY_DATE: "must be a real date: YYYY, YYYY-MM, YYYY-MM-DD or an RFC 3339 instant with offset, from year 1000",
    DAY_OR_INSTANT: "must be a real date, YYYY-MM-DD, or an RFC 3339 instant with offset, from year 1000",
    DECIMAL: "must be a decimal number as text, such as 12.50",
    PERCENT: "must be a decimal number as text, from 0 to 100",
    KEY: "must be lower-case words joined by - . _ : or /",
    FIELD_PATH: "must be a field's name, or names joined by points",
    LANGUAGE: "must be a language tag, such as en or cy-GB",
    CURRENCY: "must be a currency of three capitals, such as GBP",
    EVENT_ID: "must be an event id: 64 hexadecimal digits, lower case",
    SUBJECT: "must be 32 hexadecimal digits, lower case",
    HEX_PREFIX: "must be hexadecimal digits, lower case, 32 at most",
    KEY_ID: "must be 48 hexadecimal digits, lower case",
    NONCE: "must be 24 hexadecimal digits, lower case",
    HEX: "must be bytes as hexadecimal digits, lower case",
    PERSON_NUMBER: "must be a person number, XXXX-XXXX",
    RECORD: "must be a record, <agency>:<system>/<type>/<id>",
}

Text = Annotated[str, StringConstraints(min_length=1)]  # an empty text says nothing: leave the field out
FuzzyDate = Annotated[str, StringConstraints(pattern=FUZZY_DATE)]
DayOrInstant = Annotated[str, StringConstraints(pattern=DAY_OR_INSTANT)]
Decimal = Annotated[str, StringConstraints(pattern=DECIMAL)]
Percent = Annotated[str, StringConstraints(pattern=PERCENT)]
Key = Annotated[str, StringConstraints(pattern=KEY, max_length=120)]
FieldPath = Annotated[str, StringConstraints(pattern=FIELD_PATH)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE, max_length=35)]
Currency = Annotated[str, StringConstraints(pattern=CURRENCY)]
EventId = Annotated[str, StringConstraints(pattern=EVENT_ID)]
Subject = Annotated[str, StringConstraints(pattern=SUBJECT)]
HexPrefix = Annotated[str, StringConstraints(pattern=HEX_PREFIX)]
KeyId = Annotated[str, StringConstraints(pattern=KEY_ID)]
Nonce = Annotated[str, StringConstraints(pattern=NONCE)]
Hex = Annotated[str, StringConstraints(pattern=HEX, max_length=2_048)]
PersonNumber = Annotated[str, StringConstraints(pattern=PERSON_NUMBER)]
Record = Annotated[str, StringConstraints(pattern=RECORD)]
# 2^53 - 1: larger integers change on their way through JavaScript (RFC 8259, 6).
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Whole = Annotated[int, Field(ge=-(2**53 - 1), le=2**53 - 1)]

Present = TypeVar("Present")


class _NeverNull:
    """Takes null out of an optional field: absence has one spelling, so that equal content has equal bytes."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return schema["schema"] if schema["type"] == "nullable" else schema


Maybe = Annotated[Present | None, _NeverNull()]


def _plain(value: Any) -> Any:
    """Any JSON without null and floats, whatever its shape."""
    if isinstance(value, list):
        for each in value:
            _plain(each)
    elif isinstance(value, dict):
        for each in value.values():
            _plain(each)
    elif not isinstance(value, str | int):  # bool is an int
        raise PydanticCustomError("not-plain", "must hold text, whole numbers, booleans, lists and objects only")
    return value


class _Plain:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_plain)


Plain = Annotated[Any, _Plain(), WithJsonSchema({"type": ["string", "integer", "boolean", "array", "object"]})]
