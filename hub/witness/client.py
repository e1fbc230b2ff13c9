"""Asks one witness over HTTP, with the standard library's client.

It follows no redirect and reads no proxy from the environment: a checkpoint goes where the settings say and nowhere
else. One small POST every ten seconds needs no more, and nothing more to keep up to date.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import orjson

from events.errors import TryAgainLater
from hub.witness.settings import NamedWitness

TIMEOUT_S = 3.0
_ANSWER_MAX_BYTES = 65_536
_CODE_MAX = 40


class Reply(NamedTuple):
    """What a witness answered."""

    status: int
    body: bytes

    @property
    def code(self) -> str:
        """The stable code of a problem, or of a new epoch's state; empty where there is none."""
        code = self._told("code")
        return code if code.replace("-", "").isalnum() and len(code) <= _CODE_MAX else ""

    @property
    def declaration(self) -> bytes:
        """What a log has signed about a newer epoch, where the answer has it."""
        return self._told("declaration").encode()

    def _told(self, name: str) -> str:
        try:
            told = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return ""
        found = told.get(name) if isinstance(told, dict) else None
        return found if isinstance(found, str) else ""


class _Secured(http.client.HTTPSConnection):
    """The library's, but for one thing: its socket can be shut down while hands are still being shaken."""

    def __init__(self, host: str, port: int | None, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._secured = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        sock = self._secured.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = sock
        sock.do_handshake()


class WitnessClient:
    """A connection to one witness, kept between requests. For one thread, but for `interrupt`."""

    def __init__(self, witness: NamedWitness, timeout_s: float = TIMEOUT_S) -> None:
        self._witness = witness
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._asked: socket.socket | None = None  # the socket of the last request
        self._closing = threading.Lock()
        self._is_closed = False

    def post(self, path: str, body: bytes) -> Reply:
        """Raises TryAgainLater `witness-unreachable`."""
        return self._ask("POST", path, body)

    def get(self, path: str) -> Reply:
        """The same without a body."""
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: bytes | None) -> Reply:
        try:
            return self._told(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            raise TryAgainLater(
                "witness-unreachable",
                f"the witness does not answer ({type(error).__name__})",
                where=self._witness.name,
                next_step="Ask its operator; the hub works on, and asks again.",
            ) from error

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Cuts an answer off that is not all there in time: each byte of it may come in time, and the last one never.

        Raises TimeoutError; what was cut off may look like a shorter answer.
        """
        is_late = threading.Event()

        def cut() -> None:
            is_late.set()
            self._shut()

        timer = threading.Timer(self._timeout_s, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if is_late.is_set():
                raise TimeoutError

    def _told(self, method: str, path: str, body: bytes | None) -> Reply:
        try:
            return self._tried(method, path, body)
        except ConnectionError:
            # It may have closed a connection that was idle for long: once more, on a new one.
            self._drop()
            return self._tried(method, path, body)

    def _tried(self, method: str, path: str, body: bytes | None) -> Reply:
        connection = self._connected()
        where = f"{self._witness.url.path.rstrip('/')}{path}"
        with self._in_time():
            connection.request(method, where, body, {"Content-Type": "text/plain; charset=utf-8"} if body else {})
            self._asked = connection.sock
            with connection.getresponse() as answer:
                told = answer.read(_ANSWER_MAX_BYTES + 1)
                is_whole = len(told) <= _ANSWER_MAX_BYTES and answer.isclosed()
        if not is_whole:
            self._drop()
        return Reply(answer.status, told[:_ANSWER_MAX_BYTES])

    def _connected(self) -> http.client.HTTPConnection:
        with self._closing:
            if self._is_closed:
                raise ConnectionAbortedError
            if self._connection is None:
                self._connection = self._new()
            return self._connection

    def _new(self) -> http.client.HTTPConnection:
        url = self._witness.url
        host = url.hostname or ""
        if url.scheme == "http":
            return http.client.HTTPConnection(host, url.port, timeout=self._timeout_s)
        context = ssl.create_default_context(cafile=str(self._witness.ca) if self._witness.ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return _Secured(host, url.port, timeout=self._timeout_s, context=context)

    def _drop(self) -> None:
        connection, self._connection, self._asked = self._connection, None, None
        if connection is not None:
            connection.close()

    def interrupt(self) -> None:
        """Ends it for good, from any thread; who waits for an answer is told that there is none."""
        with self._closing:
            self._is_closed = True
        self._shut()

    def _shut(self) -> None:
        connection = self._connection
        # The library lets go of its socket while an answer is still read whose end is the connection's.
        for sock in (self._asked, connection.sock if connection is not None else None):
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends it and gives its connection back; for who asks, when nothing is under way."""
        self.interrupt()
        self._drop()
