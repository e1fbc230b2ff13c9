"""Names that outlive a power cut: a file or folder is there afterwards only if the folder above it was synced too."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """The names in a folder are durable when it returns."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(folder: Path) -> None:
    """The same of a folder and of all below it."""
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
    sync_folder(folder)


def make_folder(folder: Path) -> None:
    """A folder of its owner's alone, with those above it; their names are durable when it returns.

    Also where it is there already: who made it may have been killed before its name was durable. Only a folder that
    stands in one that may not be read is taken as it is: it is not the hub that made it.
    """
    if not folder.is_dir():
        if not folder.parent.is_dir():
            make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    elif os.access(folder.parent, os.R_OK, effective_ids=True):
        sync_folder(folder.parent)
