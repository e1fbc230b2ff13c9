"""Which witnesses a hub asks: `witnesses.toml` in its home."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from events.checkpoints import COSIGNATURE, VerifierKey, parse_key
from events.errors import HubError, WrongSettings

WITNESSES = "witnesses.toml"


class NamedWitness(NamedTuple):
    """A witness to ask. `ca`: the file of the authority that vouches for its certificate, else the machine's own."""

    url: SplitResult
    key: VerifierKey
    ca: Path | None

    @property
    def name(self) -> str:
        return self.key.name


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    key: str
    ca: str | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    witness: tuple[_Entry, ...] = ()


def read_witnesses(home: Path) -> tuple[NamedWitness, ...]:
    """The witnesses of a home; none where it has no such file. Raises WrongSettings `bad-witnesses`, all faults."""
    path = home / WITNESSES
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError:
        raise _bad(["it is not UTF-8"]) from None
    try:
        entries = _File.model_validate(tomllib.loads(text)).witness
    except tomllib.TOMLDecodeError as error:
        raise _bad([f"it is no TOML: {error}"]) from error
    except ValidationError as error:
        raise _bad([f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]) from error
    faults = [f"witness {at}: {fault}" for at, each in enumerate(entries, 1) for fault in _faults(each, home)]
    names = [each.key.partition("+")[0] for each in entries]
    faults += [f"{name} is listed twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if faults:
        raise _bad(faults)
    return tuple(
        NamedWitness(urlsplit(each.url), parse_key(each.key), home / each.ca if each.ca else None) for each in entries
    )


def _faults(entry: _Entry, home: Path) -> list[str]:
    faults = []
    try:
        if parse_key(entry.key).kind != COSIGNATURE:
            faults.append("its key is a log's, not a witness's")
    except HubError:
        faults.append("its key is not one that `tellonce witness serve` printed")
    try:
        url = urlsplit(entry.url)
        _ = url.port
    except ValueError:
        return [*faults, "its url cannot be read"]
    if url.scheme not in ("https", "http") or not url.hostname or url.query or url.fragment or url.username:
        faults.append("its url is not https://host or https://host/path")
    elif url.scheme == "http" and not _is_this_machine(url.hostname):
        faults.append("its url must begin with https://, since it is another machine")
    if entry.ca and not (home / entry.ca).is_file():
        faults.append("there is no file that its `ca` names")
    return faults


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bad(faults: list[str]) -> WrongSettings:
    return WrongSettings(
        "bad-witnesses", "; ".join(faults), where=WITNESSES, next_step="docs/witness.md has an example."
    )
