"""Adapters by name: those built in, and those that other installed packages offer.

A package offers one under the entry-point group `tellonce.adapters`: its name, and the class. Nothing is imported until
it is asked for, and a broken package stops only those who ask for its adapter.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from adapters.sdk.adapter import Adapter
from events.errors import HubError, Refused, WrongSettings

GROUP = "tellonce.adapters"
BUILT_IN = {
    "cloudevents": "adapters.cloudevents.adapter:CloudEventsAdapter",
    "csv_mapping": "adapters.csv_mapping.adapter:CsvMappingAdapter",
    "hl7v2": "adapters.hl7v2.adapter:Hl7v2Adapter",
}
_WANTED = ("name", "version", "title", "options", "split", "translate")


class Installed(NamedTuple):
    """An adapter as `tellonce adapters list` shows it; `fault` says why it cannot be used."""

    name: str
    version: str
    title: str
    origin: str  # "built in", or the distribution that offers it
    fault: str = ""
    options: tuple[str, ...] = ()


@cache
def adapter_of(name: str) -> Adapter:
    """The adapter of that name.

    Raises Refused `unknown-adapter`, or WrongSettings `broken-adapter` or `doubled-adapter`.
    """
    if name in BUILT_IN:
        module, _, class_name = BUILT_IN[name].partition(":")
        adapter: Adapter = getattr(import_module(module), class_name)()
        return adapter
    offered = [each for each in _offered() if each.name == name]
    if not offered:
        raise Refused(
            "unknown-adapter",
            "no adapter of this name is installed",
            where=f"adapter {name[:40]}",
            next_step="`tellonce adapters list` names those that are.",
        )
    if len(offered) > 1:
        raise WrongSettings(
            "doubled-adapter",
            f"offered by {', '.join(sorted(_origin(each) for each in offered))}",
            where=f"adapter {name[:40]}",
            next_step="Names are unique: uninstall one of them.",
        )
    return _loaded(offered[0])


def installed() -> list[Installed]:
    """Every adapter there is, by name, broken ones too. Loads them all."""
    offered = {entry.name: _origin(entry) for entry in _offered()}
    return [
        *(_described(name, "built in") for name in sorted(BUILT_IN)),
        *(_described(name, offered[name]) for name in sorted(offered.keys() - BUILT_IN.keys())),
        *(Installed(name, "", "", offered[name], _TAKEN) for name in sorted(offered.keys() & BUILT_IN.keys())),
    ]


_TAKEN = "doubled-adapter: the name is that of a built-in adapter, which is used"


def _offered() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def _origin(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown distribution"


def _described(name: str, origin: str) -> Installed:
    try:
        adapter = adapter_of(name)
    except HubError as error:
        return Installed(name, "", "", origin, str(error))
    options = tuple(option.name for option in adapter.options)
    return Installed(name, adapter.version, adapter.title, origin, options=options)


def _loaded(entry: EntryPoint) -> Adapter:
    try:
        adapter = entry.load()()
        missing = [each for each in _WANTED if not hasattr(adapter, each)]
        named = getattr(adapter, "name", None)
    except Exception as error:  # a stranger's import may raise anything, and must stop nobody else
        raise _broken(entry, f"it cannot be loaded ({type(error).__name__})") from error
    if missing:
        raise _broken(entry, f"it has no {', '.join(missing)}")
    if named != entry.name:
        raise _broken(entry, "its `name` is not the name of its entry point")
    checked: Adapter = adapter
    return checked


def _broken(entry: EntryPoint, what: str) -> WrongSettings:
    return WrongSettings(
        "broken-adapter",
        what,
        where=f"adapter {entry.name} of {_origin(entry)}",
        next_step="Mend or uninstall that package; the other adapters are not affected.",
    )
