"""Stands between a bot and its venue and notes how soon a cancel follows a change of the book."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from time import perf_counter

import attrs

HOST = "127.0.0.1"
PAUSE_S = 0.5


@attrs.define
class Stopwatch:
    """Pairs each change of the book with the first cancel that follows it; new orders come a second later.

    The first cancel after a longer pause is left out: it finds cold caches, and is another row's matter.
    """

    changed_at: float | None = None
    cancelled_at: float = 0.0
    times: list[float] = attrs.field(factory=list)

    def from_venue(self, data: bytes) -> None:
        """Bytes are about to be handed on to the bot; a change of one side alone is its own order coming or going."""
        if b'"depthUpdate"' in data and b"[]" not in data:
            self.changed_at = perf_counter()

    def from_bot(self, data: bytes) -> None:
        """Bytes of the bot have arrived."""
        is_cancel = b"DELETE /fapi/v1/order?" in data or b"DELETE /fapi/v1/batchOrders?" in data

        if self.changed_at is not None and is_cancel:
            now = perf_counter()

            if now - self.cancelled_at < PAUSE_S:
                self.times.append(now - self.changed_at)

            self.changed_at, self.cancelled_at = None, now


@contextmanager
def open_relay(upstream: Callable[[], int]) -> Iterator[tuple[int, Stopwatch]]:
    """Yield a port of loopback whose connections are passed on to the port `upstream`, and what it notes.

    It waits in blocking reads, a thread for each direction, and does nothing else: what it adds is two copies.
    """
    watch = Stopwatch()

    with socket.create_server((HOST, 0)) as server:
        Thread(target=_accept, args=(server, upstream, watch), daemon=True).start()
        yield server.getsockname()[1], watch


def _accept(server: socket.socket, upstream: Callable[[], int], watch: Stopwatch) -> None:
    with suppress(OSError):
        while True:
            bot, _ = server.accept()
            Thread(target=_relay, args=(bot, upstream(), watch), daemon=True).start()


def _relay(bot: socket.socket, port: int, watch: Stopwatch) -> None:
    """Serve one connection until both sides have gone."""
    with bot, suppress(OSError), socket.create_connection((HOST, port)) as venue:
        back = Thread(target=_pass_on, args=(venue, bot, watch.from_venue), daemon=True)
        back.start()
        _pass_on(bot, venue, watch.from_bot)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket, note: Callable[[bytes], None]) -> None:
    """Copy bytes until one side goes, and let the other side know."""
    target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    with suppress(OSError):
        while data := source.recv(65536):
            note(data)
            target.sendall(data)

    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
