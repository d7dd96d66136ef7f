"""The ladder at this moment, level by level: what each would cost, and why one is not quoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.margin import initial_margin
from perpmaker.model.order import Side, Slot
from perpmaker.model.quote import Quote, Reason, Rule, Wanted
from perpmaker.risk.interface import Refused
from perpmaker.state.view import View
from perpmaker.strategy.filters import MarketFilter
from perpmaker.strategy.ladder import SIDES, Level, build_ladder, ladder_ticks
from perpmaker.strategy.optimisation import optimise, price_to_beat
from perpmaker.strategy.reference import NoReference, Reference, read_reference
from perpmaker.strategy.settings import StrategySettings
from perpmaker.strategy.skew import InventorySkew

LASTING = frozenset(
    {Rule.MIN_AMOUNT, Rule.MIN_NOTIONAL, Rule.MAX_AMOUNT, Rule.ROUNDING, Rule.BUDGET, Rule.RISK, Rule.PRICE_BAND}
)
"""Rules that withhold a level for as long as configuration, market and account stay as they are."""


@attrs.frozen(kw_only=True)
class LevelLine:
    """One level: `number` counts from 1.

    Price in quote, amount in base, notional and margin in quote asset.

    `withheld` is why it is not quoted now, None when it is; `note` what a risk module cut it for. `fills` says whether
    it counts where all levels fill: not when market, money or a risk module keep it off the book for good.
    """

    side: Side
    number: int
    price: Decimal | None
    amount: Decimal
    notional: Decimal | None
    margin: Decimal | None
    withheld: str | None = None
    note: str | None = None
    fills: bool = True


@attrs.frozen(kw_only=True)
class Placement:
    """What order optimisation would do to level 1 of a side now: from its own price to another, and why."""

    mode: str
    side: Side
    own: Decimal
    price: Decimal
    to_beat: Decimal | None


@attrs.frozen(kw_only=True)
class Ladder:
    """The levels from the market outward, bids first. Without a reference they have no prices."""

    reference: Reference | NoReference | None
    levels: tuple[LevelLine, ...]
    placements: tuple[Placement, ...] = ()
    unquotable: tuple[str, ...] = ()


def read_ladder(
    view: View, settings: StrategySettings | None, wanted: Wanted, approved: Sequence[Quote], refused: Sequence[Refused]
) -> Ladder:
    """Return the ladder of the strategy that ships, or the bare quotes of another one.

    `unquotable` are the reasons when the market's own filters withhold every single level; empty otherwise.
    """
    answers = _Answers(view, wanted, approved, refused)

    if settings is None:
        quotes = tuple(answers.line(quote.slot, quote.ticks, quote.lots) for quote in wanted.quotes)

        return Ladder(reference=None, levels=quotes)

    ladder = build_ladder(settings, view.instrument, view.position_mode, view.leverage)
    reference = read_reference(view, settings.price_type, settings.max_age_s)

    if isinstance(reference, NoReference):
        lines = tuple(answers.line(level.slot, None, level.lots) for side in SIDES for level in ladder[side])

        return Ladder(reference=reference, levels=lines)

    prices = {side: _prices(view, settings, side, reference, ladder[side])[0] for side in SIDES}
    rungs = [(level, ticks) for side in SIDES for level, ticks in zip(ladder[side], prices[side], strict=True)]

    return Ladder(
        reference=reference,
        levels=tuple(answers.line(level.slot, ticks, level.lots) for level, ticks in rungs),
        placements=tuple(_placements(view, settings, reference, ladder)),
        unquotable=_unquotable(view, rungs),
    )


class _Answers:
    """What strategy and risk modules said of each slot."""

    def __init__(self, view: View, wanted: Wanted, approved: Sequence[Quote], refused: Sequence[Refused]) -> None:
        self._instrument = view.instrument
        self._leverage = view.leverage
        self._wanted = {quote.slot: quote for quote in wanted.quotes}
        self._approved = {quote.slot: quote for quote in approved}
        self._refused = {one.quote.slot: one for one in refused}
        self._withheld: Mapping[Slot, Reason] = {one.slot: one.reasons[-1] for one in wanted.withheld if one.reasons}

    def line(self, slot: Slot, ticks: int | None, lots: int) -> LevelLine:
        """Return the level of a slot: as it is quoted, else as the ladder has it."""
        quote = self._approved.get(slot)
        asked = self._wanted.get(slot)

        if quote is not None:
            ticks, lots = quote.ticks, quote.lots

        price = None if ticks is None else self._instrument.price(ticks)
        amount = self._instrument.amount(lots)
        notional = None if price is None else price * amount
        withheld, fills = self._why(slot)

        return LevelLine(
            side=slot.side,
            number=slot.level + 1,
            price=price,
            amount=amount,
            notional=notional,
            margin=None if notional is None else initial_margin(notional, self._leverage),
            withheld=withheld,
            note=None if quote is None or quote == asked else _cut(quote, asked, self._instrument),
            fills=fills,
        )

    def _why(self, slot: Slot) -> tuple[str | None, bool]:
        """Why the slot's level is not quoted, and whether that may pass; (None, True) when it is quoted."""
        refused, withheld = self._refused.get(slot), self._withheld.get(slot)

        if refused is not None:
            return f"{refused.module}: {refused.reason}", False

        if withheld is not None:
            return worded(withheld), withheld.rule not in LASTING

        return (None, True) if slot in self._approved else ("the strategy does not say", False)


def worded(reason: Reason) -> str:
    """Return a reason as a person reads it, with its value where it has one."""
    return reason.text if reason.value is None else f"{reason.text} ({_plain(reason.value)})"


def _plain(value: Decimal | int) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _cut(quote: Quote, asked: Quote | None, instrument: Instrument) -> str:
    """What a risk module did to a quote."""
    if quote.reasons and (asked is None or quote.reasons != asked.reasons):
        return worded(quote.reasons[-1])

    before = "" if asked is None else f" from {instrument.amount(asked.lots)} at {instrument.price(asked.ticks)}"

    return f"changed by a risk module{before}"


def _prices(
    view: View, settings: StrategySettings, side: Side, reference: Reference, ladder: tuple[Level, ...]
) -> tuple[list[int], list[int]]:
    """The side's prices in ticks, after order optimisation and before it."""
    skew = InventorySkew.of(settings, view.instrument)
    skewed = None if skew is None else skew.at(view, reference, None)
    own = ladder_ticks(side, ladder, reference) if skewed is None else skewed.lay(side, ladder, reference)[0]

    return optimise(settings, view, side, reference=reference, skewed=skewed, ladder=ladder, own=own)[0], own


def _placements(
    view: View, settings: StrategySettings, reference: Reference, ladder: Mapping[Side, tuple[Level, ...]]
) -> Iterator[Placement]:
    """What each mode of order optimisation would do to level 1 now, whether it is on or off."""
    instrument = view.instrument
    depths = {Side.BUY: settings.bid_order_optimization_depth, Side.SELL: settings.ask_order_optimization_depth}

    for mode in ("retreat", "top"):
        trial = attrs.evolve(settings, order_optimization_enabled=True, order_optimization_mode=mode)

        for side in SIDES:
            if ladder[side]:
                prices, own = _prices(view, trial, side, reference, ladder[side])
                beat = price_to_beat(view.book, side, depths[side] / instrument.lot)
                yield Placement(
                    mode=mode,
                    side=side,
                    own=instrument.price(own[0]),
                    price=instrument.price(prices[0]),
                    to_beat=None if beat is None else instrument.price(beat),
                )


def _unquotable(view: View, rungs: Sequence[tuple[Level, int]]) -> tuple[str, ...]:
    """Why the market would take no level at all, each reason once; empty when it takes at least one."""
    market = MarketFilter(view.instrument)
    reasons = [market.check(level.slot.side, ticks, level.lots, view.mark) for level, ticks in rungs]

    if any(reason is None for reason in reasons):
        return ()

    return tuple(dict.fromkeys(worded(reason) for reason in reasons if reason is not None))
