"""Faults that SQLite meets, told so that a sender knows whether to send again, and an operator what to do."""

from __future__ import annotations

import apsw

from events.errors import TryAgainLater, WrongSettings

_PRIMARY = 0xFF  # of a result code of SQLite; the rest of it says more
# The index of a WAL is a file, too, and made by whoever reads first: on a full disk it cannot be given its size.
_FULL = (apsw.SQLITE_FULL, apsw.SQLITE_IOERR_SHMSIZE)
_CODES = {apsw.SQLITE_IOERR: "disk-error", apsw.SQLITE_BUSY: "file-locked"}
_RESULT_OF_KIND = {
    apsw.FullError: apsw.SQLITE_FULL,
    apsw.IOError: apsw.SQLITE_IOERR,
    apsw.BusyError: apsw.SQLITE_BUSY,
}
_TOLD = {
    "disk-full": ("the disk took no more", "Make room on the disk of the home and"),
    "disk-error": ("the disk failed", "Look at the system's log for what is wrong with the disk, then"),
    "file-locked": ("another program holds the file", "Stop what reads or copies the files of the home, then"),
}


DISK_CODES = frozenset(_TOLD)


def code_of(error: apsw.Error) -> str | None:
    """`disk-full`, `disk-error` or `file-locked`; None where the disk is not to blame."""
    return code_of_result(getattr(error, "extendedresult", _RESULT_OF_KIND.get(type(error), 0)))


def code_of_result(result: int) -> str | None:
    """The same of a result code of SQLite, whichever module met it."""
    return "disk-full" if result in _FULL else _CODES.get(result & _PRIMARY)


def not_stored(code: str, where: str) -> TryAgainLater:
    """What a sender is told."""
    return later(code, "; nothing of this was stored", where, "send again")


def later(code: str, more: str, where: str, then: str) -> TryAgainLater:
    """A fault by its code; `more` says what it came to, `then` what to do when it has passed."""
    what, mend = _TOLD[code]
    return TryAgainLater(code, f"{what}{more}", where=where, next_step=f"{mend} {then}.")


def broken_file(where: str) -> WrongSettings:
    """A file that nobody can read."""
    return WrongSettings(
        "broken-file",
        "this is no database, or a damaged one",
        where=where,
        next_step="Restore the home from a backup.",
    )


def other_format(where: str, found: str, stored_format: int) -> WrongSettings:
    """A file of a newer program, or one from before the format changed."""
    what = f"it has stored format {found}, this program reads {stored_format}"
    if found.isascii() and found.isdigit() and int(found) < stored_format:
        return WrongSettings(
            "home-older",
            what,
            where=where,
            next_step="`tellonce log reseal` writes format 1 anew, sealed; any other needs the program that wrote it.",
        )
    return WrongSettings(
        "home-newer", what, where=where, next_step="Use the version of tellonce that wrote it, or a newer one."
    )
