"""The control socket of a bot: answers one question of the same user at a time, and is never in the way of trading.

Whoever connects, hangs, floods or sends what nobody understands changes nothing: connections are accepted at a pace,
a few are served beside each other, each for a bounded time, and an error of a handler is an answer.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import anyio
import attrs

from perpmaker.control.address import listen_at
from perpmaker.control.card import Card, hold_card, socket_path
from perpmaker.control.protocol import DEADLINE_S, MOST_ANSWER, MOST_REQUEST, decode_line, encode_line, refusal
from perpmaker.errors import ExitCode, PayloadError, PerpmakerError
from perpmaker.journal.state_dir import StateDir

MOST_CLIENTS = 8
"""Clients that are served beside each other; whoever comes on top is turned away."""

PACE_S = 0.02
"""Seconds between two connections that are accepted."""

READ_S = 2.0
"""Seconds that a client is given to say what it wants."""

_CHUNK = 65_536
_CREDENTIALS = struct.Struct("3i")

Request: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[[Request], Awaitable[Mapping[str, Any]]]
"""Carries out one command: what is answered beside `ok`. A `PerpmakerError` becomes an answer that is not ok."""


@attrs.define
class ControlServer:
    """Serves the commands of `handlers`, which others may add to while it runs."""

    listener: socket.socket
    handlers: dict[str, Handler] = attrs.field(factory=dict)
    _clients: int = 0

    async def serve(self, tell: Callable[[str], None]) -> None:
        """Answer requests until cancelled. An error of this code is reported, and nothing else ends by it."""
        try:
            async with anyio.create_task_group() as group:
                while True:
                    await anyio.wait_readable(self.listener)
                    client = self._accepted()

                    if client is not None:
                        self._clients += 1
                        group.start_soon(self._serve_one, client)

                    await anyio.sleep(PACE_S)
        except Exception as error:  # noqa: BLE001  # the seam to other processes: trading goes on without them
            tell(
                f"the control socket has failed: {type(error).__name__}: {error}. Trading goes on; stop it by a signal"
            )

    def _accepted(self) -> socket.socket | None:
        """The next client, if it is one to be served."""
        try:
            client, _ = self.listener.accept()
        except OSError:  # it has gone again, or this process may open no more files
            return None

        if self._clients >= MOST_CLIENTS or not is_same_user(client):
            client.close()
            return None

        client.setblocking(False)

        return client

    async def _serve_one(self, client: socket.socket) -> None:
        try:
            with suppress(OSError), anyio.move_on_after(DEADLINE_S):
                await self._answer_one(client)
        finally:
            self._clients -= 1
            client.close()

    async def _answer_one(self, client: socket.socket) -> None:
        line = None

        with anyio.move_on_after(READ_S):
            line = await _read_line(client)

        if line is not None and not has_hung_up(client):
            await _write(client, await self._answer(line))

    async def _answer(self, line: bytes) -> bytes:
        """The line that answers a line."""
        try:
            content = await self._carried_out(decode_line(line))
            answer = encode_line({"ok": True, **content})
        except PerpmakerError as error:
            code = ExitCode.FILE if isinstance(error, PayloadError) else error.exit_code
            return encode_line(refusal(str(error).removesuffix(" @ $"), code))
        except Exception as error:  # noqa: BLE001  # the same seam
            return encode_line(refusal(f"{type(error).__name__}: {error}", ExitCode.BUG))

        if len(answer) > MOST_ANSWER:
            return encode_line(refusal("the answer is too long", ExitCode.BUG))

        return answer

    async def _carried_out(self, request: Request) -> Mapping[str, Any]:
        name = request.get("command")
        handler = self.handlers.get(name) if isinstance(name, str) else None

        if handler is None:
            known = ", ".join(sorted(self.handlers))
            raise PayloadError(f"no command {name!r:.40}; this bot knows: {known}")

        return await handler(request)


def has_hung_up(client: socket.socket) -> bool:
    """Return whether whoever asked is there no more: what he has given up is not done behind his back.

    One that has only said that it sends nothing more (`nc -N`, a shutdown of its half) still reads the answer.
    """
    watched = select.poll()
    watched.register(client, 0)  # hang-ups and errors are told unasked

    return any(told & (select.POLLHUP | select.POLLERR) for _, told in watched.poll(0))


def is_same_user(client: socket.socket) -> bool:
    """Return whether the process at the other end is of this user, where the system tells that.

    Where it does not, the permissions of the directory say the same.
    """
    peer_credentials = getattr(socket, "SO_PEERCRED", None)

    if peer_credentials is None:
        return True

    try:
        found = client.getsockopt(socket.SOL_SOCKET, peer_credentials, _CREDENTIALS.size)
    except OSError:
        return False

    return bool(_CREDENTIALS.unpack(found)[1] == os.geteuid())


@contextmanager
def open_control(home: StateDir, card: Card) -> Iterator[ControlServer]:
    """Open the control socket of a bot and show its card, until left.

    Raises:
        OSError: neither can be made.
    """
    path = socket_path(home, card.id)
    listener = listen_at(path)

    try:
        with hold_card(home, card):
            yield ControlServer(listener)
    finally:
        listener.close()

        with suppress(OSError):
            path.unlink(missing_ok=True)


async def _read_line(client: socket.socket) -> bytes | None:
    """One line, without its end. None where it ends before, or is too long."""
    received = b""

    while b"\n" not in received:
        if len(received) > MOST_REQUEST:
            await _write(client, encode_line(refusal("the request is too long", ExitCode.FILE)))
            return None

        await anyio.wait_readable(client)

        with suppress(BlockingIOError):
            more = client.recv(_CHUNK)

            if not more:
                return None

            received += more

    return received.partition(b"\n")[0]


async def _write(client: socket.socket, content: bytes) -> None:
    left = memoryview(content)

    while left:
        await anyio.wait_writable(client)

        with suppress(BlockingIOError):
            left = left[client.send(left) :]
