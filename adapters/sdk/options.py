"""What an adapter may be told beside the bytes: an option that it does not know would be passed over without a word."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.sdk.adapter import Adapter
from adapters.sdk.register import System
from events.errors import Refused, WrongSettings


def check_given(adapter: Adapter, given: Iterable[str]) -> None:
    """For options that come with a file. Raises Refused `unknown-option` or `option-of-register`."""
    known = {option.name: option for option in adapter.options}
    for name in given:
        if name not in known:
            raise _unknown(adapter, name)
        if known[name].is_of_register:
            raise Refused(
                "option-of-register",
                "only the register of agencies gives this option",
                where=_where(adapter, name),
                next_step="Leave it out; agencies.toml names it under the system's `options`.",
            )


def check_registered(adapter: Adapter, agency: str, system: System) -> None:
    """For options in the register. Raises WrongSettings `bad-register` where the one adapter it names knows them not.

    Where it names several, or none, an option may be meant for another.
    """
    strange = [name for name in system.options if name not in _names(adapter)]
    if strange and system.adapters == (adapter.name,):
        raise WrongSettings(
            "bad-register",
            f"the adapter {adapter.name} knows no option {', '.join(strange)}",
            where=f"agencies.toml, {agency}/{system.name}, options",
            next_step=_known(adapter),
        )


def check_tried(adapter: Adapter, tried: Iterable[str]) -> None:
    """For a dry run, where there is no register. Raises Refused `unknown-option`."""
    for name in tried:
        if name not in _names(adapter):
            raise _unknown(adapter, name)


def _unknown(adapter: Adapter, name: str) -> Refused:
    return Refused(
        "unknown-option",
        "the adapter knows no option of this name",
        where=_where(adapter, name),
        next_step=_known(adapter),
    )


def _known(adapter: Adapter) -> str:
    names = ", ".join(_names(adapter))
    return f"It knows {names}." if names else "It knows none: leave it out."


def _names(adapter: Adapter) -> list[str]:
    return [option.name for option in adapter.options]


def _where(adapter: Adapter, name: str) -> str:
    return f"adapter {adapter.name}, option {name[:40]}"
