"""Public files that hold several people: whoever is erased, the others' messages lead to the same events."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.hl7v2.adapter import Hl7v2Adapter
from adapters.sdk.adapter import Setting
from adapters.sdk.parted import PEOPLE_MAX, disturbed, people_in
from tests.counts import PROOF

pytestmark = pytest.mark.samples
# Each person of a file goes once in a proof, the first ones usually.
GONE_MAX = None if PROOF else PEOPLE_MAX
SETTING = Setting("hospital", "pas", "day.hl7")


@pytest.fixture(scope="module")
def messages(request: pytest.FixtureRequest) -> list[bytes]:
    folder: Path = request.getfixturevalue("samples") / "hl7v2"
    return [path.read_bytes() for path in sorted(folder.rglob("*.hl7"))]


def test_in_a_file_of_all_public_messages_nobody_depends_on_anybody_else(messages: list[bytes]) -> None:
    whole = b"\r".join(messages)
    assert len(people_in(Hl7v2Adapter(), SETTING, whole)) > 15
    assert list(disturbed(Hl7v2Adapter(), SETTING, whole, GONE_MAX)) == []


def test_in_each_public_file_nobody_depends_on_anybody_else(messages: list[bytes]) -> None:
    for content in messages:
        assert list(disturbed(Hl7v2Adapter(), SETTING, content, GONE_MAX)) == []
