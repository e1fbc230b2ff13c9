"""The hub's side: asks each of its witnesses for a cosignature, every ten seconds where there is something to cosign.

Each witness has a thread of its own and is waited for by nobody: one that is down costs nothing but its signature.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from events.checkpoints import Checkpoint, Note, VerifierKey, cosigned_at, open_checkpoint, parse_note, signed_by
from events.errors import HubError, RejectedMessage
from events.log.sqlite import SqliteLog
from hub.continuity import Continuity
from hub.witness.bodies import Asked
from hub.witness.client import Reply, WitnessClient
from hub.witness.declarations import parse_declaration
from hub.witness.memory import Cosigned, WitnessedStore
from hub.witness.settings import NamedWitness

log = structlog.get_logger()
EVERY_S = 10.0
_TRIES = 4  # the size that a witness knows may have to be learnt first, and a new epoch declared


class Standing(NamedTuple):
    """How the hub stands with a witness. `code` is why it did not cosign the last time it was asked, else empty."""

    name: str
    newest: Cosigned | None
    code: str


def known_to(client: WitnessClient, origin: str, key: VerifierKey) -> Checkpoint | None:
    """The newest checkpoint that a witness has of an epoch, which the log must have signed.

    None where it has none. Raises TryAgainLater `witness-unreachable`, and RejectedMessage for what does not hold.
    """
    reply = client.get(f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint")
    if reply.status != 200:
        return None
    found = open_checkpoint(_note(reply.body), key)
    return found if found.origin == origin else None


class Asker:
    """Asks one witness."""

    def __init__(
        self,
        witness: NamedWitness,
        signed_log: SqliteLog,
        memory: WitnessedStore,
        continuity: Continuity,
        declarations: Callable[[], Sequence[Note]],
    ) -> None:
        self.witness = witness
        self._log = signed_log
        self._memory = memory
        self._continuity = continuity
        self._declarations = declarations
        self._client = WitnessClient(witness)
        self._code = ""
        self._has_asked = False

    @property
    def standing(self) -> Standing:
        return Standing(self.witness.name, self._memory.newest(self.witness.name, self._log.origin), self._code)

    def look(self) -> None:
        """Learns how far the witness knows the log. What the witness cannot show under the log's own key counts not."""
        known = known_to(self._client, self._log.origin, self._log.key)
        if known is not None:
            self._continuity.learn(known, self.witness.name)

    def ask(self) -> None:
        """Asks for a cosignature of the log as it is now, where it has none yet; the first time in any case.

        A hub of before a restore has all its checkpoints cosigned, and would never hear that it was left behind.
        """
        signed = self._log.checkpoint()
        newest = self._memory.newest(self.witness.name, self._log.origin)
        if self._has_asked and newest is not None and newest.checkpoint == signed.checkpoint:
            self._code = ""
            return
        code = self._asked(signed.note, signed.checkpoint, newest.checkpoint.size if newest else 0)
        self._has_asked = True
        if code and code != self._code:
            log.warning("cosignature_refused", code=code)
        self._code = code

    def _asked(self, note: Note, checkpoint: Checkpoint, old: int) -> str:
        """Why there is no cosignature; empty where there is one now, and it is kept."""
        code = ""
        for _ in range(_TRIES):
            reply = self._client.post("/add-checkpoint", bytes(Asked(old, self._proof(old, checkpoint.size), (note,))))
            code = _code_of(reply)
            if not code:
                self._keep(note, reply.body)
                return ""
            if code == "other-size":
                known = _size_of(reply)
                if known == old:  # the size was right: what does not match is the root
                    return "forked"
                old = known
                if old > checkpoint.size:
                    self.look()
                    return "log-behind"
            elif code != "epoch-unknown" or (code := self._declare(note, checkpoint)):
                if code == "epoch-closed":
                    self._hear_of_newer(reply)
                return code
        return code

    def _hear_of_newer(self, reply: Reply) -> None:
        """Learns of a newer epoch of this log; what is not under the log's own key counts not."""
        note = _note(reply.declaration)
        signed_by(note, [self._log.key])
        self._continuity.learn_epoch(parse_declaration(note.text).origin, self.witness.name)

    def _declare(self, note: Note, checkpoint: Checkpoint) -> str:
        """Tells the witness of the log's new epoch; why it does not cosign in it yet, empty where it does."""
        old, code = 0, ""
        for _ in range(_TRIES):
            asked = Asked(old, self._proof(old, checkpoint.size), (*self._declarations(), note))
            reply = self._client.post("/add-epoch", bytes(asked))
            code = _code_of(reply)
            if code != "other-size":
                return code
            old = _size_of(reply)
        return code

    def _proof(self, old: int, new: int) -> tuple[bytes, ...]:
        return tuple(self._log.tree().consistency(old, new)) if 0 < old <= new else ()

    def _keep(self, note: Note, lines: bytes) -> None:
        """Keeps a cosignature. Raises RejectedMessage where it is not the witness's, of this very checkpoint."""
        whole = _note(str(note).encode() + lines)
        signature = signed_by(whole, [self.witness.key])[self.witness.key]
        self._memory.keep(Cosigned(self.witness.name, whole, cosigned_at(signature)))

    def fail(self, error: HubError) -> None:
        """It could not be asked, or its answer is none."""
        if error.code != self._code:
            log.warning("witness_not_asked", code=error.code)
        self._code = error.code

    def interrupt(self) -> None:
        """Ends what is under way, from any thread."""
        self._client.interrupt()

    def close(self) -> None:
        self._client.close()


class Askers:
    """All witnesses of a hub, each in a thread of its own."""

    def __init__(self, askers: Sequence[Asker], continuity: Continuity) -> None:
        self._askers = askers
        self._continuity = continuity
        self._stopping = threading.Event()
        self._to_look = len(askers)
        self._counting = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(each,), name="witness", daemon=True) for each in askers
        ]

    @property
    def standings(self) -> list[Standing]:
        return [each.standing for each in self._askers]

    def start(self) -> None:
        if not self._askers:
            self._continuity.witnesses_are_asked()
        for thread in self._threads:
            thread.start()

    def _run(self, asker: Asker) -> None:
        _tried(asker, asker.look)
        _tried(asker, asker.ask)
        with self._counting:
            self._to_look -= 1
            if not self._to_look:
                self._continuity.witnesses_are_asked()
        while not self._stopping.wait(EVERY_S):
            _tried(asker, asker.ask)

    def close(self) -> None:
        """Ends what is under way."""
        self._stopping.set()
        for asker in self._askers:
            asker.interrupt()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for asker in self._askers:
            asker.close()


def _tried(asker: Asker, act: Callable[[], None]) -> None:
    try:
        act()
    except HubError as error:
        asker.fail(error)


def _code_of(reply: Reply) -> str:
    """Why a witness did not do what it was asked for; empty where it did."""
    if reply.status == 200:
        return ""
    if reply.status == 409 and not reply.code:
        return "other-size"
    return reply.code or "witness-failed"


def _size_of(reply: Reply) -> int:
    told = reply.body.strip()
    if not told.isdigit() or len(told) > 19:
        raise RejectedMessage("witness-failed", "the witness's answer cannot be read", where="witness")
    return int(told)


def _note(raw: bytes) -> Note:
    try:
        return parse_note(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RejectedMessage("witness-failed", "the witness's answer cannot be read", where="witness") from error
