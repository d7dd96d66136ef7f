"""The trader and plugins that fail: their quotes go, exits go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from perpmaker.execution.action import Cancel
from perpmaker.model.order import (
    OrderKind,
    Side,
    Slot,
)
from perpmaker.model.quote import Quote, Wake, Wanted
from perpmaker.risk.interface import Refused
from perpmaker.risk.review import Reviewed
from perpmaker.state.view import Mode, View
from perpmaker.testing.scene import Quoter, Scene, of, placed, quotes


class Raising:
    """A strategy that works until it is told to raise."""

    def __init__(self, error: Callable[[], BaseException]) -> None:
        self.error: Callable[[], BaseException] | None = None
        self.later = error

    def decide(self, _: View) -> Wanted:
        """Quotes at first, the error later."""
        if self.error is not None:
            raise self.error()

        return Wanted(quotes=quotes())


def test_F77_raising_strategy_loses_its_quotes_and_exits_go_on() -> None:
    """That market's quotes are cancelled and refused, the traceback is told once, exits are managed."""
    for error in [ValueError, RecursionError, lambda: ZeroDivisionError("x")]:
        scene = Scene(strategy=Raising(error)).quoting()
        scene.strategy.error = error
        raised = scene.tell(scene.book())

        assert raised.mode is Mode.HALT
        assert len(of(raised.actions, Cancel)) == 2
        assert "Traceback" in raised.notices[0]
        assert placed(scene.tell(scene.fill("1", 5, 5), scene.cancelled("2")).actions) == ["target sell"]


def test_F77_keyboard_interrupt_passes() -> None:
    """A person's interrupt is not contained."""
    scene = Scene(strategy=Raising(KeyboardInterrupt)).quoting()
    scene.strategy.error = KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scene.tell(scene.book())


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        Wanted(quotes=(attrs.evolve(quotes()[0], lots=0),)),
        Wanted(quotes=(attrs.evolve(quotes()[0], ticks=990.5),)),  # type: ignore[arg-type]  # what a careless plugin does
        Wanted(quotes=(attrs.evolve(quotes()[0], lots=10**12),)),
        Wanted(quotes=(quotes()[0], quotes()[0])),
        Wanted(quotes=(attrs.evolve(quotes()[0], slot=Slot(OrderKind.CLOSE, Side.BUY)),)),
        Wanted(wake=Wake(at=float("nan"))),
        Wanted(wake=Wake(mark_low="995")),  # type: ignore[arg-type]  # what a careless plugin does
        Wanted(quotes=[]),  # type: ignore[arg-type]  # what a careless plugin does
    ],
)
def test_F79_strategy_that_returns_nonsense_is_contained_as_one_that_raises(wrong: Any) -> None:
    """Types, finiteness, slots and amounts are checked at the seam."""
    strategy = Quoter()
    scene = Scene(strategy=strategy).quoting()
    strategy.decide = lambda _: wrong  # type: ignore[method-assign, assignment]  # the strategy goes wrong while running
    decision = scene.tell(scene.book())

    assert decision.mode is Mode.HALT
    assert len(of(decision.actions, Cancel)) == 2


def test_F77_raising_risk_module_is_contained_too() -> None:
    """A review that fails refuses everything; one that refuses a quote has it cancelled, with its reason."""
    answers: list[Callable[[tuple[Quote, ...]], Reviewed]] = [lambda wanted: Reviewed(approved=wanted)]
    scene = Scene(review=lambda _, wanted: answers[-1](wanted)).quoting()
    answers.append(
        lambda wanted: Reviewed(
            approved=wanted[:1], refused=(Refused(quote=wanted[1], module="cap", reason="too much"),)
        )
    )
    refused = scene.tell(scene.book())
    assert [action.client_id for action in of(refused.actions, Cancel)] == ["pm-bot-r1-2"]
    assert refused.refused[0].reason == "too much"
    answers.append(lambda wanted: Reviewed(approved=(wanted[9],)))
    assert scene.tell(scene.book()).mode is Mode.HALT
