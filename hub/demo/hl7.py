"""Writes HL7 v2.4 with hl7apy, strictly checked, so that the hospital's messages are not our own reader's inverse."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from events.errors import WrongSettings

VERSION = "2.4"

# A field is a text, its components, or a list of repetitions.
Components = tuple[str, ...]
Field = str | Components | list[Components]
Fields = Mapping[int, Field]
Segment = tuple[str, Fields]


class Writer:
    """Turns segments into the bytes of messages.

    hl7apy takes some 0.3 to 0.9 ms a field, so a segment object is kept for each combination of fields and only
    the fields that differ from its last use are written again; person and visit segments mostly come from a cache.
    """

    def __init__(self) -> None:
        self._hl7apy = _library()
        self._blanks: dict[tuple[str, tuple[int, ...]], tuple[Any, dict[int, Field]]] = {}
        self._written = lru_cache(maxsize=4096)(self._write)

    def message(self, segments: Sequence[Segment]) -> bytes:
        """One message, every segment ended by a carriage return."""
        return "".join(self._segment(name, fields) + "\r" for name, fields in segments).encode()

    def _segment(self, name: str, fields: Fields) -> str:
        shape = tuple((at, tuple(value) if isinstance(value, list) else value) for at, value in fields.items())
        return self._written(name, shape)

    def _write(self, name: str, shape: tuple[tuple[int, Any], ...]) -> str:
        blank, last = self._blank(name, tuple(at for at, _ in shape))
        for at, value in shape:
            if last.get(at) != value:
                self._fill(blank, name, at, value)
                last[at] = value
        text: str = blank.to_er7()
        return text

    def _blank(self, name: str, places: tuple[int, ...]) -> tuple[Any, dict[int, Field]]:
        key = (name, places)
        if key not in self._blanks:
            strict = self._hl7apy.consts.VALIDATION_LEVEL.STRICT
            segment = self._hl7apy.core.Segment(name, version=VERSION, validation_level=strict)
            if name == "MSH":
                segment.msh_1, segment.msh_2 = "|", "^~\\&"
            self._blanks[key] = (segment, {})
        return self._blanks[key]

    @staticmethod
    def _fill(segment: Any, name: str, at: int, value: Any) -> None:
        field_name = f"{name.lower()}_{at}"
        for old in list(getattr(segment, field_name)):
            segment.children.remove(old)
        repeats = value if value and isinstance(value, tuple) and isinstance(value[0], tuple) else (value,)
        for repeat in repeats:
            field = segment.add_field(field_name)
            if isinstance(repeat, str):
                field.value = repeat
                continue
            for place, component in enumerate(repeat, 1):
                if component:
                    field.add_component(f"{field.datatype}_{place}".lower()).value = component


def _library() -> Any:
    try:
        for module in ("hl7apy.core", "hl7apy.consts"):
            importlib.import_module(module)
        return importlib.import_module("hl7apy")
    except ModuleNotFoundError as error:
        raise WrongSettings(
            "demo-needs-hl7apy",
            "the demo writes its hospital's HL7 messages with the package hl7apy, which is not installed",
            where="demo",
            next_step="Run `make demo`, which installs the development dependencies, or `pip install hl7apy`.",
        ) from error
