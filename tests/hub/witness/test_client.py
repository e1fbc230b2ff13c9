"""How long the hub has patience with a witness, whatever it sends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from events.checkpoints import ED25519, VerifierKey
from events.errors import TryAgainLater
from hub.witness.client import WitnessClient
from hub.witness.settings import NamedWitness

PATIENCE_S = 0.5
DRIPS = 100  # twenty times as long as anybody waits


def asking(url: str) -> WitnessClient:
    """A client of a witness whose key nobody looks at here."""
    return WitnessClient(
        NamedWitness(urlsplit(url), VerifierKey("witness.example", ED25519, bytes(32)), None), PATIENCE_S
    )


@contextmanager
def dripping(head: bytes, drop: bytes) -> Iterator[int]:
    """The port of a server that sends so much at once, and then a little now and then."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        is_over = threading.Event()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=drip, args=(connection,), daemon=True).start()

        def drip(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.sendall(head)
                for _ in range(DRIPS):
                    if is_over.wait(PATIENCE_S / 5):
                        return
                    connection.sendall(drop)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        is_over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    ],
    ids=["status line", "headers", "body", "chunks", "body without a length"],
)
def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(head: bytes, drop: bytes) -> None:
    with dripping(head, drop) as port:
        client = asking(f"http://127.0.0.1:{port}")
        begun_s = time.monotonic()
        with pytest.raises(TryAgainLater) as refused:
            client.post("/add-checkpoint", b"old 0\n")
        client.close()
    assert refused.value.code == "witness-unreachable"
    assert time.monotonic() - begun_s < PATIENCE_S * DRIPS / 10


def test_hands_that_are_shaken_byte_by_byte_are_let_go() -> None:
    record_of_a_megabyte = b"\x16\x03\x03\x40\x00"
    with dripping(record_of_a_megabyte, b"a") as port:
        client = asking(f"https://127.0.0.1:{port}")
        begun_s = time.monotonic()
        with pytest.raises(TryAgainLater):
            client.get("/")
        client.close()
    assert time.monotonic() - begun_s < PATIENCE_S * DRIPS / 10
