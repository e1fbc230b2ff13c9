"""A new adapter to begin with: a small package that passes its conformance test before the first change."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from events.errors import Refused, WrongSettings

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def scaffold(name: str, target: Path) -> list[Path]:
    """Writes a package for the adapter `name` into the folder `target`; answers with the files, in their order.

    Raises WrongSettings `bad-adapter-name`, or Refused `folder-not-empty`: nothing is ever overwritten.
    """
    if not _NAME.fullmatch(name):
        raise WrongSettings(
            "bad-adapter-name",
            "an adapter's name has lower-case letters, digits and underscores, and begins with a letter",
            where=f"name {name[:40]}",
            next_step="For example: oakfield_hostels.",
        )
    if target.exists() and any(target.iterdir()):
        raise Refused(
            "folder-not-empty",
            "there is something in this folder already",
            where=target.name,
            next_step="Name a folder that is empty or does not exist yet.",
        )
    words = {
        "name": name,
        "package": f"tellonce_{name}",
        "class_name": "".join(word.capitalize() for word in name.split("_")) + "Adapter",
        "distribution": f"tellonce-{name.replace('_', '-')}",
    }
    written = []
    for path, text in _FILES.items():
        file = target / Template(path).substitute(words)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(words), "utf-8")
        written.append(file)
    return written


_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "$distribution"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["tell-it-once"]

# Once this package is installed, `tellonce adapters list` names the adapter.
[project.entry-points."tellonce.adapters"]
$name = "$package.adapter:$class_name"

[tool.setuptools.packages.find]
include = ["$package*"]

[tool.setuptools.package-data]
"*" = ["samples/*"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""

_README = """\
# Adapter `$name` for Tell It Once
As it stands it reads a made-up format: a visit a line, its parts divided by bars (`$package/samples/visits.txt`).
1. Put messages of your sender into `$package/samples/`: fictitious people only. Delete `visits.txt`.
2. `adapter.py` cuts what arrives into messages; `translate.py` turns one message into facts.
3. `python -m pytest` shows what is missing. Then install the package beside Tell It Once: `pip install -e .`
"""

_INIT = '''\
"""Adapter `$name`."""
'''

_ADAPTER = '''\
"""Cuts what arrives into messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from adapters.sdk.adapter import Finding, Message, Option, Setting, Translation
from adapters.sdk.window import Window

from $package.translate import translated

LINE_BYTES_MAX = 10_000


class $class_name:
    """Reads visits, one a line."""

    name = "$name"
    version = "1"  # stands in every event: raise it when the same message comes to mean something else
    title = "Visits, one a line"
    options: tuple[Option, ...] = ()  # what it looks at in `setting.options`: Option("name", "what it means"), ...

    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        """One message a line, read as a stream; a line that is too long is a message with a fault."""
        window = Window(raw)
        number = 0
        while (found := window.line(LINE_BYTES_MAX)) is not None:
            line, is_too_long = found
            number += 1
            place = f"line {number}"
            if is_too_long:
                yield Message(place, line, fault=Finding("line-too-long", place, "is this the right file?"))
            elif line.strip():
                yield Message(place, line.rstrip(b"\\r"))

    def translate(self, message: Message, setting: Setting) -> Translation:
        return translated(message)
'''

_TRANSLATE = '''\
"""One line to one fact; pure: no clock, no file, no network, and the same answer every time."""

from __future__ import annotations

from datetime import date

from adapters.sdk.adapter import Fact, Finding, Message, Translation

CHANNELS = {"H": "home-visit", "O": "office", "P": "phone"}


def translated(message: Message) -> Translation:
    """The visit that a line tells of. Bad fields are findings; only a line nobody can read is quarantined."""
    try:
        parts = [part.strip() for part in message.raw.decode("utf-8").split("|")]
    except UnicodeDecodeError:
        return Translation(quarantined=Finding("wrong-encoding", message.place, "the line is not in UTF-8"))
    if len(parts) != 4 or not parts[0] or not parts[1] or "\\0" in parts[0] + parts[1]:
        return Translation(quarantined=Finding("unreadable-line", message.place, "needs client|visit|day|channel"))
    client, visit, day, channel = parts
    findings: list[Finding] = []
    payload: dict[str, object] = {"channel": _channel(channel, message.place, findings)}
    if channel:
        payload["coded"] = {"channel": {"code": channel}}  # the sender's own code stays beside our word
    if _is_day(day):
        payload["effective"] = {"start": day}
    else:
        findings.append(Finding("bad-date", f"{message.place}, day", "not a date YYYY-MM-DD; left out"))
    fact = Fact("client", client, "contact.occurred", f"visit/{visit}", payload)
    return Translation((fact,), tuple(findings))


def _channel(code: str, place: str, findings: list[Finding]) -> str:
    if code not in CHANNELS:
        findings.append(Finding("unknown-code", f"{place}, channel", "not among the known channels"))
    return CHANNELS.get(code, "unknown")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text and text >= "1000"
    except ValueError:
        return False
'''

_SAMPLE = """\
C-100|V-1|2025-01-14|H
C-100|V-2|2025-01-21|P
C-207|V-3|2025-02-30|X
"""

_TEST = """\
from pathlib import Path

from adapters.sdk.testing import AdapterConformance

import $package
from $package.adapter import $class_name


class Test$class_name(AdapterConformance):
    adapter = $class_name()
    samples = Path($package.__file__).parent / "samples"
"""

_FILES = {
    "pyproject.toml": _PYPROJECT,
    "README.md": _README,
    "$package/__init__.py": _INIT,
    "$package/adapter.py": _ADAPTER,
    "$package/translate.py": _TRANSLATE,
    "$package/samples/visits.txt": _SAMPLE,
    "tests/test_adapter.py": _TEST,
}
