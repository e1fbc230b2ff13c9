"""The guide's least event is one, and every attribute and code stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import adapters.cloudevents
from adapters.cloudevents import cutting, translate
from tests.adapters.cloudevents.builders import fact_of

GUIDE = (Path(__file__).resolve().parents[3] / "docs/adapters/cloudevents.md").read_text()
CODE = Path(adapters.cloudevents.__file__).parent


def test_the_least_event_is_accepted() -> None:
    (least,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert fact_of(least.encode()).findings == ()


def test_every_attribute_is_explained() -> None:
    names = {*translate._READ, *translate.CARRIED} - {"data_base64", "specversion"}
    assert {name for name in names if f"`{name}`" not in GUIDE} == set()


def test_every_code_is_explained() -> None:
    raised = {
        code
        for path in CODE.glob("*.py")
        for code in re.findall(r'(?:RejectedMessage|Finding|_refused)\(\s*"([a-z-]+)"', path.read_text())
    }
    assert {code for code in {*raised, *cutting._WHY} if f"`{code}`" not in GUIDE} == set()
