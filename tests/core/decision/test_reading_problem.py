"""What another reading has to settle, and when it is looked at."""

from __future__ import annotations

from decimal import Decimal

from perpmaker.decision.reading_problem import ReadingProblem
from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.model.position import Position
from perpmaker.state.account import Account
from perpmaker.state.position import EXPLAIN_S
from perpmaker.state.step import Step


def test_a_fill_that_is_in_nothing_that_was_told_is_asked_about_at_the_moment_that_is_named() -> None:
    """Just before there is no question; at the moment there is one, once."""
    account = Account(PositionMode.ONE_WAY)
    problem, one = ReadingProblem(account), account.tracked[PositionSide.NET]
    one.begin()
    one.report(Position(side=PositionSide.NET, amount=Decimal(5), entry=Decimal(100), venue_ms=100), 10.0)
    one.explain()
    one.question, one.adopted_at = "", None
    one.fill(Step(90, Decimal(2), Decimal(100), 10.0))
    (moment,) = problem.moments()

    assert moment == 10.0 + EXPLAIN_S
    assert list(problem.questions(moment - 0.01)) == []
    assert [cause for cause, _ in problem.questions(moment)] == ["swallowed net"]
    assert list(problem.questions(moment)) == list(problem.moments()) == []
