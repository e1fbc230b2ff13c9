"""Faults to plant in the hub: each is an order or a sync that somebody might one day save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

import hub.assembly
import hub.receipts.files
import hub.vault.kms
from events.log.sqlite import SqliteLog
from hub.vault.keys import KeyStore

Plant = Callable[[pytest.MonkeyPatch], None]


class Fault(NamedTuple):
    name: str
    plant: Plant
    breaks: frozenset[str]  # promises, of which some cut breaks at least one


def _saves_syncs_of(file_name: str) -> Plant:
    """A file whose commits are not synced one by one: synchronous=NORMAL."""

    class Saving(apsw.Connection):
        def pragma(self, name: str, value: Any = None, *, schema: str | None = None) -> Any:
            if name == "synchronous" and self.filename.endswith(file_name):
                value = "normal"
            return super().pragma(name, schema=schema) if value is None else super().pragma(name, value, schema=schema)

    return lambda patch: patch.setattr(apsw, "Connection", Saving)


def _keys_after_the_log(patch: pytest.MonkeyPatch) -> None:
    commit, store = KeyStore.commit, SqliteLog._store
    owing: list[KeyStore] = []

    def owe(self: KeyStore) -> None:
        owing.append(self)

    def store_first(self: SqliteLog, *rows: Any) -> None:
        store(self, *rows)
        while owing:
            commit(owing.pop())

    patch.setattr(KeyStore, "commit", owe)
    patch.setattr(SqliteLog, "_store", store_first)


def _folders_unsynced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hub.receipts.files, "sync_folder", lambda folder: None)


def _names_of_folders_unsynced(patch: pytest.MonkeyPatch) -> None:
    for module in (hub.assembly, hub.receipts.files, hub.vault.kms):
        patch.setattr(module, "make_folder", lambda folder: folder.mkdir(mode=0o700, parents=True, exist_ok=True))


def _kms_unsynced(patch: pytest.MonkeyPatch) -> None:
    def write(path: Path, content: bytes) -> None:
        path.write_bytes(content)

    patch.setattr(hub.vault.kms, "_write_durably", write)


FAULTS = (
    Fault("log-synchronous-normal", _saves_syncs_of("log.sqlite"), frozenset({"acknowledged-event-lost"})),
    Fault(
        "keys-synchronous-normal",
        _saves_syncs_of("keys.sqlite"),
        frozenset({"acknowledged-event-doubled", "event-does-not-open", "views-stopped"}),
    ),
    Fault("log-before-keys", _keys_after_the_log, frozenset({"event-doubled", "event-does-not-open", "views-stopped"})),
    Fault("entry-of-a-receipt-dropped", _folders_unsynced, frozenset({"receipt-bytes-missing"})),
    Fault("wrapping-keys-unsynced", _kms_unsynced, frozenset({"kms-missing", "kms-differs", "broken-file"})),
    Fault("entry-of-a-folder-dropped", _names_of_folders_unsynced, frozenset({"home-gone", "receipt-bytes-missing"})),
)
