"""The trader and rules of the market that the venue changes while it trades."""

from __future__ import annotations

from decimal import Decimal

import attrs

from perpmaker.execution.action import Cancel, Resync
from perpmaker.model.event import InstrumentChanged, TradingChanged
from perpmaker.model.order import OrderKind
from perpmaker.state.view import Mode
from perpmaker.testing.scene import INSTRUMENT, Scene, of, placed


def test_F59_other_units_pull_quotes_for_good_and_exits_go_on_in_the_old_ones() -> None:
    """What is on its way was counted in the old units: nothing is ever counted in both. Said once, in words."""
    for changed, words in [
        (attrs.evolve(INSTRUMENT, tick=Decimal("0.5")), "its tick is 0.5, no longer 0.1"),
        (attrs.evolve(INSTRUMENT, lot=Decimal("0.01")), "its lot is 0.01, no longer 0.001"),
    ]:
        scene = Scene().quoting()
        told = scene.tell(InstrumentChanged(instrument=changed))

        assert (told.mode, len(told.notices)) == (Mode.HALT, 1)
        assert words in told.notices[0]
        assert {action.kind for action in of(told.actions, Cancel)} == {OrderKind.QUOTE}
        filled = scene.tell(scene.fill("1", 5, 5), scene.cancelled("2"))
        assert placed(filled.actions) == ["target sell"]
        assert scene.amount == Decimal("0.005")
        again = scene.tell(InstrumentChanged(instrument=changed), scene.resynced(amount="0.005"))
        assert (again.mode, again.notices, placed(again.actions)) == (Mode.HALT, (), [])


def test_F59_other_minima_hold_from_the_next_decision_on() -> None:
    """Rules that are no units need no ceremony."""
    scene = Scene().quoting()
    told = scene.tell(InstrumentChanged(instrument=attrs.evolve(INSTRUMENT, min_notional=Decimal(7))))

    assert told.mode is Mode.RUN
    assert scene.strategy.views[-1].instrument.min_notional == 7


def test_F59_other_minima_beside_other_units_hold_too() -> None:
    """Only the units stay what they were."""
    scene = Scene().quoting()
    scene.tell(InstrumentChanged(instrument=attrs.evolve(INSTRUMENT, tick=Decimal(1), max_market_amount=Decimal(1))))

    assert scene.trader.state.instrument == attrs.evolve(INSTRUMENT, max_market_amount=Decimal(1))


def test_F57_a_closed_market_pulls_the_quotes_and_keeps_the_exits_until_all_was_read_after_its_opening() -> None:
    """Said once each way; open again, nothing is quoted before the account was read: much may have happened to it."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    told = scene.tell(TradingChanged(closed="its status is SETTLING"))
    assert (told.mode, told.mode_reason) == (Mode.REDUCE, "the market is closed: its status is SETTLING")
    assert told.notices == ("the market is closed: its status is SETTLING; nothing is quoted until it opens again",)
    assert {action.kind for action in of(told.actions, Cancel)} == {OrderKind.QUOTE}
    assert [order.slot.kind for order in scene.trader.working() if order.slot.kind.is_exit] == [OrderKind.TAKE_PROFIT]
    assert scene.tell(TradingChanged(closed="its status is SETTLING")).notices == ()
    assert scene.tell(scene.resynced(amount="0.005"), after=1.0).mode is Mode.REDUCE

    opened = scene.tell(TradingChanged(closed=""), after=1.0)
    assert (opened.mode, opened.notices) == (Mode.REDUCE, ("the market is open again",))
    assert len(of(opened.actions, Resync)) == 1
    assert scene.tell(scene.resynced(amount="0.005"), after=1.0).mode is Mode.RUN
