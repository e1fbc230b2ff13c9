"""One thread that works in groups: whatever queued up during one group is the next."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

import pytest

from events.errors import Refused, TryAgainLater
from events.groups import GroupThread

PATIENCE_S = 10


@dataclass
class Parcel:
    name: str
    size: int = 1
    done: Future[str] = field(default_factory=Future)


class Depot:
    """Takes parcels in groups; the first group stands at the gate until it is opened."""

    def __init__(self, deliver: Callable[[list[Parcel]], None] | None = None) -> None:
        self.groups: list[list[str]] = []
        self.is_at_gate, self.gate = threading.Event(), threading.Event()
        self._deliver = deliver or self._answer_all
        self.thread: GroupThread[Parcel] = GroupThread("depot", self._work, size_max=3)

    def _work(self, group: list[Parcel]) -> None:
        self.groups.append([parcel.name for parcel in group])
        self.is_at_gate.set()
        assert self.gate.wait(PATIENCE_S)
        self._deliver(group)

    @staticmethod
    def _answer_all(group: list[Parcel]) -> None:
        for parcel in group:
            parcel.done.set_result(f"{parcel.name} delivered")

    def hold(self, *parcels: Parcel) -> list[Parcel]:
        """The first is being worked on, the others wait."""
        for parcel in parcels:
            self.thread.submit(parcel)
            assert self.is_at_gate.wait(PATIENCE_S)
        return list(parcels)


@pytest.fixture
def depot() -> Iterator[Depot]:
    depot = Depot()
    yield depot
    depot.gate.set()
    depot.thread.close()


def answers(parcels: list[Parcel]) -> list[str]:
    return [parcel.done.result(PATIENCE_S) for parcel in parcels]


def test_what_waits_goes_together_in_its_order(depot: Depot) -> None:
    parcels = depot.hold(Parcel("a"), Parcel("b"), Parcel("c"))
    depot.gate.set()
    assert answers(parcels) == ["a delivered", "b delivered", "c delivered"]
    assert depot.groups == [["a"], ["b", "c"]]


def test_a_group_is_bounded(depot: Depot) -> None:
    parcels = depot.hold(Parcel("a"), Parcel("b"), Parcel("c"), Parcel("d"), Parcel("e"), Parcel("long", 9))
    depot.gate.set()
    answers(parcels)
    assert depot.groups == [["a"], ["b", "c", "d"], ["e", "long"]]


def test_what_was_cancelled_meanwhile_is_left_out(depot: Depot) -> None:
    first, second, third = depot.hold(Parcel("a"), Parcel("b"), Parcel("c"))
    assert second.done.cancel()
    depot.gate.set()
    assert answers([first, third]) == ["a delivered", "c delivered"]
    assert depot.groups == [["a"], ["c"]]


def test_what_goes_wrong_reaches_those_without_an_answer_and_the_next_group_is_tried() -> None:
    def half(group: list[Parcel]) -> None:
        group[0].done.set_result("delivered")
        if len(group) > 1:
            raise TryAgainLater("disk-full", "no room")

    depot = Depot(half)
    parcels = depot.hold(Parcel("a"), Parcel("b"), Parcel("c"))
    depot.gate.set()
    assert answers(parcels[:2]) == ["delivered"] * 2
    with pytest.raises(TryAgainLater, match="disk-full"):
        parcels[2].done.result(PATIENCE_S)
    assert answers(depot.hold(Parcel("d"))) == ["delivered"]
    depot.thread.close()


def test_closing_does_what_was_submitted_and_then_takes_no_more(depot: Depot) -> None:
    parcels = depot.hold(Parcel("a"), Parcel("b"))
    depot.gate.set()
    assert depot.thread.close()
    assert not depot.thread.close()
    assert all(parcel.done.done() for parcel in parcels)
    with pytest.raises(Refused, match="hub-stopping"):
        depot.thread.submit(Parcel("late"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_thread_that_died() -> None:
    def die(group: list[Parcel]) -> None:
        raise SystemExit("out of order")

    depot = Depot(die)
    parcels = depot.hold(Parcel("a"), Parcel("b"))
    depot.gate.set()
    for parcel in parcels:
        with pytest.raises(SystemExit):
            parcel.done.result(PATIENCE_S)
    with pytest.raises(Refused, match="hub-stopping"):
        depot.thread.submit(Parcel("late"))
    depot.thread.close()  # the thread's own complaint belongs to this test, not to whichever runs when it ends


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_after_all_were_answered_is_loud() -> None:
    def stumble(group: list[Parcel]) -> None:
        Depot._answer_all(group)
        raise ValueError("after the fact")

    depot = Depot(stumble)
    depot.gate.set()
    assert answers(depot.hold(Parcel("a"))) == ["a delivered"]
    depot.thread.close()
    with pytest.raises(Refused, match="hub-stopping"):
        depot.thread.submit(Parcel("late"))
