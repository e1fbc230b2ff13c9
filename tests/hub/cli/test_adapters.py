"""Adapters on the command line: what there is, a new one, and a dry run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from events.catalogue import TYPES
from tests.hub import homes
from tests.hub.cli.conftest import NUMBER, Tell


def test_the_built_in_adapters_are_listed(tell: Tell) -> None:
    found = tell("--json", "adapters", "list").document["adapters"]
    assert [each["name"] for each in found if each["origin"] == "built in"] == ["cloudevents", "csv_mapping", "hl7v2"]
    assert [each["options"] for each in found if each["name"] == "csv_mapping"] == [["mapping", "order"]]
    assert "CloudEvents 1.0" in tell("adapters", "list").out


def test_a_new_adapter_passes_its_conformance_test_as_it_stands(tell: Tell, tmp_path: Path) -> None:
    folder = tmp_path / "hostels"
    assert "Next: cd " in tell("adapters", "new", "hostels", "--in", folder).out
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert tell("adapters", "new", "hostels", "--in", folder).err.startswith("folder-not-empty: ")
    assert tell("adapters", "new", "Bad Name").err.startswith("bad-adapter-name: ")


def test_a_dry_run_shows_facts_and_stores_nothing(tell: Tell, home: Path, events_file: Callable[..., Path]) -> None:
    event = homes.registration("m-1", "tenant/7", number=NUMBER)
    file = events_file(event)
    source = ("--agency", "housing", "--system", "crm")
    found = tell("--json", "adapters", "test", "cloudevents", file, *source)
    [message] = found.document["files"][0]["messages"]
    assert (found.code, message["state"], message["is_steady"]) == (0, "accepted", True)
    assert message["facts"][0]["fact"] == "demographics"
    shown = tell("adapters", "test", "cloudevents", file, *source).out
    assert "assert person.registered  demographics  of tenant/7" in shown
    assert tell("--json", "status").document["events"] == 1


def test_a_dry_run_of_what_cannot_be_read_ends_with_1(tell: Tell, tmp_path: Path) -> None:
    for name, raw in (("empty", b""), ("text", b"hello"), ("old", json.dumps({"specversion": "0.3"}).encode())):
        (tmp_path / name).write_bytes(raw)
        found = tell("--json", "adapters", "test", "cloudevents", tmp_path / name)
        assert found.code == 1
        assert [each["state"] for each in found.document["files"][0]["messages"]] == ["quarantined"]


def test_a_mapping_is_tried_out_from_where_one_stands(tell: Tell) -> None:
    samples = Path(__file__).resolve().parents[3] / "adapters" / "csv_mapping" / "samples"
    mapping = ("--option", f"mapping={samples / 'tenancies.toml'}")
    found = tell("--json", "adapters", "test", "csv_mapping", samples / "tenancies.csv", *mapping)
    facts = [fact for each in found.document["files"][0]["messages"] for fact in each["facts"]]
    assert {fact["type"] for fact in facts} >= {"housing.accommodation-changed"}
    assert tell("adapters", "test", "csv_mapping", samples / "tenancies.csv").err.startswith("no-mapping: ")
    misspelt = tell("adapters", "test", "csv_mapping", samples / "tenancies.csv", *mapping, "--option", "ordr=5")
    assert misspelt.err.startswith("unknown-option: adapter csv_mapping, option ordr: ")
    assert misspelt.err.endswith("It knows mapping, order.\n")


def test_the_row_of_a_quote_left_open_is_said_once(tell: Tell, tmp_path: Path) -> None:
    samples = Path(__file__).resolve().parents[3] / "adapters" / "csv_mapping" / "samples"
    heading = (samples / "tenancies.csv").read_bytes().splitlines()[0]
    (tmp_path / "open.csv").write_bytes(heading + b'\n"left open\n')
    out = tell(
        "adapters", "test", "csv_mapping", tmp_path / "open.csv", "--option", f"mapping={samples / 'tenancies.toml'}"
    ).out
    assert "row 2: quarantined unclosed-quote: a quoted cell" in out


def test_every_event_type_is_listed_and_has_a_schema(tell: Tell) -> None:
    types = tell("--json", "schemas").document["types"]
    assert {each["type"] for each in types} == set(TYPES)
    assert tell("schemas", "housing.accommodation-changed").document["title"]
    assert tell("schemas", "weather.changed").err.startswith("unknown-type: ")
    assert "\nhousing.accommodation-changed " in tell("schemas").out
