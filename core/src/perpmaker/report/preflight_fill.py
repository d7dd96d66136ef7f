"""What comes to be held when every level of a side fills: what it costs, and where it ends well or badly. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import attrs

from perpmaker.exits.level import Beyond, beyond_reach, stop_level
from perpmaker.exits.settings import ExitSettings
from perpmaker.exits.target import take_profit
from perpmaker.model.instrument import Instrument
from perpmaker.model.margin import (
    approximate_liquidation,
    initial_margin,
    liquidation_price,
    maintenance_margin,
    tier_of,
)
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode, Position
from perpmaker.report.preflight_level import LevelLine
from perpmaker.state.step import Step, moved
from perpmaker.state.view import View
from perpmaker.strategy.ladder import position_side_of

ZERO = Decimal(0)
TARGET_FACTOR = Decimal("1.5")
"""A day's profit should be this many times what a day's funding costs."""


@attrs.frozen(kw_only=True)
class Money:
    """What a fill is judged with.

    `wallet` in quote asset, None until known. `funding_rate` per interval, signed.

    `margin_mode` None: the venue was not asked, and isolated is assumed, which liquidates earlier.
    """

    leverage: int
    margin_mode: MarginMode | None
    wallet: Decimal | None
    funding_rate: Decimal | None


@attrs.frozen(kw_only=True)
class Filled:
    """A position as it would be. `amount` is signed, in base. Prices and money in quote asset.

    `liquidation` is by the venue's tiers as `formula` says, None where no price liquidates; `liquidation_rule_of_thumb`
    is what calculators show. `stop` is the effective one, which lies before liquidation; `beyond` tells by how much the
    one that is set comes too near to it, None when it does not. `loss_at_stop` includes both fees, at the stop's own
    level; `loss_at_limit` is the same at the worst price that the first limit order of the stop accepts, None where a
    stop goes out without one; `loss_at_stop_share` is the first as a share of the wallet, None where there is none.
    `funding_day` is positive when it is paid. `break_even` is the move from the entry, as a share of it, that pays both
    fees as a maker; `break_even_day` a day's funding as well.
    """

    amount: Decimal
    entry: Decimal
    notional: Decimal
    margin: Decimal
    maintenance: Decimal
    liquidation: Decimal | None
    liquidation_rule_of_thumb: Decimal
    formula: str
    target: Decimal
    fees_round_trip: Decimal
    profit_at_target: Decimal
    stop: Decimal | None
    beyond: Beyond | None
    loss_at_stop: Decimal | None
    loss_at_stop_share: Decimal | None
    loss_at_limit: Decimal | None
    funding_day: Decimal | None
    min_daily_profit_target: Decimal | None
    break_even: Decimal
    break_even_day: Decimal | None

    @property
    def sign(self) -> int:
        """+1 for a long position, -1 for a short one."""
        return 1 if self.amount > 0 else -1

    @property
    def name(self) -> str:
        """What people call it: long or short."""
        return "long" if self.amount > 0 else "short"

    @property
    def stops_too_late(self) -> bool:
        """Whether stop, slippage buffer and taker fee reach too near to liquidation."""
        return self.beyond is not None


def fill_side(view: View, exits: ExitSettings, money: Money, lines: Iterable[LevelLine], side: Side) -> Filled | None:
    """Return the position after every level of a side has filled, on top of the one that is held.

    None when that is flat.
    """
    place = position_side_of(side, view.position_mode)
    before = view.positions.get(place) or Position(side=place)
    after = before

    for line in lines:
        if line.side is side and line.fills and line.price is not None:
            after = moved(after, Step(0, side.sign * line.amount, line.price))

    return None if view.instrument.lots_down(abs(after.amount)) == 0 else hold(view, exits, money, after, before)


def hold(view: View, exits: ExitSettings, money: Money, position: Position, before: Position) -> Filled:
    """Return everything about holding a position that grew from another one."""
    instrument, size = view.instrument, abs(position.amount)
    sign = 1 if position.amount > 0 else -1
    notional = size * position.entry
    backing, formula = _backing(view, money, position, before)
    target = instrument.price(take_profit(exits, instrument, position, instrument.lots_down(size)).ticks)
    fees = (notional + size * target) * instrument.maker_fee
    funding = _funding_day(instrument, money, notional, sign)
    break_even = _break_even(instrument.maker_fee, sign)
    liquidation = liquidation_price(instrument.tiers, amount=position.amount, entry=position.entry, margin=backing)
    placed = attrs.evolve(position, liquidation=liquidation)
    stop = _stop(exits, instrument, placed, sign)
    loss = None if stop is None else _loss(instrument, position, stop)
    ratio = tier_of(instrument.tiers, notional).maintenance_ratio

    return Filled(
        amount=position.amount,
        entry=position.entry,
        notional=notional,
        margin=initial_margin(notional, money.leverage),
        maintenance=maintenance_margin(instrument.tiers, notional),
        liquidation=liquidation,
        liquidation_rule_of_thumb=approximate_liquidation(
            entry=position.entry, leverage=money.leverage, maintenance_ratio=ratio, sign=sign
        ),
        formula=formula,
        target=target,
        fees_round_trip=fees,
        profit_at_target=sign * size * (target - position.entry) - fees,
        stop=stop,
        beyond=beyond_reach(exits, placed, sign, instrument.taker_fee),
        loss_at_stop=loss,
        loss_at_stop_share=None if loss is None or not money.wallet else loss / money.wallet,
        loss_at_limit=_loss_at_limit(exits, instrument, position, stop),
        funding_day=funding,
        min_daily_profit_target=None if funding is None else max(ZERO, TARGET_FACTOR * funding),
        break_even=break_even,
        break_even_day=None if funding is None else break_even + funding / notional,
    )


def _backing(view: View, money: Money, position: Position, before: Position) -> tuple[Decimal, str]:
    """What stands behind a position until it is liquidated, and by which formula that is said."""
    tiers = "the venue's tiers" if view.instrument.tiers else "no tiers published: without maintenance margin"
    notional = abs(position.amount) * position.entry

    if money.margin_mode is MarginMode.CROSS and money.wallet is not None:
        return money.wallet + _others(view, position.side), f"cross: the whole wallet behind it, {tiers}"

    margin = initial_margin(notional, money.leverage)

    if before.isolated_margin is not None and before.amount * position.amount > 0:
        margin = before.isolated_margin + initial_margin(
            max(ZERO, notional - abs(before.amount) * before.entry), money.leverage
        )

    mode = "isolated" if money.margin_mode is MarginMode.ISOLATED else "isolated assumed: margin mode not read"

    return margin, f"{mode}, {tiers}"


def _others(view: View, side: PositionSide) -> Decimal:
    """Unrealised profit of the market's other positions, less their maintenance margin."""
    total = ZERO

    for place, position in view.positions.items():
        if place is not side and position.amount and view.mark is not None:
            profit = position.amount * (view.mark - position.entry)
            total += profit - maintenance_margin(view.instrument.tiers, position.amount * view.mark)

    return total


def _stop(exits: ExitSettings, instrument: Instrument, position: Position, sign: int) -> Decimal | None:
    """The price at which the stop loss fires; None without one, or where no price is that low."""
    ticks = stop_level(exits, position, sign, instrument)

    return instrument.price(ticks) if ticks is not None and ticks > 0 else None


def _loss_at_limit(
    exits: ExitSettings, instrument: Instrument, position: Position, stop: Decimal | None
) -> Decimal | None:
    """What is lost where the stop's limit is, when it is sent at its level; the market may leave that behind, too."""
    if stop is None or exits.stop_loss_order != "limit":
        return None

    sign = 1 if position.amount > 0 else -1
    price = stop * (1 - sign * exits.stop_loss_slippage_buffer)
    ticks = instrument.ticks_up(price) if sign > 0 else instrument.ticks_down(price)

    return _loss(instrument, position, instrument.price(ticks))


def _loss(instrument: Instrument, position: Position, price: Decimal) -> Decimal:
    """What leaving the position at a price loses, entered as a maker and left as a taker."""
    size = abs(position.amount)
    fees = size * (position.entry * instrument.maker_fee + price * instrument.taker_fee)

    return position.amount * (position.entry - price) + fees


def _funding_day(instrument: Instrument, money: Money, notional: Decimal, sign: int) -> Decimal | None:
    """What a day's funding costs at the present rate; with a positive rate longs pay shorts."""
    if money.funding_rate is None:
        return None

    return sign * notional * money.funding_rate * 24 / instrument.funding_interval_h


def _break_even(fee: Decimal, sign: int) -> Decimal:
    """The share of the entry that the price must move in favour to pay the maker's fee of both ways."""
    return sign * ((1 + sign * fee) / (1 - sign * fee) - 1)


def at_risk(filled: Iterable[Filled | None], mode: PositionMode) -> Decimal:
    """The margin that can be bound at once: both positions in Hedge, the larger one where they exclude each other."""
    margins = [one.margin for one in filled if one is not None]

    return sum(margins, ZERO) if mode is PositionMode.HEDGE else max(margins, default=ZERO)
