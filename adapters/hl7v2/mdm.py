"""MDM T02: a document and what it says."""

from __future__ import annotations

from adapters.hl7v2.codes import DOCUMENT_WORDS
from adapters.hl7v2.fields import actor, coded, entity, first, in_words, told
from adapters.hl7v2.moments import moment
from adapters.hl7v2.reading import Patient, effective, name_part
from adapters.hl7v2.tokens import Segment

_TEXT_TYPES = frozenset({"ST", "TX", "FT"})
_PROTECTED = frozenset({"R", "V"})  # TXA-18, table 0272: restricted, very restricted (unverified: from memory)


def document(patient: Patient) -> None:
    """The document that TXA describes, with its text; embedded files stay in the receipt."""
    notes = patient.notes
    since = notes.mark
    txa = patient.first("TXA")
    if txa is None:
        notes.add("no-document", "TXA", "No TXA segment describes the document.")
        return
    written = moment(txa[4], patient.zone, notes)
    number = entity(txa[12])
    if not number:
        notes.add("no-document-number", "TXA-12", "Its kind and time name it.")
    key = name_part(number) if number else f"{patient.moment_name(written)}/{name_part(txa[2].text)}".rstrip("/")
    text = _text(patient)
    doc = told(
        identifier=told(value=number, assigner=txa[12].at(2)) if number else None,
        title=txa[25].text or (None if number or text else txa[2].text or "Document"),
        contentType="text/plain" if text else None,
        creation=written,
        status=coded(txa[17]),
        text=text,
    )
    payload = told(
        document=doc,
        kind=in_words(coded(txa[2]), DOCUMENT_WORDS),
        author=actor(first(txa[9])) or actor(first(txa[5])),
        effective=effective(written),
    )
    label = "restricted" if txa[18].text.upper() in _PROTECTED else None
    patient.say("document.shared", f"document/{key}", payload, since=since, sensitivity=label)


def _text(patient: Patient) -> str:
    lines = [_line(patient, obx) for obx in patient.every("OBX")]
    return "\n".join(line for line in lines if line is not None).strip()


def _line(patient: Patient, obx: Segment) -> str | None:
    """A line of the document; None for what is no text."""
    if obx[2].text.upper() in _TEXT_TYPES:
        return obx[5].whole
    if obx[5]:
        patient.notes.add("value-not-carried", obx.where + "-5", "What is no text is kept in the receipt only.")
    return None
