"""What a command's exit code says; docs/cli.md has the same table."""

from __future__ import annotations

from events.errors import HubError, TryAgainLater, WrongSettings

DONE = 0
REFUSED = 1  # the hub refuses it, or cannot understand what was given
USAGE = 2  # the command was not written as it should be
LATER = 3  # a passing fault: the same command may succeed after a pause
SETTINGS = 4  # the home, its settings or a file beside it do not fit, or another hub holds the home
BUG = 5  # a fault in the program
INTERRUPTED = 130  # Ctrl-C (SIGINT), as shells count it

MEANINGS = {
    DONE: "done",
    REFUSED: "refused, or not understood",
    USAGE: "the command was not written as it should be",
    LATER: "a passing fault: try again later",
    SETTINGS: "the home, its settings or a file beside it do not fit, or another hub holds the home",
    BUG: "a fault in the program",
    INTERRUPTED: "interrupted (Ctrl-C)",
}


class Interrupted(HubError):
    """Ctrl-C came before the command's end."""

    def __init__(self) -> None:
        super().__init__(
            "interrupted",
            "the command was stopped before its end; what was acknowledged is stored and stays",
            where="Ctrl-C",
            next_step="Give it again: a message with an order, an id or a file name is not taken in twice.",
        )


def told(fault: HubError | KeyboardInterrupt) -> HubError:
    """The fault as it is told: Ctrl-C as Interrupted."""
    return Interrupted() if isinstance(fault, KeyboardInterrupt) else fault


def exit_code_of(error: HubError) -> int:
    """The exit code that says what happens next."""
    if isinstance(error, Interrupted):
        return INTERRUPTED
    if isinstance(error, TryAgainLater):
        return LATER
    return SETTINGS if isinstance(error, WrongSettings) else REFUSED
