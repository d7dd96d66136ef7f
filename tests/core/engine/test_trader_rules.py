"""The trader and rules of the market that the venue changes while it trades."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from perpmaker.execution.action import Cancel
from perpmaker.model.event import InstrumentChanged
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind
from perpmaker.state.view import Mode
from perpmaker.testing.scene import INSTRUMENT, Scene, of, placed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (attrs.evolve(INSTRUMENT, tick=Decimal("0.5")), "its tick is 0.5, no longer 0.1"),
        (attrs.evolve(INSTRUMENT, lot=Decimal("0.01")), "its lot is 0.01, no longer 0.001"),
    ],
)
def test_F59_other_units_pull_quotes_for_good_and_exits_go_on_in_the_old_ones(changed: Instrument, words: str) -> None:
    """What is on its way was counted in the old units: nothing is ever counted in both. Said once, in words."""
    scene = Scene().quoting()
    told = scene.tell(InstrumentChanged(instrument=changed))

    assert (told.mode, len(told.notices)) == (Mode.HALT, 1)
    assert words in told.notices[0]
    assert {action.kind for action in of(told.actions, Cancel)} == {OrderKind.QUOTE}
    filled = scene.tell(scene.fill("1", 5, 5), scene.cancelled("2"))
    assert placed(filled.actions) == ["take_profit sell"]
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
