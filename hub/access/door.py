"""Who may do what: one table of actions and roles.

For now the role decides; relationship, purpose and consent join here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from events.errors import Refused

Role = Literal["adapter", "practitioner", "steward", "auditor", "admin"]
ROLES: tuple[Role, ...] = ("adapter", "practitioner", "steward", "auditor", "admin")

_READERS = frozenset({"practitioner", "steward", "auditor"})
_STEWARDS = frozenset({"steward", "admin"})
_OPERATORS = frozenset({"steward", "auditor", "admin"})

ACTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "intake": frozenset({"adapter", "admin"}),
        "receipts": frozenset({"adapter", "steward", "auditor", "admin"}),
        "quarantine": frozenset({"adapter", "steward", "admin"}),
        "people": _READERS,
        "timeline": _READERS,
        "history": _READERS,
        "linkage": _STEWARDS,
        "custody": _STEWARDS,
        "log": frozenset({"auditor", "admin"}),
        "sources": frozenset({"adapter", *_OPERATORS}),
        "agencies": frozenset({"adapter", *_OPERATORS}),
        "operations": frozenset({"admin"}),
        "status": _OPERATORS,
    }
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which role, of which organisation (an agency's name or the hub's), and for what purpose."""

    who: str
    role: str
    organisation: str
    purpose: str


def permit(caller: Caller, action: str) -> None:
    """Returns if the caller may. Raises Refused `not-permitted`."""
    if caller.role not in ACTIONS[action]:
        raise Refused(
            "not-permitted",
            f"the role {caller.role} may not do this",
            where=action,
            next_step=f"It takes one of the roles: {', '.join(sorted(ACTIONS[action]))}.",
        )


def may_see(caller: Caller, agency: str) -> bool:
    """Whether the caller may know what an agency sent, and that it is there: an adapter, of its own agency only."""
    return caller.role != "adapter" or caller.organisation == agency


def permit_agency(caller: Caller, agency: str) -> None:
    """An adapter's caller sends for its own agency only. Raises Refused `other-agency`."""
    if not may_see(caller, agency):
        raise Refused(
            "other-agency",
            "this token belongs to another agency",
            where=f"agency {agency}",
            next_step="Use the token that was issued for this agency.",
        )
