"""Every key that whoever runs a hub could lay hands on: the wrapping keys, and all that they unwrap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apsw

from events.identity import derive
from hub.settings import KMS_FILE
from hub.vault.kms import LocalKms
from hub.vault.tables import EMPTY
from tests.traces.keys import unwrapped


def keys_held(home: Path, kms_file: Path | None = None) -> dict[str, bytes]:
    """All keys of a home by a name that says which, secrets of subjects among them."""
    kms_file = kms_file or home / KMS_FILE
    told: dict[str, Any] = json.loads(kms_file.read_bytes())
    held = {
        f"kms {kind} {name}": bytes.fromhex(key) for kind in ("wrapping", "signing") for name, key in told[kind].items()
    }
    db = apsw.Connection(str(home / "keys.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        held |= _of_agencies(db, LocalKms(kms_file))
        held |= _of_the_hub(db, LocalKms(kms_file))
        held |= _of_subjects(db, held)
    finally:
        db.close()
    return held


def wrapping_keys(held: dict[str, bytes]) -> list[bytes]:
    """Those that secrets are wrapped with."""
    return [key for name, key in held.items() if name.startswith(("kms wrapping", "agency", "hub"))]


def _rows(db: apsw.Connection, sql: str) -> list[Any]:
    return db.execute(sql).fetchall()


def _of_agencies(db: apsw.Connection, kms: LocalKms) -> dict[str, bytes]:
    rows = _rows(db, "SELECT agency, generation, wrapped FROM agency_keys")
    return {f"agency {agency} {at}": kms.unwrap(f"agency/{agency}", raw) for agency, at, raw in rows if raw != EMPTY}


def _of_the_hub(db: apsw.Connection, kms: LocalKms) -> dict[str, bytes]:
    held = {f"hub {name}": kms.unwrap("hub", raw) for name, raw in _rows(db, "SELECT name, wrapped FROM hub_keys")}
    (intake,) = derive(held["hub look-up"], b"intake-keys/1")
    days = _rows(db, "SELECT day, wrapped FROM intake_keys")
    return held | {f"day {day}": unwrapped(intake, wrapped) for day, wrapped in days if wrapped != EMPTY}


def _of_subjects(db: apsw.Connection, agencies: dict[str, bytes]) -> dict[str, bytes]:
    rows = _rows(db, "SELECT agency, subject, class, generation, wrapped FROM secrets")
    return {
        f"secret {agency} {subject.hex()} {retention}": unwrapped(agencies[f"agency {agency} {at}"], wrapped)
        for agency, subject, retention, at, wrapped in rows
        if wrapped != EMPTY
    }
