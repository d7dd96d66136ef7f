"""The trader of one market: `handle(events, now)` folds what happened and decides what to send. Synchronous and pure.

Live, paper, sandbox, backtest and replay differ only in who feeds it: the same events at the same times give the same
decisions. One call does this::

    fold        every event into state, and into what is permitted
    prove       ask about unknown outcomes, demand a resync where facts contradict each other
    exits       target and stop, or the closes of a flattening stop: never reviewed away, never delayed by quotes
    quotes      the strategy's, reviewed; none unless the mode is RUN and everything about our orders is known
    diff        what rests against what is wanted; every order in the answer counts as in flight already

Nothing is decided while nothing that a decision depends on has changed: strategy and exits say how far best bid and
ask may move, and when time alone matters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from types import MappingProxyType

import attrs

from perpmaker.decision import exit_pace
from perpmaker.decision.as_placed import is_as_placed
from perpmaker.decision.attached_stops import AttachedStopRule
from perpmaker.decision.decision import Decision, ExitRule, Review
from perpmaker.decision.event_judge import EventJudge
from perpmaker.decision.exit_conflict import ExitConflict
from perpmaker.decision.funds_notice import FundsNotice
from perpmaker.decision.ledger_keeper import MONEY, LedgerKeeper
from perpmaker.decision.nameless_fills import NamelessFills
from perpmaker.decision.near_stops import NearStops
from perpmaker.decision.next_look import NextLook
from perpmaker.decision.order_adoption import OrderAdoption
from perpmaker.decision.order_checks import CHECKED, OrderChecks
from perpmaker.decision.order_end import OrderEnd
from perpmaker.decision.parameters import Parameters, TradedParts
from perpmaker.decision.price_question import PriceQuestion
from perpmaker.decision.results_keeper import ResultsKeeper
from perpmaker.decision.risk_demands import RiskDemands
from perpmaker.decision.sending import Sending
from perpmaker.decision.slot_backoff import SlotBackoffs
from perpmaker.decision.stop_names import StopNames
from perpmaker.decision.strategy_runner import Broken, DecidedQuotes, permitted, quote, unwanted
from perpmaker.decision.trader_answers import TraderAnswers
from perpmaker.decision.trading_state import MODE_EVENTS, TradingState
from perpmaker.decision.unquoted import UnquotedWatch
from perpmaker.errors import ExitCode
from perpmaker.execution.action import Action
from perpmaker.exits import uncapped
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.client_id import ClientIds
from perpmaker.model.event import (
    Channel,
    Event,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, PositionMode
from perpmaker.model.parameters import ParametersChanged
from perpmaker.model.position import VenueSettings
from perpmaker.model.quote import Quote, Wanted, WantedExits
from perpmaker.risk.interface import RiskModule
from perpmaker.risk.modules import RiskModules
from perpmaker.state.state import State
from perpmaker.state.view import Mode, View
from perpmaker.strategy.interface import Strategy

_BOOK, _RUN = Channel.BOOK, Mode.RUN
_QUOTING = frozenset({Mode.RUN, Mode.REDUCE})


class Trader(TraderAnswers):
    """Decides for one market of one account.

    `intent` answers what an order of ours, of this or an earlier run, was meant for (the journal knows); orders with
    our prefix that nobody knows are cancelled, foreign ones never touched. `is_strange` tells those with our prefix
    that another process has made. `fence_s` is the connector's. `settings` are what the account was set to for this
    run; nothing is quoted while the venue says otherwise. `known_trades`: told of by an earlier run.
    `caps_resting_exits`: the venue never lets a resting exit exceed its position. `names_stops`: the stops that it
    keeps bear our ids. `attaches_stops`: quotes carry the stop of their position. `stops_meet_quotes`: a stop there may
    trade with our quotes. `amends`: it moves resting orders. `stops`: what a person has set about stops, None where
    nothing is known of it.
    """

    _quoting: DecidedQuotes | None = None
    _decided = Decision()
    _idle: Decision | None = None

    def __init__(
        self,
        *,
        instrument: Instrument,
        strategy: Strategy,
        exits: ExitRule,
        client_ids: ClientIds,
        leverage: int,
        fence_s: float,
        position_mode: PositionMode = PositionMode.ONE_WAY,
        modules: Sequence[RiskModule] = (),
        review: Review | None = None,
        intent: Callable[[str], NewOrder | None] = lambda _: None,
        is_strange: Callable[[str], bool] = lambda _: False,
        external_reference: bool = False,
        book_max_age_s: float = 10.0,
        two_stops: bool = False,
        amends: bool = False,
        caps_resting_exits: bool = True,
        names_stops: bool = True,
        attaches_stops: bool = False,
        stops_meet_quotes: bool = False,
        stops: ExitSettings | None = None,
        settings: VenueSettings | None = None,
        known_trades: Collection[str] = frozenset(),
    ) -> None:
        self.state = State(
            instrument,
            position_mode=position_mode,
            leverage=leverage,
            fence_s=fence_s,
            is_ours=client_ids.is_ours,
            external_reference=external_reference,
        )
        self.trading_state = TradingState(book_max_age_s=book_max_age_s)
        self._strategy, self._exits, self._caps_exits = strategy, exits, caps_resting_exits
        self.names = None if names_stops else StopNames(self.state.orders)
        self._nameless_fills = NamelessFills(self.state)
        self._risk = RiskDemands(RiskModules(modules), self.state, self.trading_state, review)
        self._event_judge = EventJudge(
            self.state,
            self.trading_state,
            adoption=OrderAdoption(client_ids=client_ids, intent=intent, is_strange=is_strange),
            settings=settings,
            stops=stops,
            known_trades=known_trades,
        )
        self.keeper, self._price_question = LedgerKeeper(self.state, intent), PriceQuestion(self.state)
        self.results = ResultsKeeper(self.state, self.keeper.ledger)
        self._proof = OrderChecks(self.state, self.trading_state, fence_s=fence_s)
        self._retries, self._exit_conflict = SlotBackoffs(), ExitConflict()
        self._order_end = OrderEnd(self.state, self.trading_state, self._retries, self._exit_conflict)
        self.unquoted, self._funds_notice = UnquotedWatch(self.state), FundsNotice(state=self.state)
        self._attached = AttachedStopRule.of(stops, instrument) if attaches_stops else None
        self._near_stops = NearStops() if stops_meet_quotes else None
        self._sending = self._make_sending(client_ids, two_stops=two_stops, amends=amends)
        self._wanted, self._wanted_exits = Wanted(), WantedExits()
        self._next_look = NextLook(self.state, self.trading_state, self._proof, self._timers())
        self.parameters, self._event_judge.on_parameters = Parameters(), self._take_parameters

    def _make_sending(self, client_ids: ClientIds, *, two_stops: bool, amends: bool) -> Sending:
        return Sending(
            state=self.state,
            trading_state=self.trading_state,
            client_ids=client_ids,
            retries=self._retries,
            exit_conflict=self._exit_conflict,
            two_stops=two_stops,
            amends=amends,
            attached=self._attached,
        )

    def _timers(self) -> tuple[Callable[[float], float | None], ...]:
        """What tells when time alone changes something, apart from wake conditions."""
        return (
            self._proof.next_at,
            self._price_question.next_at,
            self._retries.next_at,
            self._exits_again_at,
            self._order_end.next_at,
            self.unquoted.next_at,
            self._exit_conflict.next_at,
        )

    def _exits_again_at(self, now: float) -> float | None:
        others = self.state.orders.outlook().others

        return exit_pace.next_at(others, self._wanted_exits.memory, now) if others else None

    # --- parameters ------------------------------------------------------------------------------------------------

    def _take_parameters(self, event: ParametersChanged) -> Iterator[str]:
        self.trading_state.changes += 1  # what is told of it belongs to a decision
        yield from self.parameters.take(event, self.state.instrument, self._adopt)

    def _adopt(self, parts: TradedParts) -> None:
        """Go by other parameters from now on. What rests is looked at as the strategy looks at it, exits at once."""
        self._strategy, self._exits = parts.strategy or self._strategy, parts.exits

        if parts.modules is not None:
            self._risk.adopt(RiskModules(parts.modules))

        if self._attached is not None:
            self._attached = self._sending.attached = AttachedStopRule.of(parts.stops, self.state.instrument)

        self._event_judge.adopt(parts.stops)
        self.state.position_cap = parts.position_cap
        self.trading_state.book_max_age_s = parts.book_max_age_s

    # --- the one door ----------------------------------------------------------------------------------------------

    def handle(self, events: Sequence[Event], now: float) -> Decision:
        """Fold what happened up to `now` (engine's clock) and decide; empty events: only time has passed."""
        notices: list[str] = []

        for event in self.named(events):
            kind = type(event)

            if kind in MODE_EVENTS:
                self.trading_state.fold(event, now)

            self.state.fold(event, now)

            if kind in CHECKED:
                self._proof.fold(event, now)

            if self._event_judge.concerns(event):
                notices.extend(self._event_judge.judge(event, now))

            if kind in MONEY:
                self.keeper.fold(event, now)
                self.results.fold(event)
                self.trading_state.changes += 1  # what a loss is limited by may be another

        entries = self.keeper.take(now) if self.keeper.is_called_for(now) else None

        if not self._next_look.holds(now):
            decision = self._decided = self._decide(notices, now)
            self._idle = None
        else:
            decision = self._rest(self._decided.wake_at) if self._idle is None else self._idle
            decision = decision if entries is None else self._rest(self._next_look.at(self.keeper.next_at, now))

        return decision if entries is None else attrs.evolve(decision, entries=entries)

    def _rest(self, wake_at: float | None) -> Decision:
        """Nothing has to be decided, in the mode of the last decision."""
        self._idle = Decision(wake_at=wake_at, mode=self._decided.mode, mode_reason=self._decided.mode_reason)

        return self._idle

    def named(self, events: Sequence[Event]) -> Sequence[Event]:
        """The events with our ids in them where the venue tells none, as far as those are known."""
        events = self._nameless_fills.named(events)

        return events if self.names is None else self.names.named(events)

    def _stands(self, now: float) -> bool:
        """Whether the venue has taken the quotes that were decided, and nothing else has happened since."""
        return (
            self._next_look.has_only_acceptances(now)
            and self._risk.modules.is_empty
            and self._risk.instead is None
            and not self._exit_conflict.is_holding
            and is_as_placed(self.state, self._decided, self._wanted_exits, now)
        )

    def _stand(self, notices: list[str], now: float) -> Decision:
        """What was decided stands; how long the private stream may be silent about the orders is new."""
        decided = self._decided
        self.state.results = self.results.see(now)
        notices.extend(self.unquoted.see(decided.mode, decided.mode_reason, self._wanted, decided.refused, now))
        self._next_look.decided(self._next_look.wakes, now)

        return Decision(
            notices=tuple(notices),
            wake_at=self._next_look.at(self.keeper.next_at, now),
            mode=decided.mode,
            mode_reason=decided.mode_reason,
            wanted=decided.wanted,
            exits=decided.exits,
            quotes=decided.quotes,
        )

    def _decide(self, notices: list[str], now: float) -> Decision:
        state, trading_state = self.state, self.trading_state
        stands, changes = self._stands(now), trading_state.changes
        notices.extend(self._order_end.notices(self._wanted_exits, now))
        notices.extend(self._funds_notice.notices())
        stopping = trading_state.stop is not None or trading_state.halted is not None
        proofs, told = self._proof.demand(now, cancel_unknown=stopping)
        notices.extend(told)
        proofs.extend(self._price_question.demand(now))

        if stands and not proofs and not told and changes == trading_state.changes:
            return self._stand(notices, now)

        mode, reason = trading_state.mode(state, state.market.age_s(_BOOK, now))
        actions: list[Action] = []
        quotes: tuple[Quote, ...] = ()
        quoting: DecidedQuotes | None = None
        moded = trading_state.changes

        if trading_state.seen:
            view = self._view(mode, reason, notices, now)
            mode, reason, moded = view.mode, view.mode_reason, trading_state.changes
            self._decide_exits(view)
            quoting = self._decide_quotes(view, notices) if trading_state.synchronised else None

            if quoting is not None and mode is _RUN:
                quotes = permitted(quoting.quotes, self._wanted_exits.no_quotes_for)

            quotes = self._apart(view, quotes, notices)
            exits = self._exit_conflict.keep(self._wanted_exits.exits, now)
            actions = self._sending.send([*exits, *quotes], self._wanted_exits.memory, now, blocked=view.blocked)

        refused = () if quoting is None else quoting.refused
        notices.extend(self.unquoted.see(mode, reason, self._wanted, refused, now))
        self._next_look.decided((self._wanted.wake, self._wanted_exits.wake, *self._risk.wakes), now)

        if trading_state.changes != moded:  # a plugin has failed since
            mode, reason = trading_state.mode(state, state.market.age_s(_BOOK, now))

        return Decision(
            actions=(*actions, *proofs),
            notices=tuple(notices),
            wake_at=self._next_look.at(self.keeper.next_at, now),
            mode=mode,
            mode_reason=reason,
            wanted=self._wanted,
            exits=self._wanted_exits,
            refused=refused,
            quotes=quotes,
        )

    def _view(self, mode: Mode, reason: str, notices: list[str], now: float) -> View:
        """What exits and quotes are decided by: the state as it is now, with what risk modules demand in it."""
        state = self.state
        state.count_stops()

        if self.trading_state.synchronised:
            state.results = self.results.see(now)

        memory, exit_memory = self._wanted.memory, self._wanted_exits.memory
        view = state.view(now, mode=mode, mode_reason=reason, memory=memory, exit_memory=exit_memory)

        return self._risk.shown(view, notices)

    def _decide_exits(self, view: View) -> None:
        stopping = self._wanted_exits.no_quotes_for
        self._wanted_exits = self._exits.decide(view)

        if stopping and view.mode is not Mode.FLATTEN:  # a stop that is over: its position is gone, whoever closed it
            over = stopping - self._wanted_exits.no_quotes_for
            self.state.stop_closed_at.update(dict.fromkeys(over, view.now))

    def _decide_quotes(self, view: View, notices: list[str]) -> DecidedQuotes | None:
        """Ask the strategy, unless nothing may be quoted for good; one that fails is not asked again."""
        if view.mode not in _QUOTING:
            self._wanted = unwanted(self._wanted)
            return None

        forbidden, closed_at = self._wanted_exits.no_quotes_for, self.state.stop_closed_at

        if forbidden or closed_at != view.stop_closed_at:  # what exits have just found out is in it too
            view = view.but(no_quotes_for=forbidden, stop_closed_at=MappingProxyType(dict(closed_at)))

        quoting = quote(self._strategy, self._risk.review, view, self._quoting)

        if isinstance(quoting, Broken):
            self._risk.drop()
            self.trading_state.halt(quoting.reason, ExitCode.PLUGIN)
            self._wanted = unwanted(self._wanted)
            notices.extend([quoting.detail] if quoting.detail else [])
            return None

        self._quoting, self._wanted = quoting, quoting.wanted

        return quoting

    def _apart(self, view: View, quotes: tuple[Quote, ...], notices: list[str]) -> tuple[Quote, ...]:
        """The quotes that may rest beside the exits where the venue does not keep both apart; the exits likewise."""
        if not self._caps_exits:
            arriving = view.now < self._arriving_until
            self._wanted_exits, quotes = uncapped.keep_apart(
                view, self._wanted_exits, quotes, self.state.account.shrunk, arriving=arriving
            )

        if self._near_stops is not None:
            quotes, self._wanted_exits = self._near_stops.apart(view, quotes, self._wanted_exits, notices)

        return quotes
