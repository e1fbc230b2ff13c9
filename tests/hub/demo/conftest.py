"""One borough for all tests here: made once, read by the real adapters once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from adapters.cloudevents.adapter import CloudEventsAdapter
from adapters.csv_mapping.adapter import CsvMappingAdapter
from adapters.hl7v2.adapter import Hl7v2Adapter
from adapters.sdk.adapter import Adapter, Fact, Setting, Translation
from adapters.sdk.register import Register, read_register
from hub.demo.borough import Delivery, Hero, borough, hero

DEMO = Path(__file__).resolve().parents[3] / "hub" / "demo"
SEED, END = 7, date(2025, 6, 30)


@dataclass(frozen=True)
class Sent:
    """What a borough's agencies sent, and what it says in each of the three formats."""

    deliveries: list[Delivery]
    register: Register

    @cached_property
    def cloud_events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for each in self.deliveries:
            if each.adapter == "cloudevents":
                content = json.loads(each.raw)
                found += content if isinstance(content, list) else [content]
        return found

    @cached_property
    def rows(self) -> list[tuple[str, dict[str, str]]]:
        """Agency and row of every extract."""
        return [
            (each.agency, row)
            for each in self.deliveries
            if each.adapter == "csv_mapping"
            for row in csv.DictReader(io.StringIO(each.raw.decode("utf-8-sig"), newline=""))
        ]

    @cached_property
    def hl7_messages(self) -> list[list[str]]:
        """The segments of every message of the hospital."""
        return [each.raw.decode().split("\r") for each in self.deliveries if each.adapter == "hl7v2"]

    @cached_property
    def outcomes(self) -> list[tuple[Delivery, Translation]]:
        """What the real adapters make of every message."""
        return list(self._translated())

    @property
    def facts(self) -> Iterator[tuple[Delivery, Fact]]:
        return ((each, fact) for each, translation in self.outcomes for fact in translation.facts)

    def events_of(self, type_name: str, /, **wanted: str) -> list[dict[str, Any]]:
        """CloudEvents of a type whose payload says what is wanted."""
        return [
            event
            for event in self.cloud_events
            if event["type"] == type_name and all(event["data"].get(name) == said for name, said in wanted.items())
        ]

    def _translated(self) -> Iterator[tuple[Delivery, Translation]]:
        csv_mapping = CsvMappingAdapter()
        known: tuple[Adapter, ...] = (csv_mapping, Hl7v2Adapter(), CloudEventsAdapter())
        adapters = {each.name: each for each in known}
        options = {
            (agency.name, system.name): csv_mapping.prepare(system.options, DEMO) if system.options else {}
            for agency in self.register.agencies
            for system in agency.system
        }
        for each in self.deliveries:
            given = {**options[each.agency, each.system], **each.options}
            setting = Setting(each.agency, each.system, each.file_name, options=given)
            for message in adapters[each.adapter].split(io.BytesIO(each.raw), setting):
                assert message.fault is None, (each.file_name, message.fault)
                yield each, adapters[each.adapter].translate(message, setting)


def record_of(delivery: Delivery, fact: Fact) -> str:
    return f"{delivery.agency}:{delivery.system}/{fact.record_type}/{fact.local_id}"


@pytest.fixture(scope="session")
def demo_register() -> Register:
    return read_register(DEMO / "agencies.toml")


@pytest.fixture(scope="session")
def sent(demo_register: Register) -> Sent:
    """The borough of the demo, whole."""
    return Sent(list(borough(seed=SEED, end=END)), demo_register)


@pytest.fixture(scope="session")
def shown() -> Hero:
    """The person whose timeline the demo prints."""
    return hero(SEED, END)


@pytest.fixture(scope="session")
def read_again(demo_register: Register) -> Any:
    """Reads the deliveries of another borough."""

    def read(deliveries: Iterable[Delivery]) -> Sent:
        return Sent(list(deliveries), demo_register)

    return read
