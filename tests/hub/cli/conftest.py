"""The command line, called in this process; and homes with a register and some messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub.cli import main
from tests.hub import homes

NUMBER = homes.nhs_number(0)


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed, which must be one JSON document."""
        return json.loads(self.out)


Tell = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose register has the agencies `housing` and `hospital`, and nothing else yet."""
    folder = tmp_path / "home"
    with homes.open_home(folder):
        pass
    return folder


@pytest.fixture
def tell(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Tell]:
    """Runs `tellonce --home <home> ...`."""
    monkeypatch.delenv("TELLONCE_HOME", raising=False)

    def run(*arguments: str | Path, at: Path = home) -> Ran:
        capsys.readouterr()
        code = main(["--home", str(at), *map(str, arguments)])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    yield run
    structlog.reset_defaults()


@pytest.fixture
def events_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes CloudEvents into a file."""

    def write(*events: dict[str, Any], name: str = "events.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(list(events)), "utf-8")
        return path

    return write


@pytest.fixture
def alex(tell: Tell, events_file: Callable[..., Path]) -> str:
    """Alex Testerton is known to housing, with a tenancy; the person number."""
    told = events_file(
        homes.registration("m-1", "tenant/7", number=NUMBER, order="1"),
        homes.cloudevent(
            "m-2",
            "housing.accommodation-changed",
            "tenant/7",
            {"action": "started", "tenure": "social-rent", "effective": {"start": "2024-05-14"}},
            fact="tenancy/1/start",
            order="1",
        ),
    )
    assert tell("intake", "cloudevents", told, "--agency", "housing", "--system", "crm").code == 0
    return str(tell("--json", "people", "find", "--nhs-number", NUMBER).document["people"][0]["person"])


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[bytes], None]]:
    """Puts bytes where a command reads its standard input."""
    with (tmp_path / "stdin").open("w+b") as opened:

        def give(raw: bytes) -> None:
            opened.write(raw)
            opened.seek(0)
            monkeypatch.setattr("sys.stdin", opened)

        yield give
