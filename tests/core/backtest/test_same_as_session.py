"""A backtest makes the orders that a live bot makes on the same market, one by one, to the last digit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[4] / "shared" / "data" / "binance_usdm"
CAPTURES = {
    "2023": ("btcusdt_20230404.dat.gz", "btcusdt_20230405.dat.gz"),
    "2024": ("btcusdt_20240718.gz", "btcusdt_20240719.gz"),
}
HEDGED = ("position_mode=Hedge", "order_levels=3", "quotes_continue_in_position=true")

Both = Callable[..., tuple[Any, Any]]


def check(alone: Any, session: Any, *, least: int) -> None:
    """Every order and every booking is the same, and there are some."""
    assert len(alone.trace) >= least
    differs = next((n for n, pair in enumerate(zip(alone.trace, session.trace, strict=False)) if len({*pair}) > 1), 0)
    part = slice(max(0, differs - 3), differs + 6)
    assert alone.trace[part] == session.trace[part]
    assert alone.trace == session.trace
    assert (alone.wallet, alone.held, alone.income) == (session.wallet, session.held, session.income)


@pytest.mark.parametrize(("seed", "latency_ms"), [(1, 0), (2, 40)])
def test_orders_and_account_are_those_of_a_session(
    seed: int, latency_ms: int, wander: Callable[..., Path], make_plan: Callable[..., Any], both: Both
) -> None:
    """With quotes, fills, targets, stops and refreshes; the session has every part of a live bot but the wire."""
    alone, session = both(make_plan(), wander(seed, 20.0), latency_ms=latency_ms)

    check(alone, session, least=10)


@pytest.mark.full
@pytest.mark.parametrize("latency_ms", [0, 5, 40, 300])
@pytest.mark.parametrize("seed", range(20))
def test_orders_and_account_are_those_of_a_session_for_many_seeds(
    seed: int, latency_ms: int, wander: Callable[..., Path], make_plan: Callable[..., Any], both: Both
) -> None:
    """The same with further seeds and latencies; every other market tells no mark price."""
    alone, session = both(make_plan(), wander(seed, 60.0, marks=seed % 2 == 0), latency_ms=latency_ms)

    check(alone, session, least=15)


@pytest.mark.full
@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded data are not on this machine")
@pytest.mark.parametrize("latency_ms", [0, 40])
@pytest.mark.parametrize("capture", CAPTURES)
def test_orders_and_account_are_those_of_a_session_on_recorded_markets(
    capture: str, latency_ms: int, tmp_path: Path, make_plan: Callable[..., Any], both: Both
) -> None:
    """The same on two captures of a real market."""
    files = []

    for name in CAPTURES[capture]:
        files.append(tmp_path / name)
        files[-1].symlink_to(DATA / name)

    alone, session = both(make_plan(), *files, latency_ms=latency_ms)

    check(alone, session, least=20)
