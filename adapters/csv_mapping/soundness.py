"""A mapping's content to a mapping, or all of its faults at once: those of its form, and those of what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from adapters.csv_mapping.checking import mapping_faults
from adapters.csv_mapping.mapping import CsvMapping, bad_mapping

Place = tuple[int | str, ...]
_FACT = {"type": "person.registered", "name": "x"}
_SKIP = {"reason": "x", "when": {}}
# What stands in for a part whose form is wrong, so that the others can be looked at; its own faults are told already.
_STAND_INS: Mapping[str, Any] = {
    "title": "x",
    "file": {},
    "record": {"type": "x", "id": "x"},
    "order": {"from": "arrival"},
    "skip": [],
    "defaults": {},
    "fact": [_FACT],
}
# Said of others than the column or code list that is left out, because it is.
_OF_WHAT_IS_GONE = {
    "columns": ("no column uses it", "must name a column of kind", "the column needs a code list"),
    "codes": ("must name one of the lists", "needs labels", "the column needs a code list"),
}


def sound_mapping(content: Mapping[str, Any]) -> CsvMapping:
    """The mapping in its content. Raises WrongSettings `bad-mapping`, listing every fault."""
    try:
        mapping = CsvMapping.model_validate(content)
    except ValidationError as error:
        found = _own_faults(error)
        faults = [f"{_words(place)}: {message}" for place, message in found]
        raise bad_mapping([*faults, *_faults_elsewhere(content, [place for place, _ in found])]) from error
    if faults := mapping_faults(mapping):
        raise bad_mapping(faults)
    return mapping


def _own_faults(error: ValidationError) -> list[tuple[Place, str]]:
    """The faults of the form; without those of a table that only misses a part which is faulty itself."""
    found = error.errors()
    parts = {each["loc"][:depth] for each in found for depth in range(1, len(each["loc"]))}
    return [(each["loc"], each["msg"]) for each in found if each["type"] != "too_short" or each["loc"] not in parts]


def _words(place: Place) -> str:
    """A place as the other faults say it: the first fact is `fact 1`."""
    return "".join(f" {each + 1}" if isinstance(each, int) else f".{each}" for each in place).removeprefix(".")


def _faults_elsewhere(content: Mapping[str, Any], places: list[Place]) -> Iterator[str]:
    """Faults of the parts whose form is right; none that only stem from a part being left out."""
    mended: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, list) else value
        for key, value in content.items()
    }
    told: list[str] = []
    try:
        for place in places:
            told += _mend(mended, place)
        faults = mapping_faults(CsvMapping.model_validate(mended))
    except (ValidationError, LookupError, TypeError):
        return  # too little of it is right to look further
    for fault in faults:
        begins = any(fault.startswith((f"{each}.", f"{each}:")) for each in told)
        if not begins and not any(each in fault for each in told if not each.isidentifier()):
            yield fault


def _mend(mended: dict[str, Any], place: Place) -> list[str]:
    """Leaves out the part at a place, or puts a stand-in there; what tells the faults that come of that."""
    table, *inner = place
    if table in ("columns", "codes") and inner:
        mended[str(table)].pop(inner[0], None)
        return [f"{table}.{inner[0]}", f"`{inner[0]}", *_OF_WHAT_IS_GONE[str(table)]]
    if table in ("fact", "skip") and inner and isinstance(inner[0], int):
        mended[str(table)][inner[0]] = _FACT if table == "fact" else _SKIP
        return [f"{table} {inner[0] + 1}"]
    if table in _STAND_INS:
        mended[str(table)] = _STAND_INS[str(table)]
        return [str(table), f"{table} 1"]
    del mended[str(table)]
    return []
