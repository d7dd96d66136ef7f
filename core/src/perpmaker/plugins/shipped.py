"""The core's own plugin: the strategy that ships enters by the hook that strangers use."""

from __future__ import annotations

from perpmaker.model.instrument import Instrument
from perpmaker.plugins.declarations import StrategyDeclaration
from perpmaker.plugins.hookspecs import hookimpl
from perpmaker.strategy.interface import Strategy, StrategyTraits
from perpmaker.strategy.settings import StrategySettings

__plugin_api__ = 1


def declaration() -> StrategyDeclaration[StrategySettings]:
    """Return what `perpetual_market_making` is called, what may be set, and how it is built."""
    return StrategyDeclaration(
        name="perpetual_market_making",
        summary="A ladder of quotes around a reference price, with profit taking and a stop for what is filled.",
        settings=StrategySettings,
        build=_build,
        traits=_traits,
    )


@hookimpl
def register_strategies(register):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  # pluggy matches by name
    """Declare `perpetual_market_making`."""
    register(declaration())


def _build(settings: StrategySettings, instrument: Instrument) -> Strategy:
    """Import the strategy only when a configuration names it."""
    from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking  # noqa: PLC0415  # see docstring

    return PerpetualMarketMaking(settings, instrument)


def _traits(settings: StrategySettings) -> StrategyTraits:
    return StrategyTraits(
        price_type=settings.price_type,
        max_age_s=settings.max_age_s,
        quotes_in_position=settings.when_in_position == "continue",
        cap_key=None if settings.inventory_skew is None else "inventory_skew",
    )
