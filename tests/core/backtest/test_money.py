"""A day over a market that is made for it: what every order, fee, funding and liquidation comes to, by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.backtest.columns import NS, NS_PER_MS, ColumnFile
from perpmaker.backtest.driver import Driver, Window
from perpmaker.backtest.exchange_side import ACCOUNT
from perpmaker.backtest.latency import OrderLatency
from perpmaker.backtest.timeline import Feed
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import Side
from perpmaker.simulation.order import OrderRequest, TimeInForce
from perpmaker.simulation.statement import Assets, Income

HOUR_S = 3_600
ALIVE_S = 4
"""Less than the age from which exits take a book for old, and look four times a second whether it is alive again."""

DAY_NS = 1_700_006_400 * NS  # 2023-11-15T00:00:00Z
BID, ASK = 599_999, 600_001
NOBODY = (
    "order_refresh_time=600",
    "bid_spread=50",
    "ask_spread=50",
    "order_levels=1",
    "long_profit_taking_spread=99",
    "stop_loss_spread=95",
)
"""Quotes that nobody reaches: what happens is what the test orders."""


@attrs.define
class Day:
    """A day of a market that stands still, but for what a test makes of it."""

    tape: Any

    def begin(self) -> None:
        """Midnight: a book, and a mark price whose first settlement is at 08:00."""
        self.tape.at_ns, self.tape.lag_ms = DAY_NS, 0
        self.tape.snapshot([(BID, 100_000), (BID - 10, 100_000)], [(ASK, 100_000), (ASK + 10, 100_000)])
        self.mark("60000", "0.0001")

    def go_to(self, hour: float, price: str, rate: str) -> None:
        """Let time pass to an hour of the day: a mark a minute, and a sign of life of the book before it is old."""
        while self.tape.at_ns + 60 * NS < DAY_NS + round(hour * HOUR_S * NS):
            for _ in range(60 // ALIVE_S):
                self.tape.wait(ALIVE_S).depth()

            self.mark(price, rate)

    def mark(self, price: str, rate: str) -> None:
        """Tell a mark price; the next settlement is at 08:00, 16:00 or midnight."""
        passed_s = (self.tape.at_ns - DAY_NS) // NS
        settled_ms = (DAY_NS // NS + (passed_s // (8 * HOUR_S) + 1) * 8 * HOUR_S) * 1_000
        self.tape.mark(price, rate, settled_ms)


@pytest.fixture
def day(tape: Any) -> Day:
    """A day that has begun."""
    made = Day(tape)
    made.begin()

    return made


@pytest.fixture
def play(make_plan: Callable[..., Any]) -> Callable[..., Driver]:
    """Runs columns with orders that come at hours of the day, as (hour, side, lots)."""

    def run(
        columns: ColumnFile, orders: Sequence[tuple[float, Side, int]], *, balance: str = "10000", bnb: str = ""
    ) -> Driver:
        driver = Driver(
            make_plan(*NOBODY),
            columns,
            balance=Decimal(balance),
            latency=OrderLatency.fixed(0),
            feed=Feed(lag_ns=0),
            window=Window(),
        )
        exchange = driver.desk.exchange

        if bnb:
            assets = Assets(others={"BNB": (Decimal(bnb), Decimal(300))}, fee_asset="BNB")
            exchange.set_assets(ACCOUNT, assets, exchange.now_ms)

        for number, (hour, side, lots) in enumerate(orders):
            request = OrderRequest(
                side=side,
                amount=columns.foot.instrument.amount(lots),
                price=None,
                time_in_force=TimeInForce.GTC,
                client_id=f"by-hand-{number}",
            )

            def arrive(now_ns: int, request: OrderRequest = request) -> tuple[()]:
                driver.exchange_side.act(now_ns, lambda now_ms: exchange.place(ACCOUNT, request, now_ms))

                return ()

            driver._agenda.put(DAY_NS + round(hour * HOUR_S * NS), 0, arrive)

        for _ in driver.run():
            pass

        return driver

    return run


def booked(driver: Driver) -> list[Income]:
    """What has changed the wallets after the opening."""
    return [*driver.desk.exchange.income(ACCOUNT)][1:]


@pytest.mark.full
def test_a_day_with_three_fundings_and_fees_in_two_assets(
    day: Day, columns: Callable[..., ColumnFile], play: Callable[..., Driver]
) -> None:
    """1 BTC is bought at 60,000.1, and sold at 59,999.9 after the second settlement; the third finds nothing.

    Fees are 0.05 %: in BNB at 300 until there is not enough of it, then in USDT.
    """
    day.go_to(8.5, "60000", "0.0001")
    day.go_to(16.5, "61000", "-0.00025")
    day.go_to(24.5, "60500", "0.0003")
    driver = play(columns(day.tape.save()), [(1.0, Side.BUY, 1_000), (20.0, Side.SELL, 1_000)], bnb="0.15")
    state = driver.desk.exchange.account(ACCOUNT)

    bought, sold = Decimal("60000.1"), Decimal("59999.9")
    fee_in_bnb = (bought * Decimal("0.0005") / 300).quantize(Decimal("1e-8"))
    fee_in_usdt = sold * Decimal("0.0005")
    fundings = [-Decimal(60_000) * Decimal("0.0001"), Decimal(61_000) * Decimal("0.00025")]
    found = booked(driver)

    assert fee_in_bnb == Decimal("0.10000017")
    assert [(one.now_ms, one.amount) for one in found if one.kind is IncomeKind.FUNDING] == [
        (DAY_NS // NS_PER_MS + 8 * HOUR_S * 1_000, fundings[0]),
        (DAY_NS // NS_PER_MS + 16 * HOUR_S * 1_000, fundings[1]),
    ]
    assert [(one.asset, one.amount) for one in found if one.kind is IncomeKind.FEE] == [
        ("BNB", -fee_in_bnb),
        ("USDT", -fee_in_usdt),
    ]
    assert state.wallet == 10_000 + sum(fundings) + (sold - bought) - fee_in_usdt
    assert [other.wallet for other in state.others] == [Decimal("0.15") - fee_in_bnb]
    assert driver.equity == state.wallet


def test_a_liquidation_by_hand(day: Day, columns: Callable[..., ColumnFile], play: Callable[..., Driver]) -> None:
    """1 BTC long with 6,500 USDT behind it: at a mark of 53,700 the margin is below 0.5 % of it, and it is closed.

    It is sold at the best bid for a taker fee and 1.25 %; what is missing then, the insurance fund pays.
    """
    day.go_to(0.2, "60000", "0")
    low = 537_000
    bids, asks = [(low - 1, 100_000)], [(low + 1, 100_000)]
    day.tape.wait(60).depth([(BID, 0), (BID - 10, 0), *bids], [(ASK, 0), (ASK + 10, 0), *asks])
    day.mark("53700", "0")
    day.go_to(0.3, "53700", "0")
    driver = play(columns(day.tape.save()), [(0.1, Side.BUY, 1_000)], balance="6500")
    state, found = driver.desk.exchange.account(ACCOUNT), booked(driver)

    bought, sold = Decimal("60000.1"), Decimal("53699.9")
    opening_fee = bought * Decimal("0.0005")
    closing_fee = sold * Decimal("0.0005")
    left = 6_500 - opening_fee + (sold - bought) - closing_fee
    charged = min(sold * Decimal("0.0125"), left)

    assert [(one.kind, one.amount) for one in found] == [
        (IncomeKind.FEE, -opening_fee),
        (IncomeKind.REALIZED, sold - bought),
        (IncomeKind.FEE, -closing_fee),
        (IncomeKind.LIQUIDATION_FEE, -charged),
    ]
    assert state.wallet == left - charged
    assert [position.lots for position in state.positions] == [0]
