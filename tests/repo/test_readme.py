"""Every command of the README is run as it stands there, in a clean copy of the repository with a fresh HOME.

The two commands themselves are not: `make demo` would install everything again, so what it calls is run instead, with
fewer people; and `make test` would call this test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = {"make demo", "make test"}
COPIED = ("events", "adapters", "projections", "hub", "schemas", "docs", "README.md", "Makefile", "pyproject.toml")
PORT = 8080


def blocks() -> list[str]:
    """The shell blocks of the README, in their order."""
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_two_commands_are_those_of_the_makefile() -> None:
    said = [block.strip() for block in blocks() if block.strip() in NOT_RUN]
    assert said == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "$(BIN)/tellonce --home $(DEMO_HOME) demo $(DEMO_ARGS)" in makefile
    assert "DEMO_HOME := .tellonce-demo" in makefile


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as a newcomer has it, with the commands that `make setup` puts into .venv/bin."""
    folder = tmp_path_factory.mktemp("newcomer") / "clone"
    folder.mkdir()
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    commands = folder / ".venv" / "bin"
    commands.mkdir(parents=True)
    tellonce = '-c "import sys; from hub.cli import main; sys.exit(main())"'
    for name, words in (("python", ""), ("tellonce", tellonce)):
        (commands / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n', "utf-8")
        (commands / name).chmod(0o755)
    (folder / "home").mkdir()
    return folder


@pytest.fixture(scope="module")
def environment(copy: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TELLONCE", "PYTEST", "COV"))}
    return {**kept, "HOME": str(copy / "home"), "PYTHONPATH": str(copy), "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def served(copy: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """What `make demo` calls, serving; its port."""
    command = [".venv/bin/tellonce", "--home", ".tellonce-demo", "demo", "--people", "40", "--port", "0"]
    hub = subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert hub.stdout is not None
    try:
        lines = iter(hub.stdout.readline, "")
        ready = next((line for line in lines if line.startswith("Serving ")), "")
        assert ready, "the demo ended before it served"
        yield int(re.findall(r":(\d+) ", ready)[0])
    finally:
        hub.terminate()
        hub.stdout.read()
        hub.stdout.close()
        assert hub.wait(30) == 0


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_tour_works_as_it_is_written(copy: Path, environment: Mapping[str, str], served: int) -> None:
    tour = [block for block in blocks() if block.strip() not in NOT_RUN]
    script = "set -euo pipefail\n" + "\n".join(f"printf '\\n== {at}\\n'\n{block}" for at, block in enumerate(tour))
    script = script.replace(f":{PORT}/", f":{served}/")  # the only liberty taken: a free port
    if shutil.which("curl") is None:
        script = re.sub(r"^curl .*$", "", script, flags=re.MULTILINE)
    ran = subprocess.run(
        ["bash", "-c", script], cwd=copy, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    _is_what_the_readme_promises(dict(_parts(ran.stdout)), tour)


def _parts(out: str) -> Iterator[tuple[int, str]]:
    for part in re.split(r"^== (?=\d+$)", out, flags=re.MULTILINE)[1:]:
        number, _, said = part.partition("\n")
        yield int(number), said


def _is_what_the_readme_promises(said: Mapping[int, str], tour: list[str]) -> None:
    def after(command: str) -> str:
        return next(said[at] for at, block in enumerate(tour) if command in block)

    assert re.search(r"^R-\S+ +1 +1 +0 +0 +0 +2 +0 +docs/tour/admission.hl7$", after("allergy.json"), re.MULTILINE)
    timeline = said[2]
    assert "entries from 3 systems of 3 agencies" in timeline
    assert re.search(r" 0 +2 +docs/tour/admission.hl7$", said[3], re.MULTILINE)
    assert after("allergy-newer.json").count("Said: health.allergy-recorded") == 2
    assert "Voided: health.allergy-recorded" in after("allergy-void.json")
    assert after("1 year ago").count("Allergy: Penicillin") == 1
    assert "every leaf and every tile holds" in after("log verify")
    assert "passed" in after("adapters new")
    assert shutil.which("curl") is None or '"entries"' in after("curl")


def test_files_of_the_tour_are_all_used() -> None:
    used = set(re.findall(r"docs/tour/[\w.-]+", (ROOT / "README.md").read_text("utf-8")))
    assert used == {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "tour").iterdir()}
