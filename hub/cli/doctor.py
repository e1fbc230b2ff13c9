"""Looks a home and its machine over: what is wrong, and what nobody can check from here."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import apsw
import typer

from adapters.registry import adapter_of, installed
from adapters.sdk.options import check_registered
from adapters.sdk.register import System, read_register
from events.clock import us_text
from events.errors import HubError
from events.log.faults import other_format
from events.log.file import STORED_FORMAT, damage_told
from hub.assembly import KEYS, LOG, REGISTER
from hub.cli.exit_codes import DONE, SETTINGS
from hub.cli.operating import refused_told, second_place, standstill
from hub.cli.session import Session, session_of
from hub.opening import access_told
from hub.settings import Settings
from hub.sqlite import reading_told
from hub.vault.kms import LocalKms, check_kms
from hub.vault.overview import look_over
from hub.vault.tables import KEYS_KEPT_DAYS

DISTRIBUTION = "tell-it-once"
TOP_LEVEL = ("events", "adapters", "projections", "hub")
ROOM_BYTES = 1 << 30
_AHEAD_US = 120_000_000
_DAY_US = 86_400_000_000
_MODE_FOLDER, _MODE_FILE = 0o700, 0o600


class Found(NamedTuple):
    """One thing looked at. `is_well` None: something to know, not a fault."""

    what: str
    is_well: bool | None
    words: str


def add_to(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(context: typer.Context) -> int:
    """Look the home over: format, permissions, room, packages, clock, register, halted lanes."""
    session = session_of(context)
    settings = session.settings()
    looked = (*_looked_over(settings), *_asked(session, settings))
    found = list({each.words: each for each in looked}.values())  # what stops several looks is said once
    code = DONE if all(each.is_well is not False for each in found) else SETTINGS
    if session.answered(
        {"home": str(settings.home), "is_well": code == DONE, "found": [each._asdict() for each in found]}
    ):
        return code
    marks = {True: ("well  ", "green"), False: ("WRONG ", "bold red"), None: ("note  ", "cyan")}
    for each in found:
        mark, style = marks[each.is_well]
        session.screen.line(f"{mark} {each.what}: {each.words}", style)
    return code


def _looked_over(settings: Settings) -> Iterator[Found]:
    for look in (_format, _permissions, _room, _clock, _register, _wrapping_keys, _keys):
        yield from _tried(look, settings)
    yield _packages()
    yield from _adapters()
    yield Found(
        "disk encryption",
        None,
        f"the views in {settings.home} hold people's data in plain text, as do this machine's memory and swap; the log "
        f"and the keys open with {settings.kms_file}. Those disks must be encrypted by whoever runs this machine.",
    )


def _tried(look: Callable[[Settings], Iterator[Found]], settings: Settings) -> Iterator[Found]:
    try:
        with access_told(settings.home), reading_told("home"):
            yield from look(settings)
    except HubError as error:
        yield Found(error.where or error.code, False, str(error))


def _format(settings: Settings) -> Iterator[Found]:
    path = settings.home / "log.sqlite"
    if not path.exists():
        yield Found("home", None, f"{settings.home} has no log yet; `tellonce serve` makes one")
        return
    found = str(_one(path, "SELECT value FROM meta WHERE name = 'format'"))
    if found != str(STORED_FORMAT):
        raise other_format(path.name, found, STORED_FORMAT)
    yield Found("home's format", True, f"{found}; this program reads {STORED_FORMAT}")


def _one(path: Path, question: str) -> object:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        with damage_told(path):
            return db.execute(question).get
    finally:
        db.close()


def _permissions(settings: Settings) -> Iterator[Found]:
    if not settings.home.exists():
        return
    open_ones = [
        path.name
        for path in (settings.home, *settings.home.iterdir())
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and (path.is_dir() or path.suffix != ".toml")
    ]
    folder = f"chmod {_MODE_FOLDER:o} folders and {_MODE_FILE:o} files"
    words = f"others may read {', '.join(sorted(open_ones))}: {folder}" if open_ones else "nobody else reads the home"
    yield Found("permissions", not open_ones, words)


def _room(settings: Settings) -> Iterator[Found]:
    folder = next((each for each in (settings.home, *settings.home.absolute().parents) if each.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    yield Found("room on the disk", free >= ROOM_BYTES, f"{free / 1e9:.1f} GB free; intake stops when it is full")


def _clock(settings: Settings) -> Iterator[Found]:
    path = settings.home / "log.sqlite"
    last_us = _one(path, "SELECT max(known_us) FROM log") if path.exists() else None
    now_us = time.time_ns() // 1000
    last = last_us if isinstance(last_us, int) else 0
    words = f"it is {us_text(now_us)}" + (f", the newest event is of {us_text(last)}" if last else "")
    yield Found("clock", now_us > last - _AHEAD_US, words)


def _wrapping_keys(settings: Settings) -> Iterator[Found]:
    """Where the file is that opens everything, and whether a thief of the home's disk has it too."""
    path = settings.kms_file
    if not path.exists():
        if (settings.home / KEYS).exists():
            check_kms(path)
        return
    LocalKms(path)
    if path.stat().st_dev == settings.home.stat().st_dev:
        words = f"{path} lies on the disk of what it opens: who has the disk has both. TELLONCE_KMS names another place"
        yield Found("wrapping keys", None, words)
    else:
        yield Found("wrapping keys", True, f"{path}, on another disk than the home; no backup holds them")


def _keys(settings: Settings) -> Iterator[Found]:
    keys, log = settings.home / KEYS, settings.home / LOG
    if not keys.exists() or not log.exists():
        return
    found = look_over(keys, log)
    yield Found(
        "keys",
        None,
        f"{found.secrets:,} secrets in {keys}, {found.orphans:,} of which no event uses; "
        f"{found.destroyed:,} destroyed, {found.suppressed:,} records suppressed",
    )
    if found.half_rotated:
        words = f"not finished for {', '.join(found.half_rotated)}: `tellonce keys rotate` goes on"
        yield Found("rotation of keys", False, words)
    if found.backed_up_us is None:
        words = "never: a key store that is lost leaves a log that nobody opens. `tellonce backup` copies both"
    else:
        days = (time.time_ns() // 1000 - found.backed_up_us) // _DAY_US
        by = us_text(found.backed_up_us + KEYS_KEPT_DAYS * _DAY_US)[:10]
        words = f"{days} days old, of {us_text(found.backed_up_us)}; it has to be destroyed by {by}, older ones before"
    yield Found("backup of the keys", None, words)


def _register(settings: Settings) -> Iterator[Found]:
    path = settings.home / REGISTER
    agencies = read_register(path).agencies
    yield Found("register", True if agencies else None, f"{len(agencies)} agencies in {path}")
    for agency in agencies:
        for system in agency.system:
            yield from _speech(agency.name, system)


def _speech(agency: str, system: System) -> Iterator[Found]:
    """Adapters that the register names and that cannot be used, or that know not the options it gives."""
    for name in system.adapters:
        try:
            check_registered(adapter_of(name), agency, system)
        except HubError as error:
            yield Found(f"register, {agency}/{system.name}", False, str(error))


def _packages() -> Found:
    """The four top-level packages have common names: another distribution could overwrite them without a word."""
    owners = packages_distributions()
    root = Path(__file__).resolve().parent.parent.parent
    strange = []
    for name in TOP_LEVEL:
        others = sorted({owner for owner in owners.get(name, ()) if owner != DISTRIBUTION})
        spec = importlib.util.find_spec(name)
        where = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if others or where != root / name:
            strange.append(f"{name} (also of {', '.join(others)})" if others else name)
    words = (
        f"shared with another package: {', '.join(strange)}; use an own virtual environment"
        if strange
        else "ours alone"
    )
    return Found("packages", not strange, words)


def _adapters() -> Iterator[Found]:
    for each in installed():
        if each.fault:
            yield Found(f"adapter {each.name}", False, each.fault)


def _asked(session: Session, settings: Settings) -> Iterator[Found]:
    """What only an open hub can tell."""
    if not os.access(settings.home / "log.sqlite", os.R_OK):
        return
    try:
        status = session.ask("status")
    except HubError as error:
        yield Found("hub", False, str(error))
        return
    halted = [f"{lane['view']} at {lane['at']} ({lane['code']})" for lane in status["halted"]]
    fault = standstill(status)
    behind = f", {status['lag']:,} events behind" if status["lag"] else ""
    yield Found("views", not fault, f"they {fault or 'move'}{behind}")
    yield Found("halted lanes", not halted, ", ".join(halted) or "none")
    unwritten = status["refuses_writes"]
    yield Found(
        "log", not unwritten, f"nothing is written: {unwritten} (docs/errors.md)" if unwritten else "is written"
    )
    refused = refused_told(status)
    yield Found("rows of the log", not refused, f"{refused}: `tellonce sources` names them" if refused else "all count")
    state = status["erasure_list"]["state"]
    yield Found("list of erasures", None if state == "none" else state == "well", second_place(status))
    missing = status["receipts_missing"]
    yield Found(
        "receipts", not missing, f"bytes are missing of {', '.join(missing)}" if missing else "all have their bytes"
    )
