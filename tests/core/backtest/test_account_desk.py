"""What the account at the exchange keeps in a backtest."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.backtest import account_desk
from perpmaker.backtest.driver import Driver
from perpmaker.backtest.exchange_side import ACCOUNT
from perpmaker.backtest.latency import OrderLatency
from perpmaker.backtest.timeline import Feed


def test_what_the_bot_knows_of_is_forgotten_and_changes_nothing(
    wander: Callable[..., Path],
    make_plan: Callable[..., Any],
    columns: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Income reaches the bot once and whole, and what has been told is kept no longer than it is allowed to be."""
    converted = columns(wander(1, 70.0))

    def run(kept: int) -> tuple[Driver, list[str]]:
        monkeypatch.setattr(account_desk, "KEPT", kept)
        heard: list[str] = []

        class Heard:
            def see(self, events: Any, decision: Any, now_ns: int, _: Any) -> None:
                heard.append(f"{now_ns} {events} {decision.actions} {decision.wake_at}")

        driver = Driver(
            make_plan(),
            converted,
            balance=Decimal(10_000),
            latency=OrderLatency.fixed(5),
            feed=Feed(lag_ns=0),
            listener=Heard(),
        )

        for _ in driver.run():
            pass

        return driver, heard

    (whole, told), (short, told_too) = run(10_000), run(3)

    assert told == told_too
    assert whole.equity == short.equity
    assert sum("IncomeReported" in one for one in told) > 1
    assert len(whole.desk.exchange.income(ACCOUNT)) > len(short.desk.exchange.income(ACCOUNT))
    assert len(whole.desk.exchange.executions(ACCOUNT)) > len(short.desk.exchange.executions(ACCOUNT))
