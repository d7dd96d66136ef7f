"""A scripted venue and the bot on it, in time: what is due happens, what is asked for is sent and answered.

`perpmaker.testing.scenario` has the verbs.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from math import inf
from typing import Any

from perpmaker.decision.checkpoint import decode_recollection, encode_recollection
from perpmaker.decision.trader import Trader
from perpmaker.errors import PluginFaultError
from perpmaker.execution.action import Action, Amend, Ask, AskPrice, Cancel, Place, Reconnect, Resync
from perpmaker.launch.assembly import VenueAbilities, build_trader
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.price_source import Standstill, traded_mid
from perpmaker.ledger.entries import LedgerEntry
from perpmaker.model.client_id import TextIds
from perpmaker.model.command_event import Command
from perpmaker.model.event import Channel, Event, Resynced, SettingsReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderStatus
from perpmaker.model.reading import AccountReported
from perpmaker.plugins.declarations import Declaration
from perpmaker.runtime.account_watch import SETTLE_S, moves_money
from perpmaker.runtime.recorder import SLOW_S, without_quotes
from perpmaker.testing.scenario_agenda import Agenda, moment
from perpmaker.testing.scenario_look import Look
from perpmaker.testing.scenario_plan import load
from perpmaker.testing.scenario_source import RunningSource, is_handed_over
from perpmaker.testing.scenario_venue import START_MS, Venue
from perpmaker.testing.scenario_wire import FENCE_S, Wire
from perpmaker.testing.scenario_words import Sent, order_text
from perpmaker.testing.view import make_instrument

ALIVE_EVERY_S = 0.5
CHECK_EVERY_S = 30.0
_UNANSWERED = frozenset({OrderStatus.PENDING, OrderStatus.UNKNOWN})
BUSY = 100_000
"""More events and decisions than this in one `advance` are a bot that decides in circles."""

BUSY_A_SECOND = 100
"""So many more for each second that is to pass: hours are long, and a bot with nothing to go by looks often."""


class Play(Look):
    """A bot on its venue, and the clock that both go by; arguments as those of a scenario."""

    def __init__(
        self,
        configuration: Mapping[str, Any] | None = None,
        *,
        plugins: Sequence[Declaration] = (),
        instrument: Instrument | None = None,
        caps_resting_exits: bool = True,
        sizes_stops: bool = False,
        keeps_targets: bool = False,
        amends: bool = False,
    ) -> None:
        self.configuration = load(configuration or {}, plugins)
        run = self.configuration.run
        base, quote = run.market.split("-")
        rules = instrument or make_instrument(market=run.market, symbol=base + quote, base=base, quote=quote)
        self.plan = plan_of(self.configuration)
        self._agenda = Agenda()
        self._sizes_stops = sizes_stops
        self._keeps_targets = keeps_targets
        self._amends = amends
        venue = Venue(
            rules,
            balance=self.configuration.sandbox.balance,
            leverage=run.leverage,
            position_mode=run.position_mode,
            margin_mode=run.margin_mode_wanted,
            caps_resting_exits=caps_resting_exits,
        )
        super().__init__(venue)
        self._wire = Wire(venue, self._agenda, self._event_queue.extend)
        self._runs = 0
        self._booked: list[LedgerEntry] = []
        self._source: RunningSource | None = None
        self._handed = tuple(plugins)
        self._heard_ms = START_MS
        self._alive_at, self._check_at = ALIVE_EVERY_S, CHECK_EVERY_S
        self._wake_at = inf
        self._reads_money = False
        self._stall_s, self._busy_until = 0.0, 0.0
        self._forgotten: frozenset[str] = frozenset()
        self.restart()

    # --- time

    @property
    def now(self) -> float:
        """Seconds since the scenario began."""
        return self._agenda.now

    def advance(self, seconds: float) -> None:
        """Let time pass: everything under way arrives, and the bot is woken at exactly the times that it asked for."""
        until = moment(self.now + seconds)

        for _ in range(BUSY + math.ceil(BUSY_A_SECOND * max(0.0, seconds))):
            wake_at = max(self._wake_at, self._busy_until)
            due = min(self._agenda.next_at, wake_at, self._alive_at, self._check_at, self._venue.next_due_s)
            due = due if self._source is None else min(due, self._source.next_at)

            if due > until:
                break

            self._agenda.now = max(due, self.now)
            self._do_due()
        else:
            raise AssertionError(f"the bot decides in circles at {self.now} s")

        self._agenda.now = until
        self._settle()

    def _do_due(self) -> None:
        """Everything of this instant: the venue first, then what arrives, then the bot."""
        if self._alive_at <= self.now:
            self._alive_at = moment(self._alive_at + ALIVE_EVERY_S)
            self._wire.prove_alive()

        if self._check_at <= self.now:
            self._check_at = moment(self._check_at + CHECK_EVERY_S)
            self._read_account("every 30 s")
            self._question("read settings", lambda: SettingsReported(settings=self._venue.settings()))

        self._settle()

        if max(self._wake_at, self._busy_until) <= self.now:
            self._decide(())

    def _settle(self) -> None:
        """Let the venue reach this instant, and the bot hear and answer what there is to hear in it."""
        self._venue.reach(self.now)
        self._wire.publish()
        self._agenda.run_due()

        if self._source is not None:
            self._source.reach(self.now)

        while self._event_queue and self._busy_until <= self.now:
            events, self._event_queue[:] = tuple(self._event_queue), ()
            self._decide(events)
            self._agenda.run_due()

    def _decide(self, events: Sequence[Event]) -> None:
        if not self._reads_money and any(map(moves_money, events)):
            self._reads_money = True
            self._agenda.after(SETTLE_S, self._read_money)

        self._heard_ms = max(self._heard_ms, *(one.venue_ms for one in events if isinstance(one, Resynced)), 0)
        decision = self._trader.handle(events, self.now)
        self._booked.extend(decision.entries)
        self._wake_at = inf if decision.wake_at is None else decision.wake_at
        self._note(decision)

        if self._stall_s:
            self._send_late(decision.actions)
        else:
            self._send(decision.actions)

        if self._source is not None:
            self._source.see(events)

    def _send_late(self, actions: Sequence[Action]) -> None:
        """A plugin has the processor: nothing is heard before it is through, and what was decided goes out then."""
        stall_s, self._stall_s, run = self._stall_s, 0.0, self._runs
        self._busy_until = moment(self.now + stall_s)
        kept, refused = (actions, ()) if stall_s <= SLOW_S else without_quotes(actions, f"decided in {stall_s:.1f} s")

        def send() -> None:
            if run == self._runs:
                self._event_queue.extend(refused)
                self._send(kept)

        self._agenda.after(stall_s, send)

    def _read_money(self) -> None:
        """Ask what is free for margin, as the supervisor does after what changed it."""
        self._reads_money, asked_at = False, self.now
        self._wire.question("read money", lambda: AccountReported(account=self._venue.account(asked_at)))

    def restart(self, *, remembers: bool = True) -> None:
        """The process is gone without a word, and a new one begins: it knows what its journal would tell it.

        As a start does, it sets the account (DeniedError: that is refused, and nothing has changed), and reads what was
        executed since the last reading. Without `remembers` the journal is lost as well, and the start is one with
        `--adopt --adopt-position`: what it finds is its own, and nobody knows what it was meant for.
        """
        settings = self._venue.prepare()
        knows = remembers and self._runs > 0
        memory = encode_recollection(self._trader.remembered().moved(START_MS / 1000)) if knows else b""
        arriving = self._arriving() if knows else []
        self._forgotten = self._forgotten if remembers else frozenset(self._known)
        self._stall_s, self._busy_until = 0.0, 0.0
        self._runs += 1
        self._unread_ms = self._heard_ms
        self._event_queue.clear()
        self._trader: Trader = build_trader(
            self.plan,
            self.instrument,
            client_ids=TextIds("scenario", f"r{self._runs}"),
            abilities=VenueAbilities(
                fence_s=FENCE_S,
                keeps_stops=True,
                caps_resting_exits=self._venue.caps_resting_exits,
                sizes_stops=self._sizes_stops,
                keeps_targets=self._keeps_targets,
                amends=self._amends,
            ),
            intent=self._intent,
            settings=settings,
            report=self._keep_traceback,
        )

        if remembers:
            self._trader.keeper.recall(self._booked, self.now)
        else:
            self._booked.clear()

        if (known := decode_recollection(memory)) is not None:
            self._trader.recall(known.moved(-START_MS / 1000, self.now))

        if arriving and (until := max(arriving) + FENCE_S) > self.now:
            self._trader.await_arrivals(until)

        self._wire.begin_run()
        self._open_source()
        self._settle()

    def _intent(self, client_id: str) -> NewOrder | None:
        """What an order was meant for, as far as the journal of this run tells."""
        return None if client_id in self._forgotten else self._known.get(client_id)

    def _arriving(self) -> list[float]:
        """When the orders and amends were sent that the bot has heard nothing of."""
        records = self._trader.state.orders.live.values()
        placed = [one.working.sent_at for one in records if one.working.status in _UNANSWERED and not one.known]

        return [*placed, *(one.amended_at or 0.0 for one in records if one.working.amended_from is not None)]

    def _keep_traceback(self, fault: PluginFaultError) -> None:
        """Show an author the traceback of a plugin's fault, once; a run keeps it in a file."""
        if fault.detail not in self.notices:
            self.notices.append(fault.detail)

    def _open_source(self) -> None:
        """Open the price source where it was handed over; every other one is what `reference` says."""
        if self._source is not None:
            self._source.close()

        self._source, plan = None, self.plan.price_source

        if plan is not None and is_handed_over(plan, self._handed):
            looked = weakref.ref(self)
            self._source = RunningSource(
                plan,
                report=lambda fault: _keep(looked(), fault),
                now=self.now,
                start_ms=START_MS,
                state=self._trader.state,
                standstill=Standstill(mid=lambda: _mid(looked()), tell=self.notices.append),
                emit=lambda events: _hear(looked(), events),
            )

    # --- what the bot asks for

    def _send(self, actions: Sequence[Action]) -> None:
        """Send in the order of the dispatcher: exits, cancels, amends, quotes; then the questions."""
        for action in sorted(actions, key=_rank):
            match action:
                case Place(order=order):
                    self._known[order.client_id] = order
                    text = f"place {order_text(order, self.instrument)}"
                    self._command(text, order.client_id, Command.PLACE, partial(self._venue.place, order))
                case Amend(order=order, number=number):
                    self._known[order.client_id] = order
                    text = f"amend {order_text(order, self.instrument)}"
                    act = partial(self._venue.amend, order, number)
                    self._command(text, order.client_id, Command.AMEND, act, number=number)
                case Cancel(client_id=client_id):
                    text = f"cancel {self._name(client_id)}"
                    self._command(text, client_id, Command.CANCEL, partial(self._venue.cancel, client_id))
                case Ask(client_id=client_id):
                    text = f"ask {self._name(client_id)}"
                    self._question(text, partial(self._venue.asked, client_id, self.now))
                case AskPrice():
                    self._question("ask price", partial(self._venue.mark_now, asked=True))
                case Resync(reason=reason):
                    self._read_account(reason)
                case Reconnect(channel=channel):
                    self._sent.append(Sent(moment(self.now), f"reconnect {channel}"))
                    self._wire.reconnect(Channel(channel))

    def _command(
        self, text: str, client_id: str, command: Command, act: Callable[[], Event], *, number: int = 0
    ) -> None:
        self._sent.append(Sent(moment(self.now), text))
        self._wire.command(text, client_id, command, act, number=number)

    def _question(self, text: str, ask: Callable[[], Event]) -> None:
        self._sent.append(Sent(moment(self.now), text))
        self._wire.question(text, ask)

    def _read_account(self, reason: str) -> None:
        """Read everything about the account, as the supervisor does."""
        read = partial(self._venue.read, self.now, self._trader.working, self._unread_ms)
        self._question(f"read account: {reason}", read)


def _hear(play: Play | None, events: Sequence[Event]) -> None:
    """What the price source says, as long as the scenario is there; the source does not keep it alive."""
    if play is not None:
        play._wire.tell_reference(events)  # noqa: SLF001  # its own class


def _keep(play: Play | None, fault: PluginFaultError) -> None:
    """What the source's plugin did wrong, for its author."""
    if play is not None:
        play._keep_traceback(fault)  # noqa: SLF001  # its own class


def _mid(play: Play | None) -> Decimal | None:
    """The middle of the book that the bot goes by."""
    return None if play is None else traded_mid(play._trader.state)  # noqa: SLF001  # its own class


def _rank(action: Action) -> int:
    match action:
        case Place(order=order):
            return 0 if order.slot.kind.is_exit else 3
        case Cancel():
            return 1
        case Amend():
            return 2
        case _:
            return 4
