"""Where a run is spoken to while it lives: status, why, stop and flatten over its control socket, and last words."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, cast

import anyio
import attrs

from perpmaker.cli.handle import Handle
from perpmaker.cli.parameters import ParameterDesk
from perpmaker.cli.run_end import Course
from perpmaker.cli.screen import Screen
from perpmaker.cli.verdict import exit_code_of, left_words
from perpmaker.clock import SystemClock
from perpmaker.config.configuration import Configuration
from perpmaker.control.card import Card, new_id
from perpmaker.control.last_words import forget_oldest, write_last_words
from perpmaker.control.names import bot_name
from perpmaker.control.server import ControlServer, Request, open_control
from perpmaker.errors import BotRefusedError, ExitCode, JournalError
from perpmaker.journal.state_dir import StateDir
from perpmaker.model.account import AssetMode
from perpmaker.report.balance import balance_of
from perpmaker.report.queue_ahead import QueueWatch
from perpmaker.report.status import EndStatus, NoticeStatus, Status, as_plain, iso
from perpmaker.report.status_of_bot import BotFacts, starting_status, status_of

CLOCK = SystemClock()

LOOK_S = 1.0
"""Seconds between two looks at the queues of our quotes."""

LOOKS_A_WORD = 10
"""How many of these looks to one writing of the last words."""

LONGEST = 500
"""Characters of a line that was told, as the status has it."""

LOOKS_A_STATUS = 5
"""How many of them to one status for observers."""


@attrs.define(kw_only=True)
class Desk:
    """Answers for a run, from its first connection to its end. `server` is None where no socket could be made."""

    facts: BotFacts
    handle: Handle
    screen: Screen
    home: StateDir
    server: ControlServer | None = None
    _has_failed: bool = attrs.field(default=False, init=False)
    _last: Status | None = attrs.field(default=None, init=False)
    _queue: QueueWatch = attrs.field(factory=QueueWatch, init=False)

    def status(self) -> Status:
        """Return how the run stands now; of one that has ended, how it ended."""
        if self._last is not None:
            return self._last

        bot = self.handle.bot
        told = tuple(NoticeStatus(at=iso(at_ms), text=text[:LONGEST]) for at_ms, text in self.screen.told)

        if bot is None:
            return starting_status(self.facts, CLOCK.utc_ms(), told)

        return status_of(bot, self.facts, self._queue, told)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Run a task beside trading; an error in it is reported once, and trading goes on."""
        try:
            yield
        except OSError:  # a disk that takes nothing has been told of by those who need it
            pass
        except Exception as error:  # noqa: BLE001  # the seam: how it stands is for people, and trading is for money
            if not self._has_failed:
                self._has_failed = True
                self.handle.tell(f"its status cannot be told ({type(error).__name__}: {error}); trading goes on")

    def commands(self) -> Mapping[str, Any]:
        """Return what the control socket answers."""
        return {
            "status": self._status,
            "why": self._why,
            "balance": self._balance,
            "stop": self._stop,
            "flatten": self._flatten,
        }

    def go_by(self, configuration: Configuration) -> None:
        """Say how the run stands by changed parameters from now on."""
        self.facts = attrs.evolve(self.facts, exits=configuration.exits)

    async def remember(self) -> None:
        """Look at the queues, tell observers, and keep the last words up to date, until cancelled."""
        looks = 0

        while True:
            await anyio.sleep(LOOK_S)
            looks += 1

            with self.beside():
                self._look(looks)

                if looks % LOOKS_A_WORD == 0:  # on a thread: a disk that hangs is nothing to wait for
                    await anyio.to_thread.run_sync(write_last_words, self.home, self.status(), abandon_on_cancel=True)

    def _look(self, looks: int) -> None:
        bot = self.handle.bot

        if bot is None:
            return

        self._queue.look(bot.trader.state)

        if looks % LOOKS_A_STATUS == 1 and bot.observers.wants("status"):
            facts = cast("dict[str, Any]", as_plain(self.status()))
            bot.observers.note("status", f"mode {bot.mode.value}", facts)

    def say_last(self, course: Course, error: BaseException | None) -> None:
        """Keep how the run has ended."""
        unasked = course.ended is None and error is None and not self.handle.stop_reason
        code = ExitCode.UNREACHABLE if unasked else exit_code_of(course, error)
        ended = EndStatus(
            at=iso(CLOCK.utc_ms()),
            exit_code=code.value,
            stop_reason=self.handle.stop_reason or ("error" if error is not None else ""),
            left=left_words(course),
            unproven=course.unproven or (None if self.handle.bot is None else self.handle.bot.unproven),
        )

        with self.beside():
            self._last = attrs.evolve(self.status(), running=False, ended=ended)
            write_last_words(self.home, self._last)

    async def _status(self, _: Request) -> Mapping[str, Any]:
        return {"status": as_plain(self.status())}

    async def _balance(self, _: Request) -> Mapping[str, Any]:
        bot = self.handle.bot

        if bot is None:
            raise BotRefusedError("it has not reached its venue yet: ask again in a moment", ExitCode.UNREACHABLE)

        state = bot.trader.state
        mode = AssetMode.SINGLE if state.funds.snapshot is None else state.funds.snapshot.asset_mode

        return {"balance": as_plain(balance_of(self.status(), state.account.balances.values(), mode, "bot"))}

    async def _why(self, _: Request) -> Mapping[str, Any]:
        status = self.status()
        words = {"name", "at", "mode", "mode_reason", "no_quotes", "quotes", "withheld", "exits"}

        return {name: as_plain(getattr(status, name)) for name in sorted(words)}

    async def _stop(self, request: Request) -> Mapping[str, Any]:
        return self._end("stop", request, close=False)

    async def _flatten(self, request: Request) -> Mapping[str, Any]:
        return self._end("flatten", request, close=True)

    def _end(self, reason: str, request: Request, *, close: bool) -> Mapping[str, Any]:
        """Begin the way to the end, as a signal does: it enters the trader as an event, which is journalled."""
        handle = self.handle
        was_stopping = bool(handle.stop_reason)

        if close and was_stopping and not handle.close:
            raise BotRefusedError(
                f"it is stopping already ({handle.stop_reason}), and closes nothing more: once it has ended, start it "
                "with --close, or close the position on the venue",
                ExitCode.REFUSED,
            )

        if not was_stopping:
            handle.close = handle.close or close
            asker = request.get("pid")
            self._note(f"{reason} was asked for by process {asker if isinstance(asker, int) else 'unknown'}")
            handle.stop(reason)

        if request.get("hurry") is True:
            handle.stop(reason)

        return {"stopping": True, "was_stopping": was_stopping, "close": handle.close}

    def _note(self, text: str) -> None:
        """Tell what a person did from elsewhere, and have it in the journal."""
        self.handle.tell(text)

        if self.handle.bot is not None:
            with suppress(JournalError):
                self.handle.bot.journal.record_notice(text, CLOCK.utc_ms())


@asynccontextmanager
async def open_desk(
    configuration: Configuration, handle: Handle, screen: Screen, home: StateDir, course: Course
) -> AsyncIterator[Desk]:
    """Show the run's card, answer on its socket, and keep its last words; without a socket it trades all the same."""
    facts = _facts(configuration)
    desk = Desk(facts=facts, handle=handle, screen=screen, home=home)
    forget_oldest(home)

    async with AsyncExitStack() as stack:
        try:
            desk.server = stack.enter_context(open_control(home, _card(facts)))
            desk.server.handlers.update(desk.commands())
            parameters = ParameterDesk(handle=handle, now=configuration, on_change=desk.go_by)
            desk.server.handlers.update(parameters.commands())
        except OSError as error:
            handle.tell(f"no control socket could be made ({error.strerror or error}): stop this run by a signal")

        async with anyio.create_task_group() as group:
            if desk.server is not None:
                group.start_soon(desk.server.serve, handle.tell)

            group.start_soon(desk.remember)

            try:
                yield desk
            except BaseException as error:
                desk.say_last(course, error)
                raise
            else:
                desk.say_last(course, None)
            finally:
                group.cancel_scope.cancel()


def _facts(configuration: Configuration) -> BotFacts:
    file = configuration.file.absolute()

    with suppress(OSError, RuntimeError):
        file = file.resolve()

    return BotFacts(
        name=bot_name(configuration.file, configuration.run.market),
        file=file,
        environment=configuration.environment.value,
        venue=configuration.connector.name,
        market=configuration.run.market,
        pid=os.getpid(),
        began_ms=CLOCK.utc_ms(),
        exits=configuration.exits,
    )


def _card(facts: BotFacts) -> Card:
    return Card(
        id=new_id(),
        name=facts.name,
        file=str(facts.file),
        environment=facts.environment,
        venue=facts.venue,
        market=facts.market,
        pid=facts.pid,
        since=iso(facts.began_ms),
    )
