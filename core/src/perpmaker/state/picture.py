"""What is known of one market of one account, and the view of it that a decision is made by.

A view is made for each decision, and little of it is new each time. What events alone change is kept as it is until one
of them has come: the parts of the state hand out the same object as before while nothing about it has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from perpmaker.model.event import Channel
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, PositionMode, PositionSide
from perpmaker.model.position import Position
from perpmaker.model.quote import TargetFactors
from perpmaker.model.results import Results
from perpmaker.state.account import Account
from perpmaker.state.book import Book
from perpmaker.state.foreign import ForeignOrders
from perpmaker.state.funds import Funds
from perpmaker.state.holding import Holdings
from perpmaker.state.market import Market
from perpmaker.state.orders import Orders
from perpmaker.state.sent_orders import ReadOnlySent, SentOrders
from perpmaker.state.stop_record import StopRecord
from perpmaker.state.venue_clock import VenueClock
from perpmaker.state.view import Mode, ReadOnlyBook, View

_NOBODY: frozenset[PositionSide] = frozenset()
_BOOK, _MARK, _TRADES, _REFERENCE = Channel.BOOK, Channel.MARK, Channel.TRADES, Channel.REFERENCE


class Picture:
    """The parts of the state. How they come to be known is the business of `State`.

    `changes` counts what has changed of the account, of the settings and of what else events tell, but for own orders
    (which count their own changes) and for prices.
    """

    def __init__(
        self,
        instrument: Instrument,
        *,
        position_mode: PositionMode,
        leverage: int,
        fence_s: float,
        is_ours: Callable[[str], bool],
        external_reference: bool = False,
    ) -> None:
        self.instrument = instrument
        self.position_mode = position_mode
        self.leverage = leverage
        self.external_reference = external_reference
        self.book = Book()
        self.market = Market()
        self.clock = VenueClock()
        self.orders = Orders(self.book.own, fence_s=fence_s)
        self.foreign = ForeignOrders(is_ours)
        self.account = Account(position_mode)
        self.funds = Funds(leverage)
        self.holdings = Holdings(account=self.account, orders=self.orders)
        self.stop_closed_at: dict[PositionSide, float] = {}
        self.stops = StopRecord()
        self.sent = SentOrders()
        self.position_cap: Decimal | None = None
        """The largest position that the risk modules let come to be, in base; None where none says one."""
        self.results = Results()
        """What trading has come to, as it was last looked at."""
        self.by_hand: list[Fill] = []
        """Fills of no order that we know, each once, since the first complete read, until somebody takes them."""
        self.changes = 0
        self._is_read = False
        self._is_ours = is_ours
        self._held, self._held_since = frozenset[PositionSide](), -1
        self._counted: frozenset[PositionSide] | None = None
        self._facts = self._first_facts()
        self._facts_since = self._orders_since = -1
        self._has_unproven = False

    def _first_facts(self) -> dict[str, Any]:
        """What of a view lasts for the whole run, or is for a decision alone to change; the rest is put beside it."""
        return {
            "position_mode": self.position_mode,
            "leverage": self.leverage,
            "external_reference": self.external_reference,
            "book": ReadOnlyBook(self.book),
            "sent": ReadOnlySent(self.sent),
            "stop_closed_at": MappingProxyType({}),
            "no_quotes_for": _NOBODY,
            "approved": MappingProxyType({}),
            "flatten": "",
            "target_factors": TargetFactors(),
        }

    @property
    def version(self) -> int:
        """Grows with every change that a decision may depend on, apart from prices within a wake's bounds."""
        return self.changes + self.orders.version

    def is_open(self, side: PositionSide) -> bool:
        """Whether an order could close a position of this side."""
        return not self.instrument.is_dust(self.positions()[side].amount)

    def held(self) -> frozenset[PositionSide]:
        """The positions that an order could close, by their fills alone."""
        if self._held_since != self.changes:
            self._held, self._held_since = self.account.held(self.instrument), self.changes

        return self._held

    def count_stops(self) -> None:
        """Note which stops have closed a position, once the account is known."""
        if self._is_read and (self._counted is not self.held() or self.stop_closed_at):
            self._counted = self.held()
            self.stops.see(self.stop_closed_at, self._counted)

    def positions(self) -> Mapping[PositionSide, Position]:
        """What is held, with what orders of ours are known to have executed and whose fills are still awaited."""
        return self.holdings.now(self.instrument, self.market.mark)

    def place(self, order: NewOrder, now: float) -> None:
        """An order is about to be sent: it counts as in flight, and the book as the first that may show it."""
        ticks = order.ticks
        self.orders.place(order, now)
        self.sent.note(now)

        if ticks is not None and order.type.rests:
            self.book.expect(order.client_id, order.slot.side, ticks, order.lots)

    def amend(self, order: NewOrder, now: float) -> int:
        """An amend is about to be sent that makes this of an order: its number. The book may show it either way."""
        record = self.orders.live[order.client_id]
        before, filled = record.working.order, record.working.filled_lots
        more = order.lots - filled if order.ticks != before.ticks else order.lots - before.lots

        if order.ticks is not None and more > 0:
            self.book.expect(order.client_id, order.side, order.ticks, more)

        self.sent.note(now)

        return self.orders.amend(order, now)

    def view(
        self,
        now: float,
        *,
        mode: Mode,
        mode_reason: str,
        memory: object,
        exit_memory: object = None,
    ) -> View:
        """The frozen view for one decision; no quotes are forbidden in it yet."""
        market = self.market
        alive_at = market.alive_at

        if self._facts_since != self.changes:
            self._look_at_account()

        if self._orders_since != self.orders.version:
            self._look_at_orders()

        if self.stop_closed_at != self._facts["stop_closed_at"]:
            self._facts["stop_closed_at"] = MappingProxyType(dict(self.stop_closed_at))

        facts = self._facts.copy()
        facts["now"] = now
        facts["mode"] = mode
        facts["mode_reason"] = mode_reason
        facts["memory"] = memory
        facts["exit_memory"] = exit_memory
        facts["book_ok"] = self.book.ok
        facts["book_age_s"] = now - alive_at[_BOOK]
        facts["mark"] = market.mark
        facts["mark_age_s"] = now - alive_at[_MARK]
        facts["mark_stream_age_s"] = now - market.mark_streamed_at
        facts["last_trade"] = market.last_trade
        facts["trade_age_s"] = now - alive_at[_TRADES]
        facts["last_trade_age_s"] = now - market.traded_at
        facts["reference_age_s"] = now - alive_at[_REFERENCE]
        facts["capital_age_s"] = self.funds.age_s(now)
        facts["positions"] = self.positions()
        facts["funding"] = market.funding(self.clock, self.instrument.funding_interval_h, now)
        facts["unproven"] = self.account.unproven(now) if self._has_unproven else _NOBODY
        facts["foreign"] = self.foreign.resting
        facts["stops"] = tuple(self.stops.times)
        facts["results"] = self.results
        facts["position_cap"] = self.position_cap

        return View.of(facts)

    def _look_at_account(self) -> None:
        """Take what has changed last with an event of the account, the market's rules or the external price."""
        facts, funds = self._facts, self.funds
        facts["instrument"] = self.instrument
        facts["reference"] = self.market.reference
        facts["capital"] = funds.capital
        facts["account"] = funds.facts
        facts["elsewhere"] = self.account.elsewhere
        facts["elsewhere_unread"] = self.account.elsewhere_unread
        self._has_unproven = any(tracked.adopted_at is not None for tracked in self.account.tracked.values())
        self._facts_since = self.changes

    def _look_at_orders(self) -> None:
        """Take what has changed last with an order of ours."""
        facts, orders, endings = self._facts, self.orders, self.orders.endings
        facts["orders"] = orders.by_slot()
        facts["beside"] = orders.beside()
        facts["blocked"] = orders.is_blocked
        facts["ended"] = endings.ended
        facts["quote_filled_at"] = endings.filled_at
        facts["last_own_trade"] = endings.last_own_trade
        facts["target_filled_at"] = endings.target_filled_at
        self._orders_since = orders.version
