"""One message of a quiet market: from its bytes in the socket to "nothing to do", with everything a bot has in it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from time import perf_counter

import anyio
import anyio.lowlevel
from wsproto.frame_protocol import FrameProtocol

from benchmarks.bot import open_bot
from benchmarks.depth import synthetic
from benchmarks.feeder import LEVELS
from benchmarks.relay import HOST
from benchmarks.table import Table
from benchmarks.timing import BLOCK, Spread, quiet_median
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.wire.handshake import accept_headers

GOAL_US = 60.0
MESSAGES = 5_000
WARM = 100
SETTLE_S = 2.0
PAUSE_S = 0.02
TURNS = 2
"""Turns of the event loop after the book has changed, by which everybody waits again."""


def bench_message_of_a_quiet_market(table: Table, tmp_path: Path) -> None:
    """Differences of the book, each sent when the one before has been taken in, over loopback TCP.

    What sending it and looking at the book meanwhile take is measured alone, and left out.
    """
    times = anyio.run(partial(_measure, tmp_path))
    ours = quiet_median(times) * 1e6
    table.add("one message of a quiet market", "<= 60 us", f"{ours:.0f} us", reached=ours <= GOAL_US)


async def _measure(root: Path) -> list[float]:
    """The seconds of each message."""
    home = open_state_dir({"PERPMAKER_HOME": str(root)})
    updates = synthetic(MESSAGES + WARM, levels=LEVELS).updates
    frames = [bytes(FrameProtocol(client=False, extensions=[]).send_data(one.decode(), fin=True)) for one in updates]

    with _venue() as (port, ends):
        async with AsyncExitStack() as stack:
            bot = await stack.enter_async_context(open_bot(0, port, home))
            group = await stack.enter_async_context(anyio.create_task_group())
            group.start_soon(bot.run)

            await anyio.sleep(SETTLE_S)

            for frame in frames[:WARM]:  # the snapshot is joined to one of them
                ends[0].send(frame)
                await anyio.sleep(PAUSE_S)

            times = [await _took_s(bot, ends[0], frame) for frame in _spread(frames[WARM:])]
            group.cancel_scope.cancel()

    return times


def _spread(frames: list[bytes]) -> Iterator[bytes]:
    """The frames, over the better part of a minute."""
    spread = Spread(every=BLOCK, pause_s=0.2)

    for frame in frames:
        spread()
        yield frame


async def _took_s(bot: Supervisor, end: socket.socket, frame: bytes) -> float:
    """What one message takes beyond sending it and turning the loop as often without it."""
    own = bot.trader.state.book.own
    before, turns = own.reached_ms, TURNS
    end.send(frame)
    began = perf_counter()

    while own.reached_ms == before:
        await anyio.lowlevel.checkpoint()
        turns += 1

    for _ in range(TURNS):
        await anyio.lowlevel.checkpoint()

    took_s, began = perf_counter() - began, perf_counter()

    for _ in range(turns):
        await anyio.lowlevel.checkpoint()

    return took_s - (perf_counter() - began)


@contextmanager
def _venue() -> Iterator[tuple[int, list[socket.socket]]]:
    """A port of loopback, and the venue's end of the one WebSocket that is opened there, once it is."""
    ends: list[socket.socket] = []

    with socket.create_server((HOST, 0)) as server:
        Thread(target=_accept, args=(server, ends), daemon=True).start()
        yield server.getsockname()[1], ends

    for end in ends:
        end.close()


def _accept(server: socket.socket, ends: list[socket.socket]) -> None:
    """The venue's part of the handshake."""
    end, _ = server.accept()
    head = b""

    while b"\r\n\r\n" not in head:
        head += end.recv(4096)

    key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in accept_headers(key))
    end.sendall(f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode())
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ends.append(end)
