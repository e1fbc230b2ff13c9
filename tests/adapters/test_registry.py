"""The registry: built-in adapters, those of other packages, and broken ones that stop nobody else."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters import registry
from events.errors import Refused, WrongSettings

GOOD = """
class Good:
    name = "good"
    version = "3"
    title = "A good one"
    options = ()

    def split(self, raw, setting):
        return iter(())

    def translate(self, message, setting):
        raise NotImplementedError
"""
Offer = Callable[..., None]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    """Installs a distribution that offers an adapter: its entry point, and the code of its module."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def install(distribution: str, entry: str, code: str = GOOD) -> None:
        module = entry.partition("=")[2].strip().partition(":")[0]
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(code)
        described = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text(f"[tellonce.adapters]\n{entry}\n")
        importlib.invalidate_caches()
        registry.adapter_of.cache_clear()

    yield install
    registry.adapter_of.cache_clear()
    for module in modules:
        sys.modules.pop(module, None)


def _by_name() -> dict[str, registry.Installed]:
    return {each.name: each for each in registry.installed()}


def test_the_built_in_adapters_are_there() -> None:
    built_in = {each.name: each for each in registry.installed() if each.origin == "built in"}
    assert set(built_in) == {"cloudevents", "csv_mapping", "hl7v2"}
    assert all(each.version and each.title and not each.fault for each in built_in.values())


@pytest.mark.parametrize("name", ["cloudevents", "csv_mapping", "hl7v2"])
def test_an_adapter_bears_the_name_it_is_found_by(name: str) -> None:
    assert registry.adapter_of(name).name == name
    assert registry.adapter_of(name) is registry.adapter_of(name)


def test_importing_the_registry_imports_no_adapter() -> None:
    code = (
        "import sys, adapters.registry; "
        "print([m for m in sys.modules if m.startswith(('adapters.cloud', 'adapters.csv', 'adapters.hl7'))])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_an_unknown_adapter_is_refused_by_name() -> None:
    with pytest.raises(Refused) as refused:
        registry.adapter_of("carrier_pigeon")
    assert (refused.value.code, refused.value.where) == ("unknown-adapter", "adapter carrier_pigeon")


def test_another_package_offers_an_adapter(offer: Offer) -> None:
    offer("tellonce-good", "good = good_module:Good")
    assert registry.adapter_of("good").version == "3"
    assert _by_name()["good"] == registry.Installed("good", "3", "A good one", "tellonce-good")


@pytest.mark.parametrize(
    ("entry", "code", "what"),
    [
        ("bad = bad_module:Good", "import nowhere_to_be_found", "it cannot be loaded (ModuleNotFoundError)"),
        ("bad = bad_module:Good", "1 / 0", "it cannot be loaded (ZeroDivisionError)"),
        ("bad = bad_module:Missing", GOOD, "it cannot be loaded (AttributeError)"),
        ("bad = bad_module:Good", "class Good: name = 'bad'", "it has no version, title, options, split, translate"),
        ("bad = bad_module:Good", GOOD, "its `name` is not the name of its entry point"),
    ],
)
def test_a_broken_package_is_named_and_stops_nobody_else(offer: Offer, entry: str, code: str, what: str) -> None:
    offer("tellonce-bad", entry, code)
    offer("tellonce-good", "good = good_module:Good")
    with pytest.raises(WrongSettings) as refused:
        registry.adapter_of("bad")
    assert (refused.value.code, refused.value.what) == ("broken-adapter", what)
    assert refused.value.where == "adapter bad of tellonce-bad"
    found = _by_name()
    assert found["bad"].fault.startswith("broken-adapter: ")
    assert not found["good"].fault
    assert not found["hl7v2"].fault


def test_two_packages_may_not_share_a_name(offer: Offer) -> None:
    offer("tellonce-good", "good = good_module:Good")
    offer("tellonce-other", "good = other_module:Good")
    with pytest.raises(WrongSettings) as refused:
        registry.adapter_of("good")
    assert (refused.value.code, refused.value.what) == ("doubled-adapter", "offered by tellonce-good, tellonce-other")


def test_a_built_in_name_cannot_be_taken(offer: Offer) -> None:
    offer("tellonce-evil", "hl7v2 = good_module:Good")
    assert type(registry.adapter_of("hl7v2")).__module__ == "adapters.hl7v2.adapter"
    taken = [each for each in registry.installed() if each.origin == "tellonce-evil"]
    assert [each.fault.partition(":")[0] for each in taken] == ["doubled-adapter"]
