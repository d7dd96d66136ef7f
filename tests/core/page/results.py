"""Results as tests of pages need them: a plain one, and one of any length."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import attrs

from perpmaker.backtest.builder import ResultBuilder
from perpmaker.backtest.result import Assumptions, Gap, LatencyTrial, MarketFacts, Result, Whose
from perpmaker.execution.action import Place
from perpmaker.ledger.entries import FillEntry, IncomeEntry, MarkoutEntry
from perpmaker.model.event import OrderCancelled
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderType, PositionSide, Side, Slot

T0 = 1_767_268_800_000  # 2026-01-01T12:00:00Z
WHOSE = Whose(
    kind="journal",
    name="btc:BTC-USDT",
    environment="paper",
    connector="binance_perpetual",
    account="5e58be34b267",
    sources=("paper~binance_perpetual.sqlite3",),
    strategy="perpetual_market_making",
    program="0.1.0",
    settings={"order_amount": "0.01", "bid_spread": "0.05"},
    market=MarketFacts(
        market="BTC-USDT",
        base="BTC",
        quote="USDT",
        symbol="BTCUSDT",
        tick=Decimal("0.1"),
        lot=Decimal("0.001"),
        maker_fee=Decimal("0.0002"),
        funding_interval_h=8,
    ),
)


def long_result(steps: int = 200, seed: int = 1, levels: int = 2) -> Result:
    """A walk of the price, a quote on each side of each level anew in each step, and fills now and then."""
    random, builder = Random(seed), ResultBuilder(WHOSE, tick=Decimal("0.1"), lot=Decimal("0.001"))  # noqa: S311  # no secret
    builder.begin_run(T0, "r1")
    builder.mode(T0, "run")
    middle, held = 600_000, 0

    for step in range(steps):
        now_ms = T0 + step * 5_000
        middle += random.randint(-60, 60)
        price = Decimal(middle) / 10
        builder.look(now_ms, bid=middle - 1, ask=middle + 1, reference=price, mark=price)
        placed = []

        for level in range(levels):
            for side in Side:
                slot = Slot(OrderKind.QUOTE, side, level)
                ticks = middle - side.sign * 40 * (level + 1)
                client_id = f"pm-{step}-{side.value}-{level}"
                placed.append(NewOrder(client_id=client_id, slot=slot, lots=10, ticks=ticks, type=OrderType.POST_ONLY))

        builder.step(now_ms, actions=[Place(order=order) for order in placed], notices=[f"step {step}"])

        if random.random() < 0.4:
            side = Side.BUY if held < 0 or (held == 0 and random.random() < 0.5) else Side.SELL
            order = next(one for one in placed if one.side is side)
            held += side.sign
            builder.step(now_ms + 2_000, entries=_filled(str(step), order, price, now_ms + 2_000))

        gone = [OrderCancelled(client_id=one.client_id, cause=CancelCause.REQUESTED, venue_ms=now_ms) for one in placed]
        builder.step(now_ms + 4_000, gone)

        if step % 50 == 49:
            builder.book(now_ms, [_funding(step, now_ms)])

    builder.end_run(T0 + steps * 5_000)

    return builder.result(T0 + steps * 5_000)


def backtested(result: Result, total: str = "-1", factor: int = 3) -> Result:
    """The same as of a backtest, with what it was at a longer latency."""
    assumptions = Assumptions(
        order_latency_p50_ms=Decimal(100),
        order_latency_p99_ms=Decimal(1000),
        order_latency="100 ms, 1000 ms in the busiest seconds (no journal was named)",
        feed_latency="as recorded",
        queue="risk-averse",
        not_shown=("refusals", "own impact"),
        trials=(LatencyTrial(factor=factor, total=Decimal(total), fills=3),),
    )
    whose = attrs.evolve(result.whose, kind="backtest", environment="backtest", assumptions=assumptions)
    gap = Gap(from_ms=T0, until_ms=T0 + 61_000, reason="reconnected")

    return attrs.evolve(result, whose=whose, gaps=(gap,), notes=("the last file is cut",))


def _filled(number: str, order: NewOrder, mid: Decimal, at_ms: int) -> list[FillEntry | MarkoutEntry]:
    fill = FillEntry(
        trade_id=number,
        client_id=order.client_id,
        side=order.side,
        position_side=PositionSide.NET,
        price=Decimal(order.ticks or 0) / 10,
        amount=Decimal("0.01"),
        fee=Decimal("0.12"),
        fee_asset="USDT",
        maker=True,
        realized=Decimal("0.01"),
        own_profit=Decimal(0),
        venue_ms=at_ms,
        ours=True,
        what=OrderKind.QUOTE,
        mid=mid,
    )
    marks = [
        MarkoutEntry(trade_id=number, side=order.side, after_s=after_s, mid=mid + after_s, venue_ms=at_ms)
        for after_s in (1, 10, 60)
    ]

    return [fill, *marks]


def _funding(step: int, at_ms: int) -> IncomeEntry:
    return IncomeEntry(
        record=IncomeRecord(
            kind=IncomeKind.FUNDING,
            word="FUNDING_FEE",
            income_id=str(step),
            asset="USDT",
            amount=Decimal("-0.05"),
            venue_ms=at_ms,
            symbol="BTCUSDT",
        )
    )
