"""The command `tellonce`: its options, its commands, and how it ends."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
import typer.core

from events.errors import HubError
from hub.cli.exit_codes import BUG, DONE, USAGE, exit_code_of, told
from hub.cli.screen import Screen
from hub.cli.session import Session
from hub.local.wire import HubFault, error_document

# Which module has which commands: only the one that is needed is imported, so that a command begins at once.
AREAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "intake": ("intake", "receipt", "message"),
        "quarantine": ("quarantine",),
        "reading": ("people", "timeline", "history"),
        "linking": ("link", "unlink", "merge", "unmerge"),
        "custody": ("erase", "restrict", "unrestrict", "hold", "retention", "redact", "readmit"),
        "logbook": ("log",),
        "operating": ("agencies", "sources", "status", "rebuild"),
        "backups": ("backup", "restore"),
        "keys": ("keys",),
        "serving": ("serve", "token"),
        "witness": ("witness",),
        "doctor": ("doctor",),
        "adapters": ("adapters",),
        "schemas": ("schemas",),
        "demo": ("demo",),
    }
)
_VALUED = ("--home", "--as")


class _Commands(typer.core.TyperGroup):
    """The commands together. Ctrl-C comes out as Interrupted: typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise told(error) from error


def app_for(command: str | None) -> typer.Typer:
    """The command line with the area of one command, or with all of them where none is named or known."""
    app = typer.Typer(
        name="tellonce",
        cls=_Commands,
        help="Agencies' messages in, one timeline per person out: now, and as of any moment.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(options)
    needed = [area for area, names in AREAS.items() if command in names]
    for area in needed or AREAS:
        import_module(f"hub.cli.{area}").add_to(app)
    return app


def options(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="The hub's home; else TELLONCE_HOME, else .tellonce.", metavar="DIR", readable=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")
    ] = False,
    speaker: Annotated[
        str | None, typer.Option("--as", help="Who asks: ROLE or ROLE:NAME (docs/cli.md).", metavar="ROLE[:NAME]")
    ] = None,
) -> None:
    """Options that every command takes, before its name or after it."""
    context.obj = Session(home, speaker, Screen(as_json=as_json))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code. Faults are one sentence, or one JSON document with --json."""
    given = hoisted(list(sys.argv[1:] if arguments is None else arguments))
    as_json = "--json" in given
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a sign that a terminal cannot show must not end a page half-way
    try:
        found = app_for(_command_of(given))(given, standalone_mode=False, prog_name="tellonce")
        return found if isinstance(found, int) else DONE
    except (HubError, KeyboardInterrupt) as fault:
        error = told(fault)
        return _failed(error_document(error), str(error), exit_code_of(error), as_json=as_json)
    except typer.TyperException as error:
        said = error.format_message()
        return _failed(_told("usage", said, "See `tellonce --help`."), f"usage: {said}", USAGE, as_json=as_json)
    except BrokenPipeError:
        # Whoever read the output has enough; what is left in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except HubFault as error:
        said = f"the serving hub met a fault ({error}); its own log tells more"
        return _failed(_told("bug", said, "Please report it."), f"bug: {said}.", BUG, as_json=as_json)
    except Exception as error:
        return _failed(_bug(error), _sentence(_bug(error)), BUG, as_json=as_json)


def hoisted(arguments: list[str]) -> list[str]:
    """The arguments with the options of every command first, so that they may stand anywhere before a `--`."""
    first: list[str] = []
    rest: list[str] = []
    given = iter(arguments)
    for argument in given:
        if argument == "--":
            rest.extend((argument, *given))
        elif argument in _VALUED:
            first.extend((argument, *(value for value in (next(given, None),) if value is not None)))
        elif argument == "--json" or argument.startswith(tuple(f"{name}=" for name in _VALUED)):
            first.append(argument)
        else:
            rest.append(argument)
    return first + rest


def _command_of(hoisted_arguments: list[str]) -> str | None:
    """The first argument that is no option and no option's value."""
    given = iter(hoisted_arguments)
    for argument in given:
        if argument in _VALUED:
            next(given, None)
        elif not argument.startswith("-"):
            return argument
    return None


def _failed(document: dict[str, str], sentence: str, code: int, *, as_json: bool) -> int:
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document({"error": document})
    else:
        screen.remark(sentence, style="red")
    return code


def _told(code: str, what: str, next_step: str) -> dict[str, str]:
    return {"code": code, "what": what, "where": "", "next_step": next_step}


def _bug(error: Exception) -> dict[str, str]:
    """Where in the program it happened; never the values, which may be a person's."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return {
        "code": "bug",
        "what": f"a fault in the program ({type(error).__name__})",
        "where": place,
        "next_step": "Please report it with the command and this place.",
    }


def _sentence(told: dict[str, str]) -> str:
    return f"{told['code']}: {told['where']}: {told['what']}. {told['next_step']}"
