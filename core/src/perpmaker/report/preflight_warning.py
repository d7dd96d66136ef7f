"""What the figures warn of, and what of them is refused outright. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import attrs

from perpmaker.exits.level import SHARE
from perpmaker.model.order import Side
from perpmaker.report.preflight_checklist import CAREFUL_LEVERAGE, FREE_MARGIN, RESERVE
from perpmaker.report.preflight_figure import Figures, Situation, filled_sides
from perpmaker.report.preflight_level import LevelLine
from perpmaker.report.preflight_loss import read_certain_losses, read_thin_margins
from perpmaker.report.preflight_wording import money, percent, price, short

RECKLESS_LEVERAGE = 20
ALARM_FREE = Decimal("0.2")
BUSY = Decimal("0.5")
"""The share of the venue's order limit from which quoting alone is called busy."""

_SIDES = {Side.BUY: "bid", Side.SELL: "ask"}
_QUOTES = {Side.BUY: "bids", Side.SELL: "asks"}


@attrs.frozen(kw_only=True)
class Warned:
    """Something that a person should know before trading. `loud` when it can cost the account."""

    text: str
    loud: bool = False


def read_warnings(situation: Situation, figures: Figures) -> Iterator[Warned]:
    """Yield what a person should know before trading."""
    yield from (Warned(text=text, loud=True) for text in read_certain_losses(situation, figures))
    yield from _stop_warnings(situation)
    yield from _leverage_warnings(figures)
    yield from _money_warnings(figures)
    yield from _quote_warnings(situation, figures)
    yield from (Warned(text=text) for text in situation.advice)
    yield from (Warned(text=text) for text in read_thin_margins(situation, figures))


def _stop_warnings(situation: Situation) -> Iterator[Warned]:
    exits = situation.exits

    if exits.stop_loss_spread is None:
        yield Warned(text="NO STOP LOSS: a position that goes wrong is held until it is liquidated", loud=True)
        return

    if exits.stop_loss_order != "venue" and not (exits.venue_backstop and situation.venue_stops):
        why = "venue_backstop is off" if situation.venue_stops else f"{situation.venue} keeps no stops"
        order = f'stop_loss_order = "{exits.stop_loss_order}"'
        yield Warned(text=f"{why}: {order} protects only while perpmaker runs and reaches the venue", loud=True)

    if exits.stop_loss_spread >= 1:
        yield Warned(text="a stop 100 % below the entry never fires for a long position", loud=True)


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

    bound = figures.account.margin_share

    if bound is not None and bound > RESERVE:
        yield Warned(text=f"full fills bind {percent(bound)} of the equity: less than half of it is left in reserve")

    if figures.margin_mode is None:
        yield Warned(text="the account's margin mode was not read: liquidation is computed as isolated")

    if any(position.amount for position in figures.account.positions):
        yield Warned(text="a position is open already: the figures include it")


def _quote_warnings(situation: Situation, figures: Figures) -> Iterator[Warned]:
    if figures.reference is None:
        why = "" if situation.source_failure is None else f" ({situation.source_failure})"
        yield Warned(text=f"nothing can be quoted now: {figures.reference_name}{why}", loud=True)
    elif figures.levels and all(line.withheld is not None for line in figures.levels) and not figures.unquotable:
        yield Warned(text=f"every level is withheld now: {_reasons(figures.levels)}", loud=True)
    elif any(line.withheld is not None for line in figures.levels) and not figures.unquotable:
        yield Warned(text=f"withheld now: {_reasons(figures.levels)}")

    asked, limit = figures.orders.per_minute, figures.orders.limit

    if asked is not None and limit is not None and asked > limit * BUSY:
        yield Warned(
            text=f"up to {short(asked)} new orders a minute of the venue's {limit}: raise order_refresh_time",
            loud=asked > limit,
        )


def _reasons(levels: Sequence[LevelLine]) -> str:
    """Why levels are withheld, each reason once, with the levels that it holds for."""
    named: dict[str, list[str]] = {}

    for line in levels:
        if line.withheld is not None:
            named.setdefault(line.withheld, []).append(f"{_SIDES[line.side]} {line.number}")

    return "; ".join(f"{reason} ({', '.join(names)})" for reason, names in named.items())


def read_refusals(figures: Figures) -> Iterator[str]:
    """Reasons not to trade, each with the key that mends it."""
    if figures.leverage > figures.max_leverage:
        yield f"leverage = {figures.leverage}: {figures.market} allows at most {figures.max_leverage}"

    for side, one in filled_sides(figures):
        if one.beyond is not None:
            yield (
                f"stop_loss_spread: with all {_QUOTES[side]} filled the {one.name} position would be liquidated at "
                f"{price(one.liquidation, figures.tick)}; stop, slippage buffer and taker fee reach "
                f"{percent(one.beyond.reach)} from the entry, and may reach {percent(one.beyond.room)}, "
                f"{percent(SHARE)} of the way: lower stop_loss_spread or leverage"
            )

    if figures.unquotable:
        yield f"{figures.market} takes none of the levels: {'; '.join(figures.unquotable)}"
