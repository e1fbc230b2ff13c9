"""HL7 v2's encoding rules: text to segments, fields, repeats, components; nothing of what they mean.

Nothing is parsed before somebody asks for it: a message is cut into lines, a line into fields at first use, and
escapes are undone and control characters dropped only where a text is read (HL7 v2.5.1, chapter 2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.hl7v2.charsets import decode, guessed
from adapters.sdk.adapter import Finding

NULL = '""'  # "delete what you hold": for a field that is asserted as a whole it says the same as absence
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}|[0-9]{3}")
_SPACING = re.compile(r"\.(?:br|sp)(\+?\d*)")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_FORMATTING = re.compile(r"\.(?:in|ti)[+-]?\d*|\.(?:fi|nf|ce)|[HN]")


class NotHl7Error(ValueError):
    """The bytes do not begin with a usable MSH segment."""


class Notes:
    """The faults noted while a message is read, in the order they were met."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Finding] = []

    def add(self, code: str, where: str, detail: str = "") -> None:
        self._found.append(Finding(code, where, detail))

    @property
    def mark(self) -> int:
        """The place to `take` from later."""
        return len(self._found)

    def take(self, mark: int = 0) -> tuple[Finding, ...]:
        """Remove and return what was noted since the mark, each finding once."""
        taken = tuple(dict.fromkeys(self._found[mark:]))
        del self._found[mark:]
        return taken


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters that MSH-1 and MSH-2 declare."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @property
    def declared(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent


def delimiters(header: str, notes: Notes | None = None) -> Delimiters:
    """Delimiters of an MSH line; where MSH-2 is short or ambiguous, the usual ones and a finding.

    Raises NotHl7Error where MSH-1 is no delimiter.
    """
    field = header[3:4]
    if not header.startswith("MSH") or not field or field.isalnum() or field.isspace():
        raise NotHl7Error
    declared = header[4:].split(field, 1)[0][:4]
    usual = Delimiters(field)
    chosen = Delimiters(field, *(declared + usual.declared[len(declared) :]))
    marks = chosen.field + chosen.declared
    if len(set(marks)) == 5 and not any(mark.isalnum() or mark.isspace() for mark in marks):
        if len(declared) < 4 and notes is not None:
            notes.add("bad-delimiters", "MSH-2", "Fewer than four delimiters are declared; the usual ones fill up.")
        return chosen
    if notes is not None:
        notes.add("bad-delimiters", "MSH-2", "The delimiters declared are not usable; the usual ones are taken.")
    if len(set(field + usual.declared)) != 5:
        raise NotHl7Error
    return usual


class Part:
    """A field, a repeat, a component or a subcomponent: raw text until its value is asked for."""

    __slots__ = ("_above", "_depth", "_hl7", "_number", "_pieces", "raw")

    def __init__(self, hl7: Hl7, raw: str, depth: int, above: Part | Segment, number: int) -> None:
        self._hl7 = hl7
        self._depth = depth  # 0 a field, 1 a repeat, 2 a component, 3 a subcomponent
        self._above = above
        self._number = number
        self._pieces: list[str] | None = None
        self.raw = raw

    def __bool__(self) -> bool:
        return bool(self.raw) and self.raw != NULL

    @property
    def where(self) -> str:
        """`PID-3`, `PID-3(2)` for a repeat of several, `PID-3(2).1`; 0 numbers the only repeat."""
        if self._depth == 1:
            return f"{self._above.where}({self._number})" if self._number else self._above.where
        return f"{self._above.where}{'.' if self._depth else '-'}{self._number}"

    @property
    def repeats(self) -> list[Part]:
        """The repeats of a field that hold anything."""
        mark = self._hl7.delimiters.repetition
        if mark not in self.raw:
            return [Part(self._hl7, self.raw, 1, self, 0)] if self else []
        pieces = enumerate(self.raw.split(mark), start=1)
        return [Part(self._hl7, raw, 1, self, number) for number, raw in pieces if raw and raw != NULL]

    def __getitem__(self, number: int) -> Part:
        """Component `number` (from 1) of a field's first repeat or of a repeat; subcomponent of a component."""
        return Part(self._hl7, self._piece(number), 3 if self._depth == 2 else 2, self, number)

    def at(self, number: int) -> str:
        """The same as `self[number].text`, without an object in between where the text is plain."""
        raw = self._piece(number)
        if not raw or raw.isalnum():
            return raw
        return self[number].text

    def _piece(self, number: int) -> str:
        pieces = self._pieces
        if pieces is None:
            repetition, component, subcomponent = self._hl7.marks
            raw = self.raw
            if not self._depth and repetition in raw:
                raw = raw[: raw.index(repetition)]
            self._pieces = pieces = raw.split(subcomponent if self._depth == 2 else component)
        return pieces[number - 1] if number <= len(pieces) else ""

    @property
    def text(self) -> str:
        """The first value in it: escapes undone, no control characters, no blanks around; "" for null."""
        raw = self.raw
        if not raw or raw == NULL:
            return ""
        for mark in self._hl7.marks[self._depth :]:
            if mark in raw:
                raw = raw[: raw.index(mark)]
        return self._hl7.plain(raw, self)

    @property
    def whole(self) -> str:
        """The whole of it as text, for narrative that holds unescaped delimiters; repeats are lines."""
        raw = self.raw
        if not raw or raw == NULL:
            return ""
        if self._depth == 0:
            raw = raw.replace(self._hl7.delimiters.repetition, "\n")
        return self._hl7.plain(raw, self)


class Segment:
    """A line of a message. Fields are numbered as in the standard: MSH-1 is the field delimiter itself."""

    __slots__ = ("_fields", "_hl7", "line", "name", "nth")

    def __init__(self, hl7: Hl7, line: str) -> None:
        self._hl7 = hl7
        self._fields: list[str] | None = None
        self.line = line
        self.name = line[:3]
        self.nth = 0  # the how-manieth of its name in the message, from 1; 0 until counted

    def __getitem__(self, number: int) -> Part:
        if self._fields is None:
            fields = self.line.split(self._hl7.delimiters.field)
            if self.name == "MSH":
                fields.insert(1, self._hl7.delimiters.field)
            self._fields = fields
        raw = self._fields[number] if number < len(self._fields) else ""
        return Part(self._hl7, raw, 0, self, number)

    @property
    def where(self) -> str:
        """`OBX`, or `OBX(3)` for the third of several."""
        if not self.nth:
            self._hl7.count()
        return f"{self.name}({self.nth})" if self._hl7.is_repeated(self.name) else self.name


class Hl7:
    """A message cut into segments. Faults met while reading it gather in `notes`.

    Raises NotHl7Error where there is no usable MSH at the start.
    """

    __slots__ = ("_counts", "_firsts", "delimiters", "is_cut", "marks", "notes", "segments")

    def __init__(self, raw: bytes) -> None:
        self.notes = Notes()
        text, faults = decode(raw)
        for fault in faults:
            self.notes.add(fault.code, fault.where, fault.detail)
        self.is_cut = not text.endswith(("\r", "\n", "\x1c"))  # nothing says that its last field is whole
        lines = _lines(text)
        self.delimiters = delimiters(lines[0] if lines else "", self.notes)
        self.marks = (self.delimiters.repetition, self.delimiters.component, self.delimiters.subcomponent)
        self._counts: dict[str, int] = {}
        self._firsts: dict[str, Segment] = {}
        self.segments = [Segment(self, line) for line in self._whole_lines(lines)]

    def _whole_lines(self, lines: list[str]) -> list[str]:
        """Lines that are segments; one that is not is the rest of the line before (a break inside a field)."""
        mark = self.delimiters.field
        whole: list[str] = []
        rest: dict[int, list[str]] = {}
        for line in lines:
            if (line[3:4] == mark or len(line) == 3) and _NAME.match(line):
                whole.append(line)
            else:
                rest.setdefault(len(whole) - 1, []).append(line)
        for index, more in rest.items():
            self.notes.add("line-without-segment", whole[index][:3], "A line after it begins with no segment's name.")
            whole[index] = "\n".join((whole[index], *more))
        return whole

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def first(self, name: str) -> Segment | None:
        if not self._firsts:  # looked up, not searched: a message may ask for each of thousands of people
            self._firsts = {segment.name: segment for segment in reversed(self.segments)}
        return self._firsts.get(name)

    def every(self, name: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name == name]

    def count(self) -> None:
        """Number the segments of each name."""
        counts = self._counts
        for segment in self.segments:
            counts[segment.name] = segment.nth = counts.get(segment.name, 0) + 1

    def is_repeated(self, name: str) -> bool:
        return self._counts.get(name, 0) > 1

    def is_cut_in(self, segment: Segment, number: int) -> bool:
        """True where the message breaks off in a field, and nothing says that what is there is all there was."""
        return (
            self.is_cut
            and segment is self.segments[-1]
            and len(segment.line.split(self.delimiters.field)) == number + 1
        )

    def plain(self, raw: str, part: Part) -> str:
        """Text as a reader sees it: escapes undone, control characters other than tab and newline gone."""
        escape = self.delimiters.escape
        if escape in raw:
            raw = self._unescaped(raw, escape, part)
        if not raw.isprintable() and _CONTROL.search(raw):
            self.notes.add("control-characters", part.where, "They were left out.")
            raw = _CONTROL.sub("", raw)
        return raw.strip()

    def _unescaped(self, raw: str, escape: str, part: Part) -> str:
        """Every second piece is a sequence; one that is none stays as written, and its end may begin the next."""
        pieces = raw.split(escape)
        out = [pieces[0]]
        index, is_unknown = 1, False
        while index < len(pieces):
            meant = self._meaning(pieces[index]) if index + 1 < len(pieces) else None
            if meant is None:
                is_unknown = True
                out += (escape, pieces[index])
                index += 1
            else:
                out += (meant, pieces[index + 1])
                index += 2
        if is_unknown:
            self.notes.add("unknown-escape", part.where, "It stays as written.")
        return "".join(out)

    def _meaning(self, sequence: str) -> str | None:
        """What `\\sequence\\` stands for, or None for no sequence (HL7 v2.5.1, 2.7)."""
        marks = self.delimiters
        known = {
            "F": marks.field,
            "S": marks.component,
            "T": marks.subcomponent,
            "R": marks.repetition,
            "E": marks.escape,
            "P": "#",  # truncation, v2.7
        }
        if sequence in known:
            return known[sequence]
        spacing = _SPACING.fullmatch(sequence)
        if spacing:
            return "\n" * min(int(spacing[1].lstrip("+") or 1), 10)
        if sequence[:1] == "X" and _HEX.fullmatch(sequence, 1):
            return _of_hex(sequence[1:])
        return "" if _FORMATTING.fullmatch(sequence) else None


def _of_hex(digits: str) -> str:
    """Text of an \\X..\\ escape; nearly always a line break."""
    return guessed(bytes.fromhex(digits)).replace("\r\n", "\n").replace("\r", "\n")


def _lines(text: str) -> list[str]:
    """Lines of a message, whatever ends them: \\r, \\n, \\r\\n or the bytes of an MLLP frame."""
    for end in ("\n", "\x0b", "\x1c"):
        if end in text:
            text = text.replace(end, "\r")
    return [line.lstrip(" \t") for line in text.split("\r") if line and not line.isspace()]
