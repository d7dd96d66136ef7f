"""E: small changes of what is told and remembered that no test noticed; each is caught by what a person reads."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker.decision.order_adoption import told_of
from perpmaker.execution.action import Place
from perpmaker.exits.last_stop import LastStop
from perpmaker.exits.rest import UNPRICED, stay
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key
from perpmaker.journal.step import Step
from perpmaker.model.command_event import OrderRefused
from perpmaker.model.event import OrderCancelled, ReferenceChanged
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderStatus, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quote import Wanted
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.external_price import usable
from perpmaker.state.view import View
from perpmaker.testing.scene import BUY, Scene, of
from perpmaker.testing.view import make_instrument, make_order, make_view

KEY = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
SELL_TARGET, SELL_STOP = Slot(OrderKind.TAKE_PROFIT, Side.SELL), Slot(OrderKind.STOP_LOSS, Side.SELL)


def test_E_more_strangers_than_are_named_are_counted() -> None:
    """Three are named, and the others are a number; three are named and that is all."""
    assert "(a, b, c)" in told_of(["a", "b", "c"])
    assert "(a, b, c and 2 more)" in told_of(["a", "b", "c", "d", "e"])


def test_E_a_strategy_that_wants_something_else_than_quotes_is_told_what() -> None:
    """The quote beside it is not the one that is wrong."""

    class Mixed:
        def decide(self, _: View) -> Wanted:
            good = Scene().strategy.quotes[0]
            return Wanted(quotes=(good, 7))  # type: ignore[arg-type]  # a plugin may return anything

    scene = Scene(Mixed())
    scene.start()
    assert "quotes holds a int, not Quote" in (scene.trader.trading_state.halted or "")


@pytest.mark.parametrize(
    ("detail", "told"), [("self-trade prevention", "self-trade prevention"), ("", "its own rules")]
)
def test_E_a_quote_that_a_rule_took_off_is_told_with_the_venues_reason(detail: str, told: str) -> None:
    """Or that there is none."""
    scene = Scene().quoting()
    taken = OrderCancelled(
        client_id="pm-bot-r1-1", cause=CancelCause.RULE, filled_lots=0, venue_ms=scene.ms + 1, detail=detail
    )
    (line,) = [line for line in scene.tell(taken, after=1.0).notices if "pauses" in line]
    assert told in line


@pytest.mark.parametrize(("wait_s", "told"), [(30.0, "takes nothing for 30 s"), (0.0, "it is sent again")])
def test_E_a_refused_exit_is_told_with_how_long_the_venue_wants_to_hear_nothing(wait_s: float, told: str) -> None:
    """Where the venue has said it."""
    scene = Scene()
    started = scene.start(amount="0.005")
    (target,) = [one.order.client_id for one in of(started.actions, Place) if one.order.slot.kind.is_exit]
    refusal = Refusal(reason=RefusalReason.BUSY, code="-1", text="busy", retry_after_s=wait_s)
    (line,) = [
        line for line in scene.tell(OrderRefused(client_id=target, refusal=refusal)).notices if "without" in line
    ]
    assert told in line
    assert ("takes nothing" in line) is bool(wait_s)


def test_E_a_doubt_that_is_no_text_is_a_mistake_of_now() -> None:
    """It cannot be compared with anything, and its time is that of the moment; one that is text keeps its own."""
    wrong: Any = 5
    assert usable(ReferenceChanged(doubt=wrong, at=3.0), 10.0).at == 10.0
    assert usable(ReferenceChanged(doubt="closed", at=3.0), 10.0).at == 3.0


def test_E_a_stop_is_set_for_a_position_whose_entry_nobody_knows() -> None:
    """An end must not call it a position without a stop by choice."""
    stop = LastStop(ExitSettings(stop_loss_spread=Decimal("0.03")), make_instrument())
    assert stop.is_set_for(Position(side=PositionSide.NET, amount=Decimal(1), entry=Decimal(0)))


def test_E_what_rests_stays_for_no_more_than_the_position_and_as_what_it_is() -> None:
    """A target for twice as much goes; a stop loss stays a stop loss."""
    orders = {SELL_TARGET: make_order(SELL_TARGET, 10_100, 2000), SELL_STOP: make_order(SELL_STOP, 9_700, 1000)}
    found = list(stay(make_view(orders=orders), PositionSide.NET, 1000, UNPRICED))
    assert [(one.slot, one.lots, type(one).__name__) for one in found] == [(SELL_STOP, 1000, "StopLoss")]


def test_E_an_order_of_ours_behind_a_strangers_is_taken_in() -> None:
    """The list of the venue knows no order: one of another process hides none of an earlier run."""
    scene = Scene(is_strange=lambda client_id: "-zz-" in client_id)
    strange, ours = (scene.order_report(f"pm-bot-{run}-7", OrderStatus.OPEN) for run in ("zz", "r0"))
    told = scene.tell(scene.resynced(orders=(strange, ours)), scene.book())
    assert "pm-bot-r0-7" in scene.trader.state.orders.live
    assert any("pm-bot-r0-7 of an earlier run or" in line for line in told.notices)


def test_E_a_row_that_was_changed_in_any_of_its_columns_is_found(tmp_path: Path) -> None:
    """What a row is about is bound to the rows before it as its payload is."""
    for column in ["run", "kind", "name", "utc_ms"]:
        with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
            journal.record_run(1, {})
            order = NewOrder(client_id="pm-b-r1-1", slot=BUY, lots=1, ticks=600_000, type=OrderType.POST_ONLY)
            journal.record_step(Step(at=1.0, events=[], actions=[Place(order=order)], notices=[]), 1)

        with closing(sqlite3.connect(tmp_path / "j")) as connection, connection:
            value = 77 if column == "utc_ms" else "pm-b-r1-2"
            changed = "SELECT max(seq) FROM row WHERE name IS NOT NULL"
            connection.execute(f"UPDATE row SET {column} = ? WHERE seq = ({changed})", (value,))  # noqa: S608  # our own

        with open_journal(tmp_path / "j", KEY, "r2") as (_, damage):
            assert damage is not None
            assert "is not what was written" in damage.reason


def test_E_the_next_run_knows_the_fills_that_were_told_after_the_last_reading(tmp_path: Path) -> None:
    """The account's history brings them once more, and they are no news then."""
    scene = Scene()
    read, fill = scene.resynced(), scene.fill("1", 5, 5)

    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        journal.record_run(1, {})
        journal.record_step(Step(at=1.0, events=[read], actions=[], notices=[]), 1)
        journal.record_step(Step(at=2.0, events=[fill], actions=[], notices=[]), 2)

    with open_journal(tmp_path / "j", KEY, "r2") as (journal, _):
        known = journal.last_known()
        assert known is not None
        assert known.trades == {fill.fill.trade_id}


def test_E_a_quote_that_was_filled_while_no_process_watched_starts_its_pause() -> None:
    """It counts from when it was filled, and the newest of two counts."""
    intent = NewOrder(client_id="pm-bot-r0-1", slot=BUY, lots=5, ticks=990, type=OrderType.POST_ONLY)
    scene = Scene(intent=lambda client_id: attrs.evolve(intent, client_id=client_id))
    fills = [scene.fill(name, 5, 5).fill for name in ("1", "2")]
    old, new = (
        attrs.evolve(fill, client_id=f"pm-bot-r0-{number}", venue_ms=venue_ms)
        for number, (fill, venue_ms) in enumerate(zip(fills, (1000, 3000), strict=True))
    )
    scene.now, scene.ms = 100.0, 4999
    scene.tell(scene.resynced(fills=(new, old)), scene.book())
    assert scene.strategy.views[-1].quote_filled_at == {Side.BUY: pytest.approx(98.0)}
