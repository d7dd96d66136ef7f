"""Runs the trader over a column file: no event loop, no JSON, no wire; the next moment is the least of all that is due.

What is due: a message at the exchange, the same at the bot, a command's arrival, its answer, a moment that the trader
has named, funding, and the questions that a live bot asks of its account by itself. Everything is in nanoseconds of
the recording machine's clock, and the same data give the same run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, Protocol

import attrs

from perpmaker.backtest.account_desk import ABILITIES, AccountDesk, in_turn
from perpmaker.backtest.account_questions import AccountQuestions
from perpmaker.backtest.agenda import NEVER, Agenda, Turn
from perpmaker.backtest.bot_side import BotSide
from perpmaker.backtest.column_market import ColumnMarket
from perpmaker.backtest.columns import NS, NS_PER_MS, ColumnFile
from perpmaker.backtest.exchange_side import ACCOUNT, ExchangeSide
from perpmaker.backtest.latency import OrderLatency
from perpmaker.backtest.opening import Opening, find_opening, outside
from perpmaker.backtest.timeline import Feed, Timeline
from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Action, Amend, Ask, Place, Resync
from perpmaker.launch.assembly import build_trader
from perpmaker.launch.plan import Plan
from perpmaker.model.client_id import TextIds
from perpmaker.model.event import Channel, Event, MarketEvent, StreamRestored
from perpmaker.model.order import NewOrder
from perpmaker.paper.event_translation import account_events, market_event
from perpmaker.runtime.trading_loop import LEAST_WAIT_S
from perpmaker.simulation.event import MarkUpdated, SimulationEvent
from perpmaker.simulation.exchange import Exchange

_LEAST_WAIT_NS: Final = round(LEAST_WAIT_S * NS)
_INTENTS: Final = 20_000
_BOT: Final = "backtest"
_RUN: Final = "run"


class Listener(Protocol):
    """Receives each step of the bot, in order: the events it was given, and its decision."""

    def see(self, events: Sequence[Event], decision: Decision, now_ns: int, trader: Trader) -> None:
        """Take in one call of the trader."""


@attrs.define
class Progress:
    """How far a run is: `at_ns` of `begin_ns` to `end_ns`, and the rows of the columns that are behind it."""

    begin_ns: int
    end_ns: int
    at_ns: int = 0
    rows: int = 0
    messages: int = 0
    steps: int = 0

    @property
    def portion(self) -> float:
        """How much of the window is done, 0 to 1."""
        whole = self.end_ns - self.begin_ns

        return 1.0 if whole <= 0 else min(1.0, max(0.0, (self.at_ns - self.begin_ns) / whole))


@attrs.frozen(kw_only=True)
class Window:
    """What is played: from when until when, in nanoseconds since 1970. None: from the first, to the last."""

    from_ns: int | None = None
    until_ns: int | None = None


class Driver:
    """One run of a plan over a column file."""

    def __init__(
        self,
        plan: Plan,
        columns: ColumnFile,
        *,
        balance: Decimal,
        latency: OrderLatency,
        feed: Feed,
        window: Window | None = None,
        queue_power: float | None = None,
        listener: Listener | None = None,
    ) -> None:
        window = window or Window()
        self.plan = plan
        self.timeline = Timeline(columns, feed)
        self.opening = find_opening(self.timeline, window.from_ns)
        self.begin_ns = self.opening.begin_ns
        self.end_ns = min(window.until_ns or NEVER, columns.foot.last_ns)

        if self.end_ns < self.begin_ns:
            raise outside(self.timeline)

        self.progress = Progress(self.begin_ns, self.end_ns, at_ns=self.begin_ns)
        self._latency = latency
        self._listener = listener
        self._agenda = Agenda()
        self._known: OrderedDict[str, NewOrder] = OrderedDict()
        self._wake_at: float | None = None
        self._wake_ns = NEVER
        self._open_exchange(columns, balance, queue_power)

    def _open_exchange(self, columns: ColumnFile, balance: Decimal, queue_power: float | None) -> None:
        """Make the exchange as it is when the run begins, with the account, and the trader."""
        plan, instrument, begin_ms = self.plan, columns.foot.instrument, self.begin_ns // NS_PER_MS
        market = ColumnMarket(instrument, _opening_events(self.opening, begin_ms))
        exchange = Exchange(instrument, market, start_ms=begin_ms, queue_power=queue_power)
        self.desk = AccountDesk(exchange)
        settings = self.desk.prepare(balance, plan.leverage, plan.position_mode, plan.margin_mode)
        self.exchange_side = ExchangeSide(exchange, market, self.timeline, self._stream)
        self.exchange_side.begin(self.opening.segment_number, self.opening.message)
        self.trader = build_trader(
            plan,
            instrument,
            client_ids=TextIds(_BOT, _RUN),
            abilities=ABILITIES,
            intent=self._known.get,
            settings=settings,
        )
        self._questions = AccountQuestions(
            desk=self.desk,
            agenda=self._agenda,
            lag_ns=self._lag_ns,
            seconds=self._seconds,
            working=self.trader.working,
        )
        self.bot_side = BotSide(
            timeline=self.timeline, patches=self.exchange_side.patches, marks=self.exchange_side.marks
        )
        self.bot_side.begin(self.opening.segment_number, self.opening.message)

    @property
    def equity(self) -> Decimal:
        """What the account is worth now, in quote asset: its wallet, and the position at the mark price."""
        return self.desk.exchange.account(ACCOUNT).equity

    @property
    def fills(self) -> int:
        """How often the account has traded."""
        return self.trader.state.account.totals.fills

    # --- the run

    def run(self) -> Iterator[Progress]:
        """Run to the end of the window, saying often how far it is."""
        self._begin()

        while self._go_on():
            if self.bot_side.segment_number != self._segment_seen:
                self._segment_seen = self.bot_side.segment_number
                self.timeline.release(min(self._segment_seen, self.exchange_side.segment_number))
                yield self.progress

        self.progress.at_ns = self.end_ns

        yield self.progress

    _segment_seen = -1

    def _begin(self) -> None:
        """Tell the bot what a live one knows at its beginning."""
        begin_ns, exchange = self.begin_ns, self.desk.exchange
        mark = _mark_of(exchange)
        events: list[Event] = [StreamRestored(channel=channel) for channel in _CHANNELS]
        events += [self.desk.look(0.0), self.opening.book, *([] if mark is None else [mark])]
        self._questions.begin(begin_ns)
        self._handle(events, begin_ns, begin_ns)

    def _go_on(self) -> bool:
        """Go to the next moment at which something is due, and do it. False at the end."""
        side, bot = self.exchange_side, self.bot_side
        due_ns = side.due_ns
        limit_ns = min(self._agenda.next_ns, self._wake_ns, due_ns, self.end_ns)
        heard_ns = bot.next_ns(limit_ns)
        now_ns = min(limit_ns, heard_ns)

        if side.advance(now_ns):
            return True  # the bot may hear of it before the moment that was next

        if now_ns >= self.end_ns:
            self._hear(self.end_ns)
            return False

        if due_ns <= now_ns:
            side.act(now_ns, self.desk.exchange.advance)
            return True

        events = self._agenda.carry_out(now_ns)

        if events or self._wake_ns <= now_ns or heard_ns <= now_ns:
            self._step(events, now_ns)

        return True

    def _step(self, events: list[Event], now_ns: int) -> None:
        """Have the bot take in what the market said, and then what came to it alone."""
        heard, last_ns = self.bot_side.hear(now_ns)

        if heard:
            self._handle(heard, last_ns, now_ns)

        if events or last_ns < now_ns:
            self._handle(events, now_ns, now_ns)

    def _hear(self, now_ns: int) -> None:
        """Let the bot know what the market said last."""
        heard, last_ns = self.bot_side.hear(now_ns)

        if heard:
            self._handle(heard, last_ns, now_ns)

    def _handle(self, events: list[Event], at_ns: int, now_ns: int) -> None:
        """Have the trader decide at `at_ns`; what it wants is sent at `now_ns`."""
        trader = self.trader
        decision = trader.handle(events, self._seconds(at_ns))
        self.progress.at_ns = now_ns
        self.progress.steps += 1

        if decision.wake_at != self._wake_at or self._wake_ns <= now_ns:
            self._wake_at = decision.wake_at
            self._wake_ns = self._moment(decision.wake_at, now_ns)

        if decision.wanted is not None:  # it was decided anew
            self.bot_side.bounds = trader.bounds

        if self._listener is not None:
            self._listener.see(events, decision, at_ns, trader)

        if decision.actions:
            self._send(decision.actions, now_ns)

        for event in events:
            self._questions.see(event, now_ns)

    # --- what is sent, and comes back

    def _send(self, actions: Sequence[Action], now_ns: int) -> None:
        for action in actions:
            match action:
                case Place(order=order) | Amend(order=order):
                    self._remember(order)
                case Resync():
                    self._questions.resync(now_ns)
                case Ask():
                    self._questions.ask(action, now_ns)
                case _:
                    pass

        commands = in_turn(actions)

        if commands:
            arrival_ns = now_ns + self._latency.at(now_ns)

            def arrive(_: int) -> Sequence[Event]:
                answers: list[Event] = []

                def act(now_ms: int) -> None:
                    for command in commands:
                        answers.extend(self.desk.carry_out(command, now_ms))

                self.exchange_side.act(arrival_ns, act)
                self._agenda.tell(arrival_ns + self._lag_ns(), Turn.ANSWER, answers)

                return ()

            self._agenda.put(arrival_ns, Turn.COMMAND, arrive)

    def _remember(self, order: NewOrder) -> None:
        self._known[order.client_id] = order

        if len(self._known) > _INTENTS:
            self._known.popitem(last=False)

    def _stream(self, event: SimulationEvent, now_ns: int) -> None:
        """Something happened to the account at the exchange: the bot hears of it a little later."""
        events = tuple(account_events(self.desk.exchange, event))

        if events:
            self._agenda.tell(now_ns + self._lag_ns(), Turn.STREAM, events)

    def _lag_ns(self) -> int:
        """How long news of the account are under way, as market data are just now."""
        lag_ns = self.timeline.feed.lag_ns

        return self.exchange_side.lag_ns if lag_ns is None else lag_ns

    # --- time

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self.begin_ns) / NS

    def _moment(self, wake_at: float | None, now_ns: int) -> int:
        if wake_at is None:
            return NEVER

        return max(self.begin_ns + round(wake_at * NS), now_ns + _LEAST_WAIT_NS)


_CHANNELS: Final = (Channel.BOOK, Channel.TRADES, Channel.MARK, Channel.ACCOUNT)


def _opening_events(opening: Opening, begin_ms: int) -> Iterator[tuple[int, MarketEvent]]:
    yield begin_ms, opening.book

    if opening.mark is not None:
        yield begin_ms, opening.mark


def _mark_of(exchange: Exchange) -> MarketEvent | None:
    """The mark price as the exchange tells it."""
    return market_event(
        MarkUpdated(
            mark=exchange.mark,
            index=exchange.index,
            funding_rate=exchange.funding_rate,
            next_funding_ms=exchange.next_funding_ms,
            now_ms=exchange.now_ms,
        )
    )
