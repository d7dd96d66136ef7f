"""`perpmaker new`: asks or is told, refuses a wrong answer at once, and writes what `perpmaker check` takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import tomli
from click.testing import CliRunner, Result

from perpmaker.cli import new as module
from perpmaker.cli import perpmaker
from perpmaker.config.loading import load_configuration
from perpmaker.config.meanings import MEANINGS
from perpmaker.config.template import top_keys
from perpmaker.errors import ConfigurationError
from perpmaker.plugins.catalog import load_catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration

MARKETS = {"dydx_perpetual": "BTC-USD"}
NEEDED = ("leverage=3", "bid_spread=0.1", "ask_spread=10bp", "order_amount=0.01", "order_refresh_time=30")


def told(*overrides: str, file: Path | None = None, more: tuple[str, ...] = ()) -> Result:
    """Call it with --set."""
    words = [part for override in overrides for part in ("--set", override)]

    return CliRunner().invoke(perpmaker, ["new", *([] if file is None else [str(file)]), *words, *more])


def test_the_result_is_read_for_each_installed_connector_and_strategy_key(tmp_path: Path) -> None:
    """Sandbox, and testnet with references; every key of the top stands there with its meaning."""
    catalog = load_catalog()

    for name in catalog.names(DerivativeConnectorDeclaration):
        market = f"market={MARKETS.get(name, 'BTC-USDT')}"
        file = tmp_path / f"{name}.toml"
        address = (f"{name}.address=dydx1abc",) if name == "dydx_perpetual" else ()

        for environment in ("sandbox", "testnet"):
            given = (*NEEDED, market, f"derivative={name}", f"{name}.environment={environment}", *address)
            answer = told(*given, file=file, more=("--force",))
            assert answer.exit_code == 0, (name, environment, answer.exception)
            configuration = load_configuration(file, (), catalog)
            assert configuration.environment.value == environment

    text = file.read_text(encoding="utf-8")
    assert [key for key in top_keys(catalog, None) if f"{key} = " not in text] == []
    assert [key for key in MEANINGS if key not in top_keys(catalog, None)] == []


def test_a_default_taken_up_is_the_default(tmp_path: Path) -> None:
    """Every line with a value may lose its #, and nothing changes by that."""
    file = tmp_path / "a.toml"
    told(*NEEDED, "market=BTC-USDT", "derivative=binance_perpetual", file=file)
    text = file.read_text(encoding="utf-8")
    catalog = load_catalog()
    before = load_configuration(file, (), catalog)
    lines = [line.removeprefix("# ") if " = " in line and " ..." not in line else line for line in text.splitlines()]
    taken = [line for line in lines if not line.startswith(("perpmaker", "[risk"))]
    tomli.loads("\n".join(taken))
    file.write_text("\n".join(line for line in taken if not line.startswith("api_")), encoding="utf-8")
    after = load_configuration(file, (), catalog)

    assert after.strategy.settings == before.strategy.settings
    assert after.exits == before.exits
    assert after.run == before.run


def test_everything_that_is_missing_or_wrong_is_named_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    """Without a terminal nothing is asked."""
    file = tmp_path / "a.toml"
    answer = told("leverage=0", "bid_spred=1", "order_amount", file=file)
    assert isinstance(answer.exception, ConfigurationError)
    assert "must be written key=value" in str(answer.exception)

    answer = told("leverage=0", "bid_spred=1", "derivative=binance_perpetual", file=file)
    problems = {problem.key for problem in getattr(answer.exception, "problems", ())}

    assert {"leverage", "bid_spred", "market", "bid_spread", "order_amount", "order_refresh_time"} <= problems
    assert "no terminal to ask on" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """It is said before anything is asked."""
    file = tmp_path / "a.toml"
    file.write_text("mine", encoding="utf-8")
    answer = told(*NEEDED, "market=BTC-USDT", "derivative=binance_perpetual", file=file)

    assert "is there already" in str(answer.exception)
    assert file.read_text(encoding="utf-8") == "mine"


def test_json_has_values_and_text() -> None:
    """Numbers with a fraction as texts, as everywhere."""
    answer = told(*NEEDED, "market=BTC-USDT", "derivative=binance_perpetual", more=("--json",))
    found = json.loads(answer.stdout)

    assert found["values"]["bid_spread"] == "0.1"
    assert found["values"]["leverage"] == 3
    assert tomli.loads(found["toml"])["market"] == "BTC-USDT"


def test_a_wrong_answer_is_refused_at_once_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """And asked for again; what no question covered is asked for at the end; the end of the input ends it."""
    catalog = load_catalog()
    said: list[str] = []
    answers: Iterator[str] = iter(
        [
            *("nobody_perpetual", "dydx_perpetual", "BTCUSD", "BTC-USD", "0", "3", "-1", "0.1", "0.1", "0.01", "30"),
            *("0.5", "", "nowhere", "testnet", "dydx1abc"),
        ]
    )
    monkeypatch.setattr(module, "_answer", lambda _: next(answers))
    monkeypatch.setattr(module, "_say", said.append)
    draft = module._Draft(catalog=catalog, name="FILE")
    draft.values["long_profit_taking_spread"] = 1
    draft.ask_for_all()

    refused = [line for line in said if line.startswith("  ")]
    assert len(refused) == 6
    assert "address" in refused[-1]
    assert draft.values["dydx_perpetual"] == {"environment": "testnet", "address": "dydx1abc"}
    assert "position_mode" not in draft.values  # it has no Hedge mode, so nothing was asked
    assert load_answer(draft.text())["stop_loss_spread"] == 0

    monkeypatch.undo()
    monkeypatch.setattr("sys.stdin.readline", lambda: "", raising=False)

    with pytest.raises(click.Abort):
        module._answer("leverage: ")


def load_answer(text: str) -> dict[str, object]:
    """The values of a text."""
    return tomli.loads(text)
