"""What follows from an event besides the state: what is ours, what has to be otherwise, what a person should know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from perpmaker.decision.drift_check import DriftCheck
from perpmaker.decision.forced_closures import TELLING, ForcedClosures
from perpmaker.decision.liquidation_watch import LiquidationWatch
from perpmaker.decision.order_adoption import OrderAdoption
from perpmaker.decision.trading_state import TradingState
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.event import (
    Event,
    InstrumentChanged,
    OrderCancelled,
    Resynced,
    SettingsReported,
    StopRequested,
    TradingChanged,
)
from perpmaker.model.order import CancelCause
from perpmaker.model.parameters import ParametersChanged
from perpmaker.model.position import VenueSettings
from perpmaker.model.reading import AccountReported, AccountSeen
from perpmaker.state.state import State

JUDGED = TELLING | {
    AccountSeen,
    Resynced,
    AccountReported,
    SettingsReported,
    InstrumentChanged,
    TradingChanged,
    StopRequested,
    ParametersChanged,
}
"""Events from which more follows than the state: messages of the market are not among them."""

_FORCED = frozenset({CancelCause.LIQUIDATION})
"""Causes of a cancel from which more follows, too."""


class EventJudge:
    """Judges events that the state has taken in already; the arguments are those of `Trader`.

    `on_parameters` takes changed parameters over, and answers with lines for people.
    """

    on_parameters: Callable[[ParametersChanged], Iterator[str]] = staticmethod(lambda _: iter(()))

    def __init__(
        self,
        state: State,
        trading_state: TradingState,
        *,
        adoption: OrderAdoption,
        settings: VenueSettings | None,
        stops: ExitSettings | None,
        known_trades: Collection[str],
    ) -> None:
        instrument = state.instrument
        self._state = state
        self._adoption = adoption
        self._interval_h = instrument.funding_interval_h
        self._drift = DriftCheck(wanted=settings, instrument=instrument, trading_state=trading_state)
        self._liquidation = LiquidationWatch(settings=stops, instrument=instrument, trading_state=trading_state)
        self._forced_closures = ForcedClosures(trading_state=trading_state, instrument=instrument, known=known_trades)

    def adopt(self, stops: ExitSettings) -> None:
        """Go by other settings of exits from now on."""
        self._liquidation.settings = stops

    def concerns(self, event: Event) -> bool:
        """Whether anything follows from an event of this kind."""
        return type(event) in JUDGED or (isinstance(event, OrderCancelled) and event.cause in _FORCED)

    def judge(self, event: Event, now: float) -> Iterator[str]:
        """Draw what follows from an event, with a line for people of what they should know."""
        yield from self._forced_closures.judge(event)

        match event:
            case AccountSeen() | Resynced():
                yield from self._liquidation.judge(event.account)
                yield from self._adoption.take_in(event, self._state, self._drift.judge_company, now)
            case AccountReported():
                yield from self._liquidation.judge(event.account)
            case SettingsReported(settings=settings):
                yield from self._drift.judge(settings, now)
            case InstrumentChanged(instrument=instrument):
                yield from self._drift.judge_rules(instrument)
                yield from self._judge_interval(instrument.funding_interval_h)
            case TradingChanged(closed=closed):
                yield from self._drift.judge_trading(closed, now)
            case StopRequested():
                self._hurry(now)
            case ParametersChanged():
                yield from self.on_parameters(event)

    def _judge_interval(self, found: int) -> Iterator[str]:
        """Tell a person when funding is charged more or less often than before."""
        before, self._interval_h = self._interval_h, found

        if before != found:
            yield f"the venue now charges funding every {found} h, no longer every {before} h"

    def _hurry(self, now: float) -> None:
        """On the way to the end, orders of unknown outcome are cancelled and asked for at once."""
        for record in self._state.orders.live.values():
            if record.ask_at is not None:
                record.ask(now)
                self._state.orders.version += 1
