"""A1: an end never moves a stop that rests on the venue further away, and goes by the price that the stop watches."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.exits.exits import Exits
from perpmaker.exits.last_stop import LastStop
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import OrderStatus, PositionMode, PositionSide, StopTrigger
from perpmaker.model.position import Position
from perpmaker.model.quote import VenueStop
from perpmaker.state.view import Mode
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_book, make_instrument, make_position, make_view, rest

SIDES = pytest.mark.parametrize("side", [PositionSide.NET, PositionSide.LONG, PositionSide.SHORT])
LEVEL, BACKSTOP, JUMP = {1: 9700, -1: 10300}, {1: 9625, -1: 10375}, {1: "96.90", -1: "103.10"}


def settings(order: str, **changes: Any) -> ExitSettings:
    """A stop 3 % away that watches the last trade."""
    return ExitSettings(
        **{
            "stop_loss_spread": Decimal("0.03"),
            "stop_loss_order": order,
            "stop_loss_trigger": "last",
            **changes,
        }
    )


def left(exits: ExitSettings, side: PositionSide, sign: int, **end: Any) -> list[tuple[int, StopTrigger, bool]]:
    """Rest the stop of a calm market, jump to what `end` is, end: (ticks, trigger, closes all) of the wanted stop."""
    mode = PositionMode.ONE_WAY if side is PositionSide.NET else PositionMode.HEDGE
    market = Exits(exits, make_instrument(), venue_stops=True)
    fields: dict[str, Any] = {
        "positions": make_position(str(sign), side=side),
        "position_mode": mode,
        "book": make_book(9990, 10010),
        "last_trade": 10000,
    }
    calm = market.decide(make_view(**fields))
    fields["orders"] = rest(calm.exits)
    wanted = market.decide(make_view(**{**fields, "mode": Mode.STOP, "exit_memory": calm.memory, **end}))

    return [(one.ticks, one.trigger, one.whole) for one in wanted.exits if isinstance(one, VenueStop)]


@SIDES
@pytest.mark.parametrize("order", ["venue", "limit", "market"])
def test_A1_the_stop_that_rests_is_not_moved_away_when_only_the_mark_price_has_jumped(
    order: str, side: PositionSide
) -> None:
    """Trigger `last`: a venue's stop stays at its level, a backstop where it rests, which is nearer than 1 % away."""
    sign = -1 if side is PositionSide.SHORT else 1
    stop = left(settings(order), side, sign, mark=Decimal(JUMP[sign]))
    expected = (LEVEL[sign], StopTrigger.LAST) if order == "venue" else (BACKSTOP[sign], StopTrigger.MARK)
    assert stop == [(*expected, True)]


@SIDES
def test_A1_a_venue_stop_that_watches_the_mark_stays_while_the_local_line_sees_an_old_one(side: PositionSide) -> None:
    """The mark price is beyond the level and too old to fire here: what rests at the level stays."""
    sign = -1 if side is PositionSide.SHORT else 1
    watches_mark = settings("venue", stop_loss_trigger="mark")
    stop = left(watches_mark, side, sign, mark=Decimal(JUMP[sign]), mark_age_s=9.0)
    assert stop == [(LEVEL[sign], StopTrigger.MARK, True)]


def test_A1_a_stop_further_away_than_its_level_is_still_moved_nearer() -> None:
    """The market is before the level: the backstop goes to the stop's own level."""
    assert left(settings("limit"), PositionSide.NET, 1, mark=Decimal("99.9")) == [(9700, StopTrigger.MARK, True)]


@pytest.mark.parametrize("status", [OrderStatus.UNKNOWN, OrderStatus.CANCELLING])
def test_A1_a_stop_that_may_not_rest_any_more_is_nothing_to_keep(status: OrderStatus) -> None:
    """A new one is placed past the market then."""
    market = Exits(settings("limit"), make_instrument(), venue_stops=True)
    fields: dict[str, Any] = {"positions": make_position("1"), "book": make_book(9990, 10010), "last_trade": 10000}
    orders = rest(market.decide(make_view(**fields)).exits, status)
    wanted = market.decide(make_view(**fields, orders=orders, mode=Mode.STOP, mark=Decimal("96.90")))
    assert [one.ticks for one in wanted.exits if isinstance(one, VenueStop)] == [9593]


def test_A1_a_stop_of_less_than_the_position_is_no_reason_to_leave_it_there() -> None:
    """One nearer for a part of the position does not do: the whole position gets its stop."""
    market = Exits(settings("limit"), make_instrument(), venue_stops=True)
    fields: dict[str, Any] = {"positions": make_position("1"), "book": make_book(9990, 10010), "last_trade": 10000}
    small = {
        slot: attrs.evolve(order, order=attrs.evolve(order.order, whole=False, lots=1))
        for slot, order in rest(market.decide(make_view(**fields)).exits).items()
    }
    wanted = market.decide(make_view(**fields, orders=small, mode=Mode.STOP, mark=Decimal("96.90")))
    assert [one.ticks for one in wanted.exits if isinstance(one, VenueStop)] == [9593]


@pytest.mark.parametrize("sign", [1, -1])
def test_A1_the_last_stop_watches_the_price_that_is_set_and_goes_by_it(sign: int) -> None:
    """Without the trader too: at its level while the last trade is before it, past the last trade where it is not."""
    last = LastStop(settings("venue"), make_instrument())
    position = Position(side=PositionSide.NET, amount=Decimal(sign), entry=Decimal(100))
    stop = last.order(position, "s1", Decimal(JUMP[sign]), 10000)
    beyond = last.order(position, "s1", Decimal(100), 10000 - sign * 400)
    assert stop is not None
    assert beyond is not None
    assert (stop.ticks, stop.trigger) == (LEVEL[sign], StopTrigger.LAST)
    assert (beyond.ticks, beyond.trigger) == ({1: 9504, -1: 10504}[sign], StopTrigger.LAST)


def test_A1_an_end_leaves_the_backstop_where_it_rests() -> None:
    """Played whole: the mark is between stop and backstop, the last trade before both; nothing is sent at the end."""
    keys = {"stop_loss_spread": 3, "stop_loss_trigger": "last", "long_profit_taking_spread": 1}
    scenario = Scenario(keys)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    scenario.fill("buy 0")
    scenario.advance(1)
    before = scenario.exits()
    assert "venue stop: sell 1 at 96.15" in before
    scenario.mark("96.5")
    scenario.stop()
    scenario.advance(3)
    assert scenario.exits() == before
