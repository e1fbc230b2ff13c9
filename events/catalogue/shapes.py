"""The objects that payloads are made of.

Shapes that are FHIR R4 datatypes carry FHIR's own field names, camelCase included (HL7 FHIR 4.0.1, datatypes:
Identifier, HumanName, Address, ContactPoint, Period, Quantity, Money, Attachment; the `use`, `type` and `system`
lists are FHIR's required value sets). All other shapes and all payload fields are snake_case.
"""

from typing import Literal

from pydantic import Field

from events.catalogue.base import Shape
from events.catalogue.rules import at_least_one, exactly_one, in_order
from events.catalogue.values import (
    Count,
    Currency,
    Decimal,
    FuzzyDate,
    Language,
    Maybe,
    Plain,
    Text,
    Whole,
)

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"  # Identifier.system, as in UK Core and PDS
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"

SaidBy = Literal[
    "person",
    "parent-or-guardian",
    "carer",
    "advocate",
    "attorney",
    "family-or-friend",
    "professional",
    "system",
    "unknown",
]
Sex = Literal["male", "female", "indeterminate", "unknown"]


class Period(Shape):
    """FHIR Period with fuzzy dates; the end is included."""

    rules = (at_least_one("start", "end"), in_order("start", "end"))
    start: Maybe[FuzzyDate] = None
    end: Maybe[FuzzyDate] = None


class Effective(Shape):
    """When it was true in the world, as exactly as the sender knows and no more."""

    rules = (at_least_one("start", "end"), in_order("start", "end"))
    start: Maybe[FuzzyDate] = None
    end: Maybe[FuzzyDate] = None
    approximate: Maybe[bool] = None


class Coded(Shape):
    """FHIR Coding and CodeableConcept in one: the sender's code, or its words where it has no code."""

    rules = (at_least_one("code", "text"),)
    code: Maybe[Text] = None
    system: Maybe[Text] = None
    display: Maybe[Text] = None
    text: Maybe[Text] = None


class Quantity(Shape):
    """FHIR Quantity; the value is a decimal as text, its zeros kept."""

    value: Decimal
    comparator: Maybe[Literal["<", "<=", ">=", ">"]] = None
    unit: Maybe[Text] = None
    system: Maybe[Text] = None
    code: Maybe[Text] = None


class Money(Shape):
    """FHIR Money; an amount without its currency says nothing, so both are required."""

    value: Decimal
    currency: Currency


class Identifier(Shape):
    """FHIR Identifier; `status` says how sure the sender is (for NHS numbers: NHSNumberVerificationStatus)."""

    value: Text
    system: Maybe[Text] = None
    type: Maybe[Coded] = None
    use: Maybe[Literal["usual", "official", "temp", "secondary", "old"]] = None
    period: Maybe[Period] = None
    assigner: Maybe[Text] = None  # the name of who gave it
    status: Maybe[Coded] = None


class Org(Shape):
    """An organisation, or a service of one."""

    rules = (at_least_one("name", "identifier"),)
    name: Maybe[Text] = None
    identifier: Maybe[Identifier] = None
    type: Maybe[Coded] = None


class Name(Shape):
    """FHIR HumanName."""

    rules = (at_least_one("family", "given", "text"),)
    use: Maybe[Literal["usual", "official", "temp", "nickname", "anonymous", "old", "maiden"]] = None
    text: Maybe[Text] = None
    family: Maybe[Text] = None
    given: Maybe[list[Text]] = None
    prefix: Maybe[list[Text]] = None
    suffix: Maybe[list[Text]] = None
    period: Maybe[Period] = None


class Address(Shape):
    """FHIR Address, with the two numbers that councils find a home by."""

    rules = (at_least_one("line", "text", "city", "district", "state", "postalCode", "country", "uprn"),)
    use: Maybe[Literal["home", "work", "temp", "old", "billing"]] = None
    type: Maybe[Literal["postal", "physical", "both"]] = None
    text: Maybe[Text] = None
    line: Maybe[list[Text]] = None
    city: Maybe[Text] = None
    district: Maybe[Text] = None
    state: Maybe[Text] = None
    postalCode: Maybe[Text] = None  # noqa: N815 - FHIR's name
    country: Maybe[Text] = None
    period: Maybe[Period] = None
    uprn: Maybe[Text] = None  # unique property reference number


class Telecom(Shape):
    """FHIR ContactPoint."""

    value: Text
    system: Maybe[Literal["phone", "fax", "email", "pager", "url", "sms", "other"]] = None
    use: Maybe[Literal["home", "work", "temp", "old", "mobile"]] = None
    rank: Maybe[Count] = None
    period: Maybe[Period] = None


class Actor(Shape):
    """Who acts: a practitioner, or a role in an organisation."""

    rules = (at_least_one("role", "name", "identifier", "organisation"),)
    role: Maybe[Text] = None
    name: Maybe[Text] = None
    identifier: Maybe[Identifier] = None
    organisation: Maybe[Org] = None


class Other(Shape):
    """A third person named in an event, such as a relative: nobody but the sender may be led to them from here.

    `removed` is said by the hub alone, and then nothing else: somebody was named here, and was removed since.
    """

    rules = (
        at_least_one(
            "name", "relation", "identifiers", "telecoms", "addresses", "birth_date", "organisation", "removed"
        ),
    )
    name: Maybe[Name] = None
    relation: Maybe[Coded] = None
    birth_date: Maybe[FuzzyDate] = None
    sex: Maybe[Sex] = None
    identifiers: Maybe[list[Identifier]] = None
    telecoms: Maybe[list[Telecom]] = None
    addresses: Maybe[list[Address]] = None
    organisation: Maybe[Org] = None
    removed: Maybe[Literal[True]] = None


class Member(Shape):
    """One of a household; a name stands only in `other`."""

    rules = (at_least_one("relation", "age", "sex", "other"),)
    relation: Maybe[Coded] = None
    age: Maybe[Count] = None
    sex: Maybe[Sex] = None
    other: Maybe[Other] = None


class Answer(Shape):
    """A value of exactly one kind."""

    rules = (exactly_one,)
    text: Maybe[Text] = None
    boolean: Maybe[bool] = None
    integer: Maybe[Whole] = None
    decimal: Maybe[Decimal] = None
    date: Maybe[FuzzyDate] = None
    coded: Maybe[Coded] = None
    quantity: Maybe[Quantity] = None
    money: Maybe[Money] = None
    period: Maybe[Period] = None


class Action(Shape):
    """Something to be done, by whom and by when."""

    text: Text
    by: Maybe[Actor] = None
    due: Maybe[FuzzyDate] = None
    status: Maybe[Literal["planned", "in-progress", "done", "not-done"]] = None


class Doc(Shape):
    """FHIR Attachment with the document's identifier; a `url` is kept, never fetched."""

    rules = (at_least_one("identifier", "title", "url", "hash", "text"),)
    identifier: Maybe[Identifier] = None
    title: Maybe[Text] = None
    contentType: Maybe[Text] = None  # noqa: N815 - FHIR's name
    language: Maybe[Language] = None
    url: Maybe[Text] = None
    size: Maybe[Count] = None
    hash: Maybe[Text] = None
    creation: Maybe[FuzzyDate] = None
    status: Maybe[Coded] = None
    text: Maybe[Text] = None  # what the document says, where it is text


class FieldChange(Shape):
    """A field that changed; a signal names only the field."""

    field: Text
    from_: Maybe[Plain] = Field(default=None, alias="from")
    to: Maybe[Plain] = None


class Placement(Shape):
    """Where somebody lives who is looked after or placed."""

    rules = (at_least_one("kind", "provider", "address", "urn"),)
    kind: Maybe[Coded] = None
    provider: Maybe[Org] = None
    address: Maybe[Address] = None
    urn: Maybe[Text] = None
