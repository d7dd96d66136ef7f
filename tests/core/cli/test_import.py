"""`perpmaker import`: from a Hummingbot file to one that `perpmaker check` takes, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from perpmaker.cli import perpmaker
from perpmaker.config import yaml_file
from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError
from perpmaker.plugins.catalog import load_catalog

FILES = Path(__file__).parent / "hummingbot"
RESULTS = {"conservative": "examples/conservative.toml", "aggressive": "examples/aggressive_multi_level.toml"}
ROOT = Path(__file__).parents[3]


def test_the_documented_configurations_come_to_what_the_examples_say(tmp_path: Path) -> None:
    """Read by check's own reading: the same settings, the environment apart, and words for what differs."""
    catalog = load_catalog()

    for name, example in RESULTS.items():
        target = tmp_path / f"{name}.toml"
        answer = CliRunner().invoke(perpmaker, ["import", str(FILES / f"{name}.yml"), "-o", str(target)])
        assert answer.exit_code == 0, answer.stderr
        assert answer.stdout == ""
        assert "Different on purpose" in answer.stderr

        wanted = load_configuration(ROOT / example, (), catalog)
        mode = "top" if name == "aggressive" else "retreat"
        changes = (f"order_optimization_mode={mode}",)
        got = load_configuration(target, changes, catalog)
        assert got.strategy.settings == wanted.strategy.settings
        assert got.exits == wanted.exits
        assert attrs.evolve(got.run, price_source=None) == wanted.run


def test_a_file_is_never_replaced_unasked(tmp_path: Path) -> None:
    """With --force it is, and then whole."""
    target = tmp_path / "there.toml"
    target.write_text("mine", encoding="utf-8")
    words = ["import", str(FILES / "conservative.yml"), "-o", str(target)]

    refused = CliRunner().invoke(perpmaker, words)
    assert isinstance(refused.exception, ConfigurationError)
    assert "--force" in str(refused.exception)
    assert target.read_text(encoding="utf-8") == "mine"

    assert CliRunner().invoke(perpmaker, [*words, "--force"]).exit_code == 0
    assert target.read_text(encoding="utf-8").startswith("# Carried over from conservative.yml")
    assert [file.name for file in tmp_path.iterdir()] == ["there.toml"]


def test_what_is_still_to_be_completed_is_exit_code_2_and_named(tmp_path: Path) -> None:
    """The TOML is there all the same: a person completes it."""
    file = tmp_path / "conf.yml"
    file.write_text("strategy: perpetual_market_making\nderivative: kucoin_perpetual\nmarket: A-B\n", encoding="utf-8")
    answer = CliRunner().invoke(perpmaker, ["import", str(file), "--json"])
    told = json.loads(answer.stdout)

    assert answer.exit_code == 2
    assert not told["ok"]
    assert {"derivative", "leverage", "bid_spread"} <= {problem["key"] for problem in told["problems"]}
    assert 'market = "A-B"' in told["toml"]


def test_without_pyyaml_it_is_asked_for_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: a bot that trades needs no YAML."""

    def missing(_: str) -> None:
        raise ImportError

    monkeypatch.setattr(yaml_file, "import_module", missing)
    answer = CliRunner().invoke(perpmaker, ["import", str(FILES / "conservative.yml")])

    assert "PyYAML, which is not installed: python -m pip install" in str(answer.exception)
