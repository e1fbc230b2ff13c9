"""What a witness answers: a cosignature for a tree that goes on from what it saw, and for nothing else.

Everything that is looked up for an answer and everything that the answer changes is one step of the store, durable
before the answer is given: of two requests that race from one size, one is told that it came too late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from events.checkpoints import (
    ED25519,
    Checkpoint,
    Note,
    Signer,
    VerifierKey,
    cosign,
    parse_checkpoint,
    signed_by,
    with_signatures,
)
from events.clock import Clock
from events.errors import HubError, Refused, RejectedMessage
from events.ledger import EMPTY_ROOT, extends
from hub.epochs import name_of
from hub.witness.bodies import Asked, joined, parse_asked
from hub.witness.declarations import Declaration, parse_declaration
from hub.witness.store import Branch, Seen, WitnessStore

_NOTHING = Seen(0, EMPTY_ROOT, "")


class OtherSize(Refused):
    """The proof begins at another size than the one that this witness knows."""

    def __init__(self, size: int) -> None:
        super().__init__(
            "other-size",
            f"this witness knows the log up to {size} events",
            where="old",
            next_step="Prove that the tree goes on from there.",
        )
        self.size = size


class EpochClosed(Refused):
    """The log goes on in a newer epoch; `declaration` is what the log itself has signed about that."""

    def __init__(self, declaration: str) -> None:
        super().__init__(
            "epoch-closed",
            "the log goes on in a newer epoch that was accepted; nothing more is cosigned in this one",
            where="origin",
            next_step="A hub of before the restore is still running, or its key is in other hands: find out which.",
        )
        self.declaration = declaration


class Pending(NamedTuple):
    """A new epoch waits for a person."""

    origin: str


class Witness:
    """One witness: its memory, its name and its key."""

    def __init__(self, store: WitnessStore, name: str, signer: Signer, clock: Clock) -> None:
        self._store = store
        self._name = name
        self._signer = signer
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> str:
        """The line that cosigns the checkpoint in a request.

        Raises RejectedMessage for what is no request or not signed, OtherSize, and Refused `unknown-log`,
        `epoch-unknown`, `epoch-pending`, `superfluous-proof`, `epoch-closed`, `forked` or `unproven`; for the last
        three evidence is kept.
        """
        asked = parse_asked(body)
        if len(asked.notes) != 1:
            raise RejectedMessage("bad-witness-request", "it has more than one note", where="body")
        checkpoint = self._opened(asked.notes[0])
        if asked.old > checkpoint.size:
            raise RejectedMessage("bad-witness-request", "its old size is above the checkpoint's", where="old")
        with self._store.judging():
            found = self._judged(asked, checkpoint)
        if isinstance(found, HubError):
            raise found
        return found

    def _opened(self, note: Note) -> Checkpoint:
        """The checkpoint of a note that its log has signed."""
        self._check_signed(note, name_of(note.text.partition("\n")[0]))
        return parse_checkpoint(note.text)

    def _check_signed(self, note: Note, name: str) -> None:
        keys = self._store.keys(name)
        if not keys:
            raise Refused(
                "unknown-log",
                "this witness does not know the log",
                where="origin",
                next_step="Its operator adds the log's key: `tellonce witness add-log`.",
            )
        signed_by(note, [VerifierKey(name, ED25519, key) for key in keys])

    def _judged(self, asked: Asked, checkpoint: Checkpoint) -> str | HubError:
        """The cosignature, or why there is none; an error is told when the evidence for it is durable."""
        at_us = self._clock()
        branch = self._store.branch(checkpoint.origin)
        if branch is None:
            if self._store.branches(name_of(checkpoint.origin)):
                return _epoch_unknown()
            self._store.open_branch(checkpoint, at_us)
            branch = self._store.branch(checkpoint.origin)
        if branch is None or branch.state == "pending":
            is_outdated = branch is not None and self._base_of(branch).size != branch.compared_size
            return _epoch_unknown() if is_outdated else _epoch_pending(checkpoint.origin)
        self._keep_forks(checkpoint, asked.notes[0], at_us)
        if branch.state != "open":
            self._store.keep("signed-after-restore", branch.origin, branch.note, str(asked.notes[0]), at_us)
            return self._closed(branch)
        if asked.old != branch.size:
            return OtherSize(branch.size)
        if fault := _fault(Seen(branch.size, branch.root, branch.note), checkpoint, asked.proof):
            if fault.code == "unproven":  # a fork of one size is kept already
                self._store.keep("unproven", branch.origin, branch.note, str(asked.notes[0]), at_us)
            return fault
        line = cosign(asked.notes[0], self._name, self._signer, at_us // 1_000_000)
        whole = str(with_signatures(asked.notes[0], [line]))
        if not self._store.advance(asked.old, checkpoint, str(asked.notes[0]), whole, at_us):
            return OtherSize(branch.size)
        return str(line)

    def _keep_forks(self, checkpoint: Checkpoint, note: Note, at_us: int) -> None:
        """A checkpoint of a size that was cosigned with another root is a fork, however the request came about."""
        seen = self._store.seen_at(checkpoint.origin, checkpoint.size)
        if seen is not None and seen.root != checkpoint.root:
            self._store.keep("forked", checkpoint.origin, seen.note, str(note), at_us)

    # ---- new epochs

    def add_epoch(self, body: bytes) -> Pending | None:
        """Notes that a known log goes on in a new epoch; None where the epoch is accepted already.

        The proof leads from the newest checkpoint that the restored events still hold, of those that were cosigned
        before the restore, to the new one; where the epoch before went on since, it is asked for again. Raises what
        `add_checkpoint` raises, and Refused `unknown-parent` or `prefix-changed`, the last with evidence.
        """
        asked = parse_asked(body)
        checkpoint = self._opened(asked.notes[-1])
        declared = self._declared(asked.notes[:-1], checkpoint)
        with self._store.judging():
            found = self._epoch_judged(asked, checkpoint, declared)
        if isinstance(found, HubError):
            raise found
        return found

    def _declared(self, notes: tuple[Note, ...], checkpoint: Checkpoint) -> list[Declaration]:
        """The declarations that lead to a checkpoint's epoch, the oldest first."""
        declared = [parse_declaration(note.text) for note in notes]
        for note, each in zip(notes, declared, strict=True):
            self._check_signed(note, name_of(each.origin))
        origins = [*(each.parent for each in declared[1:]), checkpoint.origin]
        if not declared or [each.origin for each in declared] != origins or declared[-1].size > checkpoint.size:
            raise RejectedMessage(
                "bad-declaration",
                "the declarations do not lead to the checkpoint's epoch",
                where="body",
                next_step="Send one for each restore since the epoch that the witness knows, the oldest first.",
            )
        return declared

    def _epoch_judged(
        self, asked: Asked, checkpoint: Checkpoint, declared: list[Declaration]
    ) -> Pending | HubError | None:
        at_us = self._clock()
        known = self._store.branch(checkpoint.origin)
        if known is not None and known.state != "pending":
            return None if known.state == "open" else self._closed(known)
        unknown = [each for each in declared if self._store.branch(each.origin) is None]
        if known is None and (not unknown or self._store.branch(unknown[0].parent) is None):
            return _unknown_parent()
        base = self._newest_held(unknown) if known is None else self._base_of(known)
        if known is not None and base.size == known.compared_size:
            return Pending(known.origin)
        if asked.old != base.size:
            return OtherSize(base.size)
        if fault := self._fault_of_epoch(base, checkpoint, asked, declared[-1], at_us):
            return fault
        notes = {note.text: str(note) for note in asked.notes}
        for each in unknown:
            self._store.declare(each, notes[each.text], base.size, at_us)
        self._store.begin_pending(checkpoint, str(asked.notes[-1]), base.size)
        return Pending(checkpoint.origin)

    def _fault_of_epoch(
        self, base: Seen, checkpoint: Checkpoint, asked: Asked, declared: Declaration, at_us: int
    ) -> HubError | None:
        """Why a new epoch is not shown to hold what was cosigned before its restore."""
        fault = _fault(base, checkpoint, asked.proof)
        if fault is not None and fault.code == "superfluous-proof":
            return fault
        if fault is None and (base.size != declared.size or base.root == declared.root):
            return None
        self._store.keep("prefix-changed", checkpoint.origin, base.note, joined(asked.notes), at_us)
        return _prefix_changed()

    def _closed(self, branch: Branch) -> EpochClosed:
        newer = [each for each in self._store.branches(name_of(branch.origin)) if each.state == "open"]
        return EpochClosed(newer[-1].declaration or "" if newer else "")

    def _newest_held(self, declared: list[Declaration]) -> Seen:
        """The newest cosigned checkpoint whose events the restored log still has, along the line of its epochs."""
        return self._newest_along(
            {each.origin: (each.parent, each.size) for each in declared}, declared[-1].origin, declared[-1].size
        )

    def _base_of(self, pending: Branch) -> Seen:
        """The same of an epoch that waits: the one before may have gone on since."""
        return self._newest_along({}, pending.origin, pending.restored_size or 0)

    def _newest_along(self, sizes: Mapping[str, tuple[str, int]], last: str, size: int) -> Seen:
        origin: str | None = last
        while origin is not None:
            if (found := self._store.newest_up_to(origin, size)) is not None:
                return found
            origin, restored = sizes.get(origin) or self._parent(origin)
            size = min(size, restored)
        return _NOTHING

    def _parent(self, origin: str) -> tuple[str | None, int]:
        branch = self._store.branch(origin)
        if branch is None or branch.parent is None or branch.restored_size is None:
            return None, 0
        return branch.parent, branch.restored_size

    def accept_epoch(self, origin: str, by: str) -> Branch:
        """A person has looked: the epoch is cosigned from now on.

        Raises Refused `no-such-epoch` where this witness has not met it, `not-pending` where nothing waits, and
        `not-compared` where the epoch before went on since this one was compared with it.
        """
        with self._store.judging():
            branch = self._store.branch(origin)
            if branch is not None and branch.state == "pending":
                if self._base_of(branch).size != branch.compared_size:
                    raise _not_compared(origin)
                self._store.accept(branch, by, self._clock())
        if branch is None:
            raise Refused(
                "no-such-epoch",
                "this witness has not met such an epoch",
                where=origin[:100],
                next_step="`tellonce witness show` lists those that wait.",
            )
        if branch.state != "pending":
            raise Refused("not-pending", f"this epoch is {branch.state}: nothing waits for you", where=origin[:100])
        return branch

    def newest(self, origin_hash: str) -> str:
        """The newest checkpoint that was cosigned, with the log's signature and ours. Raises Refused `unknown-log`."""
        branch = self._store.branch_of_hash(origin_hash)
        if branch is None or f"\u2014 {self._name} " not in branch.note:
            raise Refused("unknown-log", "nothing was cosigned under this origin", where="origin")
        return branch.note


def _fault(known: Seen, checkpoint: Checkpoint, proof: tuple[bytes, ...]) -> HubError | None:
    """Why a checkpoint is not shown to go on from what is known; None where it is."""
    is_same = known.size == checkpoint.size and known.root == checkpoint.root
    if is_same or not known.size:  # from nothing every tree may follow: in both cases there is nothing to prove
        return _superfluous_proof() if proof else None
    if known.size == checkpoint.size:
        return _forked()
    return None if extends(known.size, known.root, checkpoint.size, checkpoint.root, proof) else _unproven()


def _forked() -> Refused:
    return Refused(
        "forked",
        "the log has signed another tree of the same size before",
        where="checkpoint",
        next_step="Both notes are kept as evidence: `tellonce witness show`. Ask the log's operator.",
    )


def _unproven() -> Refused:
    return Refused(
        "unproven",
        "the proof does not show that the tree goes on from the one that was cosigned",
        where="proof",
        next_step="Both notes are kept as evidence: `tellonce witness show`. Ask the log's operator.",
    )


def _superfluous_proof() -> Refused:
    return Refused(
        "superfluous-proof",
        "the request has lines of proof where there is nothing to prove",
        where="proof",
        next_step="Send no line of proof from size 0, or from the checkpoint's own size.",
    )


def _not_compared(origin: str) -> Refused:
    return Refused(
        "not-compared",
        "the epoch before went on since this one was compared with what was cosigned",
        where=origin[:100],
        next_step="Two hubs of one log are running: find out which is right. The new one proves anew by itself; look "
        "again in a minute (`tellonce witness show`).",
    )


def _prefix_changed() -> Refused:
    return Refused(
        "prefix-changed",
        "the new epoch does not hold the events that were cosigned before its restore",
        where="proof",
        next_step="Both notes are kept as evidence: `tellonce witness show`. Ask the log's operator.",
    )


def _epoch_unknown() -> Refused:
    return Refused(
        "epoch-unknown",
        "this witness knows the log in another epoch",
        where="origin",
        next_step="Declare the new one: POST /add-epoch (docs/witness.md).",
    )


def _epoch_pending(origin: str) -> Refused:
    return Refused(
        "epoch-pending",
        "the log was restored into a new epoch, and a person at the witness has to accept that",
        where=origin[:100],
        next_step="Its operator looks (`tellonce witness show`), asks the hub's, then `tellonce witness accept-epoch`.",
    )


def _unknown_parent() -> Refused:
    return Refused(
        "unknown-parent",
        "the new epoch goes on from one that this witness never met",
        where="body",
        next_step="Send a declaration for each restore since the epoch that the witness knows, the oldest first.",
    )
