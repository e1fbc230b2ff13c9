"""Homes of format 1, from before sealing: a writer of its own, which follows no change of the product."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import orjson

from adapters.sdk.receipts import Arrival
from events.sealing import Cipher, SecretName, unwrap
from hub.assembly import Hub
from hub.receipts.store import ROW_MAX_BYTES

_OUTCOMES = """
CREATE TABLE unfinished(receipt INTEGER PRIMARY KEY);
CREATE TABLE outcomes(
  receipt INTEGER NOT NULL, first INTEGER NOT NULL, messages INTEGER NOT NULL, accepted INTEGER NOT NULL,
  findings INTEGER NOT NULL, not_mapped INTEGER NOT NULL, quarantined INTEGER NOT NULL, events INTEGER NOT NULL,
  duplicates INTEGER NOT NULL, with_findings INTEGER NOT NULL, document BLOB NOT NULL, event_ids BLOB NOT NULL,
  PRIMARY KEY(receipt, first)) WITHOUT ROWID;
CREATE TABLE retried(
  receipt INTEGER NOT NULL, place TEXT NOT NULL, document BLOB NOT NULL, event_ids BLOB NOT NULL,
  PRIMARY KEY(receipt, place)) WITHOUT ROWID;
CREATE TABLE quarantine(
  number INTEGER PRIMARY KEY, receipt INTEGER NOT NULL, place TEXT NOT NULL, code TEXT NOT NULL, field TEXT NOT NULL,
  detail TEXT NOT NULL, sender_id TEXT, findings INTEGER NOT NULL, state TEXT NOT NULL, noted_us INTEGER NOT NULL,
  UNIQUE(receipt, place));
"""
_SECRETS = (
    "SELECT agency, subject, class, key_id, wrapped FROM secrets "
    "WHERE agency <> 'hub' AND class <> 'raw' AND class NOT LIKE 'other/%'"
)


def write_older(hub: Hub, target: Path, received: Sequence[tuple[Arrival, bytes]]) -> None:
    """Writes what a hub holds as a program from before sealing would have: plain, with the same ids and places."""
    target.mkdir(mode=0o700)
    for name in ("agencies.toml", "token-key.pem"):
        if (hub.home / name).exists():
            shutil.copy(hub.home / name, target / name)
    _write_log(hub, target / "log.sqlite")
    _write_keys(hub, target / "keys.sqlite")
    _write_receipts(hub, target, received)


def _write_log(hub: Hub, path: Path) -> None:
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "wal")
    db.execute("CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    db.execute("INSERT INTO meta VALUES('format', '1'), ('epoch', '1-0123abcd')")
    db.execute(
        "CREATE TABLE log(position INTEGER PRIMARY KEY, known_us INTEGER NOT NULL, header BLOB NOT NULL, "
        "nonce BLOB NOT NULL, body BLOB NOT NULL, leaf BLOB NOT NULL)"
    )
    events = hub.keys.ring.open("main-0", list(hub.log.read("main-0", 0, 1 << 40)), with_grounds=True).logged
    places = {logged.event.id.hex(): logged.offset for logged in events}
    firsts = {str(logged.event.record): logged.offset for logged in reversed(events) if logged.event.agency != "hub"}
    for logged in events:
        event = logged.event
        attributes = as_then(event.attributes, places, firsts) if event.agency == "hub" else event.attributes
        body = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)
        body += b" " * (-len(body) % 256)
        name = event.agency.encode()
        header = bytes([1, len(name)]) + name + event.id + event.subject + bytes(24)
        leaf = b"\0" + logged.offset.to_bytes(8, "big") + logged.known_us.to_bytes(8, "big")
        leaf += len(header).to_bytes(2, "big") + header + bytes(12) + len(body).to_bytes(4, "big") + body
        row = (logged.offset, logged.known_us, header, bytes(12), body, hashlib.sha256(leaf).digest())
        db.execute("INSERT INTO log VALUES(?, ?, ?, ?, ?, ?)", row)
    db.close()


def as_then(told: Mapping[str, Any], places: Mapping[str, int], firsts: Mapping[str, int]) -> dict[str, Any]:
    """A decision as it was: it names the place of its cause, and merges say why in words."""
    then = {name: value for name, value in told.items() if name != "decidedto"}
    payload = told["data"]
    if told["type"] == "hub.person-opened":
        then["causationid"] = f"main-0:{firsts[payload['record']]}"
    elif payload.get("causes"):
        then["causationid"] = f"main-0:{places[payload['causes'][0]]}"
    elif told["type"].startswith("hub.persons-"):
        then["data"] = {**payload, "reason": "they both live with Ottoline"}
        then["dataschema"] = told["dataschema"].rpartition(":")[0] + ":1"
    return then


def _write_receipts(hub: Hub, target: Path, received: Sequence[tuple[Arrival, bytes]]) -> None:
    """Small ones in their rows, long ones in files; `received` in the order of their numbers."""
    (target / "receipts").mkdir(mode=0o700)
    source = apsw.Connection(str(hub.home / "receipts.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    db = apsw.Connection(str(target / "receipts.sqlite"))
    db.execute("CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    db.execute("INSERT INTO meta VALUES('format', '1')")
    db.execute("CREATE TABLE name_keys(first INTEGER PRIMARY KEY, epoch TEXT NOT NULL, key BLOB NOT NULL)")
    for row in source.execute("SELECT first, epoch, key FROM name_keys"):
        db.execute("INSERT INTO name_keys VALUES(?, ?, ?)", row)
    db.execute(
        "CREATE TABLE receipts(number INTEGER PRIMARY KEY, agency TEXT NOT NULL, system TEXT NOT NULL, "
        "adapter TEXT NOT NULL, file_name TEXT, options BLOB NOT NULL, received_us INTEGER NOT NULL, "
        "size_bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, body BLOB)"
    )
    kept: list[Any] = source.execute("SELECT number, received_us FROM receipts ORDER BY number").fetchall()
    for (number, received_us), (arrival, raw) in zip(kept, received, strict=True):
        body = raw if len(raw) <= ROW_MAX_BYTES else None
        if body is None:
            (target / "receipts" / hub.receipts._names.name_of(number)).write_bytes(raw)
        whose = (number, arrival.agency, arrival.system, arrival.adapter, arrival.file_name)
        rest = (orjson.dumps(dict(arrival.options)), received_us, len(raw), hashlib.sha256(raw).digest(), body)
        db.execute("INSERT INTO receipts VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*whose, *rest))
    db.execute(_OUTCOMES)
    for row in source.execute("SELECT * FROM outcomes"):
        db.execute("INSERT INTO outcomes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.close()
    source.close()


def _write_keys(hub: Hub, path: Path) -> None:
    db = apsw.Connection(str(path))
    db.execute("CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    db.execute("INSERT INTO meta VALUES('format', '1')")
    db.execute("CREATE TABLE hub_keys(name TEXT PRIMARY KEY, secret BLOB NOT NULL) WITHOUT ROWID")
    db.execute("INSERT INTO hub_keys VALUES('look-up', ?)", (hub.keys._look_up_key,))
    db.execute("CREATE TABLE subjects(lookup BLOB PRIMARY KEY, subject BLOB NOT NULL UNIQUE) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE secrets(agency TEXT NOT NULL, subject BLOB NOT NULL, class TEXT NOT NULL, key_id BLOB NOT NULL, "
        "secret BLOB NOT NULL, PRIMARY KEY(agency, subject, class)) WITHOUT ROWID"
    )
    source = apsw.Connection(str(hub.home / "keys.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    for lookup, subject in source.execute("SELECT lookup, subject FROM subjects"):
        db.execute("INSERT INTO subjects VALUES(?, ?)", (lookup, subject))
    ciphers = {
        str(agency): Cipher(hub.kms.unwrap(f"agency/{agency}", bytes(wrapped)))  # type: ignore[arg-type]
        for agency, wrapped in source.execute("SELECT agency, wrapped FROM agency_keys")
    }
    stored: list[Any] = source.execute(_SECRETS).fetchall()
    for *name, wrapped in stored:
        secret = unwrap(ciphers[name[0]], SecretName(*name), wrapped)
        db.execute("INSERT INTO secrets VALUES(?, ?, ?, ?, ?)", (*name, secret))
    decided = secrets.token_bytes(16)  # what the hub decided had subjects and secrets of their own
    db.execute("INSERT INTO subjects VALUES(?, ?)", (secrets.token_bytes(32), decided))
    key_id = hashlib.sha256(b"tellonce/key-id/1\0" + bytes(32)).digest()[:24]
    db.execute("INSERT INTO secrets VALUES('hub', ?, 'care', ?, ?)", (decided, key_id, bytes(32)))
    source.close()
    db.close()
