"""One bot: its parts put together, its tasks, what happens to it, and the way to the end.

The trader decides and knows nothing of time or tasks; what it is told comes through one queue, and what it decides is
journalled before it is sent (`trading_loop`). What talks to the venue (`venue_side`) may fail for a while without
anything being lost: streams reconnect, reads are tried again, and an order whose outcome is not known stays so until
the venue has been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import VenueStops
from perpmaker.connector.interface import DerivativeConnector, Feed
from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.errors import JournalError, TaskEndedError
from perpmaker.execution.action import Action
from perpmaker.exits.last_stop import LastStop
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.journal import Journal, LastKnown
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.ledger.ledger import Ledger
from perpmaker.ledger.sums import Sums
from perpmaker.model.command_event import AmendRefused, OrderRefused
from perpmaker.model.event import Event, Halted, StopRequested
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Slot
from perpmaker.model.parameters import ParametersChanged
from perpmaker.model.quote import Quote
from perpmaker.model.reading import AccountSeen
from perpmaker.model.refusal import RefusalReason
from perpmaker.plugins.observer import Activity
from perpmaker.runtime.account_exposure import MarketExposure
from perpmaker.runtime.activity_log import ActivityLog
from perpmaker.runtime.early_stream import EarlyStream
from perpmaker.runtime.event_queue import EventQueue
from perpmaker.runtime.income_reader import OVERLAP_MS
from perpmaker.runtime.input_log import InputLog
from perpmaker.runtime.missed_activity import MissedActivity, unread_since
from perpmaker.runtime.observers import Observers
from perpmaker.runtime.onlookers import Onlookers
from perpmaker.runtime.order_activity import OrderActivity
from perpmaker.runtime.order_stats import OrderStats
from perpmaker.runtime.recorder import Recorder
from perpmaker.runtime.run_end import STOP_WAIT_S, RunEnd
from perpmaker.runtime.shutdown import Closing
from perpmaker.runtime.tasks import Tasks
from perpmaker.runtime.traded_market import WatchedMarket
from perpmaker.runtime.trading_loop import TradingLoop
from perpmaker.runtime.venue_side import VenueSide
from perpmaker.state.account import Totals
from perpmaker.state.view import Mode


@attrs.define(kw_only=True)
class Supervisor:
    """Runs one bot on one market, from the first connection to the proof that nothing is left.

    `sources` are the streams of the price source, `traded` the market that it makes its price of, None for another one.
    `seen` is the account as the start has seen it, `early` its stream, where the start has opened that.
    `tell` is given every line that a person should read. `seed` decides the jitter of the waits. `count` are the
    orders of this run. `dead_man_s` is the length of the venue's own timer, where it has one (None: off);
    `dead_man_takes_foreign`: it is armed beside orders of somebody else as well.
    `held` is given the seconds for which the venue wants to hear nothing from this machine. `exit_settings` make the
    stops of an end without the trader; `stop_wait_s` is how long a clean end lets a fired stop go on. `observers` are
    told what happens; `tell` is theirs too. `join_account` makes this market one of several of its account that this
    process trades. `inputs` keeps all that the trader is given, for the journal.
    """

    connector: DerivativeConnector
    instrument: Instrument
    trader: Trader
    journal: Journal
    known: OrderIntents
    clock: Clock
    tell: Callable[[str], None]
    sources: Sequence[Feed] = ()
    traded: WatchedMarket | None = None
    seed: int = 0
    dead_man_s: float | None = None
    dead_man_takes_foreign: bool = False
    last_known: LastKnown | None = None
    seen: AccountSeen | None = None
    early: EarlyStream | None = None
    held: Callable[[float], None] = lambda _: None
    exit_settings: ExitSettings | None = None
    stop_wait_s: float = STOP_WAIT_S
    observers: Observers = attrs.field(default=attrs.Factory(lambda self: Observers(self.tell), takes_self=True))
    join_account: Callable[[Callable[[Sequence[Event]], None]], MarketExposure] | None = None
    inputs: InputLog | None = None
    event_queue: EventQueue = attrs.field(factory=EventQueue, init=False)
    count: OrderStats = attrs.field(init=False)
    _venue: VenueSide = attrs.field(init=False)
    _ending: RunEnd = attrs.field(init=False)
    _recorder: Recorder = attrs.field(init=False)
    _onlookers: Onlookers = attrs.field(init=False)
    _loop: TradingLoop = attrs.field(init=False)
    mode: Mode = attrs.field(default=Mode.REDUCE, init=False)
    mode_reason: str = attrs.field(default="", init=False)
    decided: Decision = attrs.field(factory=Decision, init=False)
    placed: dict[Slot, Quote] = attrs.field(factory=dict, init=False)
    _halted: str | None = attrs.field(default=None, init=False)
    before_split: Sums = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.count = OrderStats(kind_of=self.known.kind_in_this_run, intent=self.known.intent)
        self._recorder = Recorder(
            journal=self.journal,
            clock=self.clock,
            remembered=self.trader.remembered,
            latched=lambda: self.trader.trading_state.latched,
            emit=self.event_queue.put,
            inputs=self.inputs,
        )
        self.ledger.begin(began_ms := self.clock.utc_ms())
        self.before_split = self.ledger.statement.total()
        self._venue = self._make_venue_side(unread_since(self.last_known, began_ms))
        self._ending = self._make_end()
        self._onlookers = self._make_onlookers()
        self._loop = self._make_loop()

    def _make_venue_side(self, since_ms: int) -> VenueSide:
        """What talks to the venue; `since_ms`: from then on fills may not be known."""
        return VenueSide(
            connector=self.connector,
            instrument=self.instrument,
            trader=self.trader,
            known=self.known,
            clock=self.clock,
            emit=self.event_queue.put,
            tell=self.tell,
            sources=self.sources,
            random=Random(self.seed),  # noqa: S311  # jitter, not cryptography
            held=self.held,
            since_ms=since_ms,
            income_since_ms=since_ms if self.last_known is None else since_ms - OVERLAP_MS,
            has_past=self.last_known is not None,
            seen=self.seen,
            early=self.early,
            dead_man_s=self.dead_man_s,
            dead_man_takes_foreign=self.dead_man_takes_foreign,
        )

    def _make_end(self) -> RunEnd:
        """What ends the run, whatever ends it."""
        return RunEnd(
            trader=self.trader,
            reconciliation=self._venue.reconciliation,
            dispatcher=self._venue.dispatcher,
            known=self.known,
            journal=self.journal,
            dead_man=self._venue.dead_man,
            last_stop=self._last_stop(),
            stop_wait_s=self.stop_wait_s,
            since_ms=lambda: self._venue.reader.since_ms,
            tell=self.tell,
        )

    def _make_onlookers(self) -> Onlookers:
        """Whoever is told what happens."""
        return Onlookers(
            trader=self.trader,
            count=self.count,
            watches=self._venue.watches,
            beginning=MissedActivity(known=self.known, last_known=self.last_known),
            activity_log=ActivityLog(instrument=self.instrument, known=self.known),
            order_activity=OrderActivity(instrument=self.instrument, known=self.known),
            tell=self.tell,
            dead_man=self._venue.dead_man,
            exposure=None if self.join_account is None else self.join_account(self.event_queue.put),
        )

    def _make_loop(self) -> TradingLoop:
        """What runs the trader."""
        return TradingLoop(
            trader=self.trader,
            event_queue=self.event_queue,
            recorder=self._recorder,
            known=self.known,
            clock=self.clock,
            asking=self._venue.asking,
            runners=self._venue.runners,
            dispatch=self._venue.dispatcher.dispatch,
            ask_price=self._venue.watches.prices.ask,
            resync=self._venue.want_resync,
            follow=self._follow,
            inputs=self.inputs,
            traded=self.traded,
        )

    def _last_stop(self) -> LastStop | None:
        """What makes the stops of an end without the trader; None where the venue keeps none."""
        if self.exit_settings is None or not isinstance(self.connector, VenueStops):
            return None

        return LastStop(self.exit_settings, self.instrument, self.connector.sizes_stops)

    @property
    def ledger(self) -> Ledger:
        """What was booked for the market."""
        return self.trader.keeper.ledger

    @property
    def before(self) -> Totals:
        """The sums of what orders of earlier runs did, as far as it is in the account's."""
        return self._onlookers.before

    @property
    def halted(self) -> str | None:
        """Why only a person can let it quote again; None while nothing of that kind happened."""
        return self._halted or self.trader.trading_state.halted

    @property
    def unproven(self) -> str | None:
        """What could not be proven after an end by an error; None while there was none, or all was."""
        return self._ending.unproven

    @property
    def was_locked_out(self) -> bool:
        """Whether the venue has refused the key in the course of the run."""
        return self._venue.gate.was_shut

    def request_stop(self, *, close: bool = False) -> None:
        """Begin the way to the end (`close`: flat first); asked for again, it hurries."""
        self._ending.stopping.request(close=close)

    async def protect(self) -> str | None:
        """Do after a run and its fence what an end by an error does: quotes off, stops up; what is not proven."""
        return await self._ending.protect(after_fence=True)

    async def run(self) -> Closing:
        """Trade until asked to stop, then stop and prove it; what is left is in the answer.

        When a task dies of an error that is nobody's plan, own quotes are taken off directly, and the error is raised.
        """
        closing: Closing | None = None

        try:
            async with anyio.create_task_group() as group:
                self._venue.start(tasks := Tasks(group))
                tasks.start_soon(self._loop.run, tasks)
                await self._ending.stopping.requested.wait()
                self.event_queue.put([StopRequested(close=self._ending.stopping.close)])
                closing = await self._ending.carry_out()
                group.cancel_scope.cancel()

            if closing is None:
                raise TaskEndedError("the tasks of the run were cancelled, and nobody had asked for it")  # noqa: TRY301

            return await self._finish(closing)
        except BaseException as error:
            self._recorder.flush()
            await self._ending.rescue(error)
            raise

    async def _finish(self, closing: Closing) -> Closing:
        """Judge what is left, and take in the last reading."""
        closing = await self._ending.judge(closing)

        if closing.account is not None:
            income = await self._venue.watches.income.read_at_last(self.tell)
            self._loop.take_last((closing.account,) if income is None else (closing.account, income))

        if closing.unproven is None:
            self._recorder.end()

        return closing

    def _follow(self, told: Sequence[Event], actions: Sequence[Action], decision: Decision, now: float) -> None:
        """Let everybody else know what happened beside market data, and people what they should."""
        self.mode, self.mode_reason = decision.mode, decision.mode_reason
        self.decided = self.decided if decision.wanted is None else decision

        if decision.actions:
            self.placed.update(decision.placed)

        if told:
            self._pass_on(told)

        for line in decision.notices:
            self.tell(line)

        if decision.mode is Mode.HALT and self._halted is None:
            self._halted = decision.mode_reason
            self.observers.note("halt", f"HALT: {decision.mode_reason}")

        self._onlookers.say(self.observers, told, actions, now)

    def _pass_on(self, told: Sequence[Event]) -> None:
        """Give what happened to those who count, book and watch, and do what it asks of the run itself."""
        self._onlookers.take_in(told)

        for event in told:
            if isinstance(event, (OrderRefused, AmendRefused)) and event.refusal.reason is RefusalReason.RATE_LIMIT:
                self._venue.want_resync()  # a read learns for how long, and waits for it

            if isinstance(event, ParametersChanged):
                self._go_by(event)

            if isinstance(event, Halted) and self._halted is None:
                self._halted = event.reason
                self.observers.say((Activity(kind="halt", text=f"halted: {event.reason}"),))

    def _go_by(self, event: ParametersChanged) -> None:
        """End by changed parameters, too, and have them in the journal for whoever comes after this process."""
        parts = self.trader.parameters.parts

        if parts is None or self.trader.parameters.changed is not event:
            return  # they could not be made, which has been told

        self.exit_settings = None if self.exit_settings is None else parts.stops
        self._ending.last_stop, self._ending.stop_wait_s = self._last_stop(), parts.stop_wait_s

        with suppress(JournalError):  # a journal that is broken halts, and has told so
            self.journal.record_parameters(event.file, event.configuration, self.clock.utc_ms())
