"""What the journal keeps, and for how long, by the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError
from perpmaker.journal.retention import Retention
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.plan import Plan
from perpmaker.plugins.catalog import load_catalog

FILE = Path(__file__).parents[2] / "practice.toml"
KEYS = ("binance_perpetual.api_key=env:K", "binance_perpetual.api_secret=env:S")


def plan_with(*overrides: str) -> Plan:
    """The plan of a configuration with these values."""
    return plan_of(load_configuration(FILE, overrides, load_catalog()))


def test_market_data_are_journalled_where_nothing_else_keeps_them() -> None:
    """In sandbox and paper, unless it is set otherwise; on testnet and live only where it is set."""
    for environment, keys, kept in (
        ("sandbox", (), True),
        ("paper", (), True),
        ("testnet", KEYS, False),
        ("live", KEYS, False),
    ):
        named = f"binance_perpetual.environment={environment}"
        assert plan_with(named, *keys).journals_market_data is kept
        assert plan_with(named, *keys, "journal_market_data=true").journals_market_data is True
        assert plan_with(named, *keys, "journal_market_data=false").journals_market_data is False


def test_older_parts_are_kept_for_ninety_days_or_two_gigabytes() -> None:
    """Or as it is set; less than one day, or a journal's own file, is refused."""
    assert plan_with().retention == Retention(days=90, gb=2)
    assert plan_with("journal_days=7", "journal_gb=0.5").retention == Retention(days=7, gb=0.5)

    for wrong in ("journal_days=0", "journal_gb=0.1", "journal_days=-1", "journal_gb=nan", "journal_market_data=1"):
        with pytest.raises(ConfigurationError, match=wrong.partition("=")[0]):
            plan_with(wrong)
