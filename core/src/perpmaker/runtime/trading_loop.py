"""The one loop that runs the trader: take what waits, decide, journal, send, and let everybody else know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import TypeAlias

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Action, Amend, Ask, AskPrice, Place, Reconnect, Resync
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.event import Event
from perpmaker.runtime.event_queue import EventQueue, without_market_data
from perpmaker.runtime.input_log import InputLog
from perpmaker.runtime.order_queries import OrderQueries
from perpmaker.runtime.recorder import Recorder
from perpmaker.runtime.stream_runner import StreamRunner, reconnect
from perpmaker.runtime.tasks import Tasks
from perpmaker.runtime.traded_market import WatchedMarket

LEAST_WAIT_S = 0.001

Follow: TypeAlias = Callable[[Sequence[Event], Sequence[Action], Decision, float], None]
"""Is given what happened beside market data, what was done, the decision, and its time."""


@attrs.define(kw_only=True)
class TradingLoop:
    """Runs the trader whenever something has arrived or its time has come.

    `dispatch` sends commands, `ask_price` asks for the mark price, `resync` has the account read. `follow` is called
    once orders are on their way out.
    """

    trader: Trader
    event_queue: EventQueue
    recorder: Recorder
    known: OrderIntents
    clock: Clock
    asking: OrderQueries
    runners: Sequence[StreamRunner]
    dispatch: Callable[[Sequence[Action]], Awaitable[None]]
    ask_price: Callable[[], Awaitable[None]]
    resync: Callable[[], None]
    follow: Follow
    inputs: InputLog | None = None
    traded: WatchedMarket | None = None

    async def run(self, tasks: Tasks) -> None:
        """Decide until cancelled; what is sent has tasks of its own."""
        wake_at: float | None = None

        while True:
            next_at = wake_at

            # One deadline for as long as its moment stays the same, not one a message: most messages change nothing.
            with anyio.CancelScope(deadline=self._deadline(wake_at)) as waiting:
                while next_at == wake_at:
                    await self.event_queue.arrival()
                    next_at = self._step(tasks)

            wake_at = self._step(tasks) if waiting.cancelled_caught else next_at

    def take_last(self, taken: Sequence[Event]) -> None:
        """Take in what a run has read at its end: nothing is sent any more."""
        events, decision, now = self._decide(taken)
        decision = attrs.evolve(decision, actions=())
        self.recorder.record(events, decision, now, taken, sends=False)
        self.follow(events, (), decision, now)

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
        actions = self.recorder.record(told, decision, now, taken)
        self._start(actions, tasks)

        if self.traded is not None:
            self.traded.see(events)

        self.follow(told, actions, decision, now)  # nothing of it has to be known before orders go out

        return decision.wake_at

    def _start(self, actions: Sequence[Action], tasks: Tasks) -> None:
        """Send orders in a task of their own, and do what else was asked for."""
        commands: list[Action] = []

        for action in actions:
            match action:
                case Place(order=order) | Amend(order=order):
                    self.known.remember(order)
                    commands.append(action)
                case Ask():
                    self.asking.start(action, tasks)
                case AskPrice():
                    tasks.start_soon(self.ask_price)
                case Resync():
                    self.resync()
                case Reconnect():
                    reconnect(self.runners, action)
                case _:
                    commands.append(action)

        if commands:
            tasks.start_soon(self.dispatch, commands)
