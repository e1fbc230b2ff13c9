"""A34 and A40: the sender says that two of its records are one person. Evidence for linkage, no merge by itself."""

from __future__ import annotations

from dataclasses import replace

from adapters.hl7v2.fields import told
from adapters.hl7v2.identifiers import choose, is_cut
from adapters.hl7v2.moments import moment
from adapters.hl7v2.reading import Patient, effective


def merge(patient: Patient) -> None:
    """Each MRG-1's record was merged into PID-3's: a fact of MRG-1's record.

    `identifier` is MRG-1's and `replaced_by` PID-3's, both as `RecordId.payload` writes them, so that
    `record_of_payload` tells both records.
    """
    notes, reading = patient.notes, patient.reading
    evn = reading.hl7.first("EVN")
    moments = (moment(evn[number], patient.zone, notes) for number in (6, 2)) if evn else iter(())
    when = next((each for each in moments if each), None)
    merged = patient.every("MRG")
    if not merged:
        notes.add("no-merged-identifier", "MRG-1", "It does not say which record was merged.")
    for mrg in merged:
        since = notes.mark
        record, _ = choose(mrg[1], reading.facility, notes)
        if record is None or is_cut(reading.hl7, mrg, 1):
            notes.add("no-merged-identifier", mrg.where + "-1", "It does not say which record was merged.")
        elif record == patient.record:
            notes.add("merged-into-itself", mrg.where + "-1", "MRG-1 and PID-3 name the same record.")
        else:
            payload = told(
                identifier=record.payload(),
                action="merged",
                replaced_by=patient.record.payload(),
                effective=effective(when),
            )
            replace(patient, record=record).say("person.identifier-changed", "merged", payload, since=since)
