"""The log of what the hub does: one event name in the past tense and keys from a list, never a person's data.

In production whatever is not on the list is dropped, so that nothing leaks by habit. Texts of other libraries are
not written at all: only who wrote, and what kind of error it was.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

import orjson
import structlog

Entry = MutableMapping[str, Any]

ALLOWED = frozenset(
    {
        "action",
        "adapter",
        "agency",
        "at",
        "bytes",
        "code",
        "count",
        "done",
        "duplicates",
        "epoch",
        "error",
        "event",
        "event_ids",
        "events",
        "findings",
        "host",
        "level",
        "library",
        "method",
        "not_mapped",
        "of",
        "outcome",
        "port",
        "position",
        "positions",
        "projection",
        "quarantined",
        "receipt",
        "reference",
        "request_id",
        "role",
        "route",
        "signal",
        "source",
        "status",
        "system",
        "timestamp",
        "took_ms",
        "trace",
        "version",
        "view",
    }
)
LEVELS: Mapping[str, int] = MappingProxyType(
    {
        "debug": logging.DEBUG,
        "info": logging.INFO,
        "warning": logging.WARNING,
        "error": logging.ERROR,
        "silent": logging.CRITICAL,  # which nothing of ours ever is
    }
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_ROOT = str(Path(__file__).resolve().parent.parent)


def configure_logs(*, level: str = "info", stream: TextIO | None = None, as_json: bool | None = None) -> None:
    """Logs go to a stream (standard error): readable lines on a terminal, JSON lines elsewhere."""
    to = stream or sys.stderr
    is_json = as_json if as_json is not None else not to.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_values,
            allowed_only,
            _json_line if is_json else structlog.dev.ConsoleRenderer(colors=to.isatty(), sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=to) if is_json else structlog.PrintLoggerFactory(file=to),
        cache_logger_on_first_use=False,
    )
    _take_over_libraries(LEVELS[level])


def without_values(logger: object, method: str, entry: Entry) -> Entry:
    """An exception as its kind and the places it passed; its message may hold anything and is dropped."""
    told = entry.pop("exc_info", None)
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        entry["error"] = type(error).__name__
        entry["trace"] = places(error)
    return entry


def places(error: BaseException) -> list[str]:
    """Where an exception passed: file, line and function, the innermost last."""
    return [
        f"{frame.filename.removeprefix(_ROOT).lstrip('/')}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]


def allowed_only(logger: object, method: str, entry: Entry) -> Entry:
    """Drops keys that are not on the list; a name that is no name of an event is not repeated."""
    name = entry.get("event")
    kept = {key: value for key, value in entry.items() if key in ALLOWED}
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        kept["event"] = "unnamed"
    return kept


def _json_line(logger: object, method: str, entry: Entry) -> str:
    return orjson.dumps(dict(entry), default=lambda value: type(value).__name__).decode()


class _FromLibraries(logging.Handler):
    """What libraries log through `logging`: that they did, how grave it is, and the kind of error."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log = structlog.get_logger()
        log.log(max(record.levelno, logging.DEBUG), "library_logged", library=record.name, exc_info=error)


def _take_over_libraries(level: int) -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _FromLibraries)]:
        root.removeHandler(handler)
    root.addHandler(_FromLibraries())
    root.setLevel(max(level, logging.WARNING))
