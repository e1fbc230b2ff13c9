"""Nothing tracked names a package registry or a path of the machine it was written on."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "a registry's host": re.compile(
        r"https?://(registry|repo1?|deb|files|packages|proxy)\.|https?://\S+/simple([/\"\s]|$)|pythonhosted[.]org"
    ),
    "a path of this machine": re.compile(
        r"(^|[^a-zA-Z0-9_.])/(root|work|home/[a-z]+|Users/[A-Za-z]+|tmp/bash_jobs)[/.]"
    ),
}


def faults(text: str) -> list[str]:
    """What must not stand in the text, as `line: what`."""
    return [
        f"{number}: {what}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_registry_or_this_machine() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{fault}" for path in _tracked() for fault in faults(path.read_text(errors="replace"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://mirror.example.org" + "/simple",
        "https://" + "registry.example.org/image",
        "open('/" + "root/.profile')",
        "cd /" + "work/main",
    ],
)
def test_a_registry_or_a_path_is_noticed(line: str) -> None:
    assert faults(line) != []


@pytest.mark.parametrize("line", ["https://example.org/work/", "the root/ folder", "https://simple.example.org/"])
def test_ordinary_words_pass(line: str) -> None:
    assert faults(line) == []
