from __future__ import annotations

import math
import os
import statistics
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import attrs
import pytest

from perpmaker.model.order import Side
from perpmaker.simulation.event import SimulationEvent, TradePrinted
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market import DEFAULT_SHAPE, SyntheticMarket
from perpmaker.simulation.order import OrderRequest, TimeInForce
from perpmaker.simulation.rules import MARKETS

START_MS = 1_767_225_600_000
SPREAD = Decimal("0.0005")
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "20"))
"""How many sessions the statistics take; `--full` takes 200."""


def open_market(
    seed: int, market: str = "BTC-USDT", shape: str = DEFAULT_SHAPE
) -> tuple[Exchange, SyntheticMarket, list[SimulationEvent]]:
    """A synthetic market with its exchange and everything that happens there."""
    rules = MARKETS[market]
    synthetic = SyntheticMarket(rules.instrument, price=rules.price, seed=seed, start_ms=START_MS, shape=shape)
    exchange = Exchange(rules.instrument, synthetic, start_ms=START_MS)
    events: list[SimulationEvent] = []
    exchange.subscribe(events.append)

    return exchange, synthetic, events


@attrs.define
class NaiveQuoter:
    """Quotes both sides 0.05 % off the middle every five seconds, and closes what is filled at 0.05 % profit."""

    exchange: Exchange
    fills: int = 0
    targets: int = 0
    closes: int = 0
    next_ms: int = START_MS

    def act(self, now_ms: int) -> None:
        """Look, and do what is to be done."""
        self.exchange.advance(now_ms)
        position = self.exchange.account("a").positions[0]

        if position.lots and abs(position.lots) != self.closes:
            self.close(now_ms, position.amount, position.entry)
            self.fills += 1
        elif not position.lots and self.closes:
            self.closes = 0
            self.targets += 1
        elif not position.lots and now_ms >= self.next_ms:
            self.quote(now_ms)
            self.next_ms = now_ms + 5_000

    def close(self, now_ms: int, amount: Decimal, entry: Decimal) -> None:
        """Put the target where the position is."""
        self.exchange.cancel_all("a", now_ms)
        side = Side.SELL if amount > 0 else Side.BUY
        price = self.rounded(entry * (1 - side.sign * SPREAD), side)
        self.exchange.place("a", OrderRequest(side=side, amount=abs(amount), price=price, reduce_only=True), now_ms)
        self.closes = self.exchange.instrument.lots_down(abs(amount))

    def quote(self, now_ms: int) -> None:
        """Replace both quotes."""
        self.exchange.cancel_all("a", now_ms)
        bid, ask = self.exchange.best(Side.BUY), self.exchange.best(Side.SELL)
        assert bid is not None
        assert ask is not None
        middle = self.exchange.instrument.price(bid[0] + ask[0]) / 2

        for side in Side:
            price = self.rounded(middle * (1 - side.sign * SPREAD), side)
            request = OrderRequest(side=side, amount=Decimal("0.01"), price=price, time_in_force=TimeInForce.POST_ONLY)
            self.exchange.place("a", request, now_ms)

    def rounded(self, price: Decimal, side: Side) -> Decimal:
        """Away from the other side."""
        tick = self.exchange.instrument.tick

        return (price / tick).to_integral_value(ROUND_FLOOR if side is Side.BUY else ROUND_CEILING) * tick


def run_session(seed: int, polls_ms: int = 100) -> tuple[NaiveQuoter, list[SimulationEvent]]:
    """Forty-five seconds of a naive quoter in the market to practise on."""
    exchange, _, events = open_market(seed, shape="practice")
    exchange.open_account("a", Decimal(10_000))
    quoter = NaiveQuoter(exchange)

    for now_ms in range(START_MS, START_MS + 45_000, polls_ms):
        quoter.act(now_ms)

    return quoter, events


@pytest.mark.full
def test_naive_quoter_is_filled_in_every_session_and_takes_profit_in_nearly_all() -> None:
    """Over many seeds every 45 s session has a fill, and at least 95 % have a filled target."""
    sessions = [run_session(seed)[0] for seed in range(SEEDS)]

    assert all(quoter.fills for quoter in sessions)
    assert sum(quoter.targets > 0 for quoter in sessions) >= 0.95 * SEEDS


def test_same_seed_is_the_same_session() -> None:
    """Every event of two sessions with one seed is equal, and another seed is another market."""
    assert run_session(7)[1] == run_session(7)[1]
    assert run_session(7)[1] != run_session(8)[1]


def test_market_does_not_depend_on_when_it_is_looked_at() -> None:
    """Polling every 37 ms or once a minute shows the same trades and the same ladder."""
    often, _, seen_often = open_market(3)
    seldom, _, seen_seldom = open_market(3)

    for now_ms in range(START_MS, START_MS + 20_000, 37):
        often.advance(now_ms)

    often.advance(START_MS + 20_000)
    seldom.advance(START_MS + 20_000)
    assert seen_often == seen_seldom
    assert often.depth() == seldom.depth()


def test_every_market_has_a_deep_ladder_and_five_trades_a_second_on_both_sides() -> None:
    """Twenty levels a side around a touch of at most a few ticks, and people who take from both."""
    for market in sorted(MARKETS):
        exchange, _, events = open_market(1, market)
        exchange.advance(START_MS + 60_000)
        depth = exchange.depth()
        trades = [event for event in events if isinstance(event, TradePrinted)]

        assert (len(depth.bids), len(depth.asks)) == (20, 20)
        assert 0 < depth.asks[0][0] - depth.bids[0][0] <= 5
        assert len({trade.now_ms for trade in trades}) >= 300
        assert {trade.taker for trade in trades} == set(Side)


@pytest.mark.full
def test_price_of_practice_wanders_as_much_as_it_says_and_comes_back() -> None:
    """The spread of the price is that of the process: sigma over the root of twice the pull, about 0.095 %."""
    exchange, market, _ = open_market(11, shape="practice")
    deviations = []

    for second in range(1_500):
        exchange.advance(START_MS + second * 1_000)
        deviations.append(math.log(market.price / 60_000))

    expected = 0.0005 / math.sqrt(2 * math.log(2) / 5)
    assert statistics.stdev(deviations) == pytest.approx(expected, rel=0.15)
    assert statistics.mean(deviations) == pytest.approx(0, abs=expected / 4)


def test_jump_moves_the_price_for_good_and_a_pause_stops_the_trades() -> None:
    """After a jump of 2 % the market goes on around the new price; paused, nobody takes."""
    exchange, market, events = open_market(2)
    market.jump(1.02)
    exchange.advance(START_MS + 5_000)
    assert exchange.mark == pytest.approx(Decimal(61_200), rel=Decimal("0.01"))

    market.paused = True
    events.clear()
    exchange.advance(START_MS + 10_000)
    assert not any(isinstance(event, TradePrinted) for event in events)
