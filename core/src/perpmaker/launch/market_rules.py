"""What a market does not allow of a plan: asked before a run and by `check`, in the same words."""

from __future__ import annotations

from collections.abc import Iterator

from perpmaker.connector.abilities import VenueStops
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.errors import MarketRulesError
from perpmaker.launch.plan import Plan
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.strategy.settings import StrategySettings

_EXITS = 2  # of a position: its target and its stop


def check_market_rules(plan: Plan, connector: DerivativeConnector, instrument: Instrument) -> None:
    """Raise MarketRulesError with everything that the market does not allow, a line each."""
    broken = list(broken_rules(plan, connector, instrument))

    if broken:
        raise MarketRulesError("\n".join(broken))


def broken_rules(plan: Plan, connector: DerivativeConnector, instrument: Instrument) -> Iterator[str]:
    """Yield what the market does not allow of the plan, each with the key and with what is allowed."""
    market, venue = instrument.market, plan.connector.name

    if plan.leverage > instrument.max_leverage:
        yield f"leverage = {plan.leverage}: {market} allows at most {instrument.max_leverage}"

    if plan.position_mode is PositionMode.HEDGE and not instrument.has_hedge_mode:
        yield f'position_mode = "Hedge": {market} on {venue} has only One-way positions'

    if plan.exits.stop_loss_order == "venue" and not isinstance(connector, VenueStops):
        yield f'stop_loss_order = "venue": {venue} keeps no stops; choose "limit" or "market"'

    yield from _room(plan, instrument)


def _room(plan: Plan, instrument: Instrument) -> Iterator[str]:
    """More quotes than the venue takes orders of an account, targets and stops included."""
    strategy, limit = plan.strategy_settings, instrument.max_orders

    if limit is None or not isinstance(strategy, StrategySettings):
        return

    quotes = len(strategy.order_override) or 2 * strategy.order_levels
    exits = _EXITS if plan.position_mode is PositionMode.ONE_WAY else 2 * _EXITS

    if quotes + exits > limit:
        key = "order_override" if strategy.order_override else f"order_levels = {strategy.order_levels}"
        yield (
            f"{key}: {quotes} quotes and {exits} closing orders are more than the {limit} orders that "
            f"{instrument.market} takes of an account at a time"
        )
