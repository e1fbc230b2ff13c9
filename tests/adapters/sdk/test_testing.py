"""The conformance suite notices each way in which an adapter can break its promises."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from adapters.sdk.adapter import Fact, Finding, Message, Option, Setting, Translation
from adapters.sdk.testing import Dribble, HostileSource, conform, setting_of
from events.errors import RejectedMessage


class Lines:
    """An adapter that keeps every promise: `client|visit|surname`, a line each."""

    name = "lines"
    version = "1"
    title = "Lines"
    options: tuple[Option, ...] = ()

    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        for number, line in enumerate(raw, start=1):
            yield Message(f"line {number}", line.rstrip(b"\n"))

    def translate(self, message: Message, setting: Setting) -> Translation:
        parts = message.raw.decode("utf-8", "replace").replace("\0", "?").split("|")
        if len(parts) != 3 or not all(parts) or len(parts[0]) > 99 or len(parts[1]) > 99:
            return Translation(quarantined=Finding("unreadable", message.place))
        payload = {"identifiers": [{"value": parts[0]}], "names": [{"family": parts[2]}]}
        return Translation((Fact("client", parts[0], "person.registered", f"visit/{parts[1]}", payload),))


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    (tmp_path / "visits.txt").write_text("C1|V1|Testwood\nC2|V2|Exemplar\nC3|V3|Fictus\n")
    return tmp_path


def _faults(adapter: Any, samples: Path) -> dict[str, str]:
    return {words: fault for words, fault in conform(adapter, samples) if fault}


def _with_fact(change: Callable[[Fact], Fact]) -> Any:
    class Changed(Lines):
        def translate(self, message: Message, setting: Setting) -> Translation:
            done = super().translate(message, setting)
            return done._replace(facts=tuple(change(each) for each in done.facts))

    return Changed()


def test_an_adapter_that_keeps_its_promises_passes(samples: Path) -> None:
    assert _faults(Lines(), samples) == {}
    assert len(list(conform(Lines(), samples))) == 15


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "person.invented"}, "facts fit the catalogue"),
        ({"type": "hub.person-opened"}, "facts fit the catalogue"),
        ({"payload": {"identifiers": "x"}}, "facts fit the catalogue"),
        ({"payload": {"identifiers": [], "weight": 1.5}}, "facts fit the catalogue"),
        ({"action": "withdraw"}, "facts fit the catalogue"),
        ({"said_by": "neighbour"}, "facts fit the catalogue"),
        ({"name": ""}, "facts are well named"),
        ({"name": None}, "facts are well named"),
        ({"name": "x" * 513}, "facts are well named"),
        ({"record_type": "Client"}, "facts are well named"),
        ({"local_id": ""}, "facts are well named"),
        ({"action": "withdraw-group", "payload": {}}, "facts are well named"),
        ({"order": "yesterday", "order_from": "sender"}, "orders and times are readable"),
        ({"order": "5"}, "orders and times are readable"),
        ({"time": "2025-01-14"}, "orders and times are readable"),
        ({"recorded_time": "14/01/2025 10:00"}, "orders and times are readable"),
        ({"name": "visit/of-Testwood"}, "names and findings hold no person"),
        (
            {"name": "demographics", "findings": (Finding("x", "line 1", "Testwood is odd"),)},
            "names and findings hold no person",
        ),
    ],
)
def test_a_fact_that_fits_nothing_is_noticed(change: dict[str, Any], words: str, samples: Path) -> None:
    assert words in _faults(_with_fact(lambda fact: fact._replace(**change)), samples)


def test_a_fact_that_changes_its_type_is_noticed(samples: Path) -> None:
    kinds = itertools.cycle(["person.registered", "person.details-changed"])
    changed = _with_fact(lambda fact: fact._replace(local_id="C1", name="one", type=next(kinds)))
    assert "a fact has one type" in _faults(changed, samples)


class Doubled(Lines):
    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        return (each._replace(place="line") for each in super().split(raw, setting))


class ByChunk(Lines):
    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        for number in itertools.count(1):
            part = raw.read(4096)
            if not part:
                return
            yield Message(str(number), part)


class Counting(Lines):
    count = 0

    def translate(self, message: Message, setting: Setting) -> Translation:
        Counting.count += 1
        done = super().translate(message, setting)
        return done._replace(findings=(Finding("seen", str(Counting.count)),))


class Remembering(Lines):
    """Says of a message what it saw in the one before."""

    seen = b""

    def translate(self, message: Message, setting: Setting) -> Translation:
        before, Remembering.seen = Remembering.seen, message.raw
        done = super().translate(message, setting)
        return done._replace(facts=tuple(fact._replace(group=before.decode("latin-1")[:3]) for fact in done.facts))


class Undecided(Lines):
    def translate(self, message: Message, setting: Setting) -> Translation:
        return super().translate(message, setting)._replace(not_mapped="perhaps")


class Silent(Lines):
    def translate(self, message: Message, setting: Setting) -> Translation:
        return Translation(not_mapped="everything")


class Fragile(Lines):
    def translate(self, message: Message, setting: Setting) -> Translation:
        message.raw.decode("utf-8")
        return super().translate(message, setting)


class Brittle(Lines):
    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        for each in super().split(raw, setting):
            each.raw.decode("utf-8")
            yield each


class AllOrNothing(Lines):
    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        content = raw.read()
        if b"\xff" in content:
            raise RejectedMessage("bad-byte", "all of it is refused")
        return iter([Message(f"line {n}", line) for n, line in enumerate(content.splitlines(), start=1)])


class Nameless(Lines):
    title = "two\nlines"


class Shouting(Lines):
    def translate(self, message: Message, setting: Setting) -> Translation:
        return super().translate(message, setting)._replace(findings=(Finding("Bad_Code", message.place),))


@pytest.mark.parametrize(
    ("adapter", "words"),
    [
        (Doubled(), "places are unique"),
        (ByChunk(), "it splits the same however bytes arrive"),
        (Counting(), "translation is pure"),
        (Remembering(), "the others are the same where one is erased"),
        (Undecided(), "each translation says one thing"),
        (Silent(), "samples lead to facts"),
        (Fragile(), "hostile bytes harm nothing"),
        (Brittle(), "hostile bytes harm nothing"),
        (AllOrNothing(), "one broken part harms only itself"),
        (Nameless(), "it says what it is"),
        (Shouting(), "each translation says one thing"),
    ],
)
def test_an_adapter_that_breaks_a_promise_is_noticed(adapter: Any, words: str, samples: Path) -> None:
    assert words in _faults(adapter, samples)


def test_an_adapter_without_samples_proves_nothing(tmp_path: Path) -> None:
    assert "samples lead to facts" in _faults(Lines(), tmp_path)


class Asking(Lines):
    def translate(self, message: Message, setting: Setting) -> Translation:
        return super().translate(message, setting) if setting.options.get("form") is None else Translation()


class Listing(Asking):
    options = (Option("form", "which of its forms the sender uses"),)


class Murmuring(Lines):
    options = (Option("Form", ""),)


def test_an_option_that_is_read_and_not_named_is_noticed(samples: Path) -> None:
    assert _faults(Listing(), samples) == {}
    assert _faults(Asking(), samples) == {
        "it names the options that it reads": "visits.txt: `options` does not name form, which is read or given"
    }
    assert "it names the options that it reads" in _faults(Murmuring(), samples)


def test_an_option_of_a_sample_that_no_adapter_names_is_noticed(samples: Path) -> None:
    (samples / "visits.txt.setting.toml").write_text('[options]\norder = "5"\n')
    assert set(_faults(Lines(), samples)) == {"it names the options that it reads"}


def test_a_setting_may_lie_beside_its_sample(samples: Path) -> None:
    beside = 'agency = "oakfield"\nsystem = "visits"\nzone = "Europe/Paris"\n[options]\norder = "5"\n'
    (samples / "visits.txt.setting.toml").write_text(beside)
    assert setting_of(Lines(), samples / "visits.txt") == Setting(
        "oakfield", "visits", "visits.txt", "Europe/Paris", {"order": "5"}
    )


def test_a_dribble_hands_out_what_it_was_given() -> None:
    assert Dribble(b"some bytes", (1, 3)).read() == b"some bytes"
    assert Dribble(b"some bytes", (1, 3)).read(10) == b"s"
    assert list(Dribble(b"two\nlines", (2,))) == [b"two\n", b"lines"]


def test_the_hostile_source_is_the_same_at_every_run() -> None:
    once, again = (list(HostileSource(b"C1|V1|Testwood\n")) for _ in range(2))
    assert once == again
    assert len({name for name, _ in once}) > 50
    assert {b"", b"\xef\xbb\xbf", b"C1|V1|", b"null"} <= {content for _, content in once}
