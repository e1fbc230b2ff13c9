"""Acknowledgements, in the sender's own delimiters (HL7 v2.5.1, 2.9: original mode)."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Literal

from adapters.hl7v2.cutting import cut
from adapters.hl7v2.tokens import NotHl7Error, delimiters

Verdict = Literal["AA", "AE", "AR"]

_DEFAULT_HEADER = "MSH|^~\\&||||||||"
# Table 0357 (unverified: from memory).
_ERRORS = {"AE": ("207", "Application internal error"), "AR": ("200", "Unsupported message type")}
_NO_CONTROLS = str.maketrans(dict.fromkeys((*range(32), 127)))


def header_of(content: bytes) -> str | None:
    """The MSH line of the first message in a frame, or None for what is no HL7 v2."""
    message = next((each for each in cut(BytesIO(content)) if each.fault is None), None)
    if message is None:
        return None
    # Latin-1 carries every byte there and back: what is copied stays in the sender's own character set.
    line = message.raw.decode("latin-1").removeprefix("\xef\xbb\xbf").lstrip(" \t")
    line = line.replace("\n", "\r").split("\r", 1)[0].translate(_NO_CONTROLS)
    try:
        delimiters(line)
    except NotHl7Error:
        return None
    return line


def acknowledgement(header: str | None, verdict: Verdict, text: str, *, control_id: str, now: datetime) -> bytes:
    """An ACK to the message of that MSH line: sender and receiver swapped, MSA-2 their control id, MSA-3 the text."""
    line = header or _DEFAULT_HEADER
    marks = delimiters(line)
    fields = line.split(marks.field) + [""] * 20
    escaped = _escaped(text, marks.escape, marks.field + marks.declared)
    component = marks.component
    kind = fields[8].split(component)
    event = kind[1].strip() if len(kind) > 1 else ""
    msh = ["MSH", marks.declared, fields[4], fields[5], fields[2], fields[3]]
    msh += [now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000"), "", f"ACK{component}{event}" if event else "ACK"]
    msh += [control_id, fields[10] or "P", fields[11] or "2.4"]
    if fields[17]:
        msh += ["", "", "", "", "", fields[17]]  # what is copied is in their character set
    segments = [msh, ["MSA", verdict, fields[9], escaped]]
    if verdict != "AA":
        code, meaning = _ERRORS[verdict]
        reason = component.join((code, meaning, "HL70357"))
        segments.append(["ERR", "", "", reason, "E", "", "", "", escaped])
    lines = (marks.field.join(segment) + "\r" for segment in segments)
    return "".join(lines).encode("latin-1", errors="replace")


def _escaped(text: str, escape: str, delimiting: str) -> str:
    """Text in which no delimiter divides anything. `delimiting` is MSH-1 and MSH-2 joined."""
    names = dict(zip(delimiting, "FSRET", strict=True))
    return "".join(f"{escape}{names[each]}{escape}" if each in names else each for each in text)
