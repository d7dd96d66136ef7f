"""The figures of the pre-flight report: what quoting here would cost and where it would end. Pure.

Computed from one view of the market, the strategy's own answer to it, and what the account is set to. Every number is
Decimal: money in quote asset, amounts in base, shares as fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.margin import free_margin_share, largest_notional
from perpmaker.model.order import PositionMode, Side
from perpmaker.model.position import MarginMode, Position, VenueSettings
from perpmaker.model.quote import Quote, Wanted
from perpmaker.report.preflight_fill import Filled, Money, at_risk, fill_side
from perpmaker.report.preflight_level import Ladder, LevelLine, Placement, read_ladder, worded
from perpmaker.risk.interface import Refused
from perpmaker.state.view import View
from perpmaker.strategy.ladder import SIDES
from perpmaker.strategy.reference import NoReference
from perpmaker.strategy.settings import StrategySettings

ZERO = Decimal(0)


@attrs.frozen(kw_only=True)
class Situation:
    """What a report is computed from.

    `wanted` is the strategy's answer to `view`, `approved` and `refused` what the risk modules made of it. `strategy`
    holds the settings of the strategy that ships, None for another one. `margin_mode` is that of the account, or the
    one that the configuration sets; None where neither is known. `settings_now` is what the account is set to, as far
    as it was read. `wallet` is what stands behind the positions, `account` the venue's whole word. `given` are the
    keys that stand in the file. `source_failure`: why the price source is not heard. `venue_stops`: the venue
    keeps stops that outlive this program.
    """

    environment: str
    venue: str
    view: View
    wanted: Wanted
    approved: Sequence[Quote]
    refused: Sequence[Refused] = ()
    strategy: StrategySettings | None
    exits: ExitSettings
    margin_mode: MarginMode | None = None
    settings_now: VenueSettings | None = None
    wallet: Decimal | None = None
    account: AccountSnapshot | None = None
    funding_rate: Decimal | None = None
    next_funding_ms: int | None = None
    given: frozenset[str] = frozenset()
    source_failure: str | None = None
    venue_stops: bool = True
    advice: Sequence[str] = ()


@attrs.frozen(kw_only=True)
class Totals:
    """All quotes together: notional, margin, and the margin that is bound at once when they have filled."""

    notional: Decimal
    margin: Decimal
    at_risk: Decimal
    funding_day: Decimal | None


@attrs.frozen(kw_only=True)
class Account:
    """The account: wallet and equity of the quote asset, positions, and the free share of the equity.

    `free_margin_share` is (equity - initial margin) / equity when everything has filled at the reference.
    """

    wallet: Decimal | None
    equity: Decimal | None
    positions: tuple[Position, ...]
    free_margin_share: Decimal | None
    margin_share: Decimal | None


@attrs.frozen(kw_only=True)
class Funding:
    """The present rate, signed, for each interval. With a positive one longs pay shorts."""

    rate: Decimal | None
    interval_h: int
    next_ms: int | None


@attrs.frozen(kw_only=True)
class OrderRate:
    """New orders a minute when every quote is replaced at each refresh.

    `limit` is the venue's, None if it has none.
    """

    per_minute: Decimal | None
    limit: int | None


@attrs.frozen(kw_only=True)
class Figures:
    """Everything that is known and computed, before it is judged.

    `reference` None: nothing can be quoted now.
    """

    environment: str
    venue: str
    market: str
    base: str
    quote: str
    leverage: int
    max_leverage: int
    leverage_notional_limit: Decimal | None
    position_mode: PositionMode
    margin_mode: MarginMode | None
    settings_now: VenueSettings | None
    reference: Decimal | None
    reference_name: str
    mark: Decimal | None
    basis: Decimal | None
    tick: Decimal
    lot: Decimal
    min_amount: Decimal
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    account: Account
    levels: tuple[LevelLine, ...]
    bids: Filled | None
    asks: Filled | None
    all_filled: Totals
    funding: Funding
    orders: OrderRate
    placements: tuple[Placement, ...]
    unquotable: tuple[str, ...]


def measure(situation: Situation) -> Figures:
    """Return everything that the report has figures for."""
    view, instrument = situation.view, situation.view.instrument
    strategy = situation.strategy
    ladder = read_ladder(view, strategy, situation.wanted, situation.approved, situation.refused)
    money = Money(
        leverage=view.leverage,
        margin_mode=situation.margin_mode,
        wallet=situation.wallet,
        funding_rate=situation.funding_rate,
    )
    bids, asks = (fill_side(view, situation.exits, money, ladder.levels, side) for side in SIDES)
    price, name, basis = _reference(view, ladder)

    return Figures(
        environment=situation.environment,
        venue=situation.venue,
        market=instrument.market,
        base=instrument.base,
        quote=instrument.quote,
        leverage=view.leverage,
        max_leverage=instrument.max_leverage,
        leverage_notional_limit=largest_notional(instrument.tiers, view.leverage),
        position_mode=view.position_mode,
        margin_mode=situation.margin_mode,
        settings_now=situation.settings_now,
        reference=price,
        reference_name=name,
        mark=view.mark,
        basis=basis,
        tick=instrument.tick,
        lot=instrument.lot,
        min_amount=instrument.min_amount,
        min_notional=instrument.min_notional,
        maker_fee=instrument.maker_fee,
        taker_fee=instrument.taker_fee,
        account=_account(situation, bids, asks),
        levels=ladder.levels,
        bids=bids,
        asks=asks,
        all_filled=_together(view, ladder.levels, bids, asks),
        funding=Funding(
            rate=situation.funding_rate, interval_h=instrument.funding_interval_h, next_ms=situation.next_funding_ms
        ),
        orders=OrderRate(per_minute=_orders_per_minute(strategy, ladder), limit=instrument.orders_per_minute),
        placements=ladder.placements,
        unquotable=ladder.unquotable,
    )


def _reference(view: View, ladder: Ladder) -> tuple[Decimal | None, str, Decimal | None]:
    """The price that quotes hang on, its name, and how far the traded market is from it, as a share of it."""
    found, bid, ask = ladder.reference, view.book.best_bid, view.book.best_ask
    mid = None if bid is None or ask is None else view.instrument.price(bid + ask) / 2

    if isinstance(found, NoReference):
        return None, worded(found.reason), None

    if found is None:
        return mid, "mid", None

    basis = None if mid is None or not view.external_reference else mid / found.price - 1

    return found.price, found.reason.text, basis


def _account(situation: Situation, bids: Filled | None, asks: Filled | None) -> Account:
    """The account as it is, and how much of it is free when everything has filled."""
    view, wallet = situation.view, situation.wallet
    held = tuple(position for position in view.positions.values() if position.amount)
    mark = view.mark
    profit = ZERO if mark is None else sum((one.amount * (mark - one.entry) for one in held), ZERO)
    equity = None if wallet is None else wallet + profit
    filled = [one for one in (bids, asks) if one is not None]
    bound = at_risk(filled, view.position_mode)
    solvent = equity is not None and equity > 0

    return Account(
        wallet=wallet,
        equity=equity,
        positions=held,
        free_margin_share=None if equity is None else free_margin_share(equity, bound),
        margin_share=bound / equity if solvent and equity is not None else None,
    )


def _together(view: View, levels: Sequence[LevelLine], bids: Filled | None, asks: Filled | None) -> Totals:
    """All levels that can fill, of both sides."""
    filling = [line for line in levels if line.fills]
    costs = [one.funding_day for one in (bids, asks) if one is not None]
    known = [cost for cost in costs if cost is not None]
    hedge = view.position_mode is PositionMode.HEDGE

    return Totals(
        notional=sum((line.notional for line in filling if line.notional is not None), ZERO),
        margin=sum((line.margin for line in filling if line.margin is not None), ZERO),
        at_risk=at_risk((bids, asks), view.position_mode),
        funding_day=sum(known, ZERO) if hedge and costs and len(known) == len(costs) else None,
    )


def _orders_per_minute(strategy: StrategySettings | None, ladder: Ladder) -> Decimal | None:
    """New orders a minute at the most that quoting alone comes to; None where it is not known."""
    if strategy is None:
        return None

    quotes = sum(1 for line in ladder.levels if line.fills)

    return quotes * 60 / Decimal(str(strategy.order_refresh_time))


def filled_sides(figures: Figures) -> list[tuple[Side, Filled]]:
    """Return what is held when all levels of a side have filled, for each side where that is something."""
    found = ((Side.BUY, figures.bids), (Side.SELL, figures.asks))

    return [(side, one) for side, one in found if one is not None]
