"""The import contracts in pyproject.toml let the house stand and notice each way to break it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
HOUSE = {
    "events/envelope.py": "",
    "events/catalogue/housing.py": "from events import envelope\n",
    "events/log/port.py": "from events import envelope\n",
    "events/log/sqlite.py": "import apsw\nfrom events.log import port\n",
    "adapters/sdk/intake.py": "from events.log import port\n",
    "adapters/hl7v2/translate.py": "from adapters.sdk import intake\n",
    "adapters/csv_mapping/translate.py": "from adapters.sdk import intake\n",
    "adapters/registry.py": "from adapters.hl7v2 import translate\nimport adapters.csv_mapping.translate\n",
    "projections/engine/store.py": "import sqlalchemy\n",
    "projections/people/fold.py": "from projections.engine import store\n",
    "projections/timeline/fold.py": "from projections.engine import store\n",
    "hub/assembly.py": "import fastapi\nfrom adapters import registry\nfrom projections.timeline import fold\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small copy of the four packages' plan, with imports that are allowed."""
    for name, text in HOUSE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in (tmp_path, *tmp_path.rglob("*")):
        if folder.is_dir() and folder != tmp_path:
            (folder / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _lint(house: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(house)}
    return subprocess.run(
        [LINT, "--no-cache", "--no-logo"], cwd=house, env=env, capture_output=True, text=True, check=False
    )


def test_the_planned_house_keeps_every_contract(house: Path) -> None:
    result = _lint(house)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("events/log/port.py", "import hub.assembly", "Imports only go down"),
        ("adapters/hl7v2/translate.py", "import projections.engine.store", "adapters and projections never meet"),
        ("projections/people/fold.py", "import adapters.sdk.intake", "adapters and projections never meet"),
        ("adapters/hl7v2/translate.py", "import adapters.csv_mapping.translate", "Sibling adapters"),
        ("adapters/sdk/intake.py", "import adapters.hl7v2.translate", "Sibling adapters"),
        ("adapters/hl7v2/translate.py", "import adapters.registry", "Sibling adapters"),
        ("projections/people/fold.py", "import projections.timeline.fold", "Sibling views"),
        ("projections/engine/store.py", "import projections.timeline.fold", "Sibling views"),
        ("adapters/sdk/intake.py", "import sqlite3", "Adapters import no database"),
        ("adapters/sdk/intake.py", "import events.log.sqlite", "Adapters import no database"),
        ("projections/timeline/fold.py", "import fastapi", "Projections import no web framework"),
        ("events/log/port.py", "import sqlalchemy", "only the log touches a database"),
        ("events/envelope.py", "import apsw", "only the log touches a database"),
        ("events/envelope.py", "import events.log.port", "The vocabulary knows no machinery"),
        ("events/catalogue/housing.py", "import events.log.port", "The vocabulary knows no machinery"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(house: Path, module: str, line: str, contract: str) -> None:
    with (house / module).open("a") as file:
        file.write(f"{line}\n")
    result = _lint(house)
    broken = [printed for printed in result.stdout.splitlines() if " BROKEN" in printed]
    assert result.returncode == 1
    assert any(contract in printed for printed in broken), result.stdout
