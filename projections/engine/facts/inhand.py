"""One fact while a batch is folded: what was said of it, what stands, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from projections.engine.facts.history import FactKey, Row
from projections.engine.facts.runs import told_of
from projections.engine.projection import FOREVER
from projections.engine.standing import Judge, Sweep, why_arrival

KEPT_FROM_ROWS = 1_000
KEPT_MAX_ROWS = 100_000


class FactInHand:
    """A fact's rows, in order of arrival, and the judge that says which of them stands.

    The judge is asked for what stands at the top only: one more thing said of a fact costs next to nothing, however
    much was said of it before.
    """

    __slots__ = ("_by_offset", "_current", "_hidden", "groups", "judge", "rows", "scopes")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.groups = {row.factgroup for row in rows if row.factgroup is not None}
        self.scopes = {row.returnscope for row in rows if row.returnscope is not None}
        self.judge: Judge | None = None
        self._by_offset: dict[int, Row] = {}
        self._current = next((row for row in rows if row.current_to == FOREVER), None)
        self._hidden: set[int] = set()

    def is_swept_anew(self, row: Row) -> bool:
        """Whether sweeps may concern the fact that its judge was not told of: those of a new group or scope."""
        is_new_group = row.factgroup is not None and row.factgroup not in self.groups
        return is_new_group or (row.returnscope is not None and row.returnscope not in self.scopes)

    def judge_with(self, sweeps: Iterable[Sweep]) -> Judge:
        """Begins to judge, from everything said so far and all sweeps that concern the fact."""
        self.judge = judge = Judge((row.item() for row in self.rows), sweeps)
        self._by_offset = {row.at: row for row in self.rows}
        self._hidden = {row.at for row in self.rows if row.is_hidden}
        return judge

    def take(self, row: Row, judge: Judge) -> None:
        """The next thing said of a fact that is not alone any more, or was swept."""
        item = row.item()
        is_used_up = judge.add(item)
        if item.kind != "void":
            why = why_arrival(item, judge.kinds)
            if why is not None:
                row.note(f"{why} order")
            if is_used_up:
                row.note("order-used-up order")
        self.rows.append(row)
        self._by_offset[row.at] = row
        if row.factgroup is not None:
            self.groups.add(row.factgroup)
        if row.returnscope is not None:
            self.scopes.add(row.returnscope)

    def written(self) -> None:
        """The rows are stored: what only a new one needs is let go."""
        for row in self.rows:
            if row.is_new:
                row.payload = b""
            row.is_new = row.is_changed = False

    def settle(self, judge: Judge, known_us: int) -> None:
        """Moves the intervals to what stands at a known time."""
        self._hide(judge.hidden)
        top = judge.top()
        if self._current is not None and self._current.at != top:
            self._current.stands_until(known_us)
            self._current = None
        if self._current is None and top is not None:
            self._current = self._by_offset[top]
            self._current.stands_from(known_us)

    def tell_run(self) -> None:
        """Notes beside the version that stands what is to be told of its run, so that readers need no other row."""
        if self.judge is not None and self._current is not None:
            self._current.run, self._current.is_changed = told_of(self.judge), True

    def _hide(self, hidden: set[int]) -> None:
        if hidden == self._hidden:
            return
        for at in hidden ^ self._hidden:
            row = self._by_offset.get(at)  # a hidden sweep has no row
            if row is not None:
                row.is_hidden, row.is_changed = int(at in hidden), True
        self._hidden = set(hidden)


class LongFacts:
    """Facts of which so much was said that reading it all again for one more word would take a tenth of a second.

    About 1 KB a row; the fact that was spoken of longest ago goes first.
    """

    def __init__(self) -> None:
        self._facts: dict[FactKey, FactInHand] = {}

    def among(self, keys: set[FactKey]) -> dict[FactKey, FactInHand]:
        return {key: self._facts[key] for key in keys & self._facts.keys()}

    def forget(self, subject: bytes) -> None:
        """Keeps nothing of a record any more."""
        for key in [key for key in self._facts if key[0] == subject]:
            del self._facts[key]

    def keep(self, facts: Mapping[FactKey, FactInHand]) -> None:
        """Keeps the long ones of a batch that is written."""
        for key, fact in facts.items():
            if len(fact.rows) >= KEPT_FROM_ROWS:
                fact.written()
                self._facts.pop(key, None)
                self._facts[key] = fact
        rows = sum(len(fact.rows) for fact in self._facts.values())
        while rows > KEPT_MAX_ROWS:
            rows -= len(self._facts.pop(next(iter(self._facts))).rows)
