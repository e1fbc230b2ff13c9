"""Bugs to plant in the product: each breaks one promise that somebody relies on, and raises nothing by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hub.restore
from events.envelope import Logged
from events.identity import mac
from events.log.seen import Seen
from hub.vault.keys import KeyStore
from projections.engine.facts.fold import FactFold
from projections.engine.membership.fold import _Fold as MembershipFold
from projections.engine.store import ViewStore

Plant = Callable[[pytest.MonkeyPatch], None]


class Bug(NamedTuple):
    name: str
    plant: Plant


def _misses(fold: type[Any], is_missed: Callable[[Logged], bool]) -> Plant:
    """A fold that passes over some of its events."""
    whole = fold.batch

    def batch(self: Any, rows: Sequence[Logged]) -> None:
        whole(self, [each for each in rows if not is_missed(each)])

    return lambda patch: patch.setattr(fold, "batch", batch)


def _knows_no_duplicate(patch: pytest.MonkeyPatch) -> None:
    whole = Seen.look_up

    def look_up(self: Seen, event_id: bytes, is_same: Callable[[int], bool]) -> tuple[int | None, int]:
        return whole(self, event_id, lambda at: False)

    patch.setattr(Seen, "look_up", look_up)


def _takes_a_name_for_a_record(patch: pytest.MonkeyPatch) -> None:
    """The same name with another agency is the same subject."""

    def lookup(self: KeyStore, name: tuple[str, str]) -> bytes:
        return mac(self._look_up_key, name[1].partition("/")[2].encode())

    patch.setattr(KeyStore, "_lookup", lookup)


def _rebuilds_without_links(patch: pytest.MonkeyPatch) -> None:
    whole = ViewStore.copy

    def copy(self: ViewStore, path: Path, without: str) -> None:
        whole(self, path, without)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("DELETE FROM membership_links WHERE how LIKE 'linked%'")

    patch.setattr(ViewStore, "copy", copy)


def _restores_old_keys(patch: pytest.MonkeyPatch) -> None:
    """A restore takes the key store as it was when the log was new."""
    whole = hub.restore.copy_home

    def copy_home(source: Path, target: Path) -> None:
        whole(source, target)
        with closing(sqlite3.connect(target / "keys.sqlite", isolation_level=None)) as db:
            db.execute("DELETE FROM secrets WHERE agency <> 'hub'")

    patch.setattr(hub.restore, "copy_home", copy_home)


BUGS = (
    Bug("knows-no-duplicate", _knows_no_duplicate),
    Bug("misses-withdrawals", _misses(FactFold, lambda each: each.event.attributes.get("action") == "withdraw")),
    Bug("misses-unlinks", _misses(MembershipFold, lambda each: each.event.type == "hub.records-unlinked")),
    Bug("takes-a-name-for-a-record", _takes_a_name_for_a_record),
    Bug("rebuilds-without-links", _rebuilds_without_links),
    Bug("restores-old-keys", _restores_old_keys),
)
