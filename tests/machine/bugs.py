"""Bugs to plant in the product: each breaks one promise that somebody relies on, and raises nothing by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hub.erasure.plan
from events.envelope import Logged
from events.identity import mac
from events.ids import SubjectId
from events.log.seen import Seen
from events.sealing import SecretName
from hub.backup import copy_home
from hub.vault.keys import KeyStore
from projections.engine.facts.fold import FactFold
from projections.engine.membership.fold import _Fold as MembershipFold
from projections.engine.projection import Gone
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


def _swaps_in_views_without_links(patch: pytest.MonkeyPatch) -> None:
    whole = ViewStore.swap

    def swap(self: ViewStore, path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("DELETE FROM membership_links WHERE how LIKE 'linked%'")
        whole(self, path)

    patch.setattr(ViewStore, "swap", swap)


def _restores_old_keys(patch: pytest.MonkeyPatch) -> None:
    """A restore takes the key store as it was before the first message."""

    def copy_less(source: Path, target: Path) -> None:
        copy_home(source, target)
        with closing(sqlite3.connect(target / "keys.sqlite", isolation_level=None)) as db:
            db.execute("DELETE FROM secrets WHERE agency <> 'hub'")

    patch.setattr("hub.restore.copy_home", copy_less)


def _destroys_another_too(patch: pytest.MonkeyPatch) -> None:
    whole = KeyStore.destroy

    def destroy(self: KeyStore, subject: SubjectId, classes: Collection[str] | None = None) -> list[SecretName]:
        found = self._db.execute(
            "SELECT subject FROM subjects WHERE subject <> ? ORDER BY lookup LIMIT 1", (subject,)
        ).get
        if found is not None:
            whole(self, SubjectId(found))
        return whole(self, subject, classes)

    patch.setattr(KeyStore, "destroy", destroy)


def _leaves_the_erased_in_a_view(patch: pytest.MonkeyPatch) -> None:
    def purge(self: MembershipFold, gone: Gone) -> Sequence[int]:
        return ()

    patch.setattr(MembershipFold, "purge", purge)


def _erases_what_is_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hub.erasure.plan, "holds_over", lambda db, subject: [])


def _forgets_who_was_erased(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(KeyStore, "is_suppressed", lambda self, agency, record: False)


def _rotates_all_but_the_newest(patch: pytest.MonkeyPatch) -> None:
    whole = KeyStore.rotate

    def rotate(self: KeyStore, agency: str, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
        many = whole(self, agency, progress)
        self._db.execute("UPDATE secrets SET generation = generation - 1 WHERE seq = (SELECT max(seq) FROM secrets)")
        return many

    patch.setattr(KeyStore, "rotate", rotate)


BUGS = (
    Bug("knows-no-duplicate", _knows_no_duplicate),
    Bug("misses-withdrawals", _misses(FactFold, lambda each: each.event.attributes.get("action") == "withdraw")),
    Bug("misses-unlinks", _misses(MembershipFold, lambda each: each.event.type == "hub.records-unlinked")),
    Bug("takes-a-name-for-a-record", _takes_a_name_for_a_record),
    Bug("swaps-in-views-without-links", _swaps_in_views_without_links),
    Bug("restores-old-keys", _restores_old_keys),
    Bug("destroys-another-too", _destroys_another_too),
    Bug("leaves-the-erased-in-a-view", _leaves_the_erased_in_a_view),
    Bug("erases-what-is-held", _erases_what_is_held),
    Bug("forgets-who-was-erased", _forgets_who_was_erased),
    Bug("rotates-all-but-the-newest", _rotates_all_but_the_newest),
)
