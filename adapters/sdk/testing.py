"""What every adapter has to prove, in four lines of test (docs/adapters/writing-an-adapter.md).

    class TestMine(AdapterConformance):
        adapter = MyAdapter()
        samples = Path(__file__).parent / "samples"

Beside a sample may lie `<its name>.setting.toml` with agency, system, zone and options, as the register gives them.
"""

from __future__ import annotations

import copy
import io
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, get_args

from adapters.sdk.adapter import Action, Adapter, Fact, Finding, Message, OrderFrom, Setting, Translation
from adapters.sdk.hostile import Dribble, HostileSource
from adapters.sdk.parted import disturbed
from events.canonical import canonical
from events.catalogue import TYPES, Sensitivity, check_payload, check_retraction
from events.catalogue.shapes import NHS_NUMBER, SaidBy
from events.errors import RejectedMessage
from events.ids import record_of, source_of
from events.order import instant_ns, parse_order

__all__ = ["AdapterConformance", "Dribble", "HostileSource", "conform", "setting_of"]

FACT_NAME_MAX = 512
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BROKEN_PARTS = 6


def setting_of(adapter: Adapter, sample: Path) -> Setting:
    """The setting a sample is read under: what lies beside it as `<its name>.setting.toml`, or a plain one."""
    beside = sample.with_name(f"{sample.name}.setting.toml")
    told: dict[str, Any] = tomllib.loads(beside.read_text("utf-8")) if beside.exists() else {}
    options: Mapping[str, Any] = told.get("options", {})
    prepare = getattr(adapter, "prepare", None)
    if prepare is not None:
        options = prepare(options, sample.parent)
    return Setting(
        told.get("agency", "sample-agency"),
        told.get("system", "sample-system"),
        sample.name,
        told.get("zone", "Europe/London"),
        options,
    )


def conform(adapter: Adapter, samples: Path) -> Iterator[tuple[str, str]]:
    """Each thing an adapter has to prove, in words, and what went wrong with it; nothing, where it holds."""

    class Case(AdapterConformance):
        pass

    Case.adapter = adapter
    Case.samples = samples
    case = Case()
    for name in sorted(each for each in dir(case) if each.startswith("test_")):
        words = name.removeprefix("test_").replace("_", " ")
        try:
            getattr(case, name)()
        except AssertionError as error:
            yield words, str(error)
        else:
            yield words, ""


class AdapterConformance:
    """Tests of one adapter over its samples; mix into a test class, or run with `conform`."""

    adapter: ClassVar[Adapter]
    samples: ClassVar[Path]

    def setting_of(self, sample: Path) -> Setting:
        """The setting a sample is read under; override where settings cannot lie beside samples."""
        return setting_of(self.adapter, sample)

    # ---- what it is

    def test_it_says_what_it_is(self) -> None:
        adapter = self.adapter
        _expect(bool(_NAME.fullmatch(adapter.name)), f"name `{adapter.name}` is not lower-case letters, digits and _")
        _expect(bool(adapter.version) and "@" not in adapter.version, "version is empty or holds an @")
        _expect(bool(adapter.title) and "\n" not in adapter.title, "title is not one line")

    def test_it_names_the_options_that_it_reads(self) -> None:
        known = [option.name for option in self.adapter.options]
        _expect(len(set(known)) == len(known), "an option is named twice")
        for option in self.adapter.options:
            _expect(bool(_NAME.fullmatch(option.name)), f"option `{option.name}` is not lower-case letters, digits, _")
            _expect(bool(option.what) and "\n" not in option.what, f"option `{option.name}`: `what` is not one line")
        for sample, setting in self._samples():
            watched = _Watched(setting.options)
            for message in self._split(sample.read_bytes(), replace(setting, options=watched)):
                if message.fault is None:
                    self.adapter.translate(message, replace(setting, options=watched))
            strange = sorted((watched.read | set(setting.options)) - set(known))
            _expect(not strange, f"{sample.name}: `options` does not name {', '.join(strange)}, which is read or given")

    # ---- the samples

    def test_samples_lead_to_facts(self) -> None:
        facts = [fact for _, _, _, translation in self._translated() for fact in translation.facts]
        _expect(bool(facts), "no sample leads to a fact")

    def test_places_are_unique(self) -> None:
        for sample, setting in self._samples():
            messages = self._split(sample.read_bytes(), setting)
            _expect(bool(messages), f"{sample.name}: splits into nothing")
            _check_places(messages, sample.name)

    def test_it_splits_the_same_however_bytes_arrive(self) -> None:
        for sample, setting in self._samples():
            content = sample.read_bytes()
            whole = self._split(content, setting)
            for sizes in ((1,), (7,), (1, 64, 3), (4096, 1)):
                stream: Any = Dribble(content, sizes)
                _expect(list(self.adapter.split(stream, setting)) == whole, f"{sample.name}: in parts of {sizes} bytes")

    def test_translation_is_pure(self) -> None:
        for sample, setting, message, translation in self._translated():
            before = copy.deepcopy((message, setting))
            again = self.adapter.translate(message, setting)
            _expect(again == translation, f"{sample.name}, {message.place}: another answer the second time")
            _expect((message, setting) == before, f"{sample.name}, {message.place}: the input was changed")

    def test_each_translation_says_one_thing(self) -> None:
        for sample, _, message, translation in self._translated():
            _check_outcome(translation, f"{sample.name}, {message.place}")

    def test_facts_fit_the_catalogue(self) -> None:
        for where, fact in self._facts():
            _check_content(fact, where)

    def test_facts_are_well_named(self) -> None:
        for where, fact in self._facts():
            _check_name(fact, where)

    def test_orders_and_times_are_readable(self) -> None:
        for where, fact in self._facts():
            _check_times(fact, where)

    def test_a_fact_has_one_type(self) -> None:
        types: dict[tuple[str, str, str], str] = {}
        for where, fact in self._facts():
            if fact.name is not None:
                known = types.setdefault((fact.record_type, fact.local_id, fact.name), fact.type)
                _expect(known == fact.type, f"{where}: a fact of type {fact.type} was {known} before")

    def test_names_and_findings_hold_no_person(self) -> None:
        for sample, setting in self._samples():
            read = [
                (message.place, self.adapter.translate(message, setting))
                for message in self._split(sample.read_bytes(), setting)
                if message.fault is None
            ]
            told = _personal(fact.payload for _, translation in read for fact in translation.facts)
            for place, translation in read:
                _check_silence(translation, told, f"{sample.name}, {place}")

    def test_the_others_are_the_same_where_one_is_erased(self) -> None:
        for sample, setting in self._samples():
            for place in disturbed(self.adapter, setting, sample.read_bytes()):
                _expect(False, f"{sample.name}, {place}: it says something else without another person's messages")

    # ---- the worst

    def test_hostile_bytes_harm_nothing(self) -> None:
        for sample, setting in self._samples():
            for name, content in HostileSource(sample.read_bytes()):
                self._survive(content, setting, f"{sample.name}, {name}")

    def test_one_broken_part_harms_only_itself(self) -> None:
        for sample, setting in self._samples():
            content = sample.read_bytes()
            messages = [each for each in self._split(content, setting) if each.fault is None]
            for victim, at in _parts_in(content, messages):
                for sign in (b"\xff", b"\0"):
                    broken = content[:at] + sign + content[at + 1 :]
                    left = Counter(each.raw for each in messages)
                    left[victim.raw] -= 1
                    got = Counter(each.raw for each in self._survive(broken, setting, f"{sample.name}, byte {at}"))
                    _expect(left <= got, f"{sample.name}: {victim.place} broken at byte {at} takes others with it")

    # ---- machinery

    def _samples(self) -> list[tuple[Path, Setting]]:
        files = sorted(each for each in self.samples.rglob("*") if each.is_file() and _is_sample(each))
        _expect(bool(files), f"there is no sample in {self.samples.name}/")
        return [(each, self.setting_of(each)) for each in files]

    def _split(self, content: bytes, setting: Setting) -> list[Message]:
        return list(self.adapter.split(io.BytesIO(content), setting))

    def _translated(self) -> Iterator[tuple[Path, Setting, Message, Translation]]:
        for sample, setting in self._samples():
            for message in self._split(sample.read_bytes(), setting):
                if message.fault is None:
                    yield sample, setting, message, self.adapter.translate(message, setting)

    def _facts(self) -> Iterator[tuple[str, Fact]]:
        for sample, _, message, translation in self._translated():
            for fact in translation.facts:
                yield f"{sample.name}, {message.place}, {fact.type}", fact

    def _survive(self, content: bytes, setting: Setting, where: str) -> list[Message]:
        """Messages of bytes that may be refused as a whole, and of which each is translated without an exception."""
        messages: list[Message] = []
        try:
            messages.extend(self.adapter.split(io.BytesIO(content), setting))
        except RejectedMessage as error:
            _check_code(error.code, where)
        except Exception as error:
            raise AssertionError(f"{where}: split raised {type(error).__name__}, not RejectedMessage") from error
        _check_places(messages, where)
        for message in messages:
            self._survive_one(message, setting, f"{where}, {message.place}")
        return messages

    def _survive_one(self, message: Message, setting: Setting, where: str) -> None:
        if message.fault is not None:
            _check_code(message.fault.code, where)
            return
        try:
            translation = self.adapter.translate(message, setting)
        except Exception as error:
            raise AssertionError(f"{where}: translate raised {type(error).__name__}") from error
        _check_outcome(translation, where)


class _Watched(dict[str, Any]):
    """Options that remember which of them were asked for, there or not."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise AssertionError(otherwise)


def _is_sample(path: Path) -> bool:
    return path.suffix not in (".toml", ".md", ".py", ".pyc") and not path.name.startswith(".")


def _check_code(code: str, where: str) -> None:
    _expect(bool(_CODE.fullmatch(code)), f"{where}: the code `{code[:40]}` is not lower-case words joined by hyphens")


def _check_places(messages: list[Message], where: str) -> None:
    doubled = [place for place, count in Counter(each.place for each in messages).items() if count > 1]
    _expect(not doubled, f"{where}: the place `{''.join(doubled[:1])}` is given twice")


def _check_outcome(translation: Translation, where: str) -> None:
    told = [bool(translation.facts), translation.not_mapped is not None, translation.quarantined is not None]
    _expect(sum(told) == 1, f"{where}: exactly one of facts, not_mapped and quarantined says what happened")
    findings: list[Finding] = [*translation.findings, *(each for fact in translation.facts for each in fact.findings)]
    if translation.quarantined is not None:
        findings.append(translation.quarantined)
    for finding in findings:
        _check_code(finding.code, where)


def _check_content(fact: Fact, where: str) -> None:
    _expect(fact.type in TYPES and not fact.type.startswith("hub."), f"{where}: not an agency's event type")
    _expect(fact.action in get_args(Action), f"{where}: no action `{fact.action}`")
    try:
        canonical(fact.payload)
        if fact.action == "assert":
            check_payload(fact.type, fact.payload)
        else:
            check_retraction(fact.payload)
    except RejectedMessage as error:
        raise AssertionError(f"{where}: {error}") from error
    for value, allowed in ((fact.said_by, get_args(SaidBy)), (fact.sensitivity, get_args(Sensitivity))):
        _expect(value is None or value in allowed, f"{where}: `{value}` is none of {', '.join(allowed)}")


def _check_name(fact: Fact, where: str) -> None:
    try:
        record_of(source_of("sample-agency", "sample-system"), f"{fact.record_type}/{fact.local_id}")
    except RejectedMessage as error:
        raise AssertionError(f"{where}: {error}") from error
    if fact.action == "withdraw-group":
        _expect(fact.name is None and bool(fact.group), f"{where}: withdraw-group carries a group and no fact name")
        _expect(fact.type == "record.retracted", f"{where}: withdraw-group is of type record.retracted")
    else:
        named = fact.name or ""
        _expect(
            0 < len(named) <= FACT_NAME_MAX and "\0" not in named, f"{where}: a name has 1 to {FACT_NAME_MAX} signs"
        )


def _check_times(fact: Fact, where: str) -> None:
    _expect(fact.order is None or parse_order(fact.order) is not None, f"{where}: the order is none (docs/laws.md)")
    _expect(fact.order_from in get_args(OrderFrom), f"{where}: no order_from `{fact.order_from}`")
    _expect((fact.order is None) == (fact.order_from == "arrival"), f"{where}: order and order_from contradict")
    for time in (fact.time, fact.recorded_time):
        is_instant = time is None or (len(time) > len("2024-02-29") and instant_ns(time) is not None)
        _expect(is_instant, f"{where}: time and recorded_time are RFC 3339 instants with an offset")


def _personal(payloads: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names, NHS numbers, phone numbers and e-mail addresses in payloads, in lower case."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            names = [value.get("family"), *(value.get("given") or ())]
            found.update(each.casefold() for each in names if isinstance(each, str) and len(each) > 2)
            if value.get("system") in (NHS_NUMBER, "phone", "email"):
                found.add(str(value.get("value")).casefold())
            for each in value.values():
                look(each)
        elif isinstance(value, list | tuple):
            for each in value:
                look(each)

    for payload in payloads:
        look(payload)
    return frozenset(found)


def _check_silence(translation: Translation, told: frozenset[str], where: str) -> None:
    texts = [fact.name or "" for fact in translation.facts]
    for finding in (*translation.findings, *(each for fact in translation.facts for each in fact.findings)):
        texts += [finding.where, finding.detail]
    if translation.quarantined is not None:
        texts += [translation.quarantined.where, translation.quarantined.detail]
    shown = "\n".join(texts).casefold()
    holds = told and re.search(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, sorted(told)))})(?![^\W_])", shown)
    _expect(not holds, f"{where}: a fact's name or a finding holds a person's name or number")


def _parts_in(content: bytes, messages: list[Message]) -> Iterator[tuple[Message, int]]:
    """Some of the messages that stand as they are in the content, each with the place of a byte in its middle."""
    if len(messages) < 2:
        return
    for victim in messages[:: max(1, len(messages) // _BROKEN_PARTS)]:
        at = content.find(victim.raw)
        if at >= 0 and len(victim.raw) > 2 and content.count(victim.raw) == 1:
            yield victim, at + len(victim.raw) // 2
