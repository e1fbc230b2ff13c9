"""HL7 tables beside the catalogue's closed lists.

Each table maps the sender's code to ours, or to None where a known code has no equal: then the field stays empty and
the sender's own code stands in `coded`. A code in no table leads to a finding. All tables are unverified (from memory)
but 0085, 0190 and 0445, which were read in HL7's published tables and the English ADT message specifications.
"""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, str | None]

TABLE_URI = "http://terminology.hl7.org/CodeSystem/v2-"

# HL7's names of coding systems (table 0396) as FHIR writes them.
SYSTEMS = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "SNM3": "http://snomed.info/sct",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I9": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "MVX": "http://hl7.org/fhir/sid/mvx",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "UCUM": "http://unitsofmeasure.org",
    "DMD": "https://dmd.nhs.uk",
}

SEX: Table = {"M": "male", "F": "female", "A": "indeterminate", "U": "unknown", "O": None, "N": None}  # 0001

# 0004: what kind of episode the class of a visit is. A pre-admission (P) with a date of admission is an admission.
PATIENT_CLASS: Table = {
    "I": "inpatient",
    "P": "inpatient",
    "B": "inpatient",
    "E": "ed-attendance",
    "O": "outpatient",
    "R": "outpatient",
    "C": None,
    "N": None,
    "U": None,
}
REGISTERED_CLASS: Table = {**PATIENT_CLASS, "P": "outpatient", "B": "outpatient", "C": "outpatient"}  # of an A04

NAME_USE: Table = {  # 0200
    "L": "official",
    "D": "usual",
    "M": "maiden",
    "N": "nickname",
    "S": "anonymous",
    "T": None,
    "TEMP": "temp",
    "BAD": "old",
    "NOUSE": "old",
    **dict.fromkeys(("A", "B", "C", "F", "I", "K", "MSK", "NAV", "NB", "P", "R", "REL", "U")),
}
ADDRESS_USE: Table = {  # 0190; HOME and WORK are what some English senders write
    "H": "home",
    "P": "home",
    "HOME": "home",
    "O": "work",
    "B": "work",
    "WORK": "work",
    "C": "temp",
    "TM": "temp",
    "V": "temp",
    "BA": "old",
    "BR": "old",
    "BI": "billing",
    **dict.fromkeys(("L", "M", "RH", "S", "SH")),
}
NO_ADDRESS_OF_THE_PERSON = frozenset({"BDL", "F", "N"})  # 0190: where one was born or comes from
TELECOM_USE: Table = {  # 0201
    "PRN": "home",
    "ORN": "home",
    "WPN": "work",
    "VHN": "temp",
    "PRS": "mobile",
    **dict.fromkeys(("ASN", "BPN", "EMR", "NET")),
}
TELECOM_SYSTEM: Table = {  # 0202
    "PH": "phone",
    "CP": "phone",
    "SAT": "phone",
    "TDD": "phone",
    "TTY": "phone",
    "FX": "fax",
    "BP": "pager",
    "INTERNET": "email",
    "X.400": "email",
    "MD": None,
}

ROLE: Table = {  # 0131 and the like of it that senders put into NK1-7 or NK1-3
    "C": "emergency-contact",
    "EP": "emergency-contact",
    "EC": "emergency-contact",
    "EC1": "emergency-contact",
    "EC2": "emergency-contact",
    "EMC": "emergency-contact",
    "EMERGENCY CONTACT": "emergency-contact",
    "N": "next-of-kin",
    "NOK": "next-of-kin",
    "NEXT OF KIN": "next-of-kin",
    "CGV": "unpaid-carer",
    "FND": "friend-or-neighbour",
    "FRIEND": "friend-or-neighbour",
    "NEIGHBOUR": "friend-or-neighbour",
    **dict.fromkeys(("BP", "CP", "E", "EM", "F", "I", "O", "PR", "S", "U", "Y")),
}

ALLERGY_KIND: Table = {  # 0127
    **dict.fromkeys(("AA", "DA", "EA", "FA", "LA", "MA", "PA"), "allergy"),
    "MC": "unknown",
}
ALLERGY_SEVERITY: Table = {"MI": "mild", "MO": "moderate", "SV": "severe", "U": None}  # 0128
NO_KNOWN_ALLERGY = frozenset({"716186003", "NKA"})  # SNOMED CT "no known allergy"

DIAGNOSIS_TYPE: Table = {"F": "confirmed", "W": "provisional", "A": None}  # 0052

RESULT_STATUS: Table = {  # 0085; D and W withdraw
    "F": "final",
    "U": "final",
    "V": "final",
    "C": "corrected",
    "A": "corrected",
    "P": "preliminary",
    "R": "preliminary",
    "S": "preliminary",
    **dict.fromkeys(("B", "I", "N", "O", "X")),
}
VACCINE_STATUS: Table = {"CP": "completed", "PA": None, "RE": "not-done", "NA": "not-done"}  # 0322

# Words for codes that are sent without any, for readers who do not know HL7's.
Words = Mapping[str, str]

PATIENT_CLASS_WORDS: Words = {
    "I": "inpatient",
    "O": "outpatient",
    "E": "emergency",
    "P": "pre-admission",
    "R": "recurring patient",
    "B": "obstetrics",
}
RELATION_WORDS: Words = {  # 0063
    "ASC": "associate",
    "BRO": "brother",
    "CGV": "care giver",
    "CHD": "child",
    "DOM": "life partner",
    "EMC": "emergency contact",
    "EMR": "employer",
    "EXF": "extended family",
    "FCH": "foster child",
    "FND": "friend",
    "FTH": "father",
    "GCH": "grandchild",
    "GRD": "guardian",
    "GRP": "grandparent",
    "MTH": "mother",
    "NCH": "natural child",
    "PAR": "parent",
    "SCH": "stepchild",
    "SIB": "sibling",
    "SIS": "sister",
    "SPO": "spouse",
}
DOCUMENT_WORDS: Words = {  # 0270
    "AR": "autopsy report",
    "CD": "cardiodiagnostics",
    "CN": "consultation",
    "DI": "diagnostic imaging",
    "DS": "discharge summary",
    "ED": "emergency department report",
    "HP": "history and physical examination",
    "OP": "operative report",
    "PC": "psychiatric consultation",
    "PH": "psychiatric history and physical examination",
    "PN": "procedure note",
    "PR": "progress note",
    "SP": "surgical pathology",
    "TS": "transfer summary",
}
INTERPRETATION_WORDS: Words = {  # 0078
    "A": "abnormal",
    "AA": "critically abnormal",
    "H": "high",
    "HH": "critically high",
    "L": "low",
    "LL": "critically low",
    "N": "normal",
    "I": "intermediate",
    "R": "resistant",
    "S": "susceptible",
}

MINUTES = {
    **dict.fromkeys(("M", "MIN", "MINS", "MINUTE", "MINUTES"), 1),
    **dict.fromkeys(("H", "HR", "HRS", "HOUR", "HOURS"), 60),
}
