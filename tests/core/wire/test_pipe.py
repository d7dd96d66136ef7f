"""Streams in memory behave as TCP's do, and what cannot be connected is said in words."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from perpmaker.errors import ConnectivityError
from perpmaker.wire.memory import CAPACITY_BYTES
from perpmaker.wire.pipe import MemoryNetwork, Quiet, connect_tcp, reset

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["tcp-asyncio", "memory-asyncio", pytest.param("tcp-trio", marks=pytest.mark.full)])
def wire_kind(request: pytest.FixtureRequest) -> str:
    """Both networks: that they behave alike is what is tested."""
    return str(request.param)


@pytest.fixture
async def ends(wire_kind: str) -> Any:
    """Both ends of one connection: the client's, the server's."""
    network = MemoryNetwork()
    in_memory = wire_kind.startswith("memory")
    listener: Any = await (network.listen() if in_memory else anyio.create_tcp_listener(local_host="127.0.0.1"))
    accepted: list[ByteStream] = []
    arrived = anyio.Event()

    async def take(stream: ByteStream) -> None:
        accepted.append(stream)
        arrived.set()

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, take, tasks)
        connect = network.connect if in_memory else connect_tcp
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  # anyio's typed attribute
        client = await connect("127.0.0.1", port, tls=False)
        await arrived.wait()
        yield client, accepted[0]
        await anyio.aclose_forcefully(client)
        await anyio.aclose_forcefully(accepted[0])
        tasks.cancel_scope.cancel()


async def _read_all(stream: ByteStream) -> bytes:
    return b"".join([data async for data in stream])


async def noisy(is_quiet: Quiet) -> None:
    """Wait until something has arrived: a network takes its time, on a busy machine too."""
    with anyio.fail_after(300):
        while is_quiet():  # noqa: ASYNC110  # what is asked is no event
            await anyio.sleep(0.001)


async def test_bytes_arrive_in_order_and_in_the_pieces_asked_for(ends: Any) -> None:
    """What is sent arrives in order, and a reader may take less than what is there."""
    client, server = ends
    await client.send(b"abc")
    await client.send(b"def")
    first = await server.receive(2)
    rest = b""
    while len(rest) < 4:
        rest += await server.receive()

    assert first == b"ab"
    assert rest == b"cdef"


async def test_half_closed_stream_still_carries_the_answer(ends: Any) -> None:
    """After an end was sent the other direction goes on."""
    client, server = ends
    await client.send(b"ask")
    await client.send_eof()

    assert await _read_all(server) == b"ask"

    await server.send(b"answer")
    await server.aclose()

    assert await _read_all(client) == b"answer"


async def test_closed_stream_ends_after_its_last_byte(ends: Any) -> None:
    """Closing loses nothing that was sent before."""
    client, server = ends
    await server.send(b"last words")
    await server.aclose()

    assert await _read_all(client) == b"last words"


async def test_reset_is_an_error_for_the_other_end(ends: Any) -> None:
    """A reset is told apart from an end."""
    client, server = ends
    await reset(server)
    with pytest.raises(anyio.BrokenResourceError):
        await client.receive()


async def test_writing_to_a_reader_that_left_fails_in_the_end(ends: Any) -> None:
    """A writer learns that nobody reads any more."""
    client, server = ends
    await server.aclose()

    async def write() -> None:
        with anyio.fail_after(300):
            while True:  # how soon it learns it is the network's
                await client.send(b"x" * 1000)
                await anyio.sleep(0.001)

    with pytest.raises(anyio.BrokenResourceError):
        await write()


async def test_writer_waits_for_a_reader_that_does_not_read(ends: Any) -> None:
    """What is under way is bounded, and nothing is lost when the reader comes back."""
    client, server = ends
    size = 256 * CAPACITY_BYTES  # more than any network keeps of one connection
    done = anyio.Event()

    async def write() -> None:
        await client.send(b"x" * size)
        done.set()
        await client.send_eof()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()

        assert not done.is_set()
        assert len(await _read_all(server)) == size


async def test_idle_stream_is_quiet_until_something_arrives(ends: Any) -> None:
    """Bytes and an end both end the quiet of an idle connection."""
    client, server = ends

    is_quiet = Quiet(client)
    assert is_quiet()

    await server.send(b"x")
    await noisy(is_quiet)

    await client.receive()

    assert is_quiet()

    await server.aclose()
    await noisy(is_quiet)


async def test_cancelled_receive_loses_nothing(ends: Any) -> None:
    """Bytes that arrive after a receive was given up are there for the next one."""
    client, server = ends
    with anyio.move_on_after(0.01):
        await server.receive()

    await client.send(b"kept")

    assert await server.receive() == b"kept"


async def test_F01_refused_connection_names_host_and_port(wire_kind: str) -> None:
    """Where nobody listens the error says so, with the address and what to do."""
    connect = connect_tcp
    port = 1
    if wire_kind.startswith("memory"):
        connect = MemoryNetwork().connect

    with pytest.raises(
        ConnectivityError, match=r"^127\.0\.0\.1:1 refused the connection: nobody listens there\. Start"
    ):
        await connect("127.0.0.1", port, tls=False)


async def test_tls_to_a_port_without_tls_is_refused_in_words(serve_app: Any, wire_kind: str) -> None:
    """A handshake that fails is a ConnectivityError that names TLS."""
    if wire_kind.startswith("memory"):
        pytest.skip("there is no TLS in memory")

    from perpmaker.testing.network import EchoApp  # noqa: PLC0415

    async with serve_app(EchoApp()) as served:
        with pytest.raises(ConnectivityError, match="TLS handshake failed"):
            await connect_tcp(served.host, served.port, tls=True)


class TestMemoryNetwork:
    """What only a network in memory can show."""

    @pytest.fixture
    def anyio_backend(self, virtual_time: Any) -> Any:
        """Latency is virtual time."""
        return virtual_time

    async def test_latency_is_paid_in_each_direction(self) -> None:
        """Connecting takes a round trip, a message half of one."""
        network = MemoryNetwork(latency_s=0.5)
        started = anyio.current_time()

        async def echo(stream: ByteStream) -> None:
            await stream.send(await stream.receive())

        async with await network.listen(port=80) as listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, echo, tasks)
            client = await network.connect("127.0.0.1", 80, tls=False)

            assert anyio.current_time() - started == pytest.approx(1.0)

            await client.send(b"x")

            assert anyio.current_time() - started == pytest.approx(1.0)
            assert await client.receive() == b"x"
            assert anyio.current_time() - started == pytest.approx(2.0)

            tasks.cancel_scope.cancel()

    async def test_reset_of_all_connections_is_seen_by_both_ends(self) -> None:
        """A network that forgets its connections breaks the server's ends as well as the clients'."""
        network = MemoryNetwork()
        broken = anyio.Event()

        async def wait(stream: ByteStream) -> None:
            with pytest.raises(anyio.BrokenResourceError):
                await stream.receive()

            broken.set()

        async with await network.listen(port=80) as listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, wait, tasks)
            client = await network.connect("127.0.0.1", 80, tls=True)
            await anyio.wait_all_tasks_blocked()

            assert await network.reset_connections() == 1

            await broken.wait()
            with pytest.raises(anyio.ClosedResourceError):
                await client.receive()

            tasks.cancel_scope.cancel()

    async def test_port_is_taken_once_and_free_again_after_closing(self) -> None:
        """Two listeners never share a port."""
        network = MemoryNetwork()
        first = await network.listen(port=80)
        with pytest.raises(OSError, match="already listened on"):
            await network.listen(port=80)

        await first.aclose()
        again = await network.listen(port=80)

        assert again.port == 80
        assert (await network.listen()).port != (await network.listen()).port
