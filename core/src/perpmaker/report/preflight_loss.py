"""Configurations that lose money by themselves, whatever the market does, and those that trade one side only. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import Side
from perpmaker.report.preflight_figure import Figures, Situation
from perpmaker.report.preflight_wording import percent, price, short
from perpmaker.strategy.ladder import SIDES
from perpmaker.strategy.settings import StrategySettings

LEAST_STOP = 2
"""The stop should be at least so many times as far as the spread: what is nearer is reached by every second fill."""

_KEYS = {Side.BUY: "bid_spread", Side.SELL: "ask_spread"}


def read_certain_losses(situation: Situation, figures: Figures) -> Iterator[str]:
    """Yield what loses for certain, each with its key and the number that it should be held against."""
    strategy = situation.strategy

    if strategy is None:
        return

    yield from _targets(situation.exits, figures.maker_fee)
    yield from _spreads(strategy, figures.maker_fee)
    yield from _stop(situation.exits, strategy)
    yield from _band(strategy, figures)


def read_thin_margins(situation: Situation, figures: Figures) -> Iterator[str]:
    """Yield what is not lost for certain, and leaves little room."""
    strategy, stop = situation.strategy, situation.exits.stop_loss_spread

    if strategy is None:
        return

    fee = 2 * figures.maker_fee
    spread = min(first_spreads(strategy).values(), default=Decimal(0))
    nearest = nearest_spread(strategy, spread)

    if nearest < fee <= spread:
        yield f"order optimisation may bring quotes to {percent(nearest)}, below the fees of both ways, {percent(fee)}"

    widest = max(first_spreads(strategy).values(), default=Decimal(0))

    if stop is not None and widest < stop < LEAST_STOP * widest:
        yield (
            f"stop_loss_spread = {percent(stop)} is only {short(stop / widest)} times the spread, {percent(widest)}: "
            f"at least {LEAST_STOP} to 5 times are usual"
        )


def first_spreads(strategy: StrategySettings) -> dict[Side, Decimal]:
    """Return the spread of level 1 of each side. A side without levels has none."""
    if not strategy.order_override:
        return {Side.BUY: strategy.bid_spread, Side.SELL: strategy.ask_spread}

    rows = strategy.order_override.values()
    nearest = {side: [spread for name, spread, _ in rows if name == side.value] for side in SIDES}

    return {side: min(spreads) for side, spreads in nearest.items() if spreads}


def nearest_spread(strategy: StrategySettings, spread: Decimal) -> Decimal:
    """Return how near to the reference level 1 may come.

    Mode `top` brings it up to minimum_spread, or to half of its own spread.
    """
    if not strategy.order_optimization_enabled or strategy.order_optimization_mode != "top":
        return spread

    return spread / 2 if strategy.minimum_spread is None else max(Decimal(0), strategy.minimum_spread)


def _targets(exits: ExitSettings, maker_fee: Decimal) -> Iterator[str]:
    fee = 2 * maker_fee
    takings = {
        "long_profit_taking_spread": exits.long_profit_taking_spread,
        "short_profit_taking_spread": exits.short_profit_taking_spread,
    }

    if fee <= 0:
        return

    for key, taking in takings.items():
        if taking <= fee:
            end = "the target earns nothing" if taking == fee else f"each target loses {percent(fee - taking)}"
            yield f"{key} = {percent(taking)}: the fees of both ways are {percent(fee)}, {end}"


def _spreads(strategy: StrategySettings, maker_fee: Decimal) -> Iterator[str]:
    fee = 2 * maker_fee

    for side, spread in first_spreads(strategy).items():
        if spread < fee:
            key = "order_override" if strategy.order_override else _KEYS[side]
            yield f"{key} = {percent(spread)}: less than the fees of both ways, {percent(fee)}"


def _stop(exits: ExitSettings, strategy: StrategySettings) -> Iterator[str]:
    stop = exits.stop_loss_spread
    widest = max(first_spreads(strategy).values(), default=Decimal(0))

    if stop is not None and stop <= widest:
        yield (
            f"stop_loss_spread = {percent(stop)}: no more than the spread, {percent(widest)}, so that a fill is "
            "followed by its stop more often than by its target"
        )


def _band(strategy: StrategySettings, figures: Figures) -> Iterator[str]:
    """Where the market stands outside of the band, one side is never quoted: what it takes in is not sold again."""
    reference = figures.mark if figures.reference is None else figures.reference
    floor, ceiling = strategy.price_floor, strategy.price_ceiling

    if reference is None:
        return

    here = price(reference, figures.tick)

    if floor is not None and reference <= floor:
        yield f"price_floor = {floor:f} is not below the market, {here}: nothing is sold, only bought"

    if ceiling is not None and reference >= ceiling:
        yield f"price_ceiling = {ceiling:f} is not above the market, {here}: nothing is bought, only sold"
