"""Every error the hub raises on purpose: one root, five children named by what happens next.

A message says what, where and what to do, with a stable code, and never a person's data.
Anything that is not a HubError is a bug and stays loud.
"""

from __future__ import annotations


class HubError(Exception):
    """Something the hub refuses or cannot do, told with a stable code, where it is and the next step."""

    def __init__(self, code: str, what: str, *, where: str = "", next_step: str = "") -> None:
        self.code = code
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(code, what, where, next_step)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        step = f" {self.next_step}" if self.next_step else ""
        return f"{self.code}: {place}{self.what}.{step}"


class TryAgainLater(HubError):
    """A passing fault: the same call may succeed after a pause."""


class RejectedMessage(HubError):
    """A message that cannot be understood or may not enter: it goes to quarantine or back to its sender."""


class WrongSettings(HubError):
    """Settings or files that do not fit: the process stops at start and lists every fault at once."""


class Refused(HubError):
    """The caller may not do this, or the state of the hub forbids it."""


class BrokenKey(HubError):
    """A stored key or secret does not open, or is not the record's own: what needs it waits, and nothing else does."""
