"""The list of erasures: which keys may never come back, whatever backup is restored.

An append-only file of JSON lines, `erasures.jsonl`, in the home and in a second place outside it (TELLONCE_ERASURES).
Each line has a number, a running hash, and a MAC of that hash under a key that only this hub has: keys are destroyed by
what stands here, and the second place may be anybody's disk.

    {"act": ..., "agency": ..., "at": ..., "hash": ..., "keys": [...], "mac": ..., "n": 1, "subject": ..., "token": ...}

`act` is `erased` (everything of the subject), `shredded` (the keys that are listed and no others), `readmitted` (the
record may come in again; what was erased stays so) or `void` (a hold came first: the line before about this subject
with these keys does not count), `redacted` (the content of one event, `event`, and the listed keys of what was
received), or `key-destroyed` (an agency's own key, when nothing of it is left). `held`, `lifted`, `restricted` and
`unrestricted` say what an officer decided about a record, with `ground`, `reference`, where the hold is on a person
that person's number, and the id of the event that tells the log so: a restore says it again. `hash` is SHA-256(the hash
before, 32 zero bytes at first ‖ the line's canonical JSON without `hash` and `mac`). Nothing in it names a person:
subjects and person numbers are random, tokens and key ids are keyed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import heapq
import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args
from weakref import WeakKeyDictionary

import orjson

from events.canonical import canonical
from events.errors import TryAgainLater, WrongSettings
from hub.durable import sync_folder
from hub.settings import ERASURES_FILE as FILE
from hub.vault.kms import Kms
from hub.vault.listkey import ListKey

_START = bytes(32)
Decision = Literal["held", "lifted", "restricted", "unrestricted"]
Act = Literal["erased", "shredded", "redacted", "readmitted", "void", "key-destroyed", Decision]
DECISIONS: tuple[str, ...] = get_args(Decision)
_ACTS = frozenset(get_args(Act))
_Stamp = tuple[int, int, int, int]
_ADDING = threading.Lock()  # a home has one process, and several of its threads may add a line


class Place(NamedTuple):
    """A file of the list, and what its lines are signed with."""

    path: Path
    key: ListKey


def places_of(paths: Iterable[Path], kms: Kms) -> tuple[Place, ...]:
    """Files of one hub's list."""
    key = ListKey(kms)
    return tuple(Place(path, key) for path in paths)


class Why(NamedTuple):
    """Of an officer's decision: a coded ground, the controller's reference, and the person, if it is on all of one."""

    ground: str
    reference: str | None = None
    person: str | None = None


class Line(NamedTuple):
    """One line. Subject, key ids, suppression token and `event` are bytes; `at` is RFC 3339.

    `event` is the id of the event that was redacted, or that tells of a decision; `why` is a decision's. A line that is
    in no list yet has no number and no digest.
    """

    act: Act
    agency: str
    subject: bytes
    key_ids: tuple[bytes, ...]
    token: bytes
    at: str
    event: bytes = b""
    why: Why | None = None
    number: int = 0
    digest: bytes = b""

    @property
    def what(self) -> tuple[object, ...]:
        """All that it says, but for its place in a list."""
        return self[:8]

    def voided(self, at: str) -> Line:
        """The line that takes this one back."""
        return self._replace(act="void", at=at)

    @property
    def is_decision(self) -> bool:
        """Whether it is one that an officer takes back or a restore says again: a hold or a restriction."""
        return self.act in DECISIONS


class ErasureList(NamedTuple):
    entries: tuple[Line, ...]

    @property
    def digest(self) -> bytes:
        """The running hash over all of it."""
        return self.entries[-1].digest if self.entries else _START

    @property
    def standing(self) -> tuple[Line, ...]:
        """The lines that count: without those that were made void."""
        kept: list[Line] = []
        for each in self.entries:
            if each.act != "void":
                kept.append(each)
                continue
            wanted = (each.subject, each.key_ids)
            of_it = [at for at, old in enumerate(kept) if (old.subject, old.key_ids) == wanted and not old.is_decision]
            if of_it:
                del kept[of_it[-1]]
        return tuple(kept)

    def begins_with(self, count: int, digest: bytes) -> bool:
        """Whether its first lines are a list of this length and hash."""
        if count > len(self.entries):
            return False
        return digest == (self.entries[count - 1].digest if count else _START)


# What was read of a place, and how its file looked before: a start, and an act on many records, ask again and again.
_READ: WeakKeyDictionary[ListKey, dict[Path, tuple[_Stamp, ErasureList]]] = WeakKeyDictionary()


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None  # reading it says what is wrong
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _keep(place: Place, stamp: _Stamp | None, listed: ErasureList) -> None:
    if stamp is not None:
        _READ.setdefault(place.key, {})[place.path] = stamp, listed


def read_list(place: Place) -> ErasureList:
    """The list in a file; empty where there is none. A last line that a crash cut short counts as not written.

    Raises WrongSettings `broken-erasure-list`, and where a line is not this hub's `erasure-list-foreign` or
    `erasure-list-unsigned`.
    """
    stamp = _stamp(place.path)
    known = _READ.get(place.key, {}).get(place.path)
    if known is not None and known[0] == stamp:
        return known[1]
    found = _lines(place.path)
    for each, mac in found:
        if mac is None:
            raise _unsigned(place.path, each.number)
        if not place.key.fits(each.digest, mac):
            raise _foreign(place.path, each.number)
    listed = ErasureList(tuple(each for each, _ in found))
    _keep(place, stamp, listed)
    return listed


def read_unchecked(path: Path) -> ErasureList:
    """What a file says, whoever wrote it: nothing may be destroyed by that. Raises as `read_list` does for damage."""
    return ErasureList(tuple(each for each, _ in _lines(path)))


def is_unsigned(path: Path) -> bool:
    """Whether a list was begun before lines were signed."""
    try:
        with path.open("rb") as file:
            first = file.readline()
    except FileNotFoundError:
        return False
    return first.endswith(b"\n") and b'"mac":' not in first


def _lines(path: Path) -> list[tuple[Line, bytes | None]]:
    if path.exists() and not path.is_file():  # reading a pipe would never end
        raise WrongSettings(
            "broken-erasure-list",
            "what stands in the place of the list of erasures is no file",
            where=str(path),
            next_step="Take it away, or name another folder; the list's other place has it whole.",
        )
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    found: list[tuple[Line, bytes | None]] = []
    *lines, last = raw.split(b"\n")
    for line in lines:
        found.append(_parsed(line, len(found) + 1, found[-1][0].digest if found else _START, path))
    if last:
        with contextlib.suppress(WrongSettings):  # an editor may have taken the last line break alone
            found.append(_parsed(last, len(found) + 1, found[-1][0].digest if found else _START, path))
    return found


def _parsed(line: bytes, number: int, before: bytes, path: Path) -> tuple[Line, bytes | None]:
    try:
        told: dict[str, Any] = orjson.loads(line)
        digest = bytes.fromhex(told.pop("hash"))
        mac = bytes.fromhex(told.pop("mac")) if "mac" in told else None
        keys = tuple(bytes.fromhex(each) for each in told["keys"])
        subject, token = bytes.fromhex(told["subject"]), bytes.fromhex(told["token"])
        event = bytes.fromhex(told.get("event", ""))
        why = Why(told["ground"], told.get("reference"), told.get("person")) if told["act"] in DECISIONS else None
        found = Line(told["act"], told["agency"], subject, keys, token, told["at"], event, why, told["n"], digest)
        if found.number == number and found.act in _ACTS and _digest(before, told) == digest:
            return found, mac
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        pass
    raise WrongSettings(
        "broken-erasure-list",
        f"line {number} of the list of erasures was changed or damaged",
        where=str(path),
        next_step="Bring the copy of its other place; whoever may be erased again by this must not be forgotten.",
    )


def _foreign(path: Path, number: int) -> WrongSettings:
    return WrongSettings(
        "erasure-list-foreign",
        f"line {number} of the list of erasures was not written by this hub, and nothing was done by it",
        where=str(path),
        next_step="If the list, or kms.key, is another hub's, bring this one's. If not, somebody wrote there: find out "
        "who, and bring the copy of its other place.",
    )


def _unsigned(path: Path, number: int) -> WrongSettings:
    return WrongSettings(
        "erasure-list-unsigned",
        f"line {number} of the list of erasures is not signed, and nothing was done by it: anybody may have written it",
        where=str(path),
        next_step="docs/erasure.md, 'Who may write the list', says what to do.",
    )


def _digest(before: bytes, told: dict[str, Any]) -> bytes:
    return hashlib.sha256(before + canonical(told)).digest()


def read_longest(places: Sequence[Place]) -> ErasureList:
    """The list as the longest of its files has it. Raises as `read_list` and `longest_of` do."""
    return longest_of([read_list(place) for place in places])


def read_united(places: Sequence[Place]) -> ErasureList:
    """Every line that any of the files has. Raises as `read_list` does."""
    return united([read_list(place) for place in places])


def unite(places: Sequence[Place]) -> ErasureList:
    """Every line that any of the files has; and where they went apart, each file has all of them when it returns.

    Raises as `read_list` does, and OSError.
    """
    with _ADDING:
        lists = [read_list(place) for place in places]
        whole = united(lists)
        for place, each in zip(places, lists, strict=True):
            if not whole.begins_with(len(each.entries), each.digest):
                write_list(place, whole)
    return whole


def append(places: Sequence[Place], *lines: Line) -> tuple[Line, ...]:
    """Adds lines to the list in several files, in this order, durable in each before the next; as they stand there.

    Name the second place first: it outlives the home. A file that lacks lines of the longest is brought up to it.
    Raises WrongSettings `broken-erasure-list`, `erasure-lists-differ` where the files do not tell one story, and
    TryAgainLater `erasure-list-unwritten`.
    """
    with _ADDING:
        found = [read_list(place) for place in places]
        longest = longest_of(found)
        whole = appended(longest, *lines)
        _complete(places, found, whole)
    return whole.entries[len(longest.entries) :]


def bring_up(places: Sequence[Place]) -> None:
    """Adds to each file what only the longest has, and begins one that is not there. Raises as `append` does.

    A list without lines says that nothing was erased; a file that is missing may have said otherwise.
    """
    append(places)
    for place in places:
        if not place.path.exists():
            try:
                _write(place, 0, ())
            except OSError as error:
                raise _not_written(place.path) from error


def check_places(places: Sequence[Place]) -> None:
    """Each place can be read, and takes a line as far as one can tell before: what needs one is not begun without.

    Raises as `append` does.
    """
    read_longest(places)
    for path, _ in places:
        if not os.access(path if path.exists() else path.parent, os.W_OK, effective_ids=True):
            raise _not_written(path)


def _complete(places: Sequence[Place], lists: Sequence[ErasureList], whole: ErasureList) -> None:
    for place, known in zip(places, lists, strict=True):
        if missing := whole.entries[len(known.entries) :]:
            try:
                size_bytes = _write(place, len(known.entries), missing)
            except OSError as error:
                raise _not_written(place.path) from error
            stamp = _stamp(place.path)
            if stamp is not None and stamp[1] == size_bytes:
                _keep(place, stamp, whole)


def _not_written(path: Path) -> TryAgainLater:
    return TryAgainLater(
        "erasure-list-unwritten",
        "the list of erasures takes no line there, and without one nothing is erased, held or restricted",
        where=str(path),
        next_step="See that its disk is there and has room (TELLONCE_ERASURES), then ask again.",
    )


def appended(listed: ErasureList, *lines: Line) -> ErasureList:
    """A list with more lines, wherever these stood before."""
    entries, digest = list(listed.entries), listed.digest
    for line in lines:
        placed = line._replace(number=len(entries) + 1, key_ids=tuple(sorted(line.key_ids)))
        digest = _digest(digest, _told(placed))
        entries.append(placed._replace(digest=digest))
    return ErasureList(tuple(entries))


def write_list(place: Place, wanted: ErasureList) -> None:
    """Puts a list in the place of whatever a file holds; there whole, or not at all."""
    draft = place.path.with_name(f"{place.path.name}.draft")
    draft.unlink(missing_ok=True)
    _write(place._replace(path=draft), 0, wanted.entries)
    draft.replace(place.path)
    sync_folder(place.path.parent)


def longest_of(lists: Sequence[ErasureList]) -> ErasureList:
    """The longest of several lists, of which each must be a beginning. Raises WrongSettings `erasure-lists-differ`."""
    longest = max(lists, key=lambda each: len(each.entries), default=ErasureList(()))
    if not all(longest.begins_with(len(each.entries), each.digest) for each in lists):
        raise WrongSettings(
            "erasure-lists-differ",
            "the lists of erasures of this home do not go on from each other",
            where=FILE,
            next_step="Start the hub again: it takes together what stands in either.",
        )
    return longest


def united(lists: Iterable[ErasureList]) -> ErasureList:
    """One list that holds every line of several, once; numbered anew from where they went apart.

    From there on they stand in the order of their times, so that of two decisions the newer one is the last; but those
    of one list stay in its own order.
    """
    longest_first = sorted(lists, key=lambda each: (len(each.entries), each.digest), reverse=True)
    return functools.reduce(_merged, longest_first) if longest_first else ErasureList(())


def _merged(one: ErasureList, other: ErasureList) -> ErasureList:
    if one.begins_with(len(other.entries), other.digest):
        return one
    shared = _shared(one, other)
    ours, theirs = (_counted(each.entries[shared:]) for each in (one, other))
    if theirs.keys() <= ours.keys():
        return one
    merged = heapq.merge(ours.items(), theirs.items(), key=lambda each: each[1].at)
    return appended(ErasureList(one.entries[:shared]), *dict(merged).values())


def _shared(one: ErasureList, other: ErasureList) -> int:
    """How many lines of two lists are the same, from the first on."""
    pairs = zip(one.entries, other.entries, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0].digest == pair[1].digest, pairs))


def _counted(lines: Iterable[Line]) -> dict[tuple[object, int], Line]:
    """In their order, by what they say and how many before say the same: twice in one list is not once."""
    so_far: Counter[tuple[object, ...]] = Counter()
    found: dict[tuple[object, int], Line] = {}
    for each in lines:
        found[each.what, so_far[each.what]] = each
        so_far[each.what] += 1
    return found


def _told(each: Line) -> dict[str, Any]:
    return {
        "n": each.number,
        "act": each.act,
        "agency": each.agency,
        "subject": each.subject.hex(),
        "keys": [key_id.hex() for key_id in each.key_ids],
        "token": each.token.hex(),
        "at": each.at,
        **({"event": each.event.hex()} if each.event else {}),
        **{name: said for name, said in (each.why._asdict() if each.why else {}).items() if said is not None},
    }


def _line_of(each: Line, key: ListKey) -> bytes:
    return canonical({**_told(each), "hash": each.digest.hex(), "mac": key.mac(each.digest).hex()}) + b"\n"


def _write(place: Place, known: int, lines: Sequence[Line]) -> int:
    """Durable when it returns: the file's size. What a crash left half-written after `known` lines is cut off."""
    is_new = not place.path.exists()
    descriptor = os.open(place.path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        whole = file.read()
        is_unbroken = known > whole.count(b"\n")  # the last of them lost its line break alone
        if not is_unbroken:
            file.truncate(whole.rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" * is_unbroken + b"".join(_line_of(each, place.key) for each in lines))
        file.flush()
        os.fsync(file.fileno())
        size_bytes = file.tell()
    if is_new:
        sync_folder(place.path.parent)
    return size_bytes
