"""The checklist of careful traders, each line held against one configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import Enum, unique

import attrs

from perpmaker.exits.settings import ExitSettings
from perpmaker.model.instrument import Instrument
from perpmaker.report.preflight_figure import Figures, Situation, filled_sides
from perpmaker.report.preflight_loss import LEAST_STOP, first_spreads, nearest_spread
from perpmaker.report.preflight_skew import skew_at_cap
from perpmaker.report.preflight_wording import money, percent, price, short
from perpmaker.strategy.settings import StrategySettings

CAREFUL_LEVERAGE = 5
ROOMY_STOP = 5
RESERVE = Decimal("0.5")
FREE_MARGIN = Decimal("0.3")

_NOTHING = "nothing can fill now"

_BANDS = (
    (1, "below every band: margin is as large as the position"),
    (3, "2-3x: beginner"),
    (5, "3-5x: intermediate"),
    (10, "5-10x: advanced"),
    (20, "10-20x: expert"),
)


@unique
class Verdict(Enum):
    """How a line of the checklist came out.

    `look`: nothing is wrong, but a person should have thought about it.
    """

    OK = "ok"
    LOOK = "look"
    BAD = "bad"


@attrs.frozen(kw_only=True)
class Line:
    """One line of the checklist: what careful traders ask, and what this configuration answers."""

    question: str
    verdict: Verdict
    found: str


def advise_leverage(leverage: int) -> str:
    """Whom a leverage is for."""
    return next((words for most, words in _BANDS if leverage <= most), "above 20x: beyond every band of experience")


def read_checklist(situation: Situation, figures: Figures) -> Iterator[Line]:
    """Yield each thing that careful traders check, against this configuration."""
    strategy = situation.strategy
    yield _stop_is_set(situation.exits)

    if strategy is not None:
        yield _stop_is_wide(situation.exits, strategy)

    yield _stop_is_first(situation.exits, figures)
    yield from _venue_band(situation.exits, situation.view.instrument)
    yield _line(
        f"leverage is at most {CAREFUL_LEVERAGE}",
        figures.leverage <= CAREFUL_LEVERAGE,
        f"{figures.leverage} ({advise_leverage(figures.leverage)})",
    )
    yield _reserve(figures)
    yield _free_margin(figures)
    yield _funding(figures)

    if strategy is not None:
        yield _band(figures, situation, strategy)
        yield _optimisation(situation, strategy)
        yield from _skew(situation, strategy)
        yield from _fees(figures, situation.exits, strategy)


def _line(question: str, holds: bool, found: str, otherwise: Verdict = Verdict.BAD) -> Line:
    return Line(question=question, verdict=Verdict.OK if holds else otherwise, found=found)


def _stop_is_set(exits: ExitSettings) -> Line:
    spread = exits.stop_loss_spread
    found = "stop_loss_spread is 0: off" if spread is None else f"{percent(spread)} from entry, as {_order(exits)}"

    return _line("a stop loss is set", spread is not None, found)


def _order(exits: ExitSettings) -> str:
    return "an order on the venue" if exits.stop_loss_order == "venue" else f"a {exits.stop_loss_order} order"


def _stop_is_wide(exits: ExitSettings, strategy: StrategySettings) -> Line:
    """Against the wider of the spreads of level 1."""
    question = f"the stop is {LEAST_STOP} to {ROOMY_STOP} times the spread or more"
    spread = max(first_spreads(strategy).values(), default=None)

    if exits.stop_loss_spread is None or spread is None:
        return _line(question, holds=False, found="no stop loss")

    ratio = exits.stop_loss_spread / spread
    room = ", which is narrow" if LEAST_STOP <= ratio < ROOMY_STOP else ""

    return _line(question, ratio >= LEAST_STOP, f"{short(ratio)} times{room}")


def _stop_is_first(exits: ExitSettings, figures: Figures) -> Line:
    question = "the stop fires before liquidation"
    filled = filled_sides(figures)

    if exits.stop_loss_spread is None:
        return _line(question, holds=False, found="no stop loss")

    if not filled:
        return _line(question, holds=False, found=_NOTHING, otherwise=Verdict.LOOK)

    words = [
        f"{one.name}: stop {price(one.stop, figures.tick)}, liquidation {price(one.liquidation, figures.tick)}"
        for _, one in filled
    ]

    return _line(question, not any(one.stops_too_late for _, one in filled), "; ".join(words))


def _venue_band(exits: ExitSettings, instrument: Instrument) -> Iterator[Line]:
    """The venue's own price band against how far the order of a stop reaches; nothing where either is missing."""
    up, down, stop = instrument.band_up, instrument.band_down, exits.stop_loss_spread

    if up is None or down is None or stop is None:
        return

    width = min(up - 1, 1 - down)
    buffer = exits.stop_loss_slippage_buffer if exits.stop_loss_order == "limit" else Decimal(0)
    words = f"it takes sells down to {percent(down)} and buys up to {percent(up)} of the mark price; "
    words += f"stop and buffer reach {percent(stop + buffer)}"

    if buffer >= width:
        words += ", and stop_loss_slippage_buffer alone is beyond it: the limit is moved inside"

    verdict = Verdict.BAD if buffer >= width else Verdict.LOOK
    yield _line("the stop's order fits into the venue's price band", stop + buffer < width, words, otherwise=verdict)


def _reserve(figures: Figures) -> Line:
    question = "full fills leave half of the capital in reserve"
    share = figures.account.margin_share

    if share is None:
        return _line(question, holds=False, found="no capital in the account's quote asset")

    if not filled_sides(figures):
        return _line(question, holds=False, found=_NOTHING, otherwise=Verdict.LOOK)

    return _line(question, share <= RESERVE, f"they bind {percent(share)} of the equity")


def _free_margin(figures: Figures) -> Line:
    question, share = "free margin is above 30 %", figures.account.free_margin_share

    if share is not None and share > FREE_MARGIN and not filled_sides(figures):
        return _line(question, holds=False, found=_NOTHING, otherwise=Verdict.LOOK)

    found = "no capital in the account's quote asset" if share is None else f"{percent(share)} after full fills"

    return _line(question, share is not None and share > FREE_MARGIN, found)


def _funding(figures: Figures) -> Line:
    question, rate = "funding was looked at", figures.funding.rate

    if rate is None:
        return _line(question, holds=False, found="the venue has not told the rate", otherwise=Verdict.LOOK)

    costs = [
        f"{one.name} {_paid(one.funding_day)} a day, target {money(one.min_daily_profit_target)}"
        for _, one in filled_sides(figures)
        if one.funding_day is not None and one.min_daily_profit_target is not None
    ]

    return _line(question, True, "; ".join([f"{percent(rate)} each {figures.funding.interval_h} h", *costs]))


def _paid(cost: Decimal) -> str:
    return f"pays {money(cost)}" if cost > 0 else f"receives {money(-cost)}"


def _band(figures: Figures, situation: Situation, strategy: StrategySettings) -> Line:
    floor, ceiling = strategy.price_floor, strategy.price_ceiling
    question = "a price band is set, or knowingly off"

    if floor is not None or ceiling is not None:
        return _line(question, True, f"floor {price(floor, figures.tick)}, ceiling {price(ceiling, figures.tick)}")

    known = bool({"price_floor", "price_ceiling"} & situation.given)
    found = "off, as the file says" if known else "off; the file says neither price_floor nor price_ceiling"

    return _line(question, known, found, otherwise=Verdict.LOOK)


def _optimisation(situation: Situation, strategy: StrategySettings) -> Line:
    question, key = "order optimisation is on, or knowingly off", "order_optimization_enabled"

    if strategy.order_optimization_enabled:
        return _line(question, True, f"on, {strategy.order_optimization_mode}")

    known = key in situation.given
    found = "off, as the file says" if known else f"off; the file does not say {key}"

    return _line(question, known, found, otherwise=Verdict.LOOK)


def _skew(situation: Situation, strategy: StrategySettings) -> Iterator[Line]:
    """Where inventory skew leads at the cap; nothing where it is off."""
    found = skew_at_cap(situation.view, strategy)

    if found is not None:
        question, words = "inventory skew at the cap was looked at", found.words(situation.view.instrument.base)
        yield _line(question, found.is_usual, words, otherwise=Verdict.LOOK)


def _fees(figures: Figures, exits: ExitSettings, strategy: StrategySettings) -> Iterator[Line]:
    """Spread and profit-taking spread against what both ways cost a maker."""
    fee = 2 * figures.maker_fee
    spread = min(first_spreads(strategy).values(), default=Decimal(0))
    nearest = nearest_spread(strategy, spread)
    taking = min(exits.long_profit_taking_spread, exits.short_profit_taking_spread)
    words = f"{percent(spread)} against {percent(fee)}"

    if nearest <= fee < spread:
        words = f"{words}; order optimisation may bring it to {percent(nearest)}"

    verdict = Verdict.LOOK if spread > fee else Verdict.BAD
    yield _line("the spread is above the round-trip fee", nearest > fee, words, otherwise=verdict)
    yield _line("profit taking is above the round-trip fee", taking > fee, f"{percent(taking)} against {percent(fee)}")
