"""From a dictionary with the keys of the TOML file to what the engine trades by, through the same code as a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import Declaration, DerivativeConnectorDeclaration, PriceSourceDeclaration
from perpmaker.plugins.loading import LoadedPlugin, PluginState, load_plugins

STRATEGY = "perpetual_market_making"
VENUE = "scenario"

CALM: Mapping[str, Any] = {
    "strategy": STRATEGY,
    "derivative": VENUE,
    "market": "BTC-USDT",
    "leverage": 1,
    "price_source": "current_market",
}
"""The keys of the run that a scenario need not say."""

CALM_QUOTES: Mapping[str, Any] = {"bid_spread": 0.1, "ask_spread": 0.1, "order_amount": 1, "order_refresh_time": 15}
"""The strategy's keys that a scenario need not say; every other has the default of the file."""


@attrs.frozen(kw_only=True)
class _NoSettings:
    """Nothing to set."""


def load(values: Mapping[str, Any], plugins: Sequence[Declaration]) -> Configuration:
    """The configuration of these values over the calm ones; ConfigurationError with every fault, as of a file.

    `plugins` are declared beside those installed, and instead of those of the same name.
    """
    whole = {**CALM, **values}

    if whole["strategy"] == STRATEGY:
        whole = {**CALM_QUOTES, **whole}

    overrides = [f"{key}={_toml(value)}" for key, value in whole.items()]

    return load_configuration(Path(os.devnull), overrides, _catalog(plugins))


@cache
def _installed() -> tuple[LoadedPlugin, ...]:
    return load_plugins()


def _catalog(plugins: Sequence[Declaration]) -> Catalog:
    """The installed plugins, and a plugin of the scenario's own with its venue and what was handed to it."""
    installed = [declaration for plugin in _installed() for declaration in plugin.declarations]
    own = [*plugins, *(one for one in _OWN if not _is_there(one, [*installed, *plugins]))]
    kept = [
        attrs.evolve(plugin, declarations=tuple(one for one in plugin.declarations if not _is_there(one, own)))
        for plugin in _installed()
    ]
    scenario = LoadedPlugin(
        name=VENUE, distribution=VENUE, version="0", state=PluginState.LOADED, declarations=tuple(own)
    )

    return Catalog((*kept, scenario))


def _is_there(declaration: Declaration, among: Sequence[Declaration]) -> bool:
    return any(type(one) is type(declaration) and one.name == declaration.name for one in among)


def _never(*_: object) -> Any:  # noqa: ANN401  # stands for whatever `open` returns
    """A scenario opens no connection."""
    raise NotImplementedError("a scenario has its own venue and opens no connection")


_OWN: tuple[Declaration, ...] = (
    DerivativeConnectorDeclaration(
        name=VENUE, summary="The venue inside a scenario", settings=_NoSettings, open=_never
    ),
    PriceSourceDeclaration(
        name="current_market",
        summary="The traded market's own book",
        settings=_NoSettings,
        open=None,
        price_types=("mid_price", "last_price", "last_own_trade_price", "best_bid", "best_ask"),
        is_traded_market=True,
    ),
)


def _toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()

    if isinstance(value, str):
        return json.dumps(value)

    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(below)}" for key, below in value.items()) + "}"

    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"

    return f"{Decimal(str(value)):f}"
