"""The one place that builds things: a home's files become a hub."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import structlog

from adapters.registry import adapter_of
from adapters.sdk.intake import Intake
from adapters.sdk.register import Register, read_register
from events.checkpoints import Note
from events.clock import Clock, SystemClock
from events.errors import HubError, TryAgainLater, WrongSettings
from events.log.sqlite import PARTITION, SqliteLog
from events.upcasters import check_chains
from hub.continuity import Continuity
from hub.durable import make_folder
from hub.epochs import note_recorded, restorations
from hub.erasure.acts import Acts
from hub.erasure.again import drop_again, erase_again, redact_again
from hub.erasure.bench import Bench
from hub.erasure.doors import Doors
from hub.erasure.eraser import Eraser
from hub.erasure.runs import Runs
from hub.erasure.saying import Saying
from hub.erasure.second import SecondPlace
from hub.erasure.steps import Steps
from hub.erasure.unlisted import has_unlisted
from hub.erasurelist import ErasureList, places_of, read_united, unite
from hub.interpreter import set_interpreter
from hub.ledger.watch import Watch
from hub.linkage.decisions import Decisions, DecisionWriter
from hub.linkage.linker import Linker
from hub.opening import access_told, check_access
from hub.receipts.ageing import Ageing
from hub.receipts.store import ReceiptStore
from hub.settings import KEYS_FILE, LOG_FILE, Settings
from hub.shadow import Files, ShadowProcess
from hub.sqlite import reading_told
from hub.vault.agencies import destroyed_agencies, kms_name
from hub.vault.keys import KeyStore
from hub.vault.kms import LOG_KEY, KmsSigner, LocalKms, check_kms
from hub.vault.listed import destroy_listed, destroyed_by, sign_old_lists, would_destroy
from hub.views import projections
from hub.witness.asking import Asker, Askers
from hub.witness.declarations import Declaration, sign_declaration
from hub.witness.memory import WitnessedStore
from hub.witness.settings import read_witnesses
from projections.engine.runner import Runner
from projections.engine.store import ViewStore, forget_views

log = structlog.get_logger()
REGISTER = "agencies.toml"
LOCK = "home.lock"
RESTORING = "restoring"  # while this folder is there, the home is not one yet
LOG = LOG_FILE
KEYS = KEYS_FILE


class Hub:
    """An open home: everything that works on it, in one process."""

    def __init__(self, settings: Settings, clock: Clock | None = None, *, is_demo: bool = False) -> None:
        self.settings = settings
        self.is_demo = is_demo
        self.home = settings.home
        self.clock = clock or SystemClock()
        self._closers: list[Callable[[], None]] = []
        self._is_list_unchecked = False  # before it was looked at once, nothing is served
        try:
            with access_told(self.home), reading_told("home"):
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        check_chains()
        set_interpreter()
        make_folder(self.home)
        check_access(self.home)
        lock = lock_home(self.home / LOCK)
        self._closers.append(lock.close)
        _check_restored(self.home)
        self.kms = LocalKms(self.settings.kms_file)
        self._forget_erased()
        self.signer = KmsSigner(self.kms, LOG_KEY)
        self.keys = KeyStore(self.home / KEYS, self.kms, clock=self.clock)
        self._closers.append(self.keys.close)
        for agency in destroyed_agencies(self.kms):
            self.keys.suppress(self.keys.suppression_of(agency, ""))
        self.doors = Doors()
        self.log = SqliteLog(
            self.home / LOG,
            clock=self.clock,
            new_epoch=lambda: f"1-{secrets.token_hex(4)}",
            signer=self.signer,
            before_commit=self._before_commit,
            before_sign=self._before_sign,
            is_closed=self.doors.is_closed,
            accepts_clock=self.settings.accepts_clock,
        )
        self._closers.append(self.log.close)
        self.continuity = Continuity(self.log, self.keys)
        self._closers.append(self.continuity.stop)
        self._open_witnesses()
        self.watch = Watch(self.home / LOG, self.log.key, self.clock, self.keys.ring)
        self._closers.append(self.watch.stop)
        self.receipts = ReceiptStore(
            self.home, clock=self.clock, keys=self.keys, epoch=self.log.epoch, zone=self.settings.zone
        )
        self._closers.append(self.receipts.close)
        self.store = ViewStore(self.home, projections())
        self._open_views()
        self._open_erasure()
        self.intake = Intake(
            log=self.log,
            keyring=self.keys,
            receipts=self.receipts,
            register=self.register,
            adapter_of=adapter_of,
            clock=self.clock,
        )
        self._closers.append(self.intake.close)
        self._opened_at = self.log.head()[PARTITION]
        self._check_erasures()
        self._sweep()
        self._settle_decisions()
        self._closers.append(self._ageing().close)  # after the sweep: what was not read yet is read first
        self.continuity.start()

    def _forget_erased(self) -> None:
        """What was erased stays so, whichever key store was put here: it is done before anything opens."""
        if (self.home / KEYS).exists() and any(path.exists() for path in self.settings.erasure_lists):
            check_kms(self.settings.kms_file)  # its lines can't be told from others' without
        self.lists = places_of(self.settings.erasure_lists, self.kms)
        # What is under way is finished by the eraser: until the log tells of it, a hold may still come first.
        runs = Runs(self.home, self.lists[0].key).open()
        under_way = {run.subject_bytes for run in runs if run.subject}
        sign_old_lists(self.lists, self.home / KEYS, under_way)
        self.erasures = self._united_lists()
        of_agencies = {run.agency for run in runs if not run.subject}
        listed = [*self.erasures.standing, *destroyed_by(self.kms)]
        done = [each for each in listed if each.subject not in under_way and each.agency not in of_agencies]
        self._came_back = False
        if not done or not (self.home / KEYS).exists():
            return
        self._came_back = would_destroy(self.home / KEYS, done)
        if self._came_back:  # the log may not tell of it, and the views still show it then
            forget_views(self.home)
        if gone := destroy_listed(self.home / KEYS, done, self.clock()):
            log.warning("erased_keys_came_back", count=gone)
        for each in done:
            if each.act == "key-destroyed":
                self.kms.destroy(kms_name(each.agency))  # an older copy of its file may have been brought

    def _united_lists(self) -> ErasureList:
        """All that the list's places say, which went apart if an older list was put back and the hub wrote on."""
        try:
            return unite(self.lists)
        except OSError as error:  # nothing more is listed before a start can write there, and that says why
            log.warning("erasure_lists_apart", code=error.errno)
            return read_united(self.lists)

    def _check_erasures(self) -> None:
        """An erasure that the log tells of and no list here: somebody may be readable who should not be.

        While the views lack what the log held at the start they can't say: it is looked at before each write then.
        """
        self._is_list_unchecked = self.runner.applied < self._opened_at
        if not self._is_list_unchecked and has_unlisted(self.store, read_united(self.lists)):
            self.continuity.refuse(_old_list())

    def _open_witnesses(self) -> None:
        named = read_witnesses(self.home)
        askers = []
        if named:
            memory = WitnessedStore(self.home)
            self._closers.append(memory.close)
            askers = [Asker(each, self.log, memory, self.continuity, self._declarations) for each in named]
        self.witnesses = Askers(askers, self.continuity)
        self._closers.append(self.witnesses.close)
        self.witnesses.start()

    def _declarations(self) -> list[Note]:
        """What the log says of each of its epochs after the first, signed."""
        told = (
            Declaration(each.origin, each.parent, each.size, bytes.fromhex(each.root))
            for each in restorations(self.home / LOG)
        )
        return [sign_declaration(each, self.log.name, self.signer) for each in told]

    def _before_commit(self) -> None:
        """In the log's writer, before a group of new rows: a log that is behind takes none; keys come first."""
        if self._is_list_unchecked:
            self._check_erasures()
        self.continuity.check_with_witnesses()
        self.keys.commit()

    def _before_sign(self) -> None:
        """A log that is not what it was known to be signs nothing: that would be a second history under one name."""
        self.continuity.check()

    def _ageing(self) -> Ageing:
        return Ageing(self.receipts, self.keys, self.log, self.clock, accepts_clock=self.settings.accepts_clock)

    def _open_views(self) -> None:
        self._decision_writer = writer = DecisionWriter(self.keys)
        self.linker = Linker(self.log, self.store, writer, self.keys.ring)
        self.runner = Runner(self.log, self.store, projections(), self.keys.ring, self._beside, self.linker.consider)
        self._closers.append(self.runner.stop)
        # Views can be ahead of a log that was copied back.
        self.linker.catch_up(PARTITION, min(self.runner.applied, self.log.head()[PARTITION]))
        self.runner.start()
        self.decisions = Decisions(self.log, self.store, self.runner, writer)
        if self.log.head()[PARTITION] == 0:
            self._record("hub.log-opened", {"epoch": self.log.epoch, "demo": self.is_demo})
        self._record_restoration()

    def _open_erasure(self) -> None:
        """Finishes what a crash cut off of an erasure, before anything new comes in."""
        bench = Bench(
            home=self.home,
            lists=self.lists,
            has_second=self.settings.erasures is not None,
            clock=self.clock,
            log=self.log,
            keys=self.keys,
            kms=self.kms,
            store=self.store,
            runner=self.runner,
            writer=self._decision_writer,
            doors=self.doors,
            drop_parts=self.receipts.drop_parts,
            redact_parts=self.receipts.redact_parts,
            waiting_until=self.receipts.waiting_until,
            is_caught_up=self.wait_until_read,
        )
        self.second_place = SecondPlace(self.lists, self.clock)
        runs = Runs(self.home, self.lists[0].key)
        steps = Steps(bench, runs)
        self.saying = Saying(bench, steps)
        self.acts = Acts(bench, self.saying)
        self.eraser = Eraser(bench, runs, steps)
        # In the order in which they were done: what was redacted was not held then, what is held now may not go.
        is_due = self._is_restored or self._came_back
        self._came_back |= erase_again(bench, self.eraser, self.erasures, is_due=is_due)
        self.not_redacted = redact_again(bench, self.eraser, self.erasures)
        self.saying.say_again()
        self.eraser.finish()
        self._end_restoration(bench)

    def _settle_decisions(self) -> None:
        """What was decided about records that a restore's receipts brought back; and the list is brought up."""
        self.saying.say_again()
        try:
            if self.continuity.fault is None:
                self.saying.bring_up()
        except HubError as error:
            log.warning("erasure_list_not_brought_up", code=error.code)

    def _beside(self, shadow: Path) -> ShadowProcess:
        return ShadowProcess(self.files, shadow, self.log.epoch)

    @property
    def files(self) -> Files:
        """What a process beside this one reads to fold the log."""
        return Files(self.home / LOG, self.home / KEYS, self.settings.kms_file)

    def _record(self, kind: str, payload: Mapping[str, Any]) -> None:
        epoch = self.log.epoch
        self.log.append([self._decision_writer.row(kind, epoch, payload, cause=epoch, model="home/1")])

    def _record_restoration(self) -> None:
        """Tells in the log that it goes on where another epoch was cut off, if that is so and is not told yet."""
        restored = restorations(self.home / LOG)
        self._is_restored = bool(restored) and not restored[-1].is_recorded
        if self._is_restored:
            self._record("hub.restored", restored[-1].payload)

    def _end_restoration(self, bench: Bench) -> None:
        """The end of a restore: killed before it, the next start does the rest of it too."""
        if self._is_restored or self._came_back:
            drop_again(bench, self.erasures)
        if self._is_restored:
            note_recorded(self.home / LOG)

    def _sweep(self) -> None:
        """Finishes the receipts that a killed process left without outcome, before anything new comes in."""
        try:
            reports = self.intake.sweep()
        except HubError as error:
            log.warning("sweep_stopped", code=error.code)
            return
        if reports:
            log.info("receipts_swept", count=len(reports))

    def register(self) -> Register:
        """The register of agencies as it stands now: a change takes effect without a restart."""
        path = self.home / REGISTER
        try:
            stamp = path.stat().st_mtime_ns
        except FileNotFoundError:
            stamp = 0
        if getattr(self, "_register", None) is None or self._register[0] != stamp:
            self._register: tuple[int, Register] = (stamp, read_register(path))
        return self._register[1]

    def wait_until_read(self, timeout_s: float = 60.0) -> bool:
        """Waits until the views and linkage have taken in everything that the log holds now."""
        offset = self.log.head()[PARTITION] - 1
        with self.runner.hurry():
            return offset < 0 or (self.runner.wait_for(offset, timeout_s) and self.linker.wait_for(offset, timeout_s))

    def close(self) -> None:
        """Closes what was opened, the newest first."""
        while self._closers:
            self._closers.pop()()

    def __enter__(self) -> Hub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def lock_home(path: Path) -> IO[str]:
    """Holds the home for this process. Raises WrongSettings `home-in-use`."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    file = os.fdopen(descriptor, "r+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise WrongSettings(
            "home-in-use",
            "another process holds this home",
            where=str(path.parent.name),
            next_step="One home has one hub: stop the other one, or let `tellonce serve` answer.",
        ) from error
    return file


def _check_restored(home: Path) -> None:
    """Raises WrongSettings `restore-interrupted`."""
    if (home / RESTORING).exists():
        raise WrongSettings(
            "restore-interrupted",
            "a restore was cut off here, and this is no home yet",
            where=str(home),
            next_step="Give `tellonce restore` again: it begins anew.",
        )


def _old_list() -> TryAgainLater:
    return TryAgainLater(
        "erasure-list-old",
        "the log tells of erasures that no list here has",
        where="erasures.jsonl",
        next_step="Bring the current list, or name its second place in TELLONCE_ERASURES, and start again.",
    )
