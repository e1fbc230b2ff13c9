"""health.*: what health services found, gave and did. Lists follow FHIR R4's, shortened: unverified."""

from typing import Literal

from events.catalogue.base import Shape, wording
from events.catalogue.shapes import Actor, Answer, Coded
from events.catalogue.told import Told
from events.catalogue.values import Count, Maybe, Text


class HealthTold(Told):
    """Health data are special category data (UK GDPR, article 9)."""

    sensitivity = "special-category"


class ConditionRecorded(HealthTold):
    """A condition, problem or diagnosis."""

    type = "health.condition-recorded"
    title = "Condition[: {code}][ ({status})]"
    words = wording(status={"active": ""})
    key_event = True
    fhir = "UKCore-Condition"
    published = True

    condition_id: Maybe[Text] = None
    code: Coded
    status: Maybe[Literal["active", "recurrence", "relapse", "inactive", "remission", "resolved"]] = None
    certainty: Maybe[Literal["confirmed", "provisional", "differential", "refuted"]] = None
    impact: Maybe[Text] = None


class AllergyRecorded(HealthTold):
    """An allergy or intolerance, or that there is none."""

    type = "health.allergy-recorded"
    title = "{kind?Allergy}[: {substance}][ ({status})]"
    words = wording(kind={"unknown": "allergy"}, status={"active": "", "no-known-allergies": ""})
    key_event = True
    fhir = "UKCore-AllergyIntolerance"
    published = True

    allergy_id: Maybe[Text] = None
    substance: Coded
    reactions: Maybe[list[Coded]] = None
    severity: Maybe[Literal["mild", "moderate", "severe"]] = None
    kind: Maybe[Literal["allergy", "intolerance", "unknown"]] = None
    status: Maybe[Literal["active", "inactive", "resolved", "refuted", "no-known-allergies"]] = None


class MedicationChanged(HealthTold):
    """A medicine was started, changed or stopped, or is not being taken."""

    type = "health.medication-changed"
    title = "{medication?Medicine} {action?changed}"
    words = wording(action={"not-taking": "not being taken"})
    fhir = "UKCore-MedicationStatement / MedicationRequest (dm+d)"

    medication_id: Maybe[Text] = None
    medication: Coded
    action: Literal["started", "continued", "changed", "stopped", "not-taking", "restarted"]
    dose: Maybe[Text] = None
    reason: Maybe[Coded] = None
    prescriber: Maybe[Actor] = None
    takes_it_as: Maybe[Text] = None


class ImmunisationRecorded(HealthTold):
    """A vaccination was given or not given."""

    type = "health.immunisation-recorded"
    title = "Vaccination[: {vaccine}][ ({status})]"
    words = wording(status={"completed": "", "not-done": "not given"})
    fhir = "UKCore-Immunization"
    published = True

    immunisation_id: Maybe[Text] = None
    vaccine: Coded
    status: Maybe[Literal["completed", "not-done"]] = None
    dose_number: Maybe[Count] = None
    reason: Maybe[Coded] = None


class ProcedureRecorded(HealthTold):
    """An operation, examination or treatment, done or planned."""

    type = "health.procedure-recorded"
    title = "Procedure[: {code}][ ({status})]"
    words = wording(status={"done": ""})
    fhir = "UKCore-Procedure"

    procedure_id: Maybe[Text] = None
    code: Coded
    status: Maybe[Literal["planned", "in-progress", "done", "not-done"]] = None
    performer: Maybe[Actor] = None
    outcome: Maybe[Coded] = None


class ResultComponent(Shape):
    """One part of a result, such as the systolic pressure."""

    code: Coded
    value: Maybe[Answer] = None
    interpretation: Maybe[Coded] = None


class ResultRecorded(HealthTold):
    """What was measured, counted or seen."""

    type = "health.result-recorded"
    title = "{code?Result}[: {value}][ ({interpretation})]"
    fhir = "UKCore-Observation / DiagnosticReport"
    published = True

    result_id: Maybe[Text] = None
    report_id: Maybe[Text] = None
    category: Maybe[Coded] = None
    status: Maybe[Literal["preliminary", "final", "corrected"]] = None
    code: Coded
    components: Maybe[list[ResultComponent]] = None
    value: Maybe[Answer] = None
    interpretation: Maybe[Coded] = None
    reference_range: Maybe[Text] = None
