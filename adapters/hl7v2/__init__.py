"""HL7 v2 from hospitals: admissions, appointments, results, documents, vaccinations (docs/adapters/hl7v2.md)."""
