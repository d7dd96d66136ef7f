"""The strategy that ships: a ladder of quotes around a reference, refreshed in place, quiet while in a position."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode, Slot
from perpmaker.model.quote import Reason, Rule, Wake, Wanted, Withheld
from perpmaker.state.view import SlotEnd, View
from perpmaker.strategy.draft import Draft
from perpmaker.strategy.filters import Allowance, MarketFilter, MinimumSpread
from perpmaker.strategy.gate import free_lots, standing_reason
from perpmaker.strategy.ladder import SIDES, build_ladder
from perpmaker.strategy.memory import Memory, Vanished
from perpmaker.strategy.recall import Recall
from perpmaker.strategy.reference import (
    NEAR_S,
    RECOVERY_S,
    NoReference,
    Reference,
    ReferenceReader,
    book_max_age_s,
    mid_bounds,
    source_age_s,
)
from perpmaker.strategy.refresh import Tolerance
from perpmaker.strategy.second_half import is_second_half
from perpmaker.strategy.settings import StrategySettings
from perpmaker.strategy.shape import LadderPrices, Shape
from perpmaker.strategy.skew import InventorySkew
from perpmaker.strategy.vanished import track
from perpmaker.strategy.wake import LOOK_AGAIN_S, SHORTEST_S, watch_exactly


class PerpetualMarketMaking:
    """Decides which quotes should rest: the same view gives the same answer."""

    def __init__(self, settings: StrategySettings, instrument: Instrument) -> None:
        self._settings = settings
        self._recall = Recall(settings.max_age_s, settings.price_type)
        self._shape_of: tuple[Instrument, PositionMode, int] | None = None
        self._shape = self._build_shape(instrument, PositionMode.ONE_WAY, 1)
        self._prices = LadderPrices(settings, self._shape)
        self._vanished: tuple[Mapping[Slot, SlotEnd], Mapping[Slot, Vanished], Mapping[Slot, Vanished]] | None = None
        self._laid_at: Reference | None = None
        self._reader = ReferenceReader(settings.price_type, settings.max_age_s, settings.price_source_max_deviation)

    def decide(self, view: View) -> Wanted:
        """Return which quotes should rest now, which levels are withheld and why, and when to ask again."""
        known = self._recall.answer(view)

        if known is not None:
            return known

        before, laid = self._recall.last, self._recall.wanted
        self._recall.forget()
        settings = self._settings
        self._fit(view)
        deviation = settings.price_source_max_deviation
        reference = self._reader.read(view)
        memory = self._remember(view, reference)
        standing = standing_reason(view)

        if isinstance(reference, NoReference):
            return self._nothing(memory, reference.reason, _wake_without(view, reference))

        if standing is not None:
            return self._nothing(memory, standing, Wake(bid_low=1, ask_low=1))

        if (recovering := _recovering(view, memory)) is not None:
            return self._nothing(memory, *recovering)

        draft = Draft(view, settings, self._prices, memory, reference)
        draft.alarm.at(view.now + book_max_age_s(view, settings.max_age_s) - view.book_age_s)

        age_s = source_age_s(view, settings.price_type)

        if age_s is not None:
            draft.alarm.at(view.now + settings.max_age_s - age_s)

            if view.external_reference and deviation is not None:
                draft.alarm.mid_within(*mid_bounds(reference, deviation))

        is_same = self._laid_at is reference and memory is laid.memory

        if is_same and before is not None and is_second_half(view, before, laid, settings, self._shape):
            draft.lay_again(laid.quotes)
        else:
            for side in SIDES:
                draft.lay(side)

            draft.admit(free_lots(view))

        self._laid_at = reference if draft.is_whole else None

        return self._recall.keep(view, draft.finish())

    def _remember(self, view: View, reference: Reference | NoReference) -> Memory:
        """The memory after looking at the reference and at what ended; before the first quote nothing recovers."""
        memory = view.memory if isinstance(view.memory, Memory) else Memory()
        good_since = memory.good_since

        deviated = memory.deviated

        if isinstance(reference, NoReference):
            good_since, deviated = None, deviated or reference.deviates
        elif good_since is None:
            good_since = view.now if memory.generation or deviated else view.now - 2 * RECOVERY_S

        vanished = self._track(view, memory.vanished)

        if (good_since, deviated) == (memory.good_since, memory.deviated) and vanished is memory.vanished:
            return memory

        return attrs.evolve(memory, good_since=good_since, vanished=vanished, deviated=deviated)

    def _track(self, view: View, known: Mapping[Slot, Vanished]) -> Mapping[Slot, Vanished]:
        """What is known of vanished levels: looked at again when another order has ended."""
        seen = self._vanished

        if seen is None or seen[0] is not view.ended or seen[1] is not known:
            seen = self._vanished = (view.ended, known, track(view, known, self._settings.order_refresh_time))

        return seen[2]

    def _nothing(self, memory: Memory, reason: Reason, wake: Wake) -> Wanted:
        """No quotes at all, for one reason; when there may be some again, new sets begin."""
        withheld = tuple(
            Withheld(slot=level.slot, reasons=(*level.reasons, reason))
            for side in SIDES
            for level in self._shape.ladder[side]
        )
        empty = Memory(
            generation=memory.generation,
            good_since=memory.good_since,
            vanished=memory.vanished,
            deviated=memory.deviated,
        )

        return Wanted(withheld=withheld, memory=empty, wake=wake)

    def _fit(self, view: View) -> None:
        """Take the shape for this market as it is now; built again only when its rules or settings changed."""
        known = self._shape_of

        if known is None or known[0] is not view.instrument or known[1:] != (view.position_mode, view.leverage):
            self._shape = self._build_shape(view.instrument, view.position_mode, view.leverage)
            self._shape_of = (view.instrument, view.position_mode, view.leverage)
            self._prices = LadderPrices(self._settings, self._shape)

    def _build_shape(self, instrument: Instrument, mode: PositionMode, leverage: int) -> Shape:
        """Everything that does not change from one decision to the next."""
        ladder = build_ladder(self._settings, instrument, mode, leverage)

        return Shape(
            ladder=ladder,
            slots=tuple(level.slot for side in SIDES for level in ladder[side]),
            market=MarketFilter(instrument),
            minimum=MinimumSpread(self._settings.minimum_spread),
            tolerance=Tolerance(self._settings.order_refresh_tolerance_pct),
            skew=InventorySkew.of(self._settings, instrument),
            allowance=Allowance(instrument, leverage, self._settings.max_margin),
        )


def _recovering(view: View, memory: Memory) -> tuple[Reason, Wake] | None:
    """Why a reference that is good again is not quoted from yet, and when to look again; None when it is."""
    wait_s = NEAR_S if memory.deviated else RECOVERY_S

    if memory.good_since is None or view.now >= (back_at := memory.good_since + wait_s):
        return None

    at = max(view.now + SHORTEST_S, back_at)

    if memory.deviated:
        near = "the reference is near the traded market again, but not for 5 s yet"
        return Reason(Rule.REFERENCE, near), watch_exactly(view, at)

    return Reason(Rule.STALE, "the reference is good again, but not for a second yet"), Wake(
        at=at, bid_low=1, ask_low=1
    )


def _wake_without(view: View, missing: NoReference) -> Wake:
    """When to look again while there is no reference."""
    at = view.now + LOOK_AGAIN_S if missing.stale else None

    return watch_exactly(view, at)
