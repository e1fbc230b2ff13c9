"""A folder that is made ready beside the one it becomes: what stands there already and is not ours is left alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from events.errors import WrongSettings
from hub.durable import make_folder, sync_folder

MARK = ".half-made"  # stands first and goes last
_MARKED = b"tellonce: half made, and begun again at the next run\n"


def begin(draft: Path) -> None:
    """An empty folder with our mark in it; what a killed run left of its own goes.

    Raises WrongSettings `draft-in-the-way` where something else stands there.
    """
    if os.path.lexists(draft):
        _clear(draft)
    make_folder(draft)
    descriptor = os.open(draft / MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, _MARKED)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(draft)


def finish(draft: Path, target: Path) -> None:
    """Gives the folder its name, then takes the mark away. Killed between the two, it is whole and still marked."""
    if target.exists():
        target.rmdir()
    draft.replace(target)
    sync_folder(target.parent)
    (target / MARK).unlink()
    sync_folder(target)


def _clear(draft: Path) -> None:
    if draft.is_symlink() or not draft.is_dir():
        raise _in_the_way(draft)
    names = [path.name for path in draft.iterdir()]
    if names and (MARK not in names or not _is_ours(draft / MARK, is_alone=len(names) == 1)):
        raise _in_the_way(draft)
    for path in draft.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    (draft / MARK).unlink(missing_ok=True)  # last: killed before, the next run still knows what this is
    draft.rmdir()


def _is_ours(mark: Path, *, is_alone: bool) -> bool:
    """Whether we wrote this mark; alone it may be cut short, by a kill at the very beginning."""
    if mark.is_symlink() or not mark.is_file():
        return False
    written = mark.read_bytes()
    return written == _MARKED or (is_alone and _MARKED.startswith(written))


def _in_the_way(draft: Path) -> WrongSettings:
    return WrongSettings(
        "draft-in-the-way",
        "what stands here was not left by an interrupted run, and its name is needed to make the new folder ready",
        where=str(draft),
        next_step="Look at it, and move it away or name another new folder. If it is a whole home, give it its name.",
    )
