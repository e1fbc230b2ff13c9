"""The register of agencies: who may send, under which agreement, and what their events carry by default."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from events.clock import zone_names
from events.errors import Refused, WrongSettings

_NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"
Sensitivity = Literal["internal", "confidential", "restricted", "special-category"]


_AdapterName = Annotated[str, Field(min_length=1)]


class System(BaseModel):
    """One of an agency's systems, how it speaks, and the options its messages are read with.

    `adapter` is one, or a list for a system that speaks in several ways; without it, any may be used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    adapter: _AdapterName | Annotated[tuple[_AdapterName, ...], Field(min_length=1)] | None = None
    options: Mapping[str, Any] = {}

    @property
    def adapters(self) -> tuple[str, ...]:
        """The adapters that are named; none named means any."""
        if self.adapter is None:
            return ()
        return (self.adapter,) if isinstance(self.adapter, str) else self.adapter


class Agency(BaseModel):
    """An agency with its sharing agreement; both days of the agreement are included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=_NAME)
    title: str
    zone: str = "Europe/London"
    agreement_from: date
    agreement_to: date
    agreement_reference: str
    lawful_basis: str
    default_sensitivity: Sensitivity = "confidential"
    system: tuple[System, ...] = Field(min_length=1)

    @field_validator("name")
    @classmethod
    def _is_not_the_hub(cls, name: str) -> str:
        if name == "hub":
            raise ValueError("`hub` is the hub's own name")
        return name

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        if zone not in zone_names():
            raise ValueError("not a time zone of the IANA list")
        return zone

    @model_validator(mode="after")
    def _is_coherent(self) -> Agency:
        if self.agreement_to < self.agreement_from:
            raise ValueError("the agreement ends before it begins")
        names = [system.name for system in self.system]
        if len(set(names)) != len(names):
            raise ValueError("a system is listed twice")
        return self

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class _Register(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    agency: tuple[Agency, ...] = ()


class Register:
    """Agencies by name. Reading it again is how a change takes effect."""

    def __init__(self, agencies: tuple[Agency, ...], folder: Path | None = None) -> None:
        self._agencies = {agency.name: agency for agency in agencies}
        self._systems = {(agency.name, system.name): system for agency in agencies for system in agency.system}
        self.folder = folder

    @property
    def agencies(self) -> tuple[Agency, ...]:
        return tuple(self._agencies.values())

    def agency(self, name: str) -> Agency:
        """The agency of this name. Raises Refused `unknown-agency`."""
        found = self._agencies.get(name)
        if found is None:
            raise Refused(
                "unknown-agency",
                "this agency is not in the register",
                where=f"agency {name[:40]}",
                next_step="Add it with its sharing agreement to agencies.toml; `tellonce agencies` lists who is in.",
            )
        return found

    def admit(self, agency: str, system: str, on: date) -> tuple[Agency, System]:
        """The agency and its system if it may send on that day.

        Raises Refused `unknown-agency`, `unknown-system` or `agreement-out-of-date`.
        """
        found = self.agency(agency)
        its_system = self._systems.get((agency, system))
        if its_system is None:
            raise Refused(
                "unknown-system",
                "this system of the agency is not in the register",
                where=f"{agency}/{system[:40]}",
                next_step=f"Its systems are: {', '.join(each.name for each in found.system)}.",
            )
        if not found.agreement_from <= on <= found.agreement_to:
            raise Refused(
                "agreement-out-of-date",
                f"the sharing agreement runs from {found.agreement_from} to {found.agreement_to}",
                where=f"agency {agency}",
                next_step="Renew the agreement and enter its dates in agencies.toml.",
            )
        return found, its_system


def check_adapter(agency: str, system: System, adapter: str) -> None:
    """Raises Refused `other-adapter` where the register names adapters for the system, and not this one."""
    named = system.adapters
    if named and adapter not in named:
        wider = ", ".join(f'"{each}"' for each in (*named, adapter))
        raise Refused(
            "other-adapter",
            f"the register says that this system speaks {' or '.join(named)}",
            where=f"{agency}/{system.name}, adapter {adapter}",
            next_step=f"Send with that adapter; if the system speaks both ways, write adapter = [{wider}] in "
            "agencies.toml.",
        )


def read_register(path: Path) -> Register:
    """The register in a TOML file. Raises WrongSettings `bad-register`, listing every fault."""
    try:
        parsed = _Register.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Register((), path.parent)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _bad_register(path, str(error)) from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise _bad_register(path, faults) from error
    names = [agency.name for agency in parsed.agency]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise _bad_register(path, f"listed twice: {', '.join(doubled)}")
    return Register(parsed.agency, path.parent)


def _bad_register(path: Path, faults: str) -> WrongSettings:
    return WrongSettings(
        "bad-register", faults, where=path.name, next_step="Correct the register of agencies; docs/agencies.md has one."
    )
