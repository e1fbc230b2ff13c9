"""A process of its own that sends HL7 v2 messages over many connections and times each acknowledgement."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from adapters.hl7v2.mllp import END, START
from bench.workload import nhs_number


def message(number: int) -> bytes:
    """An admission; every twentieth message is about the same one."""
    patient = number // 20
    day, minute = number // 1_000, number % 1_000
    moment = f"2025{1 + day // 28 % 12:02d}{1 + day % 28:02d}{minute // 60:02d}{minute % 60:02d}00"
    numbers = f"{100_000 + patient}^^^RIVER^PI~{nhs_number(patient)}^^^NHS^NH"
    segments = (
        f"MSH|^~\\&|PAS|RIVER|HUB|BENCH|{moment}||ADT^A01|M{number:07d}|P|2.5",
        f"EVN|A01|{moment}",
        f"PID|1||{numbers}||Test{patient}^Alex||19{40 + patient % 50}0203|F",
        f"PV1|1|I|WARD{number % 9}^1^2||||||||||||||||V{number:07d}|||||||||||||||||||||||||{moment}",
    )
    return "\r".join(segments).encode() + b"\r"


async def _connection(port: int, numbers: range, waits_s: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        asked = time.perf_counter()
        writer.write(START + message(number) + END)
        answer = await reader.readuntil(END)
        if b"MSA|AA" not in answer:
            raise RuntimeError("a message was not acknowledged")
        waits_s.append(time.perf_counter() - asked)
    writer.close()


async def _send(port: int, connections: int, count: int) -> None:
    waits_s: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_connection(port, range(at, count, connections), waits_s) for at in range(connections)))
    print(json.dumps({"took_s": time.perf_counter() - began, "waits_s": waits_s}))


if __name__ == "__main__":
    asyncio.run(_send(*map(int, sys.argv[1:])))
