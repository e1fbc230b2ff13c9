"""kill -9 after each step of an erasure: the next start finishes it before anything else happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.hub.erasure.test_eraser import assert_erased, fill
from tests.hub.homes import open_home

pytestmark = [pytest.mark.kill]

_ERASING = """
import os, signal, sys
from pathlib import Path
from tests.hub.erasure.test_eraser import ANN
from tests.hub.homes import open_home

def die(done, of):
    if done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

with open_home(Path(sys.argv[1])) as hub:
    hub.eraser.erase(ANN, ground="request", progress=die)
"""


@pytest.mark.parametrize("step", range(1, 7))
def test_an_erasure_that_was_killed_is_finished_by_the_next_start(tmp_path: Path, step: int) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        fill(hub)
    killed = subprocess.run(
        [sys.executable, "-c", _ERASING, str(home), str(step)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    with open_home(home) as hub:
        assert_erased(hub, tmp_path / "fresh")
