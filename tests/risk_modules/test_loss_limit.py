"""`loss_limit`: losses of the day and from the best, of market and account, and stops that follow each other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from perpmaker import Approved, Demand, DemandKind, OrderKind, Quote, Side, Slot
from perpmaker.model.results import Results
from perpmaker.testing.view import make_instrument, make_position, make_view
from perpmaker_risk_modules.loss_limit import LossLimit, LossLimitSettings


def make_module(**settings: Any) -> LossLimit:
    """The module with these settings; money as text."""
    exact = {key: Decimal(value) if key.endswith(("loss", "drawdown")) else value for key, value in settings.items()}

    return LossLimit(LossLimitSettings(**exact), make_instrument())


def results(**money: str) -> Results:
    """Results by name, as text."""
    return Results(**{name: Decimal(amount) for name, amount in money.items()})


def demand(module: LossLimit, **view: Any) -> Demand | None:
    """What the module demands of this view."""
    return module.demand(make_view(**view))


def test_a_loss_of_the_day_on_this_market_halts() -> None:
    """Booked and unrealised together, against what there was at 00:00 UTC; exactly the limit is reached."""
    module = make_module(max_daily_loss="50")
    held = {"positions": make_position("2", "110"), "mark": Decimal(100)}  # -20 unrealised

    assert demand(module, **held, results=results(booked="-19.99", day_began="10")) is None
    found = demand(module, **held, results=results(booked="-20", day_began="10"))
    assert found == Demand(kind=DemandKind.HALT, reason="50.00 USDT lost today on this market, max_daily_loss = 50")


def test_a_loss_from_the_best_halts_too() -> None:
    """Of the market, whatever the day is like."""
    found = demand(make_module(max_drawdown="30"), results=results(booked="70", day_began="70", peak="100.5"))
    assert found is not None
    assert found.reason == "30.50 USDT lost from its best on this market, max_drawdown = 30"


def test_the_account_is_judged_by_its_equity_less_transfers() -> None:
    """And the market's own result moves it between two readings of the account."""
    for settings, money, words in [
        ({"max_account_daily_loss": "100"}, {"equity_day_began": "1000"}, "100.00 USDT lost today by the account"),
        ({"max_account_drawdown": "150"}, {"equity_peak": "1050"}, "150.00 USDT lost from its best by the account"),
    ]:
        module = make_module(**settings)
        found = demand(module, results=results(booked="-20", equity_beside="920", **money))
        assert found is not None
        assert words in found.reason
        assert demand(module, results=results(booked="-19.9", equity_beside="920", **money)) is None
        assert demand(module, results=results(booked="-500", **money)) is None  # not known is no loss


def test_what_a_loss_leads_to_can_be_set() -> None:
    """Pull ends with the day, flatten and halt latch."""
    lost = results(booked="-60", day_began="0")

    for action, kind in [("pull", DemandKind.PULL), ("flatten", DemandKind.FLATTEN), ("halt", DemandKind.HALT)]:
        found = demand(make_module(max_daily_loss="50", action=action), results=lost)
        assert found is not None
        assert found.kind is kind


def test_it_is_asked_again_where_the_mark_price_reaches_the_nearest_limit() -> None:
    """Long 2 from 100: 20 may be lost at 90; short at 110. No tick earlier, and none later."""
    module = make_module(max_daily_loss="20", max_drawdown="50")

    for amount, at, still in [("2", "90", "90.01"), ("-2", "110", "109.99")]:
        view = make_view(positions=make_position(amount, "100"), results=results(day_began="0", peak="0"))
        wake = module.wake(view)
        assert wake.holds(view.now, bid=1, ask=1, mark=Decimal(still))
        assert not wake.holds(view.now, bid=1, ask=1, mark=Decimal(at))
        reached = demand(module, positions=make_position(amount, "100"), mark=Decimal(at), results=view.results)
        assert reached is not None


def test_it_is_asked_again_when_the_day_is_over() -> None:
    """The next day has its own limit."""
    view = make_view(results=Results(day_began=Decimal(0), day_ends_at=1500.0))
    assert make_module(max_daily_loss="20").wake(view).at == 1500.0


def test_too_many_stops_within_the_time_halt() -> None:
    """Three within an hour; older ones do not count, and 0 counts none."""
    module = make_module()
    assert demand(module, now=10_000.0, stops=(6_400.0, 9_000.0, 9_500.0)) is None
    found = demand(module, now=10_000.0, stops=(6_400.1, 9_000.0, 9_500.0))
    assert found == Demand(kind=DemandKind.HALT, reason="3 stops within 3600 s, max_stops = 3")
    assert demand(make_module(max_stops=None), now=10_000.0, stops=(9_000.0, 9_100.0, 9_200.0)) is None


def test_the_pause_after_a_stop_doubles_until_a_target_is_filled() -> None:
    """60, 120, 240 s from the newest stop; a target in between begins anew."""
    module = make_module(max_stops=None)

    for stops, target, pause_s in [
        ((1000.0,), None, 60.0),
        ((900.0, 1000.0), None, 120.0),
        ((800.0, 900.0, 1000.0), None, 240.0),
        ((800.0, 900.0, 1000.0), 950.0, 60.0),
        (tuple(map(float, range(900, 1001))), None, 3600.0),
    ]:
        known = {"stops": stops, "target_filled_at": target}
        within = make_view(now=1000.0 + pause_s - 0.1, **known)
        found = module.demand(within)
        assert found is not None
        assert found.kind is DemandKind.PULL
        assert found.reason.endswith(f"nothing is quoted for {pause_s} s".replace(".0 s", " s"))
        assert module.wake(within).at == 1000.0 + pause_s
        assert demand(module, now=1000.0 + pause_s, **known) is None

    assert demand(module, now=1001.0, stops=(1000.0,), target_filled_at=1000.5) is None


def test_it_reviews_no_quote() -> None:
    """What it has to say it demands."""
    quote = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=10_000, lots=1, generation=1)
    assert make_module().review(make_view(), quote) == Approved(quote=quote)


def test_settings_that_limit_nothing_are_a_fault() -> None:
    """Nor is there an action without a loss."""
    assert [key for key, _ in LossLimitSettings(max_stops=None, stop_delay=0.0).faults()] == ["max_daily_loss"]
    assert [key for key, _ in LossLimitSettings(action="pull").faults()] == ["action"]
    assert not list(LossLimitSettings().faults())
    assert not list(LossLimitSettings(max_daily_loss=Decimal(1), action="pull", max_stops=None).faults())


def test_a_drawdown_cannot_only_pull() -> None:
    """A day ends, a drawdown does not while nothing is quoted."""
    for key in ("max_drawdown", "max_account_drawdown"):
        assert [name for name, _ in LossLimitSettings(**{key: Decimal(1)}, action="pull").faults()] == ["action"]
