"""One run of a command: which home, who asks, where the answer goes."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import typer

from events.errors import Refused
from hub.access.door import ROLES, Caller
from hub.cli.screen import Screen
from hub.local.desks import Desk, reached
from hub.local.requests import Document, Progress, Request, quiet
from hub.settings import Settings, read_settings

HUB = "hub"


@dataclass
class Session:
    """What the options before the command say. `speaker`: ROLE or ROLE:NAME, as given with --as."""

    home: Path | None = None
    speaker: str | None = None
    screen: Screen = field(default_factory=Screen)

    def settings(self) -> Settings:
        return read_settings(self.home)

    def caller(self) -> Caller:
        """Who asks: the local user in the role that the operation usually has, unless --as names another."""
        if self.speaker is None:
            return Caller(user_name(), "", HUB, "")
        role, _, name = self.speaker.partition(":")
        if role not in ROLES:
            raise Refused(
                "role-unknown",
                "there is no such role",
                where="--as",
                next_step=f"The roles are: {', '.join(ROLES)}; write --as ROLE or --as ROLE:NAME.",
            )
        # An adapter acts for its agency, so its name is the agency's.
        return Caller(name or user_name(), role, name if role == "adapter" and name else HUB, "")

    def request(self, operation: str, arguments: Mapping[str, Any]) -> Request:
        given = {key: value for key, value in arguments.items() if value is not None}
        return Request(operation, self.caller(), given)

    @contextmanager
    def desk(self, *, may_make_home: bool = False) -> Iterator[Desk]:
        """Where operations are asked for: the serving hub, or the home opened here."""
        with reached(self.settings(), may_make_home=may_make_home) as desk:
            yield desk

    def ask(
        self,
        operation: str,
        *,
        desk: Desk | None = None,
        upload: BinaryIO | None = None,
        progress: Progress = quiet,
        **arguments: Any,
    ) -> Document:
        """The answer of one operation, at a desk of its own if none is given."""
        request = self.request(operation, arguments)
        if desk is not None:
            return desk.ask(request, upload=upload, progress=progress)
        with self.desk() as own:
            return own.ask(request, upload=upload, progress=progress)

    def answered(self, document: Document) -> bool:
        """Prints the document if JSON was asked for; False when it is still to be shown in words."""
        if self.screen.as_json:
            self.screen.document(document)
        return self.screen.as_json


def session_of(context: typer.Context) -> Session:
    session: Session = context.obj
    return session


def user_name() -> str:
    """Who is logged in on this machine."""
    try:
        return f"local:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "local"
