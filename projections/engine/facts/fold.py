"""Folds events into facts that stand: each fact's rows, and since when and until when each version stood.

A batch is folded in memory, fact by fact, and written in key order at its end. Whatever arrives, a judge of the fact
(projections/engine/standing.py) says what stands by the laws.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from events.catalogue import TYPES, title_of, wording_of_titles
from events.envelope import Logged
from events.identity import content_digest
from events.log.bulk import insert_rows
from events.order import parse_order
from projections.engine.facts.history import FactKey, NewRow, Row, new_row, noted, row_of
from projections.engine.facts.inhand import FactInHand, LongFacts
from projections.engine.facts.store import Closing, FactStore, closing_sweeps
from projections.engine.occurred import DEFAULT_ZONE, UNDATED, occurred_of
from projections.engine.projection import FOREVER, Connection, Gone
from projections.engine.standing import Sweep, is_plainly_ordered, why_arrival

# Rises with this fold and its tables. Rows carry titles: other words for them make another version, of the view of
# people too, which shows none. Its rows are laid out like all others rather than with a case of their own.
FACTS_VERSION = 5 << 32 | wording_of_titles()
_CLOSING_TYPE = "hub.return-closed"
_WITHDRAW_GROUP = "withdraw-group"
_WRONG_PERSON = "wrong-person"


class FactFold:
    """Keeps one view's facts: those of some types."""

    def __init__(self, db: Connection, store: FactStore, types: frozenset[str]) -> None:
        self._db = db
        self._store = store
        self._types = types | {_CLOSING_TYPE}
        self._asked: set[FactKey] = set()  # facts of the batch: what is stored of them is in hand
        self._first_words: dict[FactKey, NewRow] = {}  # of facts of which nothing else was said yet
        self._facts: dict[FactKey, FactInHand] = {}  # all others
        self._long = LongFacts()
        self._groups: dict[tuple[bytes, str], list[Sweep]] = {}
        self._closings: dict[tuple[str, str], list[Closing]] = {}
        self._scoped: dict[tuple[str, str], set[FactKey]] = {}

    def batch(self, batch: Sequence[Logged]) -> None:
        told = self._told(batch)
        if not told:
            return
        self._asked = _facts_in(told)
        self._facts = self._long.among(self._asked)
        stored = self._store.rows_of_facts(self._db, self._asked - self._facts.keys())
        self._facts.update((key, FactInHand(rows)) for key, rows in stored.items())
        for logged in told:
            self._event(logged)
        self._write()

    def _told(self, batch: Sequence[Logged]) -> list[Logged]:
        """Of a batch, what this view is told of."""
        types = self._types
        return [
            logged
            for logged in batch
            if (said := logged.event.attributes)["type"] in types or said.get("action") == _WITHDRAW_GROUP
        ]

    def _event(self, logged: Logged) -> None:
        attributes = logged.event.attributes
        if attributes["type"] == _CLOSING_TYPE:
            self._close(logged)
        elif attributes.get("action") == _WITHDRAW_GROUP:
            self._withdraw_group(logged)
        else:
            self._say(logged)

    # ---- what is said of one fact

    def _say(self, logged: Logged) -> None:
        new = _row_of(logged)
        key = (new.subject, new.fact)
        # Only what is said of this very fact can take away what came in no group and no return.
        is_by_itself = new.kind == "assert" and new.factgroup is None and new.returnscope is None
        if is_by_itself and key not in self._facts and key not in self._first_words:
            self._first_words[key] = new if is_plainly_ordered(new.order, new.known_us) else _with_arrival(new)
        else:
            self._say_more(logged, key, row_of(new))

    def _say_more(self, logged: Logged, key: FactKey, row: Row) -> None:
        """What a judge has to look at."""
        source = str(logged.event.attributes["source"])
        row.current_from = row.current_to = None
        fact = self._fact(key)
        if row.returnscope is not None:
            self._scope_of(source, row.returnscope).add(key)
        judge = fact.judge
        if judge is None or fact.is_swept_anew(row):
            judge = fact.judge_with(self._sweeps(fact, source, row))
        fact.take(row, judge)
        fact.settle(judge, row.known_us)

    def _fact(self, key: FactKey) -> FactInHand:
        fact = self._facts.get(key)
        if fact is None:
            fact = self._facts[key] = self._fact_to_judge(key)
        return fact

    def _fact_to_judge(self, key: FactKey) -> FactInHand:
        if (first := self._first_words.pop(key, None)) is not None:
            return FactInHand([row_of(first)])
        if key in self._asked:
            return FactInHand([])
        long = self._long.among({key}).get(key)
        return long or FactInHand(self._store.rows_of_fact(self._db, *key))

    def _sweeps(self, fact: FactInHand, source: str, row: Row) -> list[Sweep]:
        """All group withdrawals and closings that concern a fact, a row's own group and scope included."""
        sweeps: list[Sweep] = []
        for group in sorted(fact.groups.union(filter(None, [row.factgroup]))):
            sweeps += self._of_group(row.subject, group)
        for scope in sorted(fact.scopes.union(filter(None, [row.returnscope]))):
            sweeps += closing_sweeps(self._of_scope(source, scope), scope, row.factref)
        return sweeps

    def _sweep(self, fact: FactInHand, source: str, sweep: Sweep) -> None:
        """A sweep that is noted already, as it concerns one fact."""
        judge = fact.judge
        if judge is None:
            judge = fact.judge_with(self._sweeps(fact, source, fact.rows[0]))
        else:
            judge.add(sweep)
        fact.settle(judge, sweep.known_us)

    # ---- what is said of a group

    def _of_group(self, subject: bytes, group: str) -> list[Sweep]:
        key = (subject, group)
        if key not in self._groups:
            self._groups[key] = self._store.sweeps_of_group(self._db, subject, group)
        return self._groups[key]

    def _withdraw_group(self, logged: Logged) -> None:
        event, attributes = logged.event, logged.event.attributes
        group, order = attributes["factgroup"], attributes.get("order")
        is_wrong = attributes["data"].get("reason") == _WRONG_PERSON
        parsed = parse_order(order) if order is not None else None
        sweep = Sweep(logged.offset, logged.known_us, parsed, group=group, is_wrong_person=is_wrong)
        self._of_group(event.subject, group).append(sweep)
        values = (event.subject, group, logged.offset, logged.known_us, order, int(is_wrong))
        self._db.execute(self._store.insert_group, values)
        touched = set(self._store.facts_of_group(self._db, event.subject, group))
        touched.update(key for key, fact in self._facts.items() if key[0] == event.subject and group in fact.groups)
        for key in sorted(touched):
            self._sweep(self._fact(key), attributes["source"], sweep)

    # ---- what is said of a return's scope

    def _of_scope(self, source: str, scope: str) -> list[Closing]:
        key = (source, scope)
        if key not in self._closings:
            self._closings[key] = self._store.closings_of_scope(self._db, source, scope)
        return self._closings[key]

    def _scope_of(self, source: str, scope: str) -> set[FactKey]:
        return self._scoped.setdefault((source, scope), set())

    def _close(self, logged: Logged) -> None:
        payload, source = logged.event.payload, str(logged.event.attributes["source"])
        low, high = payload["range"]
        closing = Closing(
            logged.offset,
            logged.known_us,
            payload["order"],
            int(payload.get("incremental", False)),
            bytes.fromhex(low),
            bytes.fromhex(high) if high is not None else None,
            b"".join(sorted(map(bytes.fromhex, payload["tokens"]))),
        )
        scope = payload["scope"]
        self._of_scope(source, scope)  # what is stored of it, before this one is
        self._db.execute(self._store.insert_closing, (source, scope, *closing))
        stored = self._store.facts_of_scope(self._db, source, scope)
        self._close_over(source, scope, closing, self._scope_of(source, scope).union(stored))

    def _close_over(self, source: str, scope: str, closing: Closing, keys: Iterable[FactKey]) -> None:
        """What a closing does to some facts of its scope."""
        self._of_scope(source, scope).append(closing)
        for key in sorted(keys):
            fact = self._fact(key)
            token = fact.rows[0].factref
            if closing.decides(token):
                self._sweep(fact, source, closing.sweep(scope, token))

    # ---- what is gone

    def purge(self, gone: Gone) -> Sequence[int]:
        said = self._store.said_of(self._db, gone.subject)
        is_touched = any(at in gone.offsets or TYPES[kind].retention == gone.retention for at, kind in said)
        is_touched |= gone.fact is not None and self._store.is_said(self._db, gone.subject, gone.fact)
        if not (gone.is_whole or gone.was_halted or is_touched):
            return ()
        self._store.take_out(self._db, gone.subject)
        self._long.forget(gone.subject)
        return [at for at, _ in said]

    def refold(self, subject: bytes, rows: Sequence[Logged]) -> None:
        """See Folder. A closing of a scope takes its turn again among what it came between."""
        told = self._told(rows)
        self._asked = _facts_in(told)
        scopes = {
            (str(said["source"]), said["returnscope"])
            for said in (logged.event.attributes for logged in told)
            if said.get("returnscope") is not None
        }
        closings = [
            (closing.at, source, scope, closing)
            for source, scope in sorted(scopes)
            for closing in self._store.closings_of_scope(self._db, source, scope)
        ]
        self._closings = {key: [] for key in scopes}
        closings.sort(reverse=True)
        for logged in told:
            self._close_before(logged.offset, closings)
            self._event(logged)
        self._close_before(FOREVER, closings)
        self._write()

    def _close_before(self, offset: int, closings: list[tuple[int, str, str, Closing]]) -> None:
        """Lets the closings that came before an offset do what they do; the last of the list came first."""
        while closings and closings[-1][0] < offset:
            _, source, scope, closing = closings.pop()
            self._close_over(source, scope, closing, self._scope_of(source, scope))

    # ---- to the store

    def _write(self) -> None:
        new = list(self._first_words.values())
        changed: list[Row] = []
        for fact in self._facts.values():
            fact.tell_run()
            for row in fact.rows:
                if row.is_new:
                    new.append(new_row(row))
                elif row.is_changed:
                    changed.append(row)
        new.sort()  # by key: pages are filled one after the other
        insert_rows(self._db, self._store.insert, new)
        self._db.executemany(self._store.update, [row.moved() for row in changed])
        for (source, scope), keys in self._scoped.items():
            insert_rows(self._db, self._store.insert_scoped, [(source, scope, *key) for key in sorted(keys)])
        self.wrote(new, changed)
        # Facts live for one batch, so that memory is bounded by it; the store answers for the rest.
        self._long.keep(self._facts)
        self._facts = {}
        self._first_words = {}
        self._asked = set()
        self._groups.clear()
        self._closings.clear()
        self._scoped.clear()

    def wrote(self, new: Sequence[NewRow], changed: Sequence[Row]) -> None:
        """For a view that keeps more than the facts: called in the transaction, with what the batch changed."""


def _facts_in(told: Sequence[Logged]) -> set[FactKey]:
    return {
        (event.subject, said["fact"])
        for event in (logged.event for logged in told)
        if "fact" in (said := event.attributes)
    }


def _with_arrival(new: NewRow) -> NewRow:
    """A fact's first word, with a finding where it ranks by its arrival: the order that it gives can't be used."""
    why = why_arrival(row_of(new).item(), None)
    return new if why is None else new._replace(findings=noted(new.findings, f"{why} order"))


def _row_of(logged: Logged) -> NewRow:
    """The row of what is said of a fact, as it stands if nothing else is ever said of it."""
    event, attributes = logged.event, logged.event.attributes
    get = attributes.get
    payload = attributes["data"]
    content = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)  # canonical: what was read back holds no NaN
    kind = get("action", "assert")
    time = get("time")
    occurred = occurred_of(payload, time, get("zone", DEFAULT_ZONE)) if kind == "assert" else UNDATED
    findings = get("findings")
    return NewRow(
        event.subject,
        occurred.sort,
        attributes["fact"],
        logged.offset,
        logged.partition,
        logged.known_us,
        kind,
        logged.known_us,
        FOREVER,
        None,
        0,
        None,
        attributes["type"],
        title_of(attributes["type"], payload) if kind == "assert" else None,
        content_digest(content),
        get("order"),
        attributes["orderfrom"],
        get("factgroup"),
        get("returnscope"),
        int(kind != "assert" and payload.get("reason") == _WRONG_PERSON),
        occurred.day_from,
        occurred.day_to,
        time,
        get("recordedtime"),
        bytes.fromhex(attributes["factref"]),
        event.id,
        orjson.dumps(findings).decode() if findings else None,
        content,
    )
