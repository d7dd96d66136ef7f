"""The only place tasks are born: feeds, the trader's loop, dispatch, resyncs, and the way to the end.

The trader decides and knows nothing of time or tasks; what it is told comes through one inbox, and what it decides is
journalled before it is sent. Everything here may fail for a while without anything being lost: streams reconnect,
reads are tried again, and an order whose outcome is not known stays so until the venue has been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from math import inf
from random import Random

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import DeadManSwitch, DerivativeConnector, Feed, VenueStops
from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.errors import JournalError, TaskEndedError
from perpmaker.execution.action import Action, Amend, Ask, AskPrice, Place, Reconnect, Resync
from perpmaker.execution.dispatch import Dispatcher, Gate
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
from perpmaker.plugins.start import starting
from perpmaker.runtime.account_exposure import MarketExposure
from perpmaker.runtime.account_reader import AccountReader
from perpmaker.runtime.activity_log import ActivityLog
from perpmaker.runtime.backoff import Backoff
from perpmaker.runtime.dead_man_switch import SwitchKeeper
from perpmaker.runtime.event_queue import EventQueue, without_market_data
from perpmaker.runtime.income_reader import OVERLAP_MS
from perpmaker.runtime.input_log import InputLog
from perpmaker.runtime.missed_activity import MissedActivity, unread_since
from perpmaker.runtime.observers import Observers
from perpmaker.runtime.order_activity import OrderActivity
from perpmaker.runtime.order_queries import OrderQueries
from perpmaker.runtime.order_stats import OrderStats
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.recorder import Recorder
from perpmaker.runtime.retry import Retry
from perpmaker.runtime.run_end import STOP_WAIT_S, RunEnd
from perpmaker.runtime.shutdown import Closing
from perpmaker.runtime.stream_runner import StreamRunner, reconnect
from perpmaker.runtime.tasks import Tasks
from perpmaker.runtime.traded_market import WatchedMarket
from perpmaker.runtime.watches import Watches, make_watches
from perpmaker.state.account import Totals
from perpmaker.state.exposure import exposure
from perpmaker.state.view import Mode

CHECK_S = 30.0
LEAST_WAIT_S = 0.001


@attrs.define(kw_only=True)
class Supervisor:
    """Runs one bot on one market, from the first connection to the proof that nothing is left.

    `sources` are the streams of the price source, `traded` the market that it makes its price of, None for another one.
    `seen` is the account as the start has seen it.
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
    held: Callable[[float], None] = lambda _: None
    exit_settings: ExitSettings | None = None
    stop_wait_s: float = STOP_WAIT_S
    observers: Observers = attrs.field(default=attrs.Factory(lambda self: Observers(self.tell), takes_self=True))
    join_account: Callable[[Callable[[Sequence[Event]], None]], MarketExposure] | None = None
    inputs: InputLog | None = None
    event_queue: EventQueue = attrs.field(factory=EventQueue, init=False)
    count: OrderStats = attrs.field(init=False)
    _beginning: MissedActivity = attrs.field(init=False)
    _random: Random = attrs.field(init=False)
    _gate: Gate = attrs.field(init=False)
    _retry: Retry = attrs.field(init=False)
    _reconciliation: Reconciliation = attrs.field(init=False)
    _dispatcher: Dispatcher = attrs.field(init=False)
    _ending: RunEnd = attrs.field(init=False)
    _dead_man: SwitchKeeper | None = attrs.field(default=None, init=False)
    _recorder: Recorder = attrs.field(init=False)
    _activity_log: ActivityLog = attrs.field(init=False)
    _order_activity: OrderActivity = attrs.field(init=False)
    _watches: Watches = attrs.field(init=False)
    _runners: list[StreamRunner] = attrs.field(factory=list, init=False)
    _resync_wanted: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _asking: OrderQueries = attrs.field(init=False)
    _reader: AccountReader = attrs.field(init=False)
    _exposure: MarketExposure | None = attrs.field(default=None, init=False)
    mode: Mode = attrs.field(default=Mode.REDUCE, init=False)
    mode_reason: str = attrs.field(default="", init=False)
    decided: Decision = attrs.field(factory=Decision, init=False)
    placed: dict[Slot, Quote] = attrs.field(factory=dict, init=False)
    _halted: str | None = attrs.field(default=None, init=False)
    before_split: Sums = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._beginning = MissedActivity(known=self.known, last_known=self.last_known)
        self.count = OrderStats(kind_of=self.known.kind_in_this_run, intent=self.known.intent)
        self._recorder = Recorder(
            journal=self.journal,
            clock=self.clock,
            remembered=self.trader.remembered,
            latched=lambda: self.trader.trading_state.latched,
            emit=self.event_queue.put,
            inputs=self.inputs,
        )
        self._activity_log = ActivityLog(instrument=self.instrument, known=self.known)
        self._order_activity = OrderActivity(instrument=self.instrument, known=self.known)
        self._random = Random(self.seed)  # noqa: S311  # jitter, not cryptography
        self._gate = Gate(clock=self.clock)
        self._retry = Retry(gate=self._gate, emit=self.event_queue.put, random=self._random, held=self.held)
        self._reconciliation = Reconciliation(
            connector=self.connector, instrument=self.instrument, clock=self.clock, names=self.trader.names
        )
        self._asking = OrderQueries(reconciliation=self._reconciliation, retry=self._retry, emit=self.event_queue.put)
        self._dispatcher = Dispatcher(
            connector=self.connector,
            instrument=self.instrument,
            clock=self.clock,
            gate=self._gate,
            emit=self.event_queue.put,
        )
        self.ledger.begin(began_ms := self.clock.utc_ms())
        self.before_split = self.ledger.statement.total()
        since_ms = unread_since(self.last_known, began_ms)
        self._watches = make_watches(
            self.connector,
            self.instrument,
            reconciliation=self._reconciliation,
            clock=self.clock,
            gate=self._gate,
            emit=self.event_queue.put,
            since_ms=since_ms if self.last_known is None else since_ms - OVERLAP_MS,
        )

        self._dead_man = self._switch_keeper()
        self._reader = AccountReader(
            reconciliation=self._reconciliation,
            trader=self.trader,
            retry=self._retry,
            emit=self.event_queue.put,
            since_ms=since_ms,
            seen=self.seen,
        )

        self._ending = self._make_end()
        self._runners = self._make_runners()

        if self.join_account is not None:
            self._exposure = self.join_account(self.event_queue.put)

    def _make_end(self) -> RunEnd:
        """What ends the run, whatever ends it."""
        return RunEnd(
            trader=self.trader,
            reconciliation=self._reconciliation,
            dispatcher=self._dispatcher,
            known=self.known,
            journal=self.journal,
            dead_man=self._dead_man,
            last_stop=self._last_stop(),
            stop_wait_s=self.stop_wait_s,
            since_ms=lambda: self._reader.since_ms,
            tell=self.tell,
        )

    def _make_runners(self) -> list[StreamRunner]:
        """A runner for each stream of the venue and of the price source."""
        with starting("connector", self.connector.name):
            feeds = (*self.connector.feeds(self.instrument), *self.sources)

        return [self._runner(feed) for feed in feeds]

    def _switch_keeper(self) -> SwitchKeeper | None:
        """What keeps the venue's own timer armed; None where it has none, or it is off."""
        if self.dead_man_s is None or not isinstance(self.connector, DeadManSwitch):
            return None

        return SwitchKeeper(
            switch=self.connector,
            instrument=self.instrument,
            clock=self.clock,
            gate=self._gate,
            seconds=self.dead_man_s,
            fence_s=self.connector.fence_s,
            is_ours=self.known.client_ids.is_ours,
            takes_foreign=self.dead_man_takes_foreign,
            tell=self.tell,
            resync=lambda: self._resync_wanted.set(),  # noqa: PLW0108  # the event is another one after each time
            emit=self.event_queue.put,
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
        return self._beginning.before

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
        return self._gate.was_shut

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
                self._begin(Tasks(group))
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

    def _begin(self, tasks: Tasks) -> None:
        """Start everything that runs side by side."""
        for runner in self._runners:
            tasks.start_soon(runner.run)

        tasks.start_soon(self._reader.look)
        tasks.start_soon(self._keep_synced)
        tasks.start_soon(self._check)
        self._watches.start(tasks)
        tasks.start_soon(self._trade, tasks)

        if self._dead_man is not None:
            tasks.start_soon(self._dead_man.run)

    async def _finish(self, closing: Closing) -> Closing:
        """Judge what is left, and take in the last reading."""
        closing = await self._ending.judge(closing)

        if closing.account is not None:
            income = await self._watches.income.read_at_last(self.tell)
            taken = (closing.account,) if income is None else (closing.account, income)
            last, decision, now = self._decide(taken)
            decision = attrs.evolve(decision, actions=())  # nothing is sent any more
            self._recorder.record(last, decision, now, taken, sends=False)
            self._follow(last, (), decision, now)

        if closing.unproven is None:
            self._recorder.end()

        return closing

    def _runner(self, feed: Feed) -> StreamRunner:
        backoff = Backoff(Random(self._random.random()))  # noqa: S311  # jitter, not cryptography

        return StreamRunner(feed=feed, clock=self.clock, emit=self.event_queue.put, backoff=backoff)

    async def _trade(self, tasks: Tasks) -> None:
        """The one loop that runs the trader, whenever something has arrived or its time has come."""
        wake_at: float | None = None

        while True:
            next_at = wake_at

            # One deadline for as long as its moment stays the same, not one a message: most messages change nothing.
            with anyio.CancelScope(deadline=self._deadline(wake_at)) as waiting:
                while next_at == wake_at:
                    await self.event_queue.arrival()
                    next_at = self._step(tasks)

            wake_at = self._step(tasks) if waiting.cancelled_caught else next_at

    def _deadline(self, wake_at: float | None) -> float:
        """The moment of the event loop's clock for one of the engine's clock, a little in the future at least."""
        return inf if wake_at is None else anyio.current_time() + max(LEAST_WAIT_S, wake_at - self.clock.now())

    def _decide(self, taken: Sequence[Event]) -> tuple[Sequence[Event], Decision, float]:
        """Have the trader decide: the events as it knows them by their names, the decision, and its time."""
        if self.inputs is not None:
            self.inputs.begin()

        events, now = self.trader.named(taken), self.clock.now()

        return events, self.trader.handle(events, now), now

    def _step(self, tasks: Tasks) -> float | None:
        """Take what waits, decide, journal, send: when to do so again though nothing arrives."""
        taken = self.event_queue.take()
        events, decision, now = self._decide(taken)
        told = without_market_data(events)
        actions = self._recorder.record(told, decision, now, taken)
        self._start(actions, tasks)

        if self.traded is not None:
            self.traded.see(events)

        self._follow(told, actions, decision, now)  # nothing of it has to be known before orders go out

        return decision.wake_at

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

        if self._exposure is not None and (told or actions):
            self._exposure.tell(exposure(self.trader.state))

        if told or actions:
            self.observers.say(self._activity_log.activities(told, actions, now))

            if self.observers.wants("refusal"):
                self.observers.say(self._order_activity.refusals(told))

            if self.observers.wants("quote"):
                self.observers.say(self._order_activity.quotes(actions))

    def _pass_on(self, told: Sequence[Event]) -> None:
        """Give what happened to those who count, book and watch."""
        self.count.fold(told)
        self._watches.see(told)

        if self._dead_man is not None:
            self._dead_man.see(told)

        for line in self._beginning.lines(told, self.trader.state.account.totals, self.ledger):
            self.tell(line)

        for event in told:
            if isinstance(event, (OrderRefused, AmendRefused)) and event.refusal.reason is RefusalReason.RATE_LIMIT:
                self._resync_wanted.set()  # a read learns for how long, and waits for it

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

    def _start(self, actions: Sequence[Action], tasks: Tasks) -> None:
        """Send orders in a task of their own, and do what else was asked for."""
        commands: list[Action] = []

        for action in actions:
            match action:
                case Place(order=order) | Amend(order=order):
                    self.known.remember(order)
                    commands.append(action)
                case Ask():
                    self._asking.start(action, tasks)
                case AskPrice():
                    tasks.start_soon(self._watches.prices.ask)
                case Resync():
                    self._resync_wanted.set()
                case Reconnect():
                    reconnect(self._runners, action)
                case _:
                    commands.append(action)

        if commands:
            tasks.start_soon(self._dispatcher.dispatch, commands)

    async def _keep_synced(self) -> None:
        """Read the account whenever somebody wants it read; wishes that come while one waits are one."""
        while True:
            await self._resync_wanted.wait()
            self._resync_wanted = anyio.Event()
            await self._reader.read()

    async def _check(self) -> None:
        """Compare with the venue every `CHECK_S`, whatever the streams say."""
        while True:
            await anyio.sleep(CHECK_S)
            self._resync_wanted.set()
            await self._watches.settings.look()
