"""MLLP: HL7 v2 messages over TCP, each framed in 0x0B and 0x1C 0x0D, acknowledged once it is stored and not before.

The server knows nothing of stores: it hands each frame on and waits for the word that it is safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.hl7v2.acks import acknowledgement, header_of
from adapters.hl7v2.cutting import MESSAGE_MAX_BYTES

START, END = b"\x0b", b"\x1c\r"
FRAME_MAX_BYTES = MESSAGE_MAX_BYTES
FRAME_TIMEOUT_S = 30.0  # from the first byte of a frame to its last; and for a sender to take its answer
IDLE_TIMEOUT_S = 3600.0  # between frames: interfaces keep their connection open, and some are quiet by night
CONNECTIONS_MAX = 256
_CHUNK_BYTES = 1 << 16
_HEAD_BYTES = 4096  # of a frame too large: enough for its header, which the answer needs
_RESTART = START + b"MSH"  # a sender that broke off and began again; a lone 0x0B may stand in a text


@dataclass(frozen=True, slots=True)
class Stored:
    """The frame is safe, whatever becomes of it: receipt is what to ask for it by."""

    receipt: str


@dataclass(frozen=True, slots=True)
class NotStored:
    """The frame is not safe: the sender must keep it. Code and text never hold a person's data."""

    code: str
    text: str


Receive = Callable[[bytes], Awaitable[Stored | NotStored]]


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood between 0x0B and 0x1C 0x0D; of a frame too large only its head."""

    content: bytes
    is_too_large: bool = False


class Framer:
    """Bytes in, frames out, however they were cut on the way. What stands outside frames is dropped."""

    def __init__(self, max_bytes: int = FRAME_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._searched = 0
        self._head: bytes | None = None  # of a frame too large, whose rest is being dropped
        self.is_open = False  # between a start and its end

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._held += data
        while self._opened():
            end = self._held.find(END, self._searched)
            if self._restarted(end):
                continue
            if end < 0:
                self._searched = max(0, len(self._held) - len(_RESTART))
                self._drop_surplus()
                return
            if self._head is None and end > self._max_bytes:
                self._keep_head()
            yield Frame(bytes(self._held[:end])) if self._head is None else Frame(self._head, is_too_large=True)
            self._close(end + len(END))

    def _opened(self) -> bool:
        if not self.is_open:
            start = self._held.find(START)
            if start < 0:
                self._held.clear()
                return False
            del self._held[: start + 1]
            self.is_open = True
        return True

    def _restarted(self, end: int) -> bool:
        again = self._held.find(_RESTART, self._searched, None if end < 0 else end)
        if again >= 0:
            self._close(again)
        return again >= 0

    def _drop_surplus(self) -> None:
        if self._head is None and len(self._held) > self._max_bytes + len(END):
            self._keep_head()
        if self._head is not None:
            del self._held[: self._searched]
            self._searched = 0

    def _keep_head(self) -> None:
        self._head = bytes(self._held[: min(_HEAD_BYTES, self._max_bytes)])

    def _close(self, upto: int) -> None:
        del self._held[:upto]
        self._searched, self._head, self.is_open = 0, None, False


class MllpServer:
    """Takes connections, hands each frame to `receive`, and answers in the order of the frames.

    AA once it is stored; AE when it is not and must be sent again; AR for what is no HL7 v2 or too large.
    """

    def __init__(
        self,
        receive: Receive,
        *,
        frame_timeout_s: float = FRAME_TIMEOUT_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
        max_bytes: int = FRAME_MAX_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._receive = receive
        self._frame_timeout_s = frame_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._max_bytes = max_bytes
        self._now = now
        # Counted, not drawn for each: that would let go of the interpreter, and busier threads take it.
        self._drawn, self._answers = secrets.token_hex(4), itertools.count(1)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port; 0 asks for any that is free."""
        self._server = await asyncio.start_server(self._connected, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, grace_s: float = 10.0) -> None:
        """Take no more; frames being stored are still stored and answered."""
        self._is_stopping = True
        if self._server is not None:
            self._server.close()
        for task in self._connections - self._busy:
            task.cancel()
        if self._connections:
            _, late = await asyncio.wait(set(self._connections), timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self._is_stopping or len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
                await self._converse(reader, writer, task)
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        """Frames in, answers out, until the sender ends, is too slow, or we stop."""
        framer = Framer(self._max_bytes)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._idle_timeout_s
        was_open = False
        while not self._is_stopping:
            async with asyncio.timeout_at(deadline):
                data = await reader.read(_CHUNK_BYTES)
            if not data:
                return
            answered = False
            for frame in framer.feed(data):
                self._busy.add(task)
                try:
                    await self._answer(frame, writer)
                finally:
                    self._busy.discard(task)
                answered = True
            if framer.is_open:
                if answered or not was_open:
                    deadline = loop.time() + self._frame_timeout_s
            else:
                deadline = loop.time() + self._idle_timeout_s
            was_open = framer.is_open

    async def _answer(self, frame: Frame, writer: asyncio.StreamWriter) -> None:
        writer.write(START + await self._verdict(frame) + END)
        async with asyncio.timeout(self._frame_timeout_s):
            await writer.drain()

    async def _verdict(self, frame: Frame) -> bytes:
        header = header_of(frame.content)
        control_id = f"{self._drawn}{next(self._answers):012x}"
        now = self._now()
        if frame.is_too_large:
            text = (
                f"message-too-large: a message may have {self._max_bytes} bytes at most. Send documents by reference."
            )
            return acknowledgement(header, "AR", text, control_id=control_id, now=now)
        if header is None:
            text = "not-hl7: the frame holds no MSH segment. Send HL7 v2 messages to this port."
            return acknowledgement(None, "AR", text, control_id=control_id, now=now)
        outcome = await self._outcome(frame.content)
        if isinstance(outcome, Stored):
            return acknowledgement(header, "AA", f"Stored as {outcome.receipt}", control_id=control_id, now=now)
        return acknowledgement(header, "AE", f"{outcome.code}: {outcome.text}", control_id=control_id, now=now)

    async def _outcome(self, content: bytes) -> Stored | NotStored:
        try:
            return await self._receive(START + content + END)
        except Exception as error:  # whatever it is, the sender must hear that its message is not safe
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a frame could not be stored", "exception": error}
            )
            return NotStored("not-stored", "the message could not be stored. Keep it and send it again.")
