"""Looks at all running bots once a second, for all pages together, and tells each page what is new.

One that does not answer holds up no other. Where no page is open they are asked rarely.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import anyio
import attrs
import msgspec
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from perpmaker.backtest.result import Result
from perpmaker.control.card import Card
from perpmaker.page.bot_view import bot_view
from perpmaker.page.live_curve import LiveCurve
from perpmaker.report.status import Status, as_plain

LOOK_S: Final = 1.0
"""Seconds between two looks while a page is open."""

IDLE_S: Final = 5.0
"""Seconds between two looks while none is."""

MOST_PAGES: Final = 50
MOST_FILLS: Final = 300
MOST_GONE: Final = 10
"""Bots that are gone and still shown."""

READS: Final = 2
"""Looks after a fill at which the journal is read: what is counted already may be written a moment later."""

BACKLOG: Final = 3
"""Looks that a page may be behind; one that is further behind misses some, and begins again."""

RUNS, SILENT, GONE = "runs", "silent", "gone"


@attrs.frozen(kw_only=True)
class Seen:
    """A bot that runs, and what it said; None and why in words where it said nothing."""

    card: Card
    status: Status | None
    words: str = ""


@attrs.frozen(kw_only=True)
class LiveFill:
    """A fill of ours, for the chart and the list: `at` in seconds since 1970, `side` 1 or -1."""

    key: str
    at: float
    side: int
    price: float
    what: str
    words: str


class BotSource(Protocol):
    """Where bots are looked for."""

    async def look(self) -> Sequence[Seen]:
        """Return every bot that runs now."""

    async def last_words(self, card: Card) -> Status | None:
        """Return what a bot that is gone has said last; None where it said nothing."""

    async def fills(self, card: Card, status: Status) -> Sequence[LiveFill]:
        """Return the fills of a run that were not returned before, oldest first."""

    async def past(self, card: Card, status: Status) -> Result | None:
        """Return what the journal has of a run; None where it has nothing, or too much to be read now."""


@attrs.define(kw_only=True)
class WatchedBot:
    """One bot: what it said last, and its curve. `row` and `fills` are what was added since pages were told last."""

    card: Card
    state: str = RUNS
    words: str = ""
    status: Status | None = None
    curve: LiveCurve = attrs.field(factory=LiveCurve)
    known_fills: deque[LiveFill] = attrs.field(factory=lambda: deque(maxlen=MOST_FILLS))
    row: tuple[int, Sequence[Any]] | None = None
    fills: list[LiveFill] = attrs.field(factory=list)
    is_reading: bool = False
    _counted: int = -1
    _reads: int = 0

    def content(self) -> dict[str, Any]:
        """Return it as a page gets it each second."""
        view = None if self.status is None else as_plain(bot_view(self.status))
        row = (
            None if self.row is None else [self.row[0] / 1000, *(None if v is None else float(v) for v in self.row[1])]
        )

        return {
            "id": self.card.id,
            "name": self.card.name,
            "environment": self.card.environment,
            "market": f"{self.card.market} on {self.card.venue}",
            "state": self.state,
            "words": self.words,
            "view": view,
            "curve": self.curve.number,
            "row": row,
            "fills": [attrs.asdict(fill) for fill in self.fills],
        }

    def take(self, seen: Seen) -> bool:
        """Take in a look; whether the journal may have fills that are not known."""
        self.row = None

        if seen.status is None:
            self.state, self.words = SILENT, seen.words
            return False

        self.state, self.words, self.status = RUNS, "", seen.status
        self.row = self.curve.add(seen.status)
        count = seen.status.counters.fills

        if count != self._counted:
            self._counted, self._reads = count, READS

        if not self._reads or self.is_reading or seen.status.run_id is None:
            return False

        self._reads -= 1

        return True

    def lose(self, last: Status | None) -> None:
        """Take in that it is gone, and what it said last."""
        self.state, self.row = GONE, None
        is_its_own = last is not None and last.pid == self.card.pid
        known = last if is_its_own and (self.status is None or (last is not None and last.ended)) else self.status
        self.status = None if known is None else attrs.evolve(known, running=False)
        self.words = "" if self.status is not None else "It is gone, and has said nothing."


class Watch:
    """Looks at bots, and keeps what it has seen for pages that come. `bots` are those shown now."""

    def __init__(self, source: BotSource) -> None:
        self._source = source
        self.bots: dict[str, WatchedBot] = {}
        self._pages: set[MemoryObjectSendStream[bytes]] = set()
        self._number = 0
        self._wanted = anyio.Event()
        self._newest = b""

    async def run(self) -> None:
        """Look, until cancelled."""
        async with anyio.create_task_group() as group:
            while True:
                self._wanted = anyio.Event()
                began_at = anyio.current_time()
                await self._look(group)
                self._publish()
                left_s = (LOOK_S if self._pages else IDLE_S) - (anyio.current_time() - began_at)

                with anyio.move_on_after(max(0.05, left_s)):
                    await self._wanted.wait()

    @asynccontextmanager
    async def page(self) -> AsyncIterator[MemoryObjectReceiveStream[bytes] | None]:
        """Yield what a page is told, one JSON object after the other; None where too many pages are open."""
        if len(self._pages) >= MOST_PAGES:
            yield None
            return

        send, receive = anyio.create_memory_object_stream[bytes](BACKLOG)
        was_idle = not self._pages
        self._pages.add(send)

        if was_idle:
            self._wanted.set()
        elif self._newest:
            send.send_nowait(self._newest)

        try:
            with send, receive:
                yield receive
        finally:
            self._pages.discard(send)

    def status(self) -> bytes:
        """Return how all bots stand, as `status --json` says it of several."""
        known = [as_plain(bot.status) for bot in self.bots.values() if bot.status is not None]

        return msgspec.json.encode(known)

    def history(self, bot_id: str) -> bytes | None:
        """Return curve and fills of a bot; None for one that is not known."""
        bot = self.bots.get(bot_id)

        if bot is None:
            return None

        fills = [attrs.asdict(fill) for fill in bot.known_fills]

        return msgspec.json.encode({**bot.curve.content(), "fills": fills})

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _look(self, group: TaskGroup) -> None:
        found = {seen.card.id: seen for seen in await self._source.look()}

        for bot_id, bot in list(self.bots.items()):
            if bot_id not in found and bot.state != GONE:
                bot.lose(await self._source.last_words(bot.card))

        for bot_id, seen in found.items():
            if bot_id not in self.bots:
                self._forget_earlier(seen.card)
                self.bots[bot_id] = WatchedBot(card=seen.card)
                group.start_soon(self._remember, self.bots[bot_id])

            bot = self.bots[bot_id]

            if bot.take(seen) and seen.status is not None:
                bot.is_reading = True
                group.start_soon(self._read_fills, bot, seen.status)

        gone = [bot_id for bot_id, bot in self.bots.items() if bot.state == GONE]

        for bot_id in gone[:-MOST_GONE]:
            del self.bots[bot_id]

    def _forget_earlier(self, card: Card) -> None:
        """A bot that was started again takes the place of the one that is gone."""
        for bot_id, bot in list(self.bots.items()):
            if bot.state == GONE and (bot.card.file, bot.card.market) == (card.file, card.market):
                del self.bots[bot_id]

    async def _read_fills(self, bot: WatchedBot, status: Status) -> None:
        """Read what the journal has of fills, beside looking: it may be long."""
        try:
            found = await self._source.fills(bot.card, status)
            bot.known_fills.extend(found)
            bot.fills.extend(found)
        finally:
            bot.is_reading = False

    async def _remember(self, bot: WatchedBot) -> None:
        """Read what the journal has of a run, once the run is known: the chart begins where the run began."""
        while bot.state != GONE and (bot.status is None or bot.status.run_id is None):  # noqa: ASYNC110  # a look
            await anyio.sleep(LOOK_S)

        if bot.status is not None and bot.state != GONE:
            past = await self._source.past(bot.card, bot.status)

            if past is not None:
                bot.curve.begin_with(past.curve, past.pnl.unrealized_before)

    def _publish(self) -> None:
        self._number += 1
        bots = [bot.content() for bot in self.bots.values()]
        self._newest = msgspec.json.encode({"number": self._number, "bots": bots})

        for bot in self.bots.values():
            bot.fills.clear()

        for page in self._pages:
            try:
                page.send_nowait(self._newest)
            except (anyio.WouldBlock, anyio.BrokenResourceError):  # it misses this one, sees that, and begins again
                continue
