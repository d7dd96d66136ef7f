"""A process that dies at a step of one's choice, and another one that finds its way back from there.

Dead means, as after `kill -9`: not one byte leaves or arrives any more, and not one row is written. All in one event
loop on virtual time: the venue lives on, the state directory stays, and the next bot begins with what is there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import anyio
import attrs
from anyio.abc import ByteStream

from perpmaker.errors import ConnectivityError
from perpmaker.journal import commits
from perpmaker.journal.file import Row, append
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch import start_steps
from perpmaker.model.order import OrderKind, OrderStatus
from perpmaker.runtime.run_end import RunEnd
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.state.view import Mode
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until
from perpmaker.wire.pipe import Connect

BACK_S = 5.0
"""How long the next process may take until everything is managed again."""

STOP_S = 10.0

FULL = (2,)
"""SQLite's number for commits that wait for the disk."""

_COMMANDS = (
    *(b"POST /fapi/v1/order", b"POST /fapi/v1/batch", b"POST /fapi/v1/algo"),
    *(b"PUT /fapi/v1/order", b"PUT /fapi/v1/batch", b"DELETE /fapi/v1/"),
)
_UPDATES = {b'"x":"TRADE"': "fill arrived", b"ORDER_TRADE_UPDATE": "order update arrived"}


class DeadError(Exception):
    """Nothing happens any more in a process that is dead."""


@attrs.define
class Doom:
    """Kills one process when it comes to step number `at` (from 0; None: never). `steps` are those it came to.

    `on_disk` is how many rows of its journal a commit has waited for.
    """

    at: int | None = None
    on_disk: int = 0
    steps: list[str] = attrs.field(factory=list)
    dead: anyio.Event = attrs.field(factory=anyio.Event)

    def step(self, name: str) -> None:
        """Come to a step; DeadError when it is the last one."""
        self.check()
        self.steps.append(name)

        if len(self.steps) - 1 == self.at:
            self.dead.set()

        self.check()

    def check(self) -> None:
        """DeadError after death."""
        if self.dead.is_set():
            raise DeadError


@attrs.define
class MortalStream(ByteStream):
    """A connection: its process may die before or after a command leaves, and when an answer or an update arrives."""

    _inner: ByteStream
    _doom: Doom
    _asked: bool = attrs.field(default=False, init=False)

    async def send(self, item: bytes) -> None:
        """Send, unless dead."""
        is_command = item.startswith(_COMMANDS)

        try:
            if is_command:
                self._doom.step("before send")

            self._doom.check()
            await self._inner.send(item)
            self._asked = self._asked or is_command

            if is_command:
                self._doom.step("after send")
        except DeadError:
            raise anyio.BrokenResourceError from None

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Receive, unless dead."""
        data = await self._inner.receive(max_bytes)

        try:
            if self._asked and data.startswith(b"HTTP/1.1"):
                self._asked = False
                self._doom.step("answer arrived")

            if (update := next((name for mark, name in _UPDATES.items() if mark in data), None)) is not None:
                self._doom.step(update)

            self._doom.check()
        except DeadError:
            raise anyio.BrokenResourceError from None

        return data

    async def send_eof(self) -> None:
        """End the sending direction."""
        await self._inner.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._inner.aclose()


def mortal(connect: Connect, doom: Doom) -> Connect:
    """The network as a process sees it that may die."""

    async def connect_alive(host: str, port: int, *, tls: bool) -> ByteStream:
        if doom.dead.is_set():
            raise ConnectivityError("dead")

        return MortalStream(await connect(host, port, tls=tls), doom)

    return connect_alive


async def live(stage: Stage, home: StateDir, doom: Doom, seconds: float) -> None:
    """One process's life on a stage: opened, traded for a while, killed at its doom or else at the end."""

    async def trade() -> None:
        try:
            async with attrs.evolve(stage, connect=mortal(stage.network.connect, doom)).open_bot(home=home) as session:
                await session.bot.run()
        except Exception:  # whatever a dead process raises on its way down, nobody hears
            if not doom.dead.is_set():
                raise

    with (
        mock.patch.object(commits, "append", _mortal_append(doom)),
        mock.patch.object(RunEnd, "rescue", _die),
    ):
        async with anyio.create_task_group() as group:
            group.start_soon(trade)

            with anyio.move_on_after(seconds):
                await doom.dead.wait()

            doom.dead.set()
            group.cancel_scope.cancel()


async def come_back(stage: Stage, home: StateDir, told: list[str]) -> Session:
    """Let the next process take over; TimeoutError when it does not manage everything in time, or not end clean."""
    async with stage.open_bot(home=home, told=told) as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await until(lambda: is_managed(session), BACK_S)
        session.bot.request_stop()
        await until(lambda: not session.open_quotes(), STOP_S)
        group.cancel_scope.cancel()

    return session


def is_managed(session: Session) -> bool:
    """Whether the bot runs, its position is the venue's, and what should rest on the venue does, and nothing else.

    That is a quote on each side while flat, and the profit-taking order while a position is open.
    """
    exchange = session.sandbox.exchange
    (position,) = exchange.account(ACCOUNT).positions
    (known,) = session.bot.trader.state.account.positions.values()
    kinds = [session.bot.known.kind(order.client_id) for order in exchange.open_orders(ACCOUNT)]
    settled = all(order.status is OrderStatus.OPEN for order in session.bot.trader.working())

    return (
        session.bot.mode is Mode.RUN
        and settled
        and known.amount == position.amount
        and kinds == ([OrderKind.TAKE_PROFIT] if position.amount else [OrderKind.QUOTE, OrderKind.QUOTE])
    )


@attrs.frozen(kw_only=True)
class Crash:
    """What came of a crash: the steps up to it, and what the exchange says was violated, or what did not come back."""

    steps: tuple[str, ...]
    faults: tuple[str, ...]


def crash(
    file: Path,
    overrides: Sequence[str],
    seed: int,
    *,
    seconds: float,
    at: int | None,
    again: Sequence[int] = (),
    lost_rows: int | None = None,
) -> Crash:
    """Die at a step, after `seconds` at the latest; die again at a step of each recovery; then come back for good.

    `lost_rows`: not the process alone dies, the power goes away, and so many of the newest rows of the journal with it,
    as far as they were not on the disk for certain.
    """
    doom = Doom(at)

    async def scenario() -> tuple[str, ...]:
        with TemporaryDirectory() as folder:
            home = StateDir(Path(folder))

            async with open_stage(file, *overrides, seed=seed) as stage:
                await live(stage, home, doom, seconds)

                for step in again:
                    await live(stage, home, Doom(step), seconds)

                faults = []

                with nullcontext() if lost_rows is None else power_loss(home, lost_rows, doom.on_disk):
                    try:
                        await come_back(stage, home, [])
                    except TimeoutError:
                        faults.append(f"not managed within {BACK_S:g} s")

                return (*faults, *map(str, stage.sandbox.oracle.violations))

    name, options = virtual_backend()

    return Crash(faults=anyio.run(scenario, backend=name, backend_options=options), steps=tuple(doom.steps))


@contextmanager
def power_loss(home: StateDir, rows: int, on_disk: int) -> Iterator[None]:
    """Cut so many rows off the journal's end, but for the first `on_disk`; within, the machine has booted anew."""
    for path in home.root.rglob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as connection, connection:
            (newest,) = connection.execute("SELECT coalesce(max(seq), 0) FROM row").fetchone()
            connection.execute("DELETE FROM row WHERE seq > ?", (max(on_disk, newest - rows),))

    with mock.patch.object(start_steps, "boot_id", return_value="another boot"):
        yield


async def _die(_: RunEnd, __: BaseException) -> None:
    """The dead do not tidy up."""


def _mortal_append(doom: Doom) -> Callable[[sqlite3.Connection, Sequence[Row], bytes], bytes]:
    def append_alive(connection: sqlite3.Connection, rows: Sequence[Row], last: bytes) -> bytes:
        try:
            doom.step("before commit")
            last = append(connection, rows, last)

            if connection.execute("PRAGMA synchronous").fetchone() == FULL:
                (doom.on_disk,) = connection.execute("SELECT max(seq) FROM row").fetchone()

            doom.step("after commit")
        except DeadError:
            raise sqlite3.OperationalError("dead") from None

        return last

    return append_alive
