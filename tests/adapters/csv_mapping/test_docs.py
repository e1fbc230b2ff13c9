"""The guide's own mapping works, and every code that a file or row may meet stands in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import adapters.csv_mapping
from adapters.csv_mapping.mapping import Column, FileRules
from adapters.csv_mapping.plan import compiled
from adapters.csv_mapping.translate import _WORDS
from tests.adapters.csv_mapping.builders import read, setting

GUIDE = (Path(__file__).resolve().parents[3] / "docs/adapters/csv_mapping.md").read_text()
CODE = Path(adapters.csv_mapping.__file__).parent


def _first_mapping() -> dict[str, object]:
    (found,) = [block for block in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL) if "[columns]" in block]
    return tomllib.loads(found)


def test_the_first_mapping_reads_a_tenancy() -> None:
    compiled(_first_mapping())
    header = "Tenancy Ref,Tenant Ref,Surname,Tenure,Start Date,End Date,Last Updated"
    (found,) = read("T1,P1,Testwood,GEN,01/02/2024,,01/02/2024 10:00\n", setting(_first_mapping()), header)
    assert [fact.name for fact in found.facts] == ["demographics", "tenancy/T1/start"]


def test_every_key_is_explained() -> None:
    keys = {*FileRules.model_fields, *Column.model_fields}
    assert {key for key in keys if f"`{key}`" not in GUIDE} == set()


def test_every_code_is_explained() -> None:
    raised = {
        code
        for path in CODE.glob("*.py")
        for code in re.findall(r'(?:RejectedMessage|Finding)\(\s*"([a-z-]+)"', path.read_text())
    }
    codes = {*raised, *_WORDS, "unclosed-quote", "row-too-long"} - {"no-mapping", "bad-mapping"}
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()
