"""What the row of a run keeps of its configuration is read again as the same configuration, and holds no secret."""

from __future__ import annotations

from pathlib import Path

from perpmaker.config.loading import load_configuration
from perpmaker.config.recorded import CONFIGURATION, FILE, read_recorded, recorded
from perpmaker.plugins.catalog import load_catalog

ROOT = Path(__file__).parents[3]


def test_each_example_comes_back_as_it_was() -> None:
    """With what was laid over it, and the file that it stood in."""
    catalog = load_catalog()

    for name in ("conservative", "aggressive_multi_level", "price_source_from_spot", "dydx_sandbox"):
        file = ROOT / "examples" / f"{name}.toml"
        configuration = load_configuration(file, ("bid_spread=0.2", 'order_override={"a b"=["buy",0.3,1]}'), catalog)
        row = recorded(configuration)
        again = read_recorded(row[CONFIGURATION], row[FILE], catalog)

        for part in ("run", "exits", "environment", "sandbox", "file", "source_request"):
            assert getattr(again, part) == getattr(configuration, part), (name, part)

        assert again.strategy.settings == configuration.strategy.settings
        assert again.connector.settings == configuration.connector.settings


def test_an_address_is_kept_without_what_may_be_secret_in_it() -> None:
    """The key of a price service stands in its query."""
    source = ("price_source=custom_api", "price_source_custom_api=https://x.invalid/p?key=s3cret")
    configuration = load_configuration(ROOT / "examples" / "conservative.toml", source, load_catalog())

    assert "s3cret" not in str(recorded(configuration))
    assert "x.invalid/p" in recorded(configuration)[CONFIGURATION]
