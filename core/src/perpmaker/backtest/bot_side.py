"""The bot's way through the columns: it hears of each message some time after the exchange, and decides when it must.

Messages within the bounds of what was decided last are not given to the trader one by one: it gets what they amount to
before the next one that matters, as a live bot gets what has waited for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator

import attrs

from perpmaker.backtest.agenda import NEVER
from perpmaker.backtest.columns import BOUGHT, CHANGE, LOST, MARK, NS_PER_MS, SOLD
from perpmaker.backtest.exchange_side import Patch
from perpmaker.backtest.loop import first_outside, first_special
from perpmaker.backtest.timeline import Segment, Timeline
from perpmaker.decision.bounds import FAR, Bounds
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, Event, MarkChanged, Traded
from perpmaker.model.order import Side


@attrs.define(kw_only=True)
class BotSide:
    """The bot's place in the timeline. `patches` and `marks` are what the exchange's side has for it."""

    timeline: Timeline
    patches: deque[Patch]
    marks: deque[tuple[int, MarkChanged]]
    bounds: Bounds = attrs.field(factory=Bounds)
    segment_number: int = 0
    _at: int = 0
    _bids: list[tuple[int, int]] = attrs.field(factory=list)
    _asks: list[tuple[int, int]] = attrs.field(factory=list)
    _changed_ms: int | None = None
    _trade: Traded | None = None
    _last_ns: int = 0

    def begin(self, segment_number: int, message: int) -> None:
        """Go on from a message, those before it having been taken in."""
        self.segment_number, self._at = segment_number, message

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to hear."""
        return self._segment() is None

    def next_ns(self, limit_ns: int) -> int:
        """When the bot hears next of what it has to look at, or comes to the end of a segment. NEVER past the limit."""
        segment = self._segment()

        if segment is None:
            return NEVER

        end = bisect_right(segment.at_bot, limit_ns, self._at, segment.size)
        found = self._next(segment, end)

        if found < end:
            return segment.at_bot[found]

        return segment.at_bot[segment.size - 1] if end == segment.size else NEVER

    def hear(self, now_ns: int) -> tuple[list[Event], int]:
        """Return what the messages until then amount to, and when the last of them came (0: there was none)."""
        events: list[Event] = []
        self._last_ns = 0

        while (segment := self._segment()) is not None:
            end = bisect_right(segment.at_bot, now_ns, self._at, segment.size)

            if end > self._at:
                self._last_ns = segment.at_bot[end - 1]
                events.extend(self._gathered(segment, end))

            if end < segment.size:
                break

            self.segment_number += 1
            self._at = 0

        events.extend(self._amount())

        return events, self._last_ns

    def _segment(self) -> Segment | None:
        return self.timeline.segment(self.segment_number)

    def _next(self, segment: Segment, end: int) -> int:
        """The first message that has to be looked at. `end` where none before it has."""
        chunk, first, bounds = segment.chunk, self._at, self.bounds

        end = first_special(segment.special, first, end)

        if self.marks and (number := self.marks[0][0] - segment.first) < end:
            end = max(number, first)

        end = first_outside(chunk.best_bid, bounds.bid_low, bounds.bid_high, first, end)
        end = first_outside(chunk.best_ask, bounds.ask_low, bounds.ask_high, first, end)

        if bounds.trade_low > -FAR or bounds.trade_high < FAR:
            end = first_outside(chunk.last, bounds.trade_low, bounds.trade_high, first, end)

        return end

    def _gathered(self, segment: Segment, end: int) -> Iterator[Event]:
        """Take in the messages up to `end`; yield what has to be told by itself, and what came before it."""
        kinds = segment.chunk.kind

        while self._at < end:
            special = first_special(segment.special, self._at, end)
            own = self.marks[0][0] - segment.first if self.marks else end
            stop = min(special, own if own < end and kinds[max(own, 0)] != MARK else end)

            if stop == special:
                self._take(segment, special)

                if special < end:
                    yield from self._amount()
                    yield from self._special(segment, special)
                    self._at = special + 1
            else:
                self._take(segment, stop + 1)
                yield from self._amount()
                yield self.marks.popleft()[1]

    def _take(self, segment: Segment, end: int) -> None:
        """Take in messages of book and trades only."""
        first, chunk, kinds = self._at, segment.chunk, segment.chunk.kind
        self._at = max(end, first)

        if first >= end:
            return

        changed = _last_of(kinds, (CHANGE,), first, end)

        if changed >= first:
            place = first

            while self.patches and self.patches[0].number <= segment.first + changed:
                patch = self.patches.popleft()
                upto = max(patch.number - segment.first + (not patch.is_before), place)
                self._rows(segment, place, upto)
                place = upto
                (self._bids if patch.side is Side.BUY else self._asks).append((patch.ticks, patch.lots))

            self._rows(segment, place, changed + 1)
            self._changed_ms = segment.at_exchange[changed] // NS_PER_MS

        traded = _last_of(kinds, (BOUGHT, SOLD), first, end)

        if traded >= first:
            self._trade = Traded(
                ticks=chunk.last[traded],
                lots=chunk.value[traded],
                taker=Side.BUY if kinds[traded] == BOUGHT else Side.SELL,
                venue_ms=segment.at_exchange[traded] // NS_PER_MS,
            )

    def _rows(self, segment: Segment, first: int, end: int) -> None:
        self._bids.extend(segment.chunk.bids(first, end))
        self._asks.extend(segment.chunk.asks(first, end))

    def _amount(self) -> Iterator[Event]:
        """Yield what was taken in, as one difference and one trade."""
        if self._changed_ms is not None:
            yield BookChanged(tuple(self._bids), tuple(self._asks), self._changed_ms)
            self._bids, self._asks, self._changed_ms = [], [], None

        if self._trade is not None:
            yield self._trade
            self._trade = None

    def _special(self, segment: Segment, message: int) -> Iterator[Event]:
        chunk = segment.chunk

        match chunk.kind[message]:
            case k if k == MARK:
                yield self.marks.popleft()[1]
            case k if k == LOST:
                yield BookLost(reason=str(chunk.texts[chunk.value[message]]))
            case _:
                bids, asks = dict(chunk.bids(message, message + 1)), dict(chunk.asks(message, message + 1))

                while self.patches and self.patches[0].number <= segment.first + message:
                    patch = self.patches.popleft()

                    if patch.number == segment.first + message and not patch.is_before:
                        (bids if patch.side is Side.BUY else asks)[patch.ticks] = patch.lots

                venue_ms = segment.at_exchange[message] // NS_PER_MS
                yield BookSnapshot(bids=tuple(bids.items()), asks=tuple(asks.items()), venue_ms=venue_ms)


def _last_of(kinds: list[int], wanted: Iterable[int], first: int, end: int) -> int:
    """Return the last message of one of these kinds. `first - 1` where there is none."""
    message = end - 1

    while message >= first and kinds[message] not in wanted:
        message -= 1

    return message
