"""A process that takes in messages in many threads until it is killed; it prints what it acknowledged.

Run as `python -m tests.hub.receipts.sending FOLDER ROUND`. A line is a receipt and the records whose events were
acknowledged with it.
"""

import io
import random
import sys
import threading
from itertools import count
from pathlib import Path

from adapters.sdk.receipts import Arrival
from events.clock import SystemClock
from hub.logs import configure_logs
from tests.adapters.sdk.scripted import REGISTER, Bench, a_fact, a_message
from tests.registers import write_register

THREADS = 8
FOR_EVER = REGISTER.replace("2029-12-31", "2999-12-31")


def open_bench(folder: Path) -> Bench:
    folder.mkdir(exist_ok=True)
    write_register(folder, FOR_EVER)
    return Bench(folder, SystemClock())


def send(bench: Bench, name: str, rng: random.Random) -> tuple[str, list[str]]:
    """One receipt of random size: its id and the records it told of."""
    size = rng.choice((1, 1, 1, 1, 5, 300, 1_100))
    records = [f"{name}-{number}" for number in range(size)]
    messages = [a_message(a_fact(record), sender_id=record) for record in records]
    messages.insert(rng.randrange(size + 1), a_message(reject="x"))
    if size == 1_100:  # too long for a row, and more than a batch
        messages.append(a_message(padding="x" * (1 << 20)))
    raw = b"".join(messages)
    arrival = Arrival("north", "housing", "scripted", f"{name}.jsonl")
    return bench.intake.receive(arrival, io.BytesIO(raw) if size > 5 else raw).receipt, records


def send_for_ever(bench: Bench, name: str, printing: threading.Lock) -> None:
    rng = random.Random(name)
    for number in count():
        receipt, records = send(bench, f"{name}-{number}", rng)
        with printing:
            print(receipt, *records, flush=True)


def main(folder: Path, name: str) -> None:
    configure_logs()
    bench = open_bench(folder)
    bench.intake.sweep()
    print("ready", flush=True)
    printing = threading.Lock()
    senders = [
        threading.Thread(target=send_for_ever, args=(bench, f"{name}-{thread}", printing)) for thread in range(THREADS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:  # a process whose main thread is at its end takes small messages no more
        sender.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
