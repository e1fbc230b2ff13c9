"""What people see a doctor about. unverified: SNOMED CT, LOINC and CVX codes from memory, for a demonstration only."""

from __future__ import annotations

from dataclasses import dataclass

Concept = tuple[str, str]

HYPERTENSION: Concept = ("38341003", "Hypertensive disorder")
DIABETES: Concept = ("44054006", "Diabetes mellitus type 2")
ASTHMA: Concept = ("195967001", "Asthma")
OSTEOARTHRITIS: Concept = ("396275006", "Osteoarthritis")
LOW_MOOD: Concept = ("35489007", "Depressive disorder")
ANXIETY: Concept = ("197480006", "Anxiety disorder")
FALL: Concept = ("217082002", "Accidental fall")
HIP_FRACTURE: Concept = ("5913000", "Fracture of neck of femur")
CHEST_INFECTION: Concept = ("50417007", "Lower respiratory tract infection")
APPENDICITIS: Concept = ("74400008", "Appendicitis")
HEART_FAILURE: Concept = ("84114007", "Heart failure")
BROKEN_WRIST: Concept = ("263102004", "Fracture of wrist")
HEARING_LOSS: Concept = ("15188001", "Hearing loss")
PENICILLIN: Concept = ("764146007", "Penicillin")
LATEX: Concept = ("111088007", "Latex")
PEANUT: Concept = ("762952008", "Peanut")

INFLUENZA: Concept = ("141", "Influenza, seasonal, injectable")
PNEUMOCOCCAL: Concept = ("33", "Pneumococcal polysaccharide")
MMR: Concept = ("03", "Measles, mumps and rubella")
SIX_IN_ONE: Concept = ("146", "DTaP, IPV, Hib, hepatitis B")


@dataclass(frozen=True)
class Visit:
    """A reason to see the doctor, what may be found and what may be given for it."""

    reason: str
    youngest: int
    oldest: int
    found: Concept | None = None
    given: str | None = None
    dose: str | None = None


VISITS = (
    Visit("Cough and cold", 0, 99),
    Visit("Earache", 0, 14, None, "Paracetamol 120mg/5ml oral suspension", "5 ml up to four times a day"),
    Visit("Rash", 0, 60, None, "Hydrocortisone 1% cream", "Thinly, twice a day for a week"),
    Visit("Wheezing", 3, 70, ASTHMA, "Salbutamol 100micrograms inhaler", "Two puffs when needed"),
    Visit("Back pain", 20, 80, None, "Ibuprofen 400mg tablets", "One, up to three times a day with food"),
    Visit("Tiredness", 14, 90),
    Visit("Trouble sleeping", 16, 85),
    Visit("Painful knee", 45, 95, OSTEOARTHRITIS, "Naproxen 250mg tablets", "One, twice a day with food"),
    Visit("High blood pressure found at the pharmacy", 40, 90, HYPERTENSION, "Amlodipine 5mg tablets", "One each day"),
    Visit("Thirst and tiredness", 42, 85, DIABETES, "Metformin 500mg tablets", "One, twice a day with meals"),
    Visit("Feeling low for some weeks", 16, 80, LOW_MOOD, "Sertraline 50mg tablets", "One each morning"),
    Visit("Worrying a great deal", 14, 70, ANXIETY),
    Visit("Medication review", 50, 99),
    Visit("Sick note for work", 18, 66),
    Visit("Ankle swelling and short of breath", 70, 99, HEART_FAILURE, "Furosemide 40mg tablets", "One each morning"),
)

# Code, name, unit, reference range, lowest and highest value, decimals.
Measured = tuple[str, str, str, str, float, float, int]
PANELS: tuple[tuple[Concept, tuple[Measured, ...]], ...] = (
    (
        ("58410-2", "Full blood count"),
        (
            ("718-7", "Haemoglobin", "g/L", "115-165", 108, 158, 0),
            ("6690-2", "White cell count", "10*9/L", "4.0-11.0", 4.1, 10.9, 1),
            ("777-3", "Platelets", "10*9/L", "150-400", 155, 390, 0),
        ),
    ),
    (
        ("24362-6", "Kidney function"),
        (
            ("2160-0", "Creatinine", "umol/L", "45-104", 48, 120, 0),
            ("2951-2", "Sodium", "mmol/L", "133-146", 132, 146, 0),
            ("2823-3", "Potassium", "mmol/L", "3.5-5.3", 3.4, 5.2, 1),
        ),
    ),
    (("4548-4", "HbA1c"), (("59261-8", "HbA1c", "mmol/mol", "20-41", 33, 74, 0),)),
    (
        ("24325-3", "Liver function"),
        (
            ("1742-6", "Alanine aminotransferase", "U/L", "10-50", 11, 62, 0),
            ("1975-2", "Bilirubin", "umol/L", "0-21", 4, 22, 0),
        ),
    ),
)
CLINICS = (
    "Orthopaedic clinic",
    "Eye clinic",
    "Cardiology clinic",
    "Dermatology clinic",
    "Ear, nose and throat clinic",
    "Diabetes clinic",
    "Audiology clinic",
    "Respiratory clinic",
    "Physiotherapy",
)
