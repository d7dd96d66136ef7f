"""What others ask a trader, and what it hands on from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from types import MappingProxyType

import attrs

from perpmaker.decision.bounds import Bounds
from perpmaker.decision.checkpoint import Checkpoint, FiredAt, fired_in, recollect, restore
from perpmaker.decision.ledger_keeper import LedgerKeeper
from perpmaker.decision.next_look import NextLook
from perpmaker.decision.order_checks import OrderChecks
from perpmaker.decision.results_keeper import ResultsKeeper
from perpmaker.decision.slot_backoff import SlotBackoffs
from perpmaker.decision.stop_names import StopNames
from perpmaker.decision.trading_state import TradingState
from perpmaker.execution.diff import exits_astray, has_spare_stops
from perpmaker.model.order import PositionSide
from perpmaker.model.quote import Exit, WantedExits
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.state import State
from perpmaker.state.view import Mode


class TraderAnswers:
    """Reads the parts of a trader; how they come to be as they are is the business of `Trader`."""

    state: State
    trading_state: TradingState
    names: StopNames | None
    keeper: LedgerKeeper
    results: ResultsKeeper
    _caps_exits: bool
    _proof: OrderChecks
    _retries: SlotBackoffs
    _next_look: NextLook
    _wanted_exits: WantedExits
    _fired: Mapping[PositionSide, FiredAt] = MappingProxyType({})
    _arriving_until: float = -inf

    # --- from one run to the next ----------------------------------------------------------------------------------

    def recall(self, checkpoint: Checkpoint) -> None:
        """Go on with what an earlier run knew, its times on this run's clock; before the first event."""
        self._wanted_exits = WantedExits(memory=restore(checkpoint, self.state))
        self.results.recall(checkpoint.results, self.keeper.ledger.last_reading)

        if self.names is not None:
            self.names.recall(checkpoint.stops)

    def begin_anew(self, utc_ms: int) -> None:
        """A person has resumed at this time: losses and stops count from here."""
        if utc_ms > self.results.kept.resumed_ms:
            self.results.begin_anew(utc_ms)
            self.state.stops.forget()

    def await_arrivals(self, until: float) -> None:
        """Orders that an earlier run has sent may still arrive until then: nothing is quoted beside them."""
        self.trading_state.require("orders that an earlier run had sent may still arrive", until)
        self._arriving_until = until

    def remembered(self) -> Checkpoint:
        """What the next run should know. A person's wish to be flat is his, and ends with the run that it was told."""
        if self.trading_state.stop is not Mode.FLATTEN:
            self._fired = fired_in(self._wanted_exits.memory)

        checkpoint = recollect(self.state, dict(self._fired), {} if self.names is None else self.names.known)

        return attrs.evolve(checkpoint, results=self.results.kept)

    # --- what others read ------------------------------------------------------------------------------------------

    def working(self) -> Sequence[WorkingOrder]:
        """Our orders that are live or may become live, of unknown outcome included."""
        return tuple(self.state.orders.working())

    @property
    def is_clean(self) -> bool:
        """Whether it is proven that no quote of ours, nor a target that nothing caps, is live or can become live."""
        return self.trading_state.synchronised and all(
            order.slot.kind.may_stay(caps_resting_exits=self._caps_exits) for order in self.working()
        )

    @property
    def is_flat(self) -> bool:
        """Whether no position is left that could be closed, and no order at all."""
        return self.is_clean and not self.working() and not any(map(self.state.is_open, self.state.account.tracked))

    @property
    def is_settled(self) -> bool:
        """Whether the wish to end was taken in, no exit is waited for, and no stop rests beside the one to be left.

        Nor is one at work that the venue has fired: a moment later the position is another.
        """
        working = self.working()
        is_moving = has_spare_stops(working) or any(order.triggered for order in working)

        return self.trading_state.stop is not None and not self.unsettled and not is_moving

    @property
    def unsettled(self) -> tuple[Exit, ...]:
        """Exits that wait for their next try, and those that are not known to rest on the venue as they should."""
        return (*self._wanted_exits.awaited, *exits_astray(self.state.orders.by_slot(), self._wanted_exits.exits))

    @property
    def fired(self) -> frozenset[PositionSide]:
        """The positions whose stop has fired and is not through yet."""
        return self._wanted_exits.no_quotes_for

    @property
    def backoffs(self) -> SlotBackoffs:
        """When levels that were refused may be tried again."""
        return self._retries

    @property
    def wanted_exits(self) -> tuple[Exit, ...]:
        """The exits that should rest now, those that wait for their next try among them."""
        return (*self._wanted_exits.exits, *self._wanted_exits.awaited)

    @property
    def bounds(self) -> Bounds:
        """Between which prices nothing is decided anew: messages within them need not be given one by one."""
        return Bounds.of(self._next_look.wakes, *self._proof.reach)
