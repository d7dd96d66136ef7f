"""What was traded, by the minute: candles, and the figures of the last day."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.model.order import Side
from perpmaker.simulation.event import TradePrinted
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.rules import MARKETS
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.venue.sandbox import MINUTE_MS, TradeBars


def bars_of(*trades: tuple[int, int, int, Side]) -> TradeBars:
    """The bars of trades given as minute, ticks, lots and the taker's side."""
    market = ScriptedMarket(bids=[(599_999, 1000)], asks=[(600_001, 1000)], mark=Decimal(60_000))
    bars = TradeBars(Exchange(MARKETS["BTC-USDT"].instrument, market, start_ms=0))

    for number, (minute, ticks, lots, taker) in enumerate(trades, start=1):
        now_ms = minute * MINUTE_MS + number
        bars._note(TradePrinted(trade_id=number, ticks=ticks, lots=lots, taker=taker, now_ms=now_ms))

    return bars


def test_bars_join_the_minutes_and_stand_where_nothing_was_traded() -> None:
    """First, highest, lowest and last price, sums, and what takers bought; a gap has the price before it."""
    bars = bars_of((5, 100, 2, Side.BUY), (5, 90, 1, Side.SELL), (6, 120, 3, Side.BUY), (9, 110, 1, Side.SELL))
    minutes = bars.bars(MINUTE_MS, 10 * MINUTE_MS)

    assert [bar.begin_ms // MINUTE_MS for bar in minutes] == [5, 6, 7, 8, 9, 10]
    assert [(bar.first.ticks, bar.high, bar.low, bar.last.ticks) for bar in minutes[:3]] == [
        (100, 100, 90, 90),
        (120, 120, 120, 120),
        (120, 120, 120, 120),
    ]
    assert [(bar.lots, bar.value, bar.bought_lots, bar.bought_value, bar.count) for bar in minutes[:3]] == [
        (3, 290, 2, 200, 2),
        (3, 360, 3, 360, 1),
        (0, 0, 0, 0, 0),
    ]
    assert [(bar.begin_ms, bar.count) for bar in bars.bars(5 * MINUTE_MS, 10 * MINUTE_MS)] == [
        (5 * MINUTE_MS, 4),
        (10 * MINUTE_MS, 0),
    ]
    assert bars_of().bars(MINUTE_MS, MINUTE_MS) == []


def test_day_is_the_last_24_hours() -> None:
    """What is older does not count; a market without trades has no day."""
    bars = bars_of((0, 100, 1, Side.BUY), (1430, 50, 1, Side.BUY), (1450, 70, 2, Side.SELL))
    day = bars.day(1450 * MINUTE_MS)

    assert day is not None
    assert (day.first.ticks, day.last.ticks, day.lots) == (50, 70, 3)
    assert bars_of().day(0) is None
