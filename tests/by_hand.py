"""What somebody does who has a file and needs no program of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw


def run_in(path: Path, statement: str, *values: Any) -> list[Any]:
    """The rows of a statement in a database that others may have open."""
    db = apsw.Connection(str(path))
    try:
        return list(db.execute(statement, values))
    finally:
        db.close()
