"""person.*: who a source record says that somebody is."""

from typing import Annotated, Literal

from pydantic import Field

from events.catalogue.base import wording
from events.catalogue.shapes import Actor, Address, Coded, FieldChange, Identifier, Name, Org, Sex, Telecom
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Maybe, Text


class PersonRegistered(Told):
    """A source's demographics of a person, whole: what a later message leaves out is gone from them."""

    type = "person.registered"
    title = "Registered"
    title_later = "Details updated"
    fhir = "UKCore-Patient"
    published = True

    identifiers: list[Identifier]
    names: Maybe[list[Name]] = None
    birth_date: Maybe[FuzzyDate] = None
    expected_birth_date: Maybe[FuzzyDate] = None
    sex_registered: Maybe[Sex] = None
    gender_identity: Maybe[Coded] = None
    addresses: Maybe[list[Address]] = None
    address_withheld: Maybe[bool] = None
    telecoms: Maybe[list[Telecom]] = None
    ethnicity: Maybe[Coded] = None
    religion: Maybe[Coded] = None
    nationality: Maybe[Coded] = None
    gp_practice: Maybe[Org] = None
    responsible_authority: Maybe[Org] = None


class PersonDetailsChanged(Told):
    """The sender itself names the fields that changed, with or without their values."""

    type = "person.details-changed"
    title = "Details changed[: {changes}]"
    fhir = "UKCore-Patient (new version) + Provenance"

    changes: Annotated[list[FieldChange], Field(min_length=1)]
    reason: Maybe[Text] = None


class PersonIdentifierChanged(Told):
    """A number of the person was given, checked, replaced or merged."""

    type = "person.identifier-changed"
    title = "{identifier.type.display?Number} {action?changed}"
    words = wording(action={"merged": "merged into another"})
    fhir = "UKCore-Patient.identifier (+ NHSNumberVerificationStatus)"
    published = True

    identifier: Identifier
    action: Literal["assigned", "verified", "superseded", "withdrawn", "merged"]
    replaced_by: Maybe[Identifier] = None
    reason: Maybe[Text] = None


class PersonAddressChanged(Told):
    """The person moved, or an address was corrected or confirmed."""

    type = "person.address-changed"
    title = "{action?Address changed}[: {reason}]"
    words = wording(action={"corrected": "address corrected", "confirmed": "address confirmed"})
    key_event = True
    fhir = "UKCore-Patient.address / Location"

    address: Address
    action: Maybe[Literal["moved-in", "moved-out", "corrected", "confirmed"]] = None
    reason: Maybe[Coded] = None


class PersonDied(Told):
    """The person's death was notified; a withdrawal takes it back."""

    type = "person.died"
    title = "Died"
    key_event = True
    fhir = "UKCore-Patient.deceased[x] + DeathNotificationStatus"
    published = True

    date: Maybe[FuzzyDate] = None
    status: Maybe[Literal["informal", "formal"]] = None
    place: Maybe[Text] = None
    informant: Maybe[Actor] = None
