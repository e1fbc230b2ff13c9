"""What may come with a message: options that its adapter knows, and the adapter that the register names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sdk.adapter import Option
from adapters.sdk.receipts import Arrival
from events.errors import Refused, WrongSettings
from tests.adapters.sdk.scripted import REGISTER, Bench, ScriptedAdapter, a_fact, a_message

HOUSING = '{ name = "housing", options = { colour = "blue" } }'


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.mark.parametrize("size", ["small", "long"])
def test_an_option_that_the_adapter_does_not_know_is_refused_and_nothing_is_stored(bench: Bench, size: str) -> None:
    message = a_message(a_fact(), **({"ballast": "x" * 2_000_000} if size == "long" else {}))
    with pytest.raises(Refused) as refused:
        bench.send(message, size="9", colour="red")
    assert (refused.value.code, refused.value.where) == ("unknown-option", "adapter scripted, option size")
    assert refused.value.next_step == "It knows colour, shape."
    assert bench.receipts.counts_by_day() == []
    assert bench.send(message, colour="red").counts.accepted == 1


def test_an_adapter_without_options_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedAdapter, "options", ())
    with pytest.raises(Refused, match="It knows none: leave it out"):
        bench.send(a_message(a_fact()), colour="red")


def test_an_option_that_names_a_file_comes_from_the_register_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedAdapter, "options", (Option("colour", "a file of colours", is_of_register=True),))
    with pytest.raises(Refused, match="option-of-register: adapter scripted, option colour: "):
        bench.send(a_message(a_fact()), colour="/etc/passwd")
    assert bench.send(a_message(a_fact())).counts.accepted == 1
    assert bench.adapter.settings[-1].options == {"colour": "blue"}


def test_what_was_received_is_read_with_its_options_though_the_adapter_forgot_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantined = bench.send(b'{"reject": "x"}\n', colour="red")
    stored = bench.receipts.store(Arrival("north", "housing", "scripted", None, {"colour": "red"}), b'{"facts": []}')
    monkeypatch.setattr(ScriptedAdapter, "options", ())
    assert bench.intake.retry(quarantined.receipt, "1").state == "quarantined"
    assert [report.receipt for report in bench.intake.sweep()] == [stored.id]
    assert bench.adapter.settings[-1].options == {"colour": "red"}


def test_an_option_in_the_register_that_its_adapter_does_not_know_is_a_fault_of_the_register(bench: Bench) -> None:
    said = '{ name = "housing", adapter = "scripted", options = { colour = "blue", size = "9" } }'
    bench.register(REGISTER.replace(HOUSING, said))
    with pytest.raises(WrongSettings) as fault:
        bench.send(a_message(a_fact()))
    assert (fault.value.code, fault.value.where) == ("bad-register", "agencies.toml, north/housing, options")
    assert fault.value.what == "the adapter scripted knows no option size"
    bench.register(REGISTER.replace(HOUSING, said.replace('"scripted"', '["scripted", "hl7v2"]')))
    assert bench.send(a_message(a_fact())).counts.accepted == 1  # it may be meant for the other adapter


# ---- the adapter that the register names


@pytest.mark.parametrize("named", ['"scripted"', '["hl7v2", "scripted"]'])
def test_the_adapters_that_the_register_names_may_be_used(bench: Bench, named: str) -> None:
    bench.register(REGISTER.replace(HOUSING, f'{{ name = "housing", adapter = {named} }}'))
    assert bench.send(a_message(a_fact())).counts.accepted == 1


def test_another_adapter_than_the_register_names_is_refused_and_nothing_is_stored(bench: Bench) -> None:
    bench.register(REGISTER.replace(HOUSING, '{ name = "housing", adapter = "hl7v2" }'))
    with pytest.raises(Refused) as refused:
        bench.send(a_message(a_fact()))
    assert (refused.value.code, refused.value.where) == ("other-adapter", "north/housing, adapter scripted")
    assert refused.value.what == "the register says that this system speaks hl7v2"
    assert 'adapter = ["hl7v2", "scripted"]' in refused.value.next_step
    assert bench.receipts.counts_by_day() == []


def test_what_was_received_is_read_by_its_own_adapter_though_the_register_names_another_now(bench: Bench) -> None:
    quarantined = bench.send(b'{"reject": "x"}\n')
    stored = bench.receipts.store(Arrival("north", "housing", "scripted", None, {}), b'{"facts": []}')
    bench.register(REGISTER.replace(HOUSING, '{ name = "housing", adapter = "hl7v2" }'))
    assert bench.intake.retry(quarantined.receipt, "1").state == "quarantined"
    assert [report.receipt for report in bench.intake.sweep()] == [stored.id]
