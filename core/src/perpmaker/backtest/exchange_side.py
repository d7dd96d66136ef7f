"""The exchange's way through the columns: what concerns an account happens one by one, all else at once.

A message that touches no price at which an account has an order, and fires nothing, changes only the crowd's book.
Such messages are passed over, and made up for together before the next that matters. What remains is given to the
simulated exchange as a recording gives it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from perpmaker.backtest.column_market import ColumnMarket, Middle, market_event_of
from perpmaker.backtest.columns import BOUGHT, CHANGE, MARK, NS_PER_MS, SNAPSHOT, SOLD
from perpmaker.backtest.loop import (
    first_of_kind,
    first_special,
    last_settled,
)
from perpmaker.backtest.timeline import Segment, Timeline
from perpmaker.backtest.watch import Watch, look, next_of_orders
from perpmaker.model.event import MarkChanged
from perpmaker.model.order import Side
from perpmaker.paper.event_translation import market_event
from perpmaker.simulation.event import LevelsChanged, MarkUpdated, SimulationEvent, TradePrinted
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market_access import MarketAccess

ACCOUNT: Final = "backtest"

_PUBLIC: Final = (LevelsChanged, TradePrinted)


@attrs.frozen(kw_only=True)
class Patch:
    """What the venue's stream shows of a level with an order of ours, from a message of this number on.

    `is_before`: that was so before the message, which may tell of the level anew.
    """

    number: int
    is_before: bool
    side: Side
    ticks: int
    lots: int


class ExchangeSide:
    """The exchange and its place in the timeline. `patches` and `marks` are for the bot's way through it.

    `tell` is given what happens to the account, as it happens, with its time in nanoseconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        market: ColumnMarket,
        timeline: Timeline,
        tell: Callable[[SimulationEvent, int], None],
    ) -> None:
        self.exchange = exchange
        self.patches: deque[Patch] = deque()
        self.marks: deque[tuple[int, MarkChanged]] = deque()
        self.now_ns = exchange.now_ms * NS_PER_MS
        self.lag_ns = 0
        self.segment_number = 0
        self._at = 0
        self._from = 0
        self._market = market
        self._timeline = timeline
        self._tell = tell
        self._watch = Watch()
        self._is_changed = True
        self._is_news = self._is_before = False
        self._shown: dict[tuple[Side, int], int] = {}
        self._number = 0
        exchange.subscribe(self._note)

    # --- going on

    def begin(self, segment_number: int, message: int) -> None:
        """Go on from a message, those before it having been taken in."""
        self.segment_number, self._at, self._from = segment_number, message, message

    def advance(self, limit_ns: int) -> bool:
        """Let happen what happens until then, at most until there is news for the account, which is returned."""
        while (segment := self._timeline.segment(self.segment_number)) is not None:
            end = bisect_right(segment.at_exchange, limit_ns, self._at, segment.size)

            while self._at < end:
                found = self._next(segment, end)
                self._at = found

                if found == end:
                    break

                self._number = segment.first + found
                self.now_ns = max(self.now_ns, segment.at_exchange[found])
                self.lag_ns = segment.at_bot[found] - segment.at_exchange[found]
                self._take(segment, found)
                self._at = found + 1

                if self._is_news:
                    self._is_news = False
                    return True

            if self._at < segment.size:
                break

            self._catch_up(segment)
            self.segment_number += 1
            self._at = self._from = 0

        if segment is not None and self._at:
            self.lag_ns = segment.at_bot[self._at - 1] - segment.at_exchange[self._at - 1]

        self.now_ns = max(self.now_ns, limit_ns)

        return False

    def act(self, now_ns: int, act: Callable[[int], None]) -> None:
        """Do something at the exchange at this time, given in milliseconds; its book is as of now."""
        segment = self._timeline.segment(self.segment_number)

        if segment is not None:
            self._catch_up(segment)
            self._number = segment.first + self._at

        self.now_ns = max(self.now_ns, now_ns)
        act(self.now_ms)
        self._is_before = True
        self._show(())
        self._is_before = self._is_news = False

    @property
    def now_ms(self) -> int:
        """The exchange's time, which never goes back."""
        return max(self.exchange.now_ms, self.now_ns // NS_PER_MS)

    @property
    def due_ns(self) -> int:
        """When something happens by itself next: funding, a dead-man switch, the end of an order."""
        return self.exchange.next_due_ms * NS_PER_MS

    # --- what concerns the account

    def _next(self, segment: Segment, end: int) -> int:
        """The next message that concerns the account. `end` where none before it does."""
        chunk, first, watch = segment.chunk, self._at, self._watched()
        kinds = chunk.kind

        if watch.is_careful:
            return first

        end = first_special(segment.special, first, end)

        if self._market.follower.makes_mark:
            due = bisect_left(segment.at_exchange, self._market.follower.middle_due_ms * NS_PER_MS, first, end)
            end = first_of_kind(kinds, CHANGE, due, end)

        return end if watch.is_idle else next_of_orders(segment, watch, first, end)

    def _watched(self) -> Watch:
        if self._is_changed:
            self._is_changed = False
            self._watch = look(self.exchange, self._access, ACCOUNT)

        return self._watch

    def _take(self, segment: Segment, message: int) -> None:
        """Let one message have its effect."""
        kind = segment.chunk.kind[message]

        if kind == CHANGE and self._touch(segment, message):
            self._make_mark(segment, message)
            return

        if kind in {BOUGHT, SOLD} and self._let_pass(segment, message):
            return

        watch = self._watched()

        if kind != MARK or watch.holds or watch.has_stops:
            self._catch_up(segment)

        event = market_event_of(segment, message)
        self._market.tell(event, self.now_ms)
        self.exchange.advance(self.now_ms)

        if kind != MARK or self._from == message:  # a mark changes no book: what comes before it is made up for later
            self._from = message + 1

        chunk = segment.chunk
        touched = [(Side.BUY, ticks) for ticks, _ in chunk.bids(message, message + 1)] if kind == CHANGE else []
        touched += [(Side.SELL, ticks) for ticks, _ in chunk.asks(message, message + 1)] if kind == CHANGE else []

        if kind == SNAPSHOT:
            self._shown.clear()

        if watch.bids or watch.asks or self._is_changed:
            self._show(touched)

    def _touch(self, segment: Segment, message: int) -> bool:
        """Whether a difference only touches the queues that our orders stand in, which is done then."""
        watch, chunk = self._watched(), segment.chunk

        if (
            watch.is_careful
            or (self._is_mark_due(segment, message) and segment.book_ms[message] < segment.traded_ms[message])
            or 0 < chunk.best_ask[message] <= watch.highest_bid
            or chunk.best_bid[message] >= watch.lowest_ask
        ):
            return False

        found = []

        for side, watched, rows in (
            (Side.BUY, watch.bids, chunk.bids(message, message + 1)),
            (Side.SELL, watch.asks, chunk.asks(message, message + 1)),
        ):
            if watched:
                book = self._access.side(side)
                found += [(side, book, ticks, lots) for ticks, lots in rows if ticks in watched]

        if any(book.has_taken(ticks) for _, book, ticks, _ in found):
            return False

        for side, book, ticks, lots in found:
            book.touch(ticks, lots, settled=segment.book_ms[message] >= segment.traded_ms[message])
            self._patch(side, ticks, lots + book.queued_at(ticks))

        return True

    def _make_mark(self, segment: Segment, message: int) -> None:
        """Have the middle of the book become the mark price, where it is that, and it is time."""
        chunk, watch = segment.chunk, self._watched()

        if not self._is_mark_due(segment, message):
            return

        if watch.holds or watch.has_stops:
            self._at = message + 1
            self._catch_up(segment)

        self._market.tell(Middle(chunk.best_bid[message], chunk.best_ask[message]), self.now_ms)
        self.exchange.advance(self.now_ms)

        if self._is_changed:
            self._show(())

    def _is_mark_due(self, segment: Segment, message: int) -> bool:
        follower = self._market.follower

        return follower.makes_mark and segment.at_exchange[message] >= follower.middle_due_ms * NS_PER_MS

    def _let_pass(self, segment: Segment, message: int) -> bool:
        """Whether a trade only moves a queue of ours forward, which is done then."""
        watch, chunk = self._watched(), segment.chunk
        ticks, lots, is_sale = chunk.last[message], chunk.value[message], chunk.kind[message] == SOLD
        best = watch.highest_bid if is_sale else watch.lowest_ask
        venue_ms = chunk.venue[message] // NS_PER_MS

        if watch.is_careful or ticks != best or watch.falls_to >= ticks or watch.rises_to <= ticks:
            return False

        if self._market.follower.is_lost or venue_ms <= self._market.follower.known_since_ms:
            return False

        side = self._access.side(Side.BUY if is_sale else Side.SELL)

        return side.let_pass(ticks, lots, late=venue_ms <= segment.book_ms[message])

    # --- what was passed over

    def _catch_up(self, segment: Segment) -> None:
        """Have the crowd's book follow what was passed over."""
        first, end, chunk = self._from, self._at, segment.chunk
        self._from = end

        if first >= end or self._market.follower.is_lost:
            return

        access, kinds = self._access, chunk.kind
        settled = last_settled(kinds, CHANGE, segment.book_ms, segment.traded_ms, first, end)

        if settled >= first:
            access.side(Side.BUY).follow(chunk.bids(first, settled + 1))
            access.side(Side.SELL).follow(chunk.asks(first, settled + 1))

        for message in range(max(first, settled + 1), end):
            self._pass_over(segment, message)

        self._market.follower.skip(segment.book_ms[end - 1], segment.traded_ms[end - 1])
        access.set_last(chunk.last[end - 1])

    def _pass_over(self, segment: Segment, message: int) -> None:
        """Have the crowd's book follow a trade, or a difference that does not know of one."""
        chunk, access = segment.chunk, self._access

        match chunk.kind[message]:
            case k if k in {BOUGHT, SOLD}:
                venue_ms = chunk.venue[message] // NS_PER_MS

                if segment.book_ms[message] < venue_ms > self._market.follower.known_since_ms:
                    side = access.side(Side.SELL if k == BOUGHT else Side.BUY)
                    side.pass_by(chunk.last[message], chunk.value[message])
            case k if k == CHANGE:
                access.side(Side.BUY).change_crowd(list(chunk.bids(message, message + 1)), settled=False)
                access.side(Side.SELL).change_crowd(list(chunk.asks(message, message + 1)), settled=False)

    # --- what the bot will see

    def _show(self, touched: Iterable[tuple[Side, int]]) -> None:
        """Note what the venue's stream shows of the levels with orders of ours, where that is news."""
        access = self._access
        watched = {(side, ticks) for side in Side for ticks in access.side(side).watched}
        again = watched.intersection(touched)

        for side, ticks in [*self._shown]:
            if (side, ticks) not in watched:
                del self._shown[side, ticks]
                self.patches.append(self._patch_of(side, ticks, access.side(side).told_at(ticks)))

        for side, ticks in sorted(watched, key=_order):
            lots = access.side(side).told_at(ticks)

            if (side, ticks) in again or self._shown.get((side, ticks)) != lots:
                self._patch(side, ticks, lots)

    def _patch(self, side: Side, ticks: int, lots: int) -> None:
        self._shown[side, ticks] = lots
        self.patches.append(self._patch_of(side, ticks, lots))

    def _patch_of(self, side: Side, ticks: int, lots: int) -> Patch:
        return Patch(number=self._number, is_before=self._is_before, side=side, ticks=ticks, lots=lots)

    @property
    def _access(self) -> MarketAccess:
        access = self._market.access
        assert access is not None  # noqa: S101  # the exchange has made its first step
        return access

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, MarkUpdated):
            translated = market_event(event)

            if isinstance(translated, MarkChanged):
                self.marks.append((self._number, translated))
                self._is_news = True
        elif not isinstance(event, _PUBLIC):
            self._is_changed = self._is_news = True
            self._tell(event, self.now_ns)


def _order(one: tuple[Side, int]) -> tuple[int, int]:
    return one[0].sign, one[1]
