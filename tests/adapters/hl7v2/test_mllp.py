"""MLLP: frames however they are cut, and answers on real sockets, in order, once the message is safe."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.mllp import END, START, Frame, Framer, MllpServer, NotStored, Stored
from tests.adapters.hl7v2.builders import message

NOW = datetime(2025, 7, 14, 9, 0, 0, tzinfo=UTC)


def framed(raw: bytes) -> bytes:
    return START + raw + END


def numbered(number: int | str, **changes: str) -> bytes:
    return message("ADT^A31", f10=f"C{number}", **changes)


# ---- framing


def _frames(stream: bytes, sizes: list[int], max_bytes: int = 100) -> list[Frame]:
    framer, found, at = Framer(max_bytes), [], 0
    for size in sizes:
        found += list(framer.feed(stream[at : at + size]))
        at += size
    return found + list(framer.feed(stream[at:]))


_PIECES = st.sampled_from(
    [framed(b"MSH|one"), framed(b"MSH|two\x0b\x1c|"), b"junk", START, b"\x1c", b"\r", framed(b""), framed(b"y" * 150)]
)


@given(pieces=st.lists(_PIECES, max_size=6), sizes=st.lists(st.integers(1, 40), max_size=30))
def test_how_a_stream_is_cut_on_its_way_makes_no_difference(pieces: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(pieces)
    assert _frames(stream, sizes) == _frames(stream, [])


def test_what_stands_outside_frames_is_dropped() -> None:
    stream = b"hello\r\n" + framed(b"MSH|1") + b"\r\n\x1c\r" + framed(b"MSH|2") + b"tail"
    assert [frame.content for frame in _frames(stream, [])] == [b"MSH|1", b"MSH|2"]


def test_a_sender_that_breaks_off_and_begins_again_is_understood() -> None:
    assert [frame.content for frame in _frames(START + b"MSH|half" + framed(b"MSH|whole"), [9, 3])] == [b"MSH|whole"]


def test_a_vertical_tab_within_a_text_begins_nothing() -> None:
    assert [frame.content for frame in _frames(framed(b"MSH|a\x0bb"), [])] == [b"MSH|a\x0bb"]


def test_of_a_frame_too_large_only_the_head_is_kept() -> None:
    framer = Framer(100)
    found = []
    for chunk in [START + b"MSH|big|", *[b"x" * 5000] * 40, END + framed(b"MSH|next")]:
        found += list(framer.feed(chunk))
        assert len(framer._held) <= 5100
    assert [(frame.content[:8], len(frame.content), frame.is_too_large) for frame in found] == [
        (b"MSH|big|", 100, True),
        (b"MSH|next", 8, False),
    ]


# ---- sockets


class Client:
    """A sender on a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def answer(self) -> tuple[str, str, str]:
        """Verdict, control id and text of the next acknowledgement."""
        raw = await asyncio.wait_for(self.reader.readuntil(END), 5)
        assert raw.startswith(START + b"MSH|")
        msa = next(line for line in raw.decode().split("\r") if line.startswith("MSA"))
        _, verdict, control_id, text = msa.split("|")
        return verdict, control_id, text

    async def is_closed(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), 5) == b""
        except ConnectionError:
            return True

    def kill(self) -> None:
        """Reset the connection, as a killed process's is."""
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


class Store:
    """Keeps frames; `gate` holds every answer back until it is opened."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal: NotStored | Exception | None = None

    async def receive(self, raw: bytes) -> Stored | NotStored:
        await self.gate.wait()
        if isinstance(self.refusal, Exception):
            raise self.refusal
        if self.refusal is not None:
            return self.refusal
        self.frames.append(raw)
        return Stored(f"R-{len(self.frames)}")


Connect = Callable[[], Awaitable[Client]]


def on_loopback(story: Callable[[Store, Connect, MllpServer], Awaitable[None]], **settings: Any) -> None:
    """Plays a story against a server on a free port of this machine."""

    async def play() -> None:
        store = Store()
        server = MllpServer(store.receive, now=lambda: NOW, **settings)
        port = await server.start("127.0.0.1", 0)
        clients: list[Client] = []

        async def connect() -> Client:
            clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
            return clients[-1]

        try:
            await asyncio.wait_for(story(store, connect, server), 20)
        finally:
            for client in clients:
                client.writer.close()
            await server.stop()

    asyncio.run(play())


def test_a_message_is_handed_on_as_it_came_and_acknowledged() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        client = await connect()
        client.send(framed(numbered(1)))
        assert await client.answer() == ("AA", "C1", "Stored as R-1")
        assert store.frames == [framed(numbered(1))]

    on_loopback(story)


def test_nothing_is_acknowledged_before_it_is_stored() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        store.gate.clear()
        client = await connect()
        client.send(framed(numbered(1)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.2)
        store.gate.set()
        assert (await client.answer())[:2] == ("AA", "C1")

    on_loopback(story)


def test_fragments_become_one_message() -> None:
    async def story(_: Store, connect: Connect, __: MllpServer) -> None:
        client = await connect()
        whole = framed(numbered(1))
        for start in range(0, len(whole), 7):
            client.send(whole[start : start + 7])
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.answer())[:2] == ("AA", "C1")

    on_loopback(story)


def test_messages_sent_without_waiting_are_answered_in_order() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        client = await connect()
        client.send(b"".join(framed(numbered(number)) for number in range(50)))
        assert [(await client.answer())[1] for _ in range(50)] == [f"C{number}" for number in range(50)]
        assert store.frames == [framed(numbered(number)) for number in range(50)]

    on_loopback(story)


def test_garbage_before_a_frame_is_dropped() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\n\r\n" + framed(numbered(1)))
        assert (await client.answer())[:2] == ("AA", "C1")
        assert len(store.frames) == 1

    on_loopback(story)


def test_what_is_no_hl7_is_rejected_and_not_stored() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        client = await connect()
        client.send(framed(b'{"resourceType": "Patient"}') + framed(numbered(2)))
        verdict, control_id, text = await client.answer()
        assert (verdict, control_id) == ("AR", "")
        assert text.startswith("not-hl7: ")
        assert (await client.answer())[:2] == ("AA", "C2")
        assert len(store.frames) == 1

    on_loopback(story)


def test_what_could_not_be_stored_must_be_sent_again() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        client = await connect()
        store.refusal = NotStored("disk-full", "no room is left. Keep the message and send it again.")
        client.send(framed(numbered(1)))
        verdict, control_id, text = await client.answer()
        assert (verdict, control_id) == ("AE", "C1")
        assert text.startswith("disk-full: no room")
        store.refusal = None
        client.send(framed(numbered(1)))
        assert (await client.answer())[:2] == ("AA", "C1")

    on_loopback(story)


def test_a_fault_of_ours_is_told_to_the_sender_and_stays_loud() -> None:
    loud: list[dict[str, Any]] = []

    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: loud.append(context))
        store.refusal = RuntimeError("a bug")
        client = await connect()
        client.send(framed(numbered(1)))
        verdict, _, text = await client.answer()
        assert (verdict, text.split(":")[0]) == ("AE", "not-stored")
        assert "a bug" not in text

    on_loopback(story)
    assert [type(context["exception"]) for context in loud] == [RuntimeError]


def test_a_message_too_large_is_rejected_and_the_next_one_lands() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        client = await connect()
        client.send(framed(numbered("big") + b"NTE|1||" + b"x" * 300_000) + framed(numbered(2)))
        verdict, control_id, text = await client.answer()
        assert (verdict, control_id) == ("AR", "Cbig")
        assert text.startswith("message-too-large: ")
        assert (await client.answer())[:2] == ("AA", "C2")
        assert store.frames == [framed(numbered(2))]

    on_loopback(story, max_bytes=100_000)


def test_a_sender_that_has_ended_its_side_still_hears_its_answers() -> None:
    async def story(_: Store, connect: Connect, __: MllpServer) -> None:
        client = await connect()
        client.send(framed(numbered(1)) + framed(numbered(2)))
        client.writer.write_eof()
        assert [(await client.answer())[1] for _ in range(2)] == ["C1", "C2"]
        assert await client.is_closed()

    on_loopback(story)


def test_a_quiet_connection_is_closed_after_its_time() -> None:
    async def story(_: Store, connect: Connect, __: MllpServer) -> None:
        client = await connect()
        client.send(framed(numbered(1)))
        assert (await client.answer())[0] == "AA"
        assert await client.is_closed()

    on_loopback(story, idle_timeout_s=0.2)


def test_a_frame_that_takes_too_long_is_given_up_however_it_drips() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        client = await connect()
        client.send(START + b"MSH|^~\\&")
        for _ in range(30):
            await asyncio.sleep(0.03)
            client.send(b"|")
        assert await client.is_closed()
        assert store.frames == []

    on_loopback(story, frame_timeout_s=0.3)


def test_a_connection_may_be_quiet_for_longer_than_a_frame_may_take() -> None:
    async def story(_: Store, connect: Connect, __: MllpServer) -> None:
        client = await connect()
        for number in (1, 2):
            client.send(framed(numbered(number)))
            assert (await client.answer())[:2] == ("AA", f"C{number}")
            await asyncio.sleep(0.3)

    on_loopback(story, frame_timeout_s=0.1)


def test_sixteen_connections_are_served_at_once() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        async def one(name: int) -> list[str]:
            client = await connect()
            told = []
            for number in range(20):
                client.send(framed(numbered(f"{name}-{number}")))
                told.append((await client.answer())[1])
            return told

        told = await asyncio.gather(*(one(name) for name in range(16)))
        assert told == [[f"C{name}-{number}" for number in range(20)] for name in range(16)]
        assert len(store.frames) == len(set(store.frames)) == 320

    on_loopback(story)


def test_a_sender_killed_in_the_middle_of_a_message_harms_nobody() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        killed, other = await connect(), await connect()
        killed.send(framed(numbered(1))[:40])
        await killed.writer.drain()
        await asyncio.sleep(0.05)
        killed.kill()
        other.send(framed(numbered(2)))
        assert (await other.answer())[:2] == ("AA", "C2")
        assert store.frames == [framed(numbered(2))]

    on_loopback(story)


def test_a_sender_killed_while_its_message_is_being_stored_loses_only_the_answer() -> None:
    async def story(store: Store, connect: Connect, _: MllpServer) -> None:
        store.gate.clear()
        killed, other = await connect(), await connect()
        killed.send(framed(numbered(1)))
        await asyncio.sleep(0.1)
        killed.kill()
        await asyncio.sleep(0.1)
        store.gate.set()
        other.send(framed(numbered(2)))
        assert (await other.answer())[:2] == ("AA", "C2")
        assert sorted(store.frames) == [framed(numbered(1)), framed(numbered(2))]

    on_loopback(story)


def test_stopping_waits_for_what_is_being_stored_and_closes_the_rest() -> None:
    async def story(store: Store, connect: Connect, server: MllpServer) -> None:
        store.gate.clear()
        busy, idle = await connect(), await connect()
        busy.send(framed(numbered(1)))
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(server.stop())
        assert await idle.is_closed()
        assert not stopping.done()
        store.gate.set()
        assert (await busy.answer())[:2] == ("AA", "C1")
        await stopping
        assert await busy.is_closed()
        with pytest.raises(ConnectionError):
            await connect()

    on_loopback(story)


def test_stopping_does_not_wait_for_ever() -> None:
    async def story(store: Store, connect: Connect, server: MllpServer) -> None:
        store.gate.clear()
        client = await connect()
        client.send(framed(numbered(1)))
        await asyncio.sleep(0.1)
        await server.stop(grace_s=0.1)
        assert await client.is_closed()

    on_loopback(story)


def test_a_crowd_is_turned_away_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.hl7v2.mllp.CONNECTIONS_MAX", 2)

    async def story(_: Store, connect: Connect, __: MllpServer) -> None:
        first, second, third = [await connect() for _ in range(3)]
        assert await third.is_closed()
        for client in (first, second):
            client.send(framed(numbered(1)))
            assert (await client.answer())[0] == "AA"

    on_loopback(story)
