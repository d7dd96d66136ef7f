"""What differs between two configurations, and when each change counts."""

from __future__ import annotations

from pathlib import Path

import attrs

from perpmaker.config.changes import AT_ONCE, AT_REFRESH, Change, When, changes
from perpmaker.config.loading import load_configuration
from perpmaker.config.settings import RunSettings
from perpmaker.exits.settings import ExitSettings
from perpmaker.plugins.catalog import load_catalog
from perpmaker.strategy.settings import StrategySettings

FILE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
RESTART = {
    *("strategy", "derivative", "market", "leverage", "position_mode", "margin_mode"),
    *("price_source", "price_type", "price_source_derivative", "price_source_market", "price_source_custom_api"),
    *("custom_api_update_interval", "dead_man_switch_s", "dead_man_switch_takes_foreign_orders"),
    *("journal_days", "journal_gb", "journal_market_data"),
}
"""What a running bot cannot be told otherwise: where it trades, and what it was opened with."""


def found(*overrides: str, before: tuple[str, ...] = ()) -> dict[str, Change]:
    """What differs from the example, by key."""
    catalog = load_catalog()
    now, wanted = (load_configuration(FILE, each, catalog) for each in (before, (*before, *overrides)))

    return {one.key: one for one in changes(now, wanted)}


def test_each_key_of_the_top_counts_at_a_known_time() -> None:
    """Every key is in one of the lists, and a new one has to be put into one."""
    keys = {
        field.name
        for settings in (RunSettings, StrategySettings)
        for field in attrs.fields(settings)  # type: ignore[arg-type]  # a union of classes
    }
    assert keys - AT_ONCE - AT_REFRESH - RESTART == set()
    assert {field.name for field in attrs.fields(ExitSettings)} & (AT_ONCE | AT_REFRESH | RESTART) == set()
    assert (set(), set(), set()) == (AT_ONCE & AT_REFRESH, AT_ONCE & RESTART, AT_REFRESH & RESTART)


def test_a_change_has_both_values_as_the_file_has_them_and_when_it_counts() -> None:
    """Percent as percent, a default where nothing stands."""
    told = found(
        *("bid_spread=0.2", "order_levels=3", "stop_loss_spread=1", "leverage=5", "price_ceiling=70000"),
        *("risk.exposure_limit.max_position=1", "binance_perpetual.recv_window_ms=3000", "sandbox.seed=9"),
    )

    assert [(key, one.before, one.after, one.when.value) for key, one in told.items()] == [
        ("leverage", "3", "5", "needs a restart"),
        ("bid_spread", "0.04", "0.2", "at the next refresh"),
        ("order_levels", "1", "3", "live"),
        ("price_ceiling", "-1", "70000", "live"),
        ("stop_loss_spread", "0.5", "1", "live"),
        ("[risk.exposure_limit]", "not there", "there", "live"),
        ("binance_perpetual.recv_window_ms", "2000", "3000", "needs a restart"),
        ("sandbox.seed", "1", "9", "needs a restart"),
    ]


def test_settings_are_compared_and_not_how_they_are_written() -> None:
    """A unit, a default that is written out, an empty text."""
    assert found('bid_spread="4bp"', "order_levels=1", 'price_source=""', "order_amount=0.010") == {}


def test_a_key_inside_a_risk_module_is_named_with_its_table() -> None:
    """It counts at once."""
    before = ("risk.exposure_limit.max_position=1",)
    (one,) = found("risk.exposure_limit.max_position=2", before=before).values()

    assert (one.key, one.before, one.after) == ("risk.exposure_limit.max_position", "1", "2")
    assert one.when is When.AT_ONCE


def test_what_may_be_secret_is_not_shown() -> None:
    """References too: what looks like one may be the secret itself."""
    keyed = ("binance_perpetual.environment=testnet", "binance_perpetual.api_key=env:A")
    before = (*keyed, "binance_perpetual.api_secret=env:B")
    (one,) = found("binance_perpetual.api_secret=env:OTHER", before=before).values()

    assert (one.before, one.after, one.when) == (None, None, When.AT_START)
