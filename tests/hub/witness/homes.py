"""Homes whose hub asks a witness, and ways to look at how they stand."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.assembly import Hub
from hub.services import Services
from hub.witness.house import House
from tests.hub.homes import cloudevent, open_home, send
from tests.hub.witness.serving import serving as serving

WAIT_S = 60.0


def name_witness(home: Path, house: House, url: str, *more: str) -> None:
    """Writes the settings file that names a witness."""
    home.mkdir(parents=True, exist_ok=True)
    lines = ("[[witness]]", f'url = "{url}"', f'key = "{house.key}"', *more)
    (home / "witnesses.toml").write_text("\n".join(lines) + "\n", "utf-8")


def trust(house: House, hub: Hub) -> None:
    """The witness's operator trusts the hub's log."""
    house.store.trust(hub.log.name, hub.log.key.public_key, 0)


def grow(hub: Hub, count: int, flavour: str = "e") -> None:
    """Takes in so many notes about one tenant."""
    have = hub.log.head()["main-0"]
    names = [f"{flavour}{have}-{at}" for at in range(count)]
    events = [
        cloudevent(
            name, "need.recorded", "tenant/1", {"need_id": name, "domain": "care", "text": "x"}, fact=f"need/{name}"
        )
        for name in names
    ]
    send(hub, *events)


def size_of(hub: Hub) -> int:
    return hub.log.head()["main-0"]


def state_of(hub: Hub) -> dict[str, Any]:
    return Services(hub).witness()


def wait_for(is_so: Callable[[], object], wait_s: float = WAIT_S) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + wait_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def wait_for_code(hub: Hub, code: str) -> None:
    """Waits until the only witness says this; an empty code with nothing left to cosign means that all is well."""
    wait_for(lambda: state_of(hub)["witnesses"][0]["code"] == code and (code or state_of(hub)["state"] == "well"))


def copied(home: Path, name: str) -> Path:
    """A copy of a closed home, as a careful administrator makes one."""
    target = home.with_name(name)
    shutil.copytree(home, target)
    return target


def copy_back(copy: Path, home: Path, *names: str) -> None:
    """Files of a closed home are replaced by those of a copy: all, or those that are named."""
    for path in list(home.iterdir()):
        if not names or path.name.partition("-")[0] in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in copy.iterdir():
        if not names or path.name.partition("-")[0] in names:  # with what SQLite keeps beside a file
            shutil.copytree(path, home / path.name) if path.is_dir() else shutil.copy2(path, home / path.name)


def reopened(home: Path) -> Hub:
    return open_home(home)
