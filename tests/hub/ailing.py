"""Processes that fold a shadow, with something wrong."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from hub.assembly import Hub
from hub.shadow import ShadowProcess


class KilledShadow(ShadowProcess):
    def __init__(self, hub: Hub, shadow: Path) -> None:
        super().__init__(hub.files, shadow, hub.log.epoch)
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()


class HangingShadow(ShadowProcess):
    def __init__(self, hub: Hub, shadow: Path) -> None:
        super().__init__(hub.files, shadow, hub.log.epoch)
        os.kill(self._process.pid, signal.SIGSTOP)
