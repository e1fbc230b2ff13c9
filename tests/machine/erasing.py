"""The rules of erasing, holding and admitting again, and of new agencies' keys, on top of the others."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from events.errors import Refused
from hub.services import Services
from hub.settings import Settings, read_settings
from tests.hub.homes import ADMIN, STEWARD
from tests.machine.playing import Playing, counted


class Erasing(Playing):
    """With a list of erasures in a second place, so that a restore knows what was erased since the copy."""

    @precondition(lambda self: bool(self.expected.life_of))
    @rule(at=st.integers(min_value=0))
    @counted
    def erase(self, at: int) -> None:
        held = sorted(self.expected.held)
        record = self._any(held * 2 + sorted(self.expected.life_of), at)  # what is held is tried more often
        ends = [each.name for each in self.hub.eraser.plan(record).rules]
        try:
            self.hub.eraser.erase(record, ground="request", ends=ends)
            was_held = False
        except Refused:
            was_held = True
        assert was_held == (record in held)
        if was_held:
            return
        self.gone.add(self.expected.life_of[record])
        self.closed.add(record)
        self.expected.forget(record)

    @precondition(lambda self: bool(self.expected.life_of))
    @rule(at=st.integers(min_value=0))
    @counted
    def hold(self, at: int) -> None:
        record = self._any(sorted(self.expected.life_of), at)
        self.hub.acts.hold(record, ground="claim")
        self.expected.held.add(record)

    @precondition(lambda self: bool(self.expected.held))
    @rule(at=st.integers(min_value=0))
    @counted
    def lift(self, at: int) -> None:
        record = self._any(sorted(self.expected.held), at)
        self.hub.acts.lift(record, ground="claim-over")
        self.expected.held.discard(record)

    @precondition(lambda self: bool(self.closed))
    @rule(at=st.integers(min_value=0))
    @counted
    def readmit(self, at: int) -> None:
        record = self._any(sorted(self.closed), at)
        self.hub.acts.readmit(record, ground="request")
        self.closed.discard(record)

    @precondition(lambda self: self._is_new("rotate", 2))
    @rule(agency=st.sampled_from((None, "housing", "hub")))
    @counted
    def rotate(self, agency: str | None) -> None:
        Services(self.hub).rotate_keys(ADMIN, agency)

    @invariant()
    def nobody_who_was_erased_is_found(self) -> None:
        for record in self.closed:
            assert Services(self.hub).reading.find(STEWARD, record=record)["people"] == []

    def _any(self, records: list[str], at: int) -> str:
        return records[at % len(records)]

    def _settings(self) -> Settings:
        second = self.folder / "second"
        second.mkdir(exist_ok=True)
        return read_settings(self.home, {"TELLONCE_ERASURES": str(second)})
