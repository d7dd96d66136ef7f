from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
from anyio import to_thread

from perpmaker.control import server as module
from perpmaker.control.address import connect_to
from perpmaker.control.card import Card, socket_path
from perpmaker.control.client import ask
from perpmaker.control.protocol import MOST_REQUEST
from perpmaker.control.server import MOST_CLIENTS, ControlServer, open_control
from perpmaker.errors import BotRefusedError, BotUnansweredError, ExitCode, LockedError
from perpmaker.journal.state_dir import StateDir

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Any:
    """Real sockets: asyncio's clock."""
    return "asyncio"


async def hello(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer with what was asked."""
    return {"you": request.get("who")}


async def locked(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse for a reason that a person can read."""
    raise LockedError("somebody else has it")


async def broken(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fail as a bug does."""
    raise ZeroDivisionError("a bug")


@asynccontextmanager
async def served(home: StateDir, card: Card) -> AsyncIterator[ControlServer]:
    """A server with three commands, and what it told in `told`."""
    told: list[str] = []

    with open_control(home, card) as server:
        server.handlers.update(hello=hello, locked=locked, broken=broken)

        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, told.append)
            yield server
            group.cancel_scope.cancel()

    assert told == []


async def asked(home: StateDir, card: Card, command: str, **words: object) -> dict[str, Any]:
    """What is answered to a command."""
    return await to_thread.run_sync(lambda: ask(home, card, command, 300.0, **words))


async def raw(home: StateDir, card: Card, line: bytes) -> Any:
    """What is answered to bytes."""

    def talk() -> bytes:
        with connect_to(socket_path(home, card.id), 300.0) as connected:
            connected.sendall(line)
            received = b""

            while b"\n" not in received and (more := connected.recv(65_536)):
                received += more

            return received

    answer = await to_thread.run_sync(talk)

    return json.loads(answer) if answer else None


async def test_a_command_is_answered_and_others_add_theirs(home: StateDir, card: Card) -> None:
    """One line each way; a handler that is added while it serves is served too."""
    async with served(home, card) as server:
        assert await asked(home, card, "hello", who="me") == {"ok": True, "you": "me"}

        with pytest.raises(BotRefusedError, match=r"no command 'apply'; this bot knows: broken, hello, locked$"):
            await asked(home, card, "apply")

        server.handlers["apply"] = hello
        assert (await asked(home, card, "apply"))["ok"] is True


async def test_an_error_of_a_handler_is_an_answer_and_nothing_else(home: StateDir, card: Card) -> None:
    """With the exit code of what was raised; a bug of ours has 1, and the next command is served."""
    async with served(home, card):
        with pytest.raises(BotRefusedError, match="somebody else has it") as refused:
            await asked(home, card, "locked")

        assert refused.value.exit_code is ExitCode.FILE

        with pytest.raises(BotRefusedError, match="ZeroDivisionError: a bug") as failed:
            await asked(home, card, "broken")

        assert failed.value.exit_code is ExitCode.BUG
        assert (await asked(home, card, "hello"))["ok"] is True


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b'{"command": "x"}\n',
        b"{" * 70_000,
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                b"[]\n",
                b"\xff\xfe\n",
                b'{"command": 7}\n',
                b'{"a":' * 12_000 + b"\n",
            )
        ),
    ],
    ids=["empty", "unknown", "too long", "list", "no text", "number", "deep"],
)
async def test_what_nobody_understands_is_refused_in_words(home: StateDir, card: Card, line: bytes) -> None:
    """Garbage is answered, or hung up on, and the next command is served."""
    async with served(home, card):
        answer = await raw(home, card, line)
        assert answer["ok"] is False
        assert answer["code"] == 2
        assert answer["error"]
        assert (await asked(home, card, "hello"))["ok"] is True

    assert len(line) < MOST_REQUEST or b"\n" not in line


async def test_clients_that_hang_are_sent_away_in_time(
    home: StateDir, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are served beside each other, and each has seconds to say what it wants: the next one is served."""
    monkeypatch.setattr(module, "READ_S", 0.2)

    async with served(home, card):
        with ExitStack() as hanging:
            for _ in range(MOST_CLIENTS):
                one = hanging.enter_context(connect_to(socket_path(home, card.id), 300.0))
                one.sendall(b'{"command": ')

            await anyio.sleep(0.05 * MOST_CLIENTS)
            assert (await asked(home, card, "hello"))["ok"] is True


async def test_a_client_that_takes_no_answer_holds_up_nobody(
    home: StateDir, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that nobody reads waits in a task of its own, and ends at the deadline."""
    monkeypatch.setattr(module, "DEADLINE_S", 0.3)

    async def long(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"long": "x" * 4_000_000}

    async with served(home, card) as server:
        server.handlers["long"] = long

        with connect_to(socket_path(home, card.id), 300.0) as deaf:
            deaf.sendall(b'{"command": "long"}\n')
            await anyio.sleep(0.1)
            assert (await asked(home, card, "hello"))["ok"] is True

            with anyio.fail_after(300):
                while server._clients:  # noqa: ASYNC110  # nobody is told of it
                    await anyio.sleep(0.01)


async def test_a_flood_of_connections_leaves_time_for_everything_else(home: StateDir, card: Card) -> None:
    """Connections are accepted at a pace: while somebody floods, the event loop goes on with its own work."""
    turns = 0

    async def work() -> None:
        nonlocal turns

        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    def flood() -> None:
        for _ in range(40):  # more than wait to be accepted
            with connect_to(socket_path(home, card.id), 300.0) as one:
                one.sendall(b"garbage\n")

    async with served(home, card), anyio.create_task_group() as group:
        group.start_soon(work)
        before, began = turns, anyio.current_time()
        await to_thread.run_sync(flood)
        assert anyio.current_time() - began > 20 * module.PACE_S
        group.cancel_scope.cancel()

    assert turns - before > 100


async def test_another_users_process_is_turned_away(
    home: StateDir, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel says whose the other end is; who is not this user gets no answer."""
    path = socket_path(home, card.id)

    def talk() -> bytes:
        with connect_to(path, 300.0) as connected, suppress(ConnectionError):
            connected.sendall(b'{"command": "hello"}\n')
            return connected.recv(100)

        return b""

    async with served(home, card):
        assert await to_thread.run_sync(talk)
        monkeypatch.setattr(module.os, "geteuid", lambda: 12_345)
        assert await to_thread.run_sync(talk) == b""
        monkeypatch.undo()


def test_both_ends_know_each_other_by_their_user() -> None:
    """A pair of sockets of one process is of one user."""
    one, other = socket.socketpair(socket.AF_UNIX)

    with one, other:
        assert module.is_same_user(one)


async def test_a_bot_that_does_not_answer_is_told_with_its_process(home: StateDir, card: Card) -> None:
    """It runs, as its card says, and hangs: the command that ends it all the same is named."""
    with open_control(home, attrs.evolve(card, pid=99)):
        hung = attrs.evolve(card, pid=99)

        with pytest.raises(
            BotUnansweredError, match=r"pid 99\) runs and does not answer within 0.2 s.*perpmaker panic"
        ):
            await to_thread.run_sync(lambda: ask(home, hung, "status", 0.2))

    with pytest.raises(BotUnansweredError, match=r"did not answer: No such file"):
        ask(home, card, "status", 0.2)


async def test_a_client_that_has_said_all_it_has_to_say_is_answered(home: StateDir, card: Card) -> None:
    """`nc -N` and others close their half after the request: they wait for the answer, as everybody does."""

    def talk() -> bytes:
        with connect_to(socket_path(home, card.id), 5.0) as connected:
            connected.sendall(b'{"command": "hello", "who": "nc"}\n')
            connected.shutdown(socket.SHUT_WR)

            return connected.recv(65_536)

    async with served(home, card):
        assert json.loads(await to_thread.run_sync(talk)) == {"ok": True, "you": "nc"}


async def test_what_somebody_has_given_up_is_not_done_behind_his_back(home: StateDir, card: Card) -> None:
    """A bot that hung reads the command of a client that has gone meanwhile: nothing is carried out."""
    done: list[str] = []

    async def stop(_: Mapping[str, Any]) -> Mapping[str, Any]:
        done.append("stop")
        return {}

    with open_control(home, card) as server:
        server.handlers["stop"] = stop

        with connect_to(socket_path(home, card.id), 300.0) as hasty:
            hasty.sendall(b'{"command": "stop"}\n')

        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, done.append)
            assert (await to_thread.run_sync(lambda: _refused(home, card))).startswith("no command")
            assert done == []
            assert (await asked(home, card, "stop"))["ok"] is True
            assert done == ["stop"]
            group.cancel_scope.cancel()


def _refused(home: StateDir, card: Card) -> str:
    """What is answered to a command that nobody knows."""
    with pytest.raises(BotRefusedError) as refused:
        ask(home, card, "nothing", 300.0)

    return str(refused.value)
