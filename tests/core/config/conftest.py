"""A configuration without a fault, and what is said of one with faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest

from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError, ExitCode, Problem
from perpmaker.plugins.catalog import Catalog, load_catalog

GOOD = """\
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.1
ask_spread = 0.1
order_amount = 0.01
order_refresh_time = 15
"""


@attrs.frozen
class Desk:
    """Loads texts as configurations."""

    file: Path
    catalog: Catalog

    def load(self, text: str | bytes, *overrides: str) -> Configuration:
        """The configuration of a text."""
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())

        return load_configuration(self.file, overrides, self.catalog)

    def problems(self, text: str | bytes, *overrides: str) -> Sequence[Problem]:
        """All that is wrong with a text."""
        with pytest.raises(ConfigurationError) as refused:
            self.load(text, *overrides)

        assert refused.value.exit_code is ExitCode.FILE

        return refused.value.problems

    def said(self, text: str) -> str:
        """All that is said about a text; nothing when it is good."""
        try:
            self.load(text)
        except ConfigurationError as error:
            return str(error)

        return ""

    def problem(self, text: str | bytes, *overrides: str) -> Problem:
        """The one thing that is wrong with a text."""
        (problem,) = self.problems(text, *overrides)

        return problem


@pytest.fixture(scope="session")
def installed() -> Catalog:
    """The catalog of the installed distributions."""
    return load_catalog({})


@pytest.fixture
def desk(tmp_path: Path, installed: Catalog) -> Desk:
    """A place to load configurations at."""
    return Desk(tmp_path / "bot.toml", installed)


@pytest.fixture
def good() -> str:
    """A configuration without a fault, eight lines long."""
    return GOOD


@pytest.fixture
def with_line(good: str) -> Callable[[str], str]:
    """The good configuration with the line of a key replaced, or the line added at its end."""

    def replaced(line: str) -> str:
        key = line.partition("=")[0].strip()
        rest = [other for other in good.splitlines() if other.partition("=")[0].strip() != key]

        return "\n".join([*rest, line, ""])

    return replaced
