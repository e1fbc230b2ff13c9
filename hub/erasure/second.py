"""Whether the second place of the list of erasures is there: without it nothing can be erased, held or restricted."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from events.clock import Clock, us_text
from events.errors import HubError
from hub.erasurelist import Place, check_places, read_list

_Stamp = tuple[int, int] | None


class SecondPlace:
    """Looks at both places when it is asked, and reads them when one has changed. For any thread."""

    def __init__(self, places: Sequence[Place], clock: Clock) -> None:
        self._places = places
        self._clock = clock
        self._looking = threading.Lock()
        self._seen: tuple[list[_Stamp], bool] | None = None
        self._judged: tuple[str, int | None, str | None] = ("none", None, None)
        self._since: str | None = None

    def told(self) -> dict[str, Any]:
        """Its state, how many lines it lacks, why it is refused, and since when this process has seen it so.

        `none`, `well`, `behind`, `out-of-reach`, or `refused` with a code.
        """
        with self._looking:
            if len(self._places) > 1:
                self._look()
            state, behind, code = self._judged
            return {"state": state, "behind": behind, "code": code, "since": self._since}

    def _look(self) -> None:
        folder = self._places[0].path.parent
        found = [_stamp(path) for path, _ in self._places], os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
        if found == self._seen:
            return
        self._seen, before = found, self._judged[0]
        self._judged = self._judgement()
        if self._judged[0] != before:
            self._since = us_text(self._clock())

    def _judgement(self) -> tuple[str, int | None, str | None]:
        try:
            check_places(self._places)
            second, home = (len(read_list(place).entries) for place in self._places)
        except HubError as error:
            is_gone = error.code == "erasure-list-unwritten"
            return ("out-of-reach" if is_gone else "refused"), None, error.code
        except OSError:
            return "out-of-reach", None, None
        return ("behind", home - second, None) if second < home else ("well", 0, None)


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
