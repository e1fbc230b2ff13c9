"""Old payloads are read as new ones: pure steps from one version of a type to the next, chained at reading.

History is never rewritten. A new version of a type comes with the step that leads to it; `check_chains` refuses to
start a hub that could meet a version it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from events.catalogue import TYPES
from events.errors import RejectedMessage, WrongSettings

Content = Mapping[str, Any]


class Step(NamedTuple):
    """How payloads of one version of a type become payloads of the next; pure, and total over that version."""

    type: str
    version: int
    becomes: int
    change: Callable[[Content], Content]


class Upcasters:
    """The steps of every type, and the versions they have to reach."""

    def __init__(self, steps: Iterable[Step], current: Mapping[str, int]) -> None:
        self._all = tuple(steps)
        self._current = current
        self._steps = {(step.type, step.version): step for step in self._all}

    def upcast(self, type_name: str, version: int, payload: Content) -> tuple[int, Content]:
        """The current version and the payload as that version tells it; the payload given is left as it is.

        Raises RejectedMessage `unknown-type`, or `unknown-version` where no chain of steps leads from there.
        """
        current = self._current.get(type_name)
        if current is None:
            raise RejectedMessage("unknown-type", "no event type of this name is in the catalogue", where="type")
        while version != current:
            step = self._steps.get((type_name, version))
            if step is None or step.becomes <= version:
                raise RejectedMessage(
                    "unknown-version",
                    f"{type_name} has no version {version} that this hub can read",
                    where="dataschema",
                    next_step=f"This hub reads up to version {current}: upgrade it, or send that version.",
                )
            version, payload = step.becomes, step.change(payload)
        return version, payload

    def check_chains(self) -> None:
        """Every older version leads to the current one, step by step.

        Raises WrongSettings `broken-upcasters` with all faults.
        """
        faults = [*self._odd_steps(), *self._gaps()]
        if faults:
            raise WrongSettings(
                "broken-upcasters",
                "; ".join(faults),
                where="events/upcasters.py",
                next_step="Each older version of a type needs one step, and it leads to the version after it.",
            )

    def _odd_steps(self) -> Iterable[str]:
        seen: set[tuple[str, int]] = set()
        for step in self._all:
            name = f"{step.type} {step.version} to {step.becomes}"
            if step.type not in self._current:
                yield f"{name}: no such type"
            elif step.becomes <= step.version:
                yield f"{name}: leads in a circle"
            elif step.becomes != step.version + 1:
                yield f"{name}: leaves versions out"
            elif step.version < 1 or step.becomes > self._current[step.type]:
                yield f"{name}: outside of versions 1 to {self._current[step.type]}"
            if (step.type, step.version) in seen:
                yield f"{name}: a second step from there"
            seen.add((step.type, step.version))

    def _gaps(self) -> Iterable[str]:
        for type_name, current in self._current.items():
            for version in range(1, current):
                if (type_name, version) not in self._steps:
                    yield f"{type_name} {version}: no step leads on from there"


def _not_coded(payload: Content) -> Content:
    """Why two persons were merged or parted was a free text once; nobody is told it any more."""
    return {**payload, "reason": "not-coded"}


STEPS: tuple[Step, ...] = (
    Step("hub.persons-merged", 1, 2, _not_coded),
    Step("hub.persons-unmerged", 1, 2, _not_coded),
)

UPCASTERS = Upcasters(STEPS, {name: payload.version for name, payload in TYPES.items()})


def upcast(type_name: str, version: int, payload: Content) -> tuple[int, Content]:
    """The payload of a catalogue type as its current version tells it. Raises as `Upcasters.upcast`."""
    return UPCASTERS.upcast(type_name, version, payload)


def check_chains() -> None:
    """The catalogue's own chains are whole. Raises as `Upcasters.check_chains`."""
    UPCASTERS.check_chains()
