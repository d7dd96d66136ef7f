"""The documented configurations in examples/: they say what the documentation says, and are what `check` expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli import main
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.model.order import PositionMode
from perpmaker.plugins.catalog import load_catalog

EXAMPLES = Path(__file__).parents[3] / "examples"
PERCENT = Decimal("0.01")


def loaded(name: str) -> Configuration:
    """A documented configuration."""
    return load_configuration(EXAMPLES / name, (), load_catalog({}))


def values(configuration: Configuration) -> dict[str, Any]:
    """The keys that the documentation names, spreads in percent."""
    run, exits, strategy = configuration.run, configuration.exits, configuration.strategy.settings

    return {
        "derivative": run.derivative,
        "market": run.market,
        "leverage": run.leverage,
        "position_mode": run.position_mode,
        "spreads": (strategy.bid_spread / PERCENT, strategy.ask_spread / PERCENT),
        "order_amount": strategy.order_amount,
        "order_refresh_time": strategy.order_refresh_time,
        "profit_taking": (exits.long_profit_taking_spread / PERCENT, exits.short_profit_taking_spread / PERCENT),
        "stop_loss_spread": exits.stop_loss_spread and exits.stop_loss_spread / PERCENT,
    }


def exact(**documented: Any) -> Mapping[str, Any]:
    """What the documentation says, numbers as it writes them."""
    plain: dict[str, Any] = {"derivative": "binance_perpetual", "position_mode": PositionMode.ONE_WAY} | documented
    pairs = {key: tuple(Decimal(number) for number in plain[key]) for key in ("spreads", "profit_taking")}

    return plain | pairs


def checked(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Exit code and answer of `perpmaker check --json`."""
    with pytest.raises(SystemExit) as ended:
        main(["check", str(EXAMPLES / name), "--json"])

    assert isinstance(ended.value.code, int)

    return ended.value.code, json.loads(capsys.readouterr().out)


def test_conservative_is_as_documented() -> None:
    """One small quote a side, wide spreads, leverage 3, stop 3 % with a buffer of 0.5 %."""
    configuration = loaded("conservative.toml")
    assert values(configuration) == exact(
        market="ETH-USDT",
        leverage=3,
        spreads=("0.1", "0.1"),
        order_amount=Decimal("0.1"),
        order_refresh_time=30.0,
        profit_taking=("1", "1"),
        stop_loss_spread=Decimal(3),
    )
    assert configuration.exits.stop_loss_slippage_buffer == Decimal("0.5") * PERCENT


def test_aggressive_on_binance_is_as_documented() -> None:
    """Five levels a side in Hedge mode at the top of the book."""
    configuration = loaded("aggressive_multi_level_binance.toml")
    strategy = configuration.strategy.settings
    assert values(configuration) == exact(
        market="BTC-USDT",
        leverage=10,
        position_mode=PositionMode.HEDGE,
        spreads=("0.05", "0.05"),
        order_amount=Decimal("0.01"),
        order_refresh_time=15.0,
        profit_taking=("0.5", "0.5"),
        stop_loss_spread=Decimal(2),
    )
    assert (strategy.order_levels, strategy.order_level_spread / PERCENT) == (5, Decimal("0.05"))
    assert strategy.order_level_amount == Decimal("0.005")
    assert (strategy.order_optimization_enabled, strategy.order_optimization_mode) == (True, "top")


def test_aggressive_is_its_twin_but_for_the_venue() -> None:
    """What is not about the venue stands in both files word for word."""
    texts = [(EXAMPLES / f"aggressive_multi_level{end}.toml").read_text() for end in ("", "_binance")]
    bybit, binance = (text[text.index("strategy = ") :] for text in texts)
    assert bybit.replace("bybit_perpetual", "binance_perpetual") == binance


@pytest.mark.parametrize(
    ("name", "taking"), [("funding_positive.toml", ("0.5", "2.0")), ("funding_negative.toml", ("2.0", "0.5"))]
)
def test_funding_recipes_leave_the_paying_side_early(name: str, taking: tuple[str, str]) -> None:
    """With a positive rate longs pay: 0.5 long and 2.0 short; with a negative one the other way round."""
    assert values(loaded(name))["profit_taking"] == tuple(map(Decimal, taking))


@pytest.mark.parametrize(
    ("name", "levels", "position"),
    [
        pytest.param("conservative.toml", 1, "0.1", marks=pytest.mark.full),
        ("aggressive_multi_level_binance.toml", 5, "0.1"),
        ("aggressive_multi_level.toml", 5, "0.1"),
        pytest.param("funding_positive.toml", 1, "0.01", marks=pytest.mark.full),
    ],
)
def test_check_reports_full_fills_of_a_documented_configuration(
    capsys: pytest.CaptureFixture[str], name: str, levels: int, position: str
) -> None:
    """Every level is quoted, nothing is refused, and the position of full fills is the sum of the levels."""
    code, answer = checked(name, capsys)
    figures = answer["report"]["figures"]
    assert (code, answer["ok"], answer["report"]["refusals"]) == (0, True, [])
    assert [line["withheld"] for line in figures["levels"]] == [None] * 2 * levels
    assert (figures["bids"]["amount"], figures["asks"]["amount"]) == (position, f"-{position}")
    margin, notional = Decimal(figures["bids"]["margin"]), Decimal(figures["bids"]["notional"])
    assert abs(margin * figures["leverage"] - notional) < Decimal("1e-9")
