"""One job in a process of its own, which then tells the most memory that it ever held."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from adapters.sdk.receipts import Arrival
from bench import homes
from bench.workload import CSV_MAPPING, CSV_SYSTEM, batches, events
from hub.assembly import Hub

_ROW = "T{number},{tenant},{street} Test Street,0{month}/05/2024,{rent}.50,{note}\r\n"
_HEADING = "Tenancy,Tenant,Address,Start,Rent,Note\r\n"
_NOTE = "rent paid by standing order and a visit agreed for next week " * 12
_MAPPING = """
title = "Tenancies"
record = { type = "tenant", id = "{tenant}" }
order = { from = "arrival" }

[columns]
tenancy = { headings = ["Tenancy"], filled = true }
tenant = { headings = ["Tenant"], filled = true }
address = { headings = ["Address"] }
start = { headings = ["Start"], kind = "date", formats = ["%d/%m/%Y"] }
rent = { headings = ["Rent"], kind = "decimal" }
note = { headings = ["Note"] }

[[fact]]
type = "housing.accommodation-changed"
name = "tenancy/{tenancy}"
[fact.payload]
accommodation_id = "{tenancy}"
action = "started"
tenure = "social-rent"
address = { line = ["{address}"], city = "Testborough" }
rent = { value = "{rent}", currency = "GBP" }
effective = { start = "{start}" }
note = "{note}"
"""


def _idle(hub: Hub, size: int) -> int:
    return 0


def _events(hub: Hub, count: int) -> int:
    """The events are made as they are sent."""
    for batch in batches(events(count), 1_000):
        homes.take_in(hub, batch)
    return count


def _csv(hub: Hub, size_bytes: int) -> int:
    (hub.home / CSV_MAPPING).write_text(_MAPPING, "utf-8")
    path = hub.home / "tenancies.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(_rows(size_bytes))
    with path.open("rb") as raw:
        arrival = Arrival("housing", CSV_SYSTEM, "csv_mapping", path.name)
        report = hub.intake.receive(arrival, raw)
    if not report.counts.accepted or report.counts.quarantined:
        raise RuntimeError("the CSV was not understood")
    return report.counts.messages


def _rows(size_bytes: int) -> Iterator[str]:
    yield _HEADING
    written = number = 0
    while written < size_bytes:
        row = _ROW.format(
            number=number,
            tenant=100_000 + number // 3,
            street=number % 400,
            month=1 + number % 9,
            rent=80 + number % 90,
            note=_NOTE,
        )
        written += len(row)
        number += 1
        yield row


def _peak_mb() -> float:
    """The high water mark of this process's memory; getrusage would count the parent's too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1_000


def main(what: str, size: str, folder: str) -> None:
    with homes.open_home(Path(folder)) as hub:
        began = time.perf_counter()
        messages = {"idle": _idle, "events": _events, "csv": _csv}[what](hub, int(size))
        homes.wait_until_read(hub)
        took_s = time.perf_counter() - began
    print(json.dumps({"peak_mb": _peak_mb(), "took_s": took_s, "messages": messages}))


if __name__ == "__main__":
    main(*sys.argv[1:])
