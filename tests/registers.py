"""Registers of agencies for tests, said in the lines of `agencies.toml`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

CRM = '{ name = "crm" }'
PAS = '{ name = "pas", adapter = "hl7v2" }'


def an_agency(name: str, *systems: str, **said: str | date) -> str:
    """One agency of a register, whose agreement holds for long; what is said besides is added or takes its place."""
    lines = {
        "name": name,
        "title": f"{name} of Testborough",
        "agreement_from": date(2020, 1, 1),
        "agreement_to": date(2040, 12, 31),
        "agreement_reference": "ISA-1",
        "lawful_basis": "public-task",
        **said,
    }
    written = "".join(f"{key} = {_toml(value)}\n" for key, value in lines.items())
    return f"[[agency]]\n{written}system = [{', '.join(systems)}]\n\n"


def _toml(value: str | date) -> str:
    return json.dumps(value) if isinstance(value, str) else value.isoformat()


def write_register(folder: Path, *agencies: str) -> None:
    """Registers these agencies, and no others, with the home of this folder."""
    (folder / "agencies.toml").write_text("".join(agencies), "utf-8")
