"""A stop that goes by the last trade: one that is old, and that the book has moved on from, is no price any more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.exits.exits import Exits
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_book, make_instrument, make_position, make_view

KEYS = {"stop_loss_spread": 3, "stop_loss_trigger": "last", "long_profit_taking_spread": 5, "venue_backstop": False}


def held(**keys: Any) -> Scenario:
    """A long of 1 at 99.9 after a trade at 99.9; from now on nobody trades, and the market lives."""
    scenario = Scenario({**KEYS, **keys})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.trade("sell", "0.1")
    scenario.advance(1)
    assert scenario.position() == "long 1 at 99.9"

    return scenario


@pytest.mark.each_value
@pytest.mark.parametrize("order", ["limit", "market"])
@pytest.mark.parametrize("silent", [False, True])
def test_A1_old_trade_a_stop_by_the_last_trade_fires_when_nobody_trades(order: str, *, silent: bool) -> None:
    """Book and mark fall, no trade does: 5 s after the last trade the best bid decides; its channel may live on."""
    scenario = held(stop_loss_order=order)

    if silent:
        scenario.silence("trades")

    scenario.book(bid="96.5", ask="96.7")
    scenario.mark("96.6")
    scenario.advance(3)
    assert scenario.position() == "long 1 at 99.9"
    scenario.advance(4)
    assert scenario.position() == "flat"


def test_A1_old_trade_fires_at_once_when_it_has_been_old_for_long() -> None:
    """A minute without a trade, then the market falls: there is nothing to wait for."""
    scenario = held(stop_loss_order="market")
    scenario.advance(60)
    scenario.book(bid="96.5", ask="96.7")
    scenario.advance(1)
    assert scenario.position() == "flat"


def test_A1_old_trade_that_the_book_has_not_moved_on_from_still_counts() -> None:
    """A thin market: bids are taken off, the asks stay, and the last trade lies between them: nothing fires."""
    scenario = held(stop_loss_order="market")
    scenario.advance(60)
    scenario.book(bid="96.5", ask="100.1")
    scenario.advance(10)
    assert scenario.position() == "long 1 at 99.9"
    scenario.book(bid="96.5", ask="99.8")
    scenario.advance(1)
    assert scenario.position() == "flat"


def test_A1_old_trade_of_every_side() -> None:
    """Long, short, and each side of Hedge: fresh it counts, and says when it is old; old and left behind it does not.

    One that is old and still in the book wakes the decision when the book leaves it.
    """
    for side, sign in [(PositionSide.NET, 1), (PositionSide.NET, -1), (PositionSide.LONG, 1), (PositionSide.SHORT, -1)]:
        settings = ExitSettings(stop_loss_spread=Decimal("0.03"), stop_loss_trigger="last", stop_loss_order="market")
        exits = Exits(settings, make_instrument())
        beyond = 10000 - sign * 400
        fields: dict[str, Any] = {
            "positions": make_position(str(sign), side=side),
            "position_mode": PositionMode.ONE_WAY if side is PositionSide.NET else PositionMode.HEDGE,
            "last_trade": 10000,
        }
        fallen = {**fields, "book": make_book(beyond - 5, beyond + 5)}
        fresh = exits.decide(make_view(**fallen, last_trade_age_s=4.0))
        assert not fresh.no_quotes_for
        assert fresh.wake.at == pytest.approx(1001.0)
        assert exits.decide(make_view(**fallen, last_trade_age_s=5.0)).no_quotes_for == {side}

        calm = exits.decide(make_view(**fields, book=make_book(9999, 10001), last_trade_age_s=60.0)).wake
        assert calm.holds(1001.0, bid=9999, ask=10001, trade=10000)
        assert not calm.holds(1001.0, bid=beyond - 5, ask=beyond + 5, trade=10000)

        left = exits.decide(make_view(**fields, book=make_book(9900, 9901), last_trade_age_s=60.0)).wake
        assert not left.holds(1001.0, bid=9900, ask=9901, trade=beyond)
