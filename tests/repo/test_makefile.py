"""`make help` lists every command a person may call."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {"help", "setup", "demo", "test", "check", "proof", "bench", "lock", "clean"}


def _targets() -> set[str]:
    text = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", text, flags=re.MULTILINE))


def _helped(*goal: str) -> dict[str, str]:
    command = ["make", "--no-print-directory", *goal]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(re.findall(r"^  make (\S+) +(.+)$", printed.stdout, flags=re.MULTILINE))


def test_help_lists_every_target_with_a_line() -> None:
    assert set(_helped("help")) == _targets()


def test_every_promised_command_is_there() -> None:
    assert _targets() >= PROMISED


def test_make_alone_prints_the_help() -> None:
    assert _helped() == _helped("help")
