"""The table of routes: each way with its action at the door, what it asks and what it answers.

The application, its OpenAPI document, the reference in docs/http.md and the tests are all made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel

from hub.access.door import ACTIONS, ROLES

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One route. `action` is what the door is asked for; None lets everybody in without a token."""

    method: Literal["GET", "POST"]
    path: str
    action: str | None
    handler: Callable[..., Any]
    summary: str
    answers: type[BaseModel] | None  # None where the answer is no JSON document
    area: str
    asks: type[BaseModel] | None = None
    raw: tuple[str, ...] = ()  # media types of a body that is no question
    codes: tuple[str, ...] = ()  # of the problems that are this route's own
    media_type: str = "application/json"
    example: Mapping[str, Any] = field(default_factory=lambda: _NONE)  # of the question
    parameters: tuple[Mapping[str, Any], ...] = ()  # that FastAPI cannot see: headers and free names

    @property
    def families(self) -> tuple[str, ...]:
        """What parameters begin with whose names are free after it, as `option.` does."""
        named = [str(each["name"]) for each in self.parameters if each["in"] == "query"]
        return tuple(name.removesuffix("{name}") for name in named if name.endswith("{name}"))

    @property
    def roles(self) -> tuple[str, ...]:
        """Who may use it, in the usual order of roles."""
        return tuple(role for role in ROLES if self.action is None or role in ACTIONS[self.action])
