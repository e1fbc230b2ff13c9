"""The serving hub's side of the socket in the home: one thread a command, the same operations as without a server.

Who may open the socket (0600, in a folder of 0700) owns the home and could read its files as well; the caller that
a command names is therefore believed.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BufferedReader
from typing import BinaryIO, cast

import structlog

from events.errors import HubError, Refused, RejectedMessage, WrongSettings
from hub.assembly import Hub
from hub.local import wire
from hub.local.operations import answer
from hub.local.requests import SOCKET, address

log = structlog.get_logger()
AT_ONCE = 32
_REQUEST_S = 10.0


class SocketServer:
    """Answers commands from the moment it is entered until it is left. The hub must hold the home's lock."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._path = hub.home / SOCKET
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="command")
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name="socket", daemon=True)
        self._is_leaving = False

    def __enter__(self) -> SocketServer:
        # Whoever holds the lock is the only hub: a socket found here was left by one that was killed.
        if self._path.is_symlink() or (self._path.exists() and not stat.S_ISSOCK(self._path.stat().st_mode)):
            raise WrongSettings(
                "not-a-socket",
                "something that is no socket stands where the hub's socket belongs",
                where=str(self._path),
                next_step="Look at what it is, then move it away.",
            )
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.fchmod(self._listener.fileno(), 0o600)  # before bind: the socket is never open to others, not for a moment
        with address(self._hub.home) as where:
            self._listener.bind(where)
        self._listener.listen(128)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Takes no more commands, and cuts off those that wait for their sender, or that can as well begin again."""
        self._is_leaving = True
        self._path.unlink(missing_ok=True)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        self._pool.shutdown(wait=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            self._pool.submit(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as source:
                self._answer(connection, source)
        except OSError:
            log.info("command_gone")  # it was interrupted: nobody is left to tell
        finally:
            self._open.discard(connection)

    def _answer(self, connection: socket.socket, source: BinaryIO) -> None:
        try:
            connection.settimeout(_REQUEST_S)
            text = source.readline(wire.LINE_BYTES_MAX)
            connection.settimeout(None)
            if text:  # else a command only looked whether somebody answers
                for document in self._answers(connection, text, source):
                    connection.sendall(wire.line(document))
        except (BrokenPipeError, ConnectionResetError):
            raise
        except TimeoutError as error:
            connection.sendall(wire.error_line(RejectedMessage("bad-request", str(error), where="socket")))
        except Exception as error:
            if not isinstance(error, HubError):
                log.exception("operation_failed", code=type(error).__name__)
            connection.sendall(wire.error_line(error))

    def _answers(self, connection: socket.socket, text: bytes, source: BinaryIO) -> Iterator[dict[str, object]]:
        def tell(done: int, of: int) -> None:
            if self._is_leaving:
                raise Refused("hub-stopping", "the hub is stopping", next_step="Ask again when it serves again.")
            connection.sendall(wire.line({"progress": [done, of]}))

        request, has_upload = wire.parse_request(text)
        upload = cast("BinaryIO", BufferedReader(wire.Upload(source), wire.CHUNK_BYTES)) if has_upload else None
        found = answer(self._hub, request, upload=upload, progress=tell)
        if isinstance(found, dict):
            yield {"answer": found}
            return
        for row in found:
            yield {"row": row}
        yield {"answer": {}}
