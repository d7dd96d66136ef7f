"""A network in memory: byte streams that behave as TCP's do, between tasks of one event loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute, TaskGroup
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from perpmaker.errors import ConnectivityError

CAPACITY_BYTES = 256 * 1024
"""What one direction of a connection holds, sent and not yet read, before its writer has to wait."""

FIRST_FREE_PORT = 49152
"""Where ports are taken from when a listener asks for port 0."""


class _Direction:
    """One direction of a connection: what was sent and not yet read, each piece with the time it arrives at."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._ended_at: float | None = None
        self._broken_at: float | None = None
        self._refused_at: float | None = None
        self._abandoned = False
        self._changed: anyio.Event | None = None

    @property
    def quiet(self) -> bool:
        """Whether a reader would have to wait now."""
        now = anyio.current_time()
        next_at = self._next_arrival()

        return next_at is None or next_at > now

    async def receive(self, max_bytes: int) -> bytes:
        while True:
            now = anyio.current_time()
            if self._abandoned:
                raise anyio.ClosedResourceError

            if self._broken_at is not None and self._broken_at <= now:
                raise anyio.BrokenResourceError

            if self._pieces and self._pieces[0][0] <= now:
                return self._take(max_bytes, now)

            if not self._pieces and self._ended_at is not None and self._ended_at <= now:
                raise anyio.EndOfStream

            await self._wait(self._next_arrival(), now)

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            now = anyio.current_time()
            if self._ended_at is not None:
                raise anyio.ClosedResourceError

            if self._refused_at is not None and self._refused_at <= now:
                raise anyio.BrokenResourceError

            room = CAPACITY_BYTES - self._held
            if room <= 0:
                await self._wait(self._refused_at, now)
                continue

            self._put(bytes(view[:room]), now)
            view = view[room:]

    def end(self) -> None:
        """The writer says that nothing follows."""
        if self._ended_at is None:
            self._ended_at = anyio.current_time() + self._latency_s
            self._wake()

    def abandon(self) -> None:
        """The reader goes: what is on its way is lost, and its writer will find out."""
        self._abandoned = True
        self._pieces.clear()
        self._held = 0
        self.refuse()

    def refuse(self) -> None:
        """Let the writer's next attempts fail, once the news has reached it."""
        if self._refused_at is None:
            self._refused_at = anyio.current_time() + self._latency_s
            self._wake()

    def break_off(self) -> None:
        """The writer resets: what was not read is lost, and the reader gets an error instead of an end."""
        self._pieces.clear()
        self._held = 0
        self._broken_at = anyio.current_time() + self._latency_s
        self.end()

    def _put(self, data: bytes, now: float) -> None:
        self._pieces.append((now + self._latency_s, data))
        self._held += len(data)
        self._wake()

    def _take(self, max_bytes: int, now: float) -> bytes:
        taken: list[bytes] = []
        while self._pieces and self._pieces[0][0] <= now and max_bytes > 0:
            arrives_at, piece = self._pieces.popleft()
            if len(piece) > max_bytes:
                self._pieces.appendleft((arrives_at, piece[max_bytes:]))
                piece = piece[:max_bytes]

            taken.append(piece)
            max_bytes -= len(piece)
            self._held -= len(piece)

        self._wake()
        return b"".join(taken)

    def _next_arrival(self) -> float | None:
        first = self._pieces[0][0] if self._pieces else self._ended_at
        known = [at for at in (first, self._broken_at) if at is not None]

        return min(known, default=None)

    async def _wait(self, until: float | None, now: float) -> None:
        changed = self._changed = self._changed or anyio.Event()

        if until is None:
            await changed.wait()
            return

        with anyio.move_on_after(max(0.0, until - now)):
            await changed.wait()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


class MemoryStream(ByteStream):
    """One end of a connection in memory."""

    def __init__(self, incoming: _Direction, outgoing: _Direction) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False
        self._reading = anyio.ResourceGuard("reading from")
        self._writing = anyio.ResourceGuard("writing to")

    @property
    def quiet(self) -> bool:
        """Whether nothing waits to be read: no bytes, no end, no error."""
        return not self._closed and self._incoming.quiet

    @property
    def closed(self) -> bool:
        """Whether this end was closed or reset by its own side."""
        return self._closed

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive what has arrived; EndOfStream after the other end's last byte, BrokenResourceError after a reset."""
        await checkpoint_if_cancelled()
        with self._reading:
            return await self._incoming.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        """Send all bytes, waiting while the other end does not read; BrokenResourceError when it is gone."""
        await checkpoint_if_cancelled()
        with self._writing:
            await self._outgoing.send(item)

    async def send_eof(self) -> None:
        """Close the sending half: the other end reads an end, and can still send."""
        self._outgoing.end()
        await checkpoint()

    async def aclose(self) -> None:
        """Close both halves in order: what was sent still arrives."""
        self._closed = True
        self._outgoing.end()
        self._incoming.abandon()
        await checkpoint()

    async def reset(self) -> None:
        """Tear the connection down as a TCP reset does: what is on its way is lost in both directions."""
        self._closed = True
        self._outgoing.break_off()
        self._incoming.abandon()
        await checkpoint()


class MemoryListener(Listener[MemoryStream]):
    """Waits for connections on a host and port of a network in memory; close it to free the port."""

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._port = port
        self._waiting: deque[MemoryStream] = deque()
        self._arrived = anyio.Event()
        self._closed = False

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The local address, as a TCP listener tells it."""
        return {
            SocketAttribute.local_address: lambda: (self._host, self._port),
            SocketAttribute.local_port: lambda: self._port,
        }

    def deliver(self, stream: MemoryStream) -> None:
        """Hand over the server's end of a new connection."""
        self._waiting.append(stream)
        self._arrived.set()

    async def serve(self, handler: Callable[[MemoryStream], Any], task_group: TaskGroup | None = None) -> None:
        """Run `handler(stream)` in a task of its own for each connection, until closed or cancelled."""
        if task_group is None:
            async with anyio.create_task_group() as own:
                await self.serve(handler, own)

            return

        while not self._closed:
            while self._waiting:
                task_group.start_soon(handler, self._waiting.popleft())

            self._arrived = anyio.Event()
            await self._arrived.wait()

    async def aclose(self) -> None:
        """Stop listening; connections that nobody took are reset."""
        self._closed = True
        self._network.forget(self._host, self._port)
        self._arrived.set()
        for stream in self._waiting:
            await stream.reset()

        await checkpoint()


class MemoryNetwork:
    """Hosts and ports in memory; `connect` is a `Connect`, `listen` gives what `perpmaker.wire.server.serve` takes.

    `latency_s` is the time that everything takes in one direction. Only connections between tasks of one event loop.
    """

    def __init__(self, *, latency_s: float = 0.0) -> None:
        self.latency_s = latency_s
        self._listeners: dict[tuple[str, int], MemoryListener] = {}
        self._open: list[MemoryStream] = []
        self._next_port = FIRST_FREE_PORT

    @property
    def connections(self) -> int:
        """How many connections are open at the client's end."""
        return sum(not stream.closed for stream in self._open)

    async def connect(self, host: str, port: int, *, tls: bool) -> ByteStream:
        """Connect after one round trip; ConnectivityError when nobody listens. `tls` changes nothing in memory."""
        del tls
        await anyio.sleep(2 * self.latency_s)
        listener = self._listeners.get((host.lower(), port))
        if listener is None:
            raise ConnectivityError(
                f"{host}:{port} refused the connection: nobody listens there. Start the server, or correct the address."
            )

        there, back = _Direction(self.latency_s), _Direction(self.latency_s)
        client = MemoryStream(incoming=back, outgoing=there)
        self._open = [stream for stream in self._open if not stream.closed]
        self._open.append(client)
        listener.deliver(MemoryStream(incoming=there, outgoing=back))

        return client

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> MemoryListener:
        """Take a port (0: the next free one); OSError when it is taken."""
        if port == 0:
            port, self._next_port = self._next_port, self._next_port + 1

        key = (host.lower(), port)
        if key in self._listeners:
            raise OSError(f"{host}:{port} is already listened on")

        listener = self._listeners[key] = MemoryListener(self, host, port)
        await checkpoint()

        return listener

    def forget(self, host: str, port: int) -> None:
        """Free a port; connections that stand are not touched."""
        self._listeners.pop((host.lower(), port), None)

    async def reset_connections(self) -> int:
        """Reset every open connection, as a router that lost its memory does; how many there were."""
        torn = [stream for stream in self._open if not stream.closed]
        self._open.clear()
        for stream in torn:
            await stream.reset()

        return len(torn)
