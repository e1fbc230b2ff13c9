"""What reaches the hub, and the post that carries it there in the order of its arrival."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Delivery:
    """One file or message as the hub receives it from an agency's system."""

    at: datetime  # aware, UTC: when the hub receives it
    agency: str
    system: str
    adapter: str  # hl7v2, csv_mapping or cloudevents
    file_name: str
    raw: bytes
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parcel:
    """A delivery not yet written: its bytes are made when it is due."""

    at: datetime
    agency: str
    system: str
    adapter: str
    file_name: str
    write: Callable[[], bytes]
    options: Mapping[str, str] = field(default_factory=dict)


class Post:
    """Holds parcels until all are known, then delivers them by time; what is due after the end stays away."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start = start
        self._end = end
        self.parcels: list[Parcel] = []

    def send(self, parcel: Parcel) -> None:
        self.parcels.append(parcel)

    def deliver(self) -> Iterator[Delivery]:
        """Every delivery from the first to the last, written one by one."""
        due = [parcel for parcel in self.parcels if self._start <= parcel.at <= self._end]
        for parcel in sorted(due, key=lambda parcel: parcel.at):  # stable: equal times keep the order of sending
            yield Delivery(
                parcel.at,
                parcel.agency,
                parcel.system,
                parcel.adapter,
                parcel.file_name,
                parcel.write(),
                parcel.options,
            )
