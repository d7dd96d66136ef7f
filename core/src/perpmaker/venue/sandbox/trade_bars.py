"""What was traded on a market, minute by minute: what candles and the figures of the last day are made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

from perpmaker.model.order import Side
from perpmaker.simulation.event import SimulationEvent, TradePrinted
from perpmaker.simulation.exchange import Exchange

MINUTE_MS: Final = 60_000
DAY_MINUTES: Final = 1440


@attrs.frozen(kw_only=True)
class Bar:
    """The trades of a span of time that begins at `begin_ms` of the exchange, in ticks and lots.

    `value` is the sum of ticks times lots. The `bought` figures are of trades whose taker bought.
    """

    begin_ms: int
    first: TradePrinted
    last: TradePrinted
    high: int
    low: int
    lots: int
    value: int
    bought_lots: int
    bought_value: int
    count: int

    def joined(self, later: Bar) -> Bar:
        """Return both as one, with the beginning of this one."""
        return Bar(
            begin_ms=self.begin_ms,
            first=self.first,
            last=later.last,
            high=max(self.high, later.high),
            low=min(self.low, later.low),
            lots=self.lots + later.lots,
            value=self.value + later.value,
            bought_lots=self.bought_lots + later.bought_lots,
            bought_value=self.bought_value + later.bought_value,
            count=self.count + later.count,
        )


class TradeBars:
    """The trades of the last day by the minute."""

    def __init__(self, exchange: Exchange) -> None:
        self._minutes: deque[Bar] = deque(maxlen=DAY_MINUTES)
        exchange.subscribe(self._note)

    def day(self, now_ms: int) -> Bar | None:
        """Return the last 24 hours as one, None where nothing was traded in them."""
        return _joined(bar for bar in self._minutes if bar.begin_ms > now_ms - DAY_MINUTES * MINUTE_MS)

    def bars(self, length_ms: int, now_ms: int) -> list[Bar]:
        """Return bars of so many whole minutes, oldest first, each without a trade at the price before it."""
        spans: dict[int, Bar] = {}

        for minute in self._minutes:
            begin_ms = minute.begin_ms // length_ms * length_ms
            known = spans.get(begin_ms)
            spans[begin_ms] = attrs.evolve(minute, begin_ms=begin_ms) if known is None else known.joined(minute)

        bars: list[Bar] = []

        for begin_ms in range(min(spans, default=now_ms + 1), now_ms + 1, length_ms):
            bars.append(spans[begin_ms] if begin_ms in spans else _standing(bars[-1], begin_ms))

        return bars

    def _note(self, event: SimulationEvent) -> None:
        if not isinstance(event, TradePrinted):
            return

        bar = _bar(event)

        if self._minutes and self._minutes[-1].begin_ms == bar.begin_ms:
            self._minutes[-1] = self._minutes[-1].joined(bar)
        else:
            self._minutes.append(bar)


def _bar(trade: TradePrinted) -> Bar:
    value = trade.ticks * trade.lots
    is_buy = trade.taker is Side.BUY

    return Bar(
        begin_ms=trade.now_ms // MINUTE_MS * MINUTE_MS,
        first=trade,
        last=trade,
        high=trade.ticks,
        low=trade.ticks,
        lots=trade.lots,
        value=value,
        bought_lots=trade.lots if is_buy else 0,
        bought_value=value if is_buy else 0,
        count=1,
    )


def _standing(before: Bar, begin_ms: int) -> Bar:
    price = before.last.ticks
    nothing = attrs.evolve(before, lots=0, value=0, bought_lots=0, bought_value=0, count=0)

    return attrs.evolve(nothing, begin_ms=begin_ms, first=before.last, high=price, low=price)


def _joined(bars: Iterable[Bar]) -> Bar | None:
    whole: Bar | None = None

    for bar in bars:
        whole = bar if whole is None else whole.joined(bar)

    return whole
