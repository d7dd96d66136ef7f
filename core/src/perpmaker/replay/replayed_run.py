"""The trader of a run, made again from what the journal has of its start, and given the same batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.journal.inputs import Batch
from perpmaker.journal.step import Step
from perpmaker.launch.plan import Plan
from perpmaker.launch.trader_start import TraderStart, begin_trader
from perpmaker.ledger.entries import LedgerEntry
from perpmaker.model.event import Event
from perpmaker.replay.interruptions import Interruptions
from perpmaker.replay.told_orders import ToldOrders
from perpmaker.runtime.event_queue import without_market_data
from perpmaker.runtime.recorder import matters


@attrs.define
class ReplayedRun:
    """A trader that decides again. `decision` is its newest one."""

    trader: Trader
    known: ToldOrders
    _interruptions: Interruptions
    decision: Decision = attrs.field(factory=Decision, init=False)
    _halt: str | None = attrs.field(default=None, init=False)

    def play(self, batch: Batch, ids: Iterable[str]) -> Step | None:
        """Give a batch to the trader; the step that would be recorded. None where nothing of it matters.

        `ids` are those of the orders that the run placed then.
        """
        trader = self.trader
        self.known.hear(batch, ids)
        self._interruptions.due = list(batch.interrupted)

        if trader.names is not None:
            for venue_id, client_id in batch.learned:
                trader.names.know(venue_id, client_id)

        events = trader.named(batch.events)
        told = without_market_data(events)
        decision = trader.handle(events, batch.at)
        self.decision = decision = decision if batch.sends else attrs.evolve(decision, actions=())
        halt = trader.trading_state.latched

        if not matters(told, decision, is_new_halt=halt != self._halt):
            return None

        self._halt = halt

        return _step_of(told, decision, batch.at, trader, halt)


def _step_of(told: Sequence[Event], decision: Decision, at: float, trader: Trader, halt: str | None) -> Step:
    return Step(
        at=at,
        events=told,
        actions=decision.actions,
        notices=decision.notices,
        memory=trader.remembered(),
        halt=halt,
        entries=decision.entries,
        mode=decision.mode.value,
        mode_reason=decision.mode_reason,
    )


def begin_again(plan: Plan, start: TraderStart, booked: Iterable[LedgerEntry], run: str) -> ReplayedRun:
    """Make the trader of a run again. PluginFaultError where a plugin fails at that."""
    known, interruptions = ToldOrders(run), Interruptions()
    trader = begin_trader(
        interruptions.apply(plan),
        start,
        booked,
        client_ids=known,
        intent=known.intent,
        is_strange=known.is_strange,
    )

    return ReplayedRun(trader, known, interruptions)
