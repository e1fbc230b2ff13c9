"""Settings of a home, from the environment; everything else has a place in the home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from events.clock import zone_names
from events.errors import WrongSettings

DEFAULT_HOME = ".tellonce"
KMS_FILE = "kms.key"
LOG_FILE = "log.sqlite"
KEYS_FILE = "keys.sqlite"
ERASURES_FILE = "erasures.jsonl"
MANIFEST_FILE = "manifest.json"  # of a backup; no home has one
LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """home: the folder of everything stored. zone: of dates given without a time. accepts_clock: see SqliteLog.

    log_level: from which level on log lines are written; None is `info` for a hub that serves, and none for a command,
    which says itself how it went. kms: the file of the wrapping keys, where it is not in the home. erasures: the second
    place of the list of erasures, a folder outside the home.
    """

    home: Path
    zone: ZoneInfo
    accepts_clock: bool = False
    log_level: str | None = None
    kms: Path | None = None
    erasures: Path | None = None

    @property
    def erasure_lists(self) -> tuple[Path, ...]:
        """Where the list of erasures is written, in this order: the second place, if there is one, and the home."""
        return tuple(folder / ERASURES_FILE for folder in (self.erasures, self.home) if folder is not None)

    @property
    def kms_file(self) -> Path:
        """Where the wrapping keys are: in the home, unless another place is named."""
        return self.kms or self.home / KMS_FILE


def read_settings(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings of the environment; `home` from the command line wins. Raises WrongSettings, all faults at once."""
    zone = environ.get("TELLONCE_ZONE", "Europe/London")
    accepts = environ.get("TELLONCE_ACCEPT_CLOCK", "")
    level = environ.get("TELLONCE_LOG") or None
    faults = []
    if zone not in zone_names():
        faults.append("TELLONCE_ZONE is not a time zone of the IANA list")
    if accepts not in ("", "0", "1"):
        faults.append("TELLONCE_ACCEPT_CLOCK is neither 0 nor 1")
    if level is not None and level not in LEVELS:
        faults.append(f"TELLONCE_LOG is none of {', '.join(LEVELS)}")
    folder = home or Path(environ.get("TELLONCE_HOME") or DEFAULT_HOME)
    if second := environ.get("TELLONCE_ERASURES"):
        faults += _faults_of_second(Path(second), folder)
    if faults:
        raise WrongSettings("bad-settings", "; ".join(faults), where="environment", next_step="See docs/settings.md.")
    kms, erasures = environ.get("TELLONCE_KMS"), environ.get("TELLONCE_ERASURES")
    places = (Path(each) if each else None for each in (kms, erasures))
    return Settings(folder, ZoneInfo(zone), accepts == "1", level, *places)


def _faults_of_second(second: Path, home: Path) -> list[str]:
    """What makes a place none for a second list: it has to outlive the home."""
    try:
        if second.exists() and not second.is_dir():
            return ["TELLONCE_ERASURES is a file, and has to name the folder in which the list is to be"]
        if second.resolve().is_relative_to(home.resolve()):
            return ["TELLONCE_ERASURES lies in the home, with which it would be lost"]
    except (OSError, RuntimeError):  # a disk that is away, or a link without end: whoever writes there says so
        pass
    return []
