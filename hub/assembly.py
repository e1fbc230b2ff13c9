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
from events.clock import Clock, SystemClock
from events.errors import HubError, WrongSettings
from events.log.sqlite import PARTITION, SqliteLog
from events.upcasters import check_chains
from hub.durable import make_folder
from hub.erasure.acts import Acts
from hub.erasure.bench import Bench
from hub.erasure.doors import Doors
from hub.erasure.eraser import Eraser
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
from hub.vault.keys import KeyStore
from hub.vault.kms import LOG_KEY, KmsSigner, LocalKms
from hub.views import projections
from projections.engine.runner import Runner
from projections.engine.store import ViewStore

log = structlog.get_logger()
REGISTER = "agencies.toml"
LOCK = "home.lock"
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
        lock = _lock(self.home / LOCK)
        self._closers.append(lock.close)
        self.kms = LocalKms(self.settings.kms_file)
        self.keys = KeyStore(self.home / KEYS, self.kms, clock=self.clock)
        self._closers.append(self.keys.close)
        self.doors = Doors()
        self.log = SqliteLog(
            self.home / LOG,
            clock=self.clock,
            new_epoch=lambda: f"1-{secrets.token_hex(4)}",
            signer=KmsSigner(self.kms, LOG_KEY),
            before_commit=self.keys.commit,
            is_closed=self.doors.is_closed,
            accepts_clock=self.settings.accepts_clock,
        )
        self._closers.append(self.log.close)
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
        self._sweep()
        self._closers.append(Ageing(self.receipts).close)  # after the sweep: what was not read yet is read first

    def _open_views(self) -> None:
        self._decision_writer = writer = DecisionWriter(self.keys)
        self.linker = Linker(self.log, self.store, writer, self.keys.ring)
        self.runner = Runner(self.log, self.store, projections(), self.keys.ring, self._beside, self.linker.consider)
        self._closers.append(self.runner.stop)
        self.linker.catch_up(PARTITION, self.runner.applied)
        self.runner.start()
        self.decisions = Decisions(self.log, self.store, self.runner, writer)
        if self.log.head()[PARTITION] == 0:
            self._record("hub.log-opened", {"epoch": self.log.epoch, "demo": self.is_demo})

    def _open_erasure(self) -> None:
        """Finishes what a crash cut off of an erasure, before anything new comes in."""
        bench = Bench(
            home=self.home,
            lists=self.settings.erasure_lists,
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
            waiting_until=self.receipts.waiting_until,
            is_caught_up=self.wait_until_read,
        )
        self.acts = Acts(bench)
        self.eraser = Eraser(bench)
        self.eraser.finish()

    def _beside(self, shadow: Path) -> ShadowProcess:
        return ShadowProcess(self.files, shadow, self.log.epoch)

    @property
    def files(self) -> Files:
        """What a process beside this one reads to fold the log."""
        return Files(self.home / LOG, self.home / KEYS, self.settings.kms_file)

    def _record(self, kind: str, payload: Mapping[str, Any]) -> None:
        epoch = self.log.epoch
        self.log.append([self._decision_writer.row(kind, epoch, payload, cause=epoch, model="home/1")])

    def record_restore(self, origin: str, size: int) -> None:
        """Notes in the log that it goes on, from so many events, where another epoch was cut off."""
        self._record("hub.restored", {"epoch": self.log.epoch, "origin": origin, "size": size})

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


def _lock(path: Path) -> IO[str]:
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
