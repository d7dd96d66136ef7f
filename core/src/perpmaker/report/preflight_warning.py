"""What the figures warn of, and what of them is refused outright. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import attrs

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import Side
from perpmaker.report.preflight_checklist import CAREFUL_LEVERAGE, FREE_MARGIN
from perpmaker.report.preflight_figure import Figures, Situation, filled_sides
from perpmaker.report.preflight_wording import money, percent, price, short

RECKLESS_LEVERAGE = 20
ALARM_FREE = Decimal("0.2")
BUSY = Decimal("0.5")
"""The share of the venue's order limit from which quoting alone is called busy."""

_QUOTES = {Side.BUY: "bids", Side.SELL: "asks"}


@attrs.frozen(kw_only=True)
class Warned:
    """Something that a person should know before trading; `loud` when it can cost the account."""

    text: str
    loud: bool = False


def read_warnings(situation: Situation, figures: Figures) -> Iterator[Warned]:
    """What a person should know before trading, the stop loss first."""
    yield from _stop_warnings(situation.exits, figures)
    yield from _leverage_warnings(figures)
    yield from _money_warnings(figures)
    yield from _quote_warnings(situation, figures)


def _stop_warnings(exits: ExitSettings, figures: Figures) -> Iterator[Warned]:
    if exits.stop_loss_spread is None:
        yield Warned(text="NO STOP LOSS: a position that goes wrong is held until it is liquidated", loud=True)
        return

    if exits.stop_loss_order != "venue":
        yield Warned(
            text=f'stop_loss_order = "{exits.stop_loss_order}" protects only while perpmaker runs and reaches the venue'
        )

    if exits.stop_loss_spread >= 1:
        yield Warned(text="a stop 100 % below the entry never fires for a long position", loud=True)

    for _, one in filled_sides(figures):
        worst = None if one.stop is None else one.stop * (1 - one.sign * exits.stop_loss_slippage_buffer)

        if worst is None or one.liquidation is None or one.stops_too_late:
            continue

        if one.sign * (worst - one.liquidation) <= 0:
            yield Warned(text=f"{one.name}: liquidation lies within stop_loss_slippage_buffer of the stop", loud=True)


def _leverage_warnings(figures: Figures) -> Iterator[Warned]:
    if figures.leverage > RECKLESS_LEVERAGE:
        move = percent(1 / Decimal(figures.leverage))
        yield Warned(text=f"LEVERAGE {figures.leverage}: a move of {move} takes the whole margin", loud=True)
    elif figures.leverage > CAREFUL_LEVERAGE:
        yield Warned(text=f"leverage {figures.leverage} is above {CAREFUL_LEVERAGE}x")

    limit = figures.leverage_notional_limit
    largest = max((one.notional for _, one in filled_sides(figures)), default=Decimal(0))

    if limit is not None and largest > limit:
        yield Warned(
            text=f"at leverage {figures.leverage} the venue lets you hold {money(limit)} {figures.quote}, "
            f"full fills come to {money(largest)}",
            loud=True,
        )


def _money_warnings(figures: Figures) -> Iterator[Warned]:
    share = figures.account.free_margin_share

    if share is not None and share < FREE_MARGIN:
        yield Warned(text=f"free margin after full fills: {percent(share)}", loud=share < ALARM_FREE)

    if figures.margin_mode is None:
        yield Warned(text="the account's margin mode was not read: liquidation is computed as isolated")

    if any(position.amount for position in figures.account.positions):
        yield Warned(text="a position is open already: the figures include it")


def _quote_warnings(situation: Situation, figures: Figures) -> Iterator[Warned]:
    if figures.reference is None:
        why = "" if situation.source_failure is None else f" ({situation.source_failure})"
        yield Warned(text=f"nothing can be quoted now: {figures.reference_name}{why}", loud=True)
    elif figures.levels and all(line.withheld is not None for line in figures.levels) and not figures.unquotable:
        yield Warned(text="every level is withheld now: see why above", loud=True)

    asked, limit = figures.orders.per_minute, figures.orders.limit

    if asked is not None and limit is not None and asked > limit * BUSY:
        yield Warned(
            text=f"up to {short(asked)} new orders a minute of the venue's {limit}: raise order_refresh_time",
            loud=asked > limit,
        )


def read_refusals(figures: Figures) -> Iterator[str]:
    """Reasons not to trade, each with the key that mends it."""
    if figures.leverage > figures.max_leverage:
        yield f"leverage = {figures.leverage}: {figures.market} allows at most {figures.max_leverage}"

    for side, one in filled_sides(figures):
        if one.stops_too_late:
            yield (
                f"stop_loss_spread: with all {_QUOTES[side]} filled the {one.name} position would be liquidated at "
                f"{price(one.liquidation, figures.tick)}, before its stop at {price(one.stop, figures.tick)} fires: "
                "lower stop_loss_spread or leverage"
            )

    if figures.unquotable:
        yield f"{figures.market} takes none of the levels: {'; '.join(figures.unquotable)}"
