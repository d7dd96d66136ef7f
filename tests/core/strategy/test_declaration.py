from __future__ import annotations

import sys
from typing import Any

import attrs

from perpmaker.plugins import shipped
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.view import make_instrument


def test_the_strategy_enters_by_the_hook_that_strangers_use() -> None:
    """The core's own plugin declares exactly one strategy, by its documented name."""
    declared: list[Any] = []
    shipped.register_strategies(declared.append)

    assert [one.name for one in declared] == ["perpetual_market_making"]
    assert declared[0].settings is StrategySettings
    assert attrs.has(declared[0].settings)
    assert shipped.__plugin_api__ == 1


def test_it_is_built_from_settings_and_market(settings: Any) -> None:
    """`build` returns the strategy itself."""
    assert isinstance(shipped.declaration().build(settings(), make_instrument()), PerpetualMarketMaking)


def test_declaring_does_not_import_the_strategy() -> None:
    """The module of the declaration names the strategy only inside of `build`."""
    assert "PerpetualMarketMaking" not in vars(sys.modules[shipped.__name__])
