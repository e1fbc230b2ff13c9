"""A home from a backup, or one that was copied back by hand: it goes on in a new epoch, and says what is lost.

Positions and cursors from before are refused, since what came after the copy is lost and its positions are given out
again. What was erased stays so, whatever the backup holds. A restore that is cut off leaves nothing that looks like a
home: everything is made ready beside it, and the log is moved in last.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from events.checkpoints import ED25519, Checkpoint, VerifierKey
from events.errors import HubError, WrongSettings
from hub.assembly import KEYS, LOCK, LOG, RESTORING, Hub, lock_home
from hub.backup import RECEIPTS, Manifest, check_backup, copy_home
from hub.durable import make_folder, sync_folder, sync_folders
from hub.epochs import Restoration, begin_epoch, name_of, number_of, standing_of
from hub.erasure.saying import decision_document
from hub.erasurelist import (
    ErasureList,
    Place,
    appended,
    is_unsigned,
    places_of,
    read_list,
    read_united,
    united,
    write_list,
)
from hub.ledger.notes import not_held
from hub.opening import access_told
from hub.receipts.reopening import reopen_lost
from hub.settings import ERASURES_FILE, KMS_FILE, Settings
from hub.vault.kms import LOG_KEY, LocalKms, check_kms
from hub.vault.listed import destroy_listed, erasures_told, missing, sign_old_lists
from hub.vault.listkey import ListKey
from hub.vault.own import notes_in
from hub.witness.asking import known_to
from hub.witness.client import WitnessClient
from hub.witness.memory import FILE as WITNESSED
from hub.witness.memory import WitnessedStore
from hub.witness.settings import read_witnesses

_MAY_STAND = (KMS_FILE, ERASURES_FILE, LOCK, RESTORING)


class _Known(NamedTuple):
    """The largest checkpoint of the old epoch that anybody remembers, and who; witnesses that could not be asked."""

    size: int | None
    by: str | None
    epochs: int  # the highest number of an epoch of this log
    silent: list[str]


def restore(source: Path, settings: Settings, *, accepts_lost_erasures: bool = False) -> dict[str, Any]:
    """Makes a home from a backup, in a new epoch that its log records.

    Receipts whose events are not in the copied log are translated again. Raises WrongSettings `home-not-empty`,
    `no-backup`, `backup-damaged`, `kms-missing` where the wrapping keys, which no backup holds, are not in their place,
    and `erasure-list-missing` or `erasure-list-old` unless that is accepted.
    """
    home = settings.home
    with access_told(home):
        manifest = check_backup(source)
        check_kms(settings.kms_file)
        make_folder(home)
        with _locked(home):
            was_cut_off = _check_empty(home)
            building = _begun(home, was_cut_off=was_cut_off)
            copy_home(source, building)
            erasures, fault = _erasures(source, building, manifest, settings)
            is_refused = fault is not None and not accepts_lost_erasures
            if refused := fault if is_refused else _other_history(building):
                shutil.rmtree(building)
                raise refused
            restoration, silent = _made_ready(building, settings, erasures, lost_erasures_accepted=fault is not None)
            _move_in(building, home)
    return _opened(settings, restoration, silent)


def declare(settings: Settings) -> dict[str, Any]:
    """Says that the files of a home were copied back by hand: it goes on in a new epoch, as after a restore.

    Raises WrongSettings `no-home`, `home-in-use`.
    """
    home = settings.home
    with access_told(home):
        if not (home / LOG).exists():
            raise WrongSettings("no-home", "there is no hub's home here", where=str(home), next_step="Name its folder.")
        check_kms(settings.kms_file)
        with _locked(home):
            if refused := _other_history(home):
                raise refused
            places = _places(settings)
            sign_old_lists(places, home / KEYS, ())
            erasures = read_united(places)
            restoration, silent = _made_ready(home, settings, erasures, by_hand=True)
    return _opened(settings, restoration, silent)


def _opened(settings: Settings, restoration: Restoration, silent: list[str]) -> dict[str, Any]:
    """Opens the home, which records the restoration and does again what the list of erasures holds, and tells of it."""
    with Hub(replace(settings, accepts_clock=True)) as hub:
        epoch = hub.log.epoch
        not_redacted, saying = hub.not_redacted, hub.saying
    return {
        "home": str(settings.home),
        "origin": restoration.parent,
        "epoch": epoch,
        "events": restoration.size,
        "root": restoration.root,
        "known_size": restoration.known_size,
        "known_by": restoration.known_by,
        "lost": list(restoration.lost) if restoration.lost else None,
        "witnesses": [each.name for each in read_witnesses(settings.home)],
        "witnesses_not_asked": silent,
        "lost_erasures_accepted": restoration.lost_erasures_accepted,
        "not_redacted": not_redacted,
        "decisions": [decision_document(each) for each in saying.said_again],
        "decisions_lost": [decision_document(each) for each in saying.not_said_again],
    }


# ---- steps


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with lock_home(home / LOCK):
        yield


def _check_empty(home: Path) -> bool:
    """Whether an earlier restore was cut off here. Raises WrongSettings `home-not-empty`."""
    if (home / RESTORING).exists():
        return True
    if any(path.name not in _MAY_STAND for path in home.iterdir()):
        raise WrongSettings("home-not-empty", "the home is not empty", where=str(home), next_step="Name a new one.")
    return False


def _begun(home: Path, *, was_cut_off: bool) -> Path:
    """The folder in which the home is made ready; while it is there, no hub opens the home."""
    building = home / RESTORING
    if was_cut_off:
        # Nobody had a hub here since: what stands beside it was moved in by the restore that was cut off.
        for path in home.iterdir():
            if path.name not in _MAY_STAND:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(building)
    make_folder(building)
    return building


def _erasures(
    source: Path, building: Path, manifest: Manifest, settings: Settings
) -> tuple[ErasureList, WrongSettings | None]:
    """All that was ever erased, as far as anybody here knows; and why that may not be all of it."""
    told = erasures_told(building / LOG, building / KEYS, LocalKms(settings.kms_file))
    places = [place for place in _places(settings) if place.path.exists()]
    outside = [read_list(place) for place in places]
    own = Place(source / ERASURES_FILE, _places(settings)[0].key)
    # A copy from before lines were signed: what its log does not tell as well has to be in a list that is signed.
    copied = ErasureList(()) if is_unsigned(own.path) else read_list(own)
    copies = united([*outside, copied])
    everything = appended(copies, *missing(copies, told))
    step = "Bring it, or accept with --accept-lost-erasures that people who were erased since may be readable again."
    if not places:
        return everything, WrongSettings(
            "erasure-list-missing",
            "the current list of erasures is neither in the home nor in a second place",
            where="TELLONCE_ERASURES",
            next_step=f"Name the folder that holds it in TELLONCE_ERASURES. {step}",
        )
    found = united(outside)
    backups = manifest.erasures, bytes.fromhex(manifest.erasures_hash)
    holds_backups = found.begins_with(*backups) or (copied.begins_with(*backups) and _holds(found, copied))
    if not holds_backups or missing(found, told):
        return everything, WrongSettings(
            "erasure-list-old",
            f"the list of erasures has {len(found.entries)} lines, and the backup knows of others",
            where=str(places[0].path),
            next_step=step,
        )
    return everything, None


def _holds(found: ErasureList, copied: ErasureList) -> bool:
    """Whether every line of a copy is there, if at another place: lists went apart and were united since."""
    return {each.what for each in copied.entries} <= {each.what for each in found.entries}


def _places(settings: Settings) -> tuple[Place, ...]:
    """Where this hub's list of erasures may be; what others wrote there is refused."""
    return places_of(settings.erasure_lists, LocalKms(settings.kms_file))


def _made_ready(folder: Path, settings: Settings, erasures: ErasureList, **more: bool) -> tuple[Restoration, list[str]]:
    """A folder with a home's files becomes one that may be opened: erasures are done, a new epoch is begun."""
    destroy_listed(folder / KEYS, erasures.standing, time.time_ns() // 1_000)
    kms = LocalKms(settings.kms_file)
    write_list(Place(folder / ERASURES_FILE, ListKey(kms)), erasures)
    standing = standing_of(folder / LOG)
    key = VerifierKey(name_of(standing.origin), ED25519, kms.public_key(LOG_KEY))
    known = _known(folder, standing, key)
    restoration = begin_epoch(folder / LOG, above=known.epochs, known_size=known.size, known_by=known.by, **more)
    reopen_lost(folder / RECEIPTS, folder / LOG)
    return restoration, known.silent


def _other_history(folder: Path) -> WrongSettings | None:
    """Why a log does not go on in a new epoch: what the key store knows of it is not in it, so it was changed."""
    notes = [Checkpoint(*each) for each in notes_in(folder / KEYS)]
    if not_held(folder / LOG, standing_of(folder / LOG), notes) is None:
        return None
    return WrongSettings(
        "log-differs",
        "the events of this log are not those that key-store knows: it was changed",
        where=LOG,
        next_step="Keep the files as they are, and restore the newest backup whose log verifies.",
    )


def _known(folder: Path, standing: Checkpoint, key: VerifierKey) -> _Known:
    """What the key store, the home's own memory and its witnesses know of a log."""
    notes = [Checkpoint(*each) for each in notes_in(folder / KEYS)]
    found = [(each.size, "key-store") for each in notes if each.origin == standing.origin]
    epochs = max((number_of(each.origin) for each in notes if name_of(each.origin) == key.name), default=0)
    if (folder / WITNESSED).exists():
        memory = WitnessedStore(folder)
        remembered = memory.largest(standing.origin)
        memory.close()
        found += [(remembered.checkpoint.size, remembered.witness)] if remembered else []
    silent = []
    for witness in read_witnesses(folder):
        client = WitnessClient(witness)
        try:
            told = known_to(client, standing.origin, key)
            found += [(told.size, witness.name)] if told else []
        except HubError:
            silent.append(witness.name)
        finally:
            client.close()
    size, by = max(found, default=(None, None), key=lambda each: each[0])
    return _Known(size, by, epochs, silent)


def _move_in(building: Path, home: Path) -> None:
    """What was made ready becomes the home; the log last, since a folder with a log is one."""
    names = sorted((path.name for path in building.iterdir()), key=lambda name: name == LOG)
    sync_folders(building)
    for name in names:
        (building / name).replace(home / name)
    sync_folder(home)
    building.rmdir()
    sync_folder(home)
