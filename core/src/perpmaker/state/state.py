"""All state of one market, folded from events; the only writer is `fold`, and the trader marking what it sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import inf
from types import MappingProxyType
from typing import Any

import attrs

from perpmaker.model.event import (
    AccountReported,
    BalanceReported,
    BookChanged,
    BookLost,
    BookSnapshot,
    CancelRefused,
    Channel,
    Event,
    FeedAlive,
    FundingPaid,
    InstrumentChanged,
    MarkChanged,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderNotFound,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    PositionReported,
    ReferenceChanged,
    Resynced,
    SettingsReported,
    StreamLost,
    Traded,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderKind, OrderStatus, PositionMode, PositionSide
from perpmaker.state.account import Account
from perpmaker.state.book import Book
from perpmaker.state.external_price import usable
from perpmaker.state.foreign import ForeignOrders
from perpmaker.state.funds import Funds
from perpmaker.state.market import Market
from perpmaker.state.orders import RESTING, Orders
from perpmaker.state.view import Mode, ReadOnlyBook, View

_STOP_EXPLAINS_S = 10.0
_NOBODY: frozenset[PositionSide] = frozenset()
_NOTICE_AGAIN_S = 5.0
_STOPS = frozenset({OrderKind.STOP_LOSS, OrderKind.VENUE_STOP})


class State:
    """One market of one account. `version` counts changes that a decision depends on (idle book changes are none).

    `is_ours` tells an own client id from a foreign one, also of earlier runs.
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
        self._book_view = ReadOnlyBook(self.book)
        self.market = Market()
        self.orders = Orders(self.book.own, fence_s=fence_s)
        self.foreign = ForeignOrders(is_ours)
        self.account = Account(position_mode)
        self.funds = Funds(leverage)
        self.stop_closed_at: dict[PositionSide, float] = {}
        self.by_hand: list[Fill] = []
        """Fills of orders that are not ours, each once, since the first complete read, until somebody takes them."""
        self._is_read = False
        self._noticed_at = -inf
        self._is_ours = is_ours
        self._changes = 0
        self._fold: dict[type, Callable[[Any, float], None]] = {
            BookSnapshot: self._book_snapshot,
            BookChanged: self._book_changed,
            BookLost: self._book_lost,
            Traded: self._traded,
            MarkChanged: self._marked,
            ReferenceChanged: self._referred,
            FeedAlive: self._alive,
            InstrumentChanged: self._instrument_changed,
            OrderAccepted: self._order_accepted,
            OrderRefused: self.orders.refused,
            OrderUnknown: self.orders.unknown,
            OrderNotFound: self.orders.not_found,
            OrderCancelled: self._cancelled,
            CancelRefused: self.orders.cancel_refused,
            OrderAmended: self.orders.amended,
            OrderReported: self._order_reported,
            OrderFilled: self._filled,
            PositionReported: self._position_reported,
            BalanceReported: self._balance_reported,
            AccountReported: self._account_reported,
            FundingPaid: self._funded,
            SettingsReported: self._settings_reported,
            Resynced: self._resynced,
            StreamLost: self._stream_lost,
        }

    @property
    def version(self) -> int:
        """Grows with every change that a decision may depend on, apart from prices within a wake's bounds."""
        return self._changes + self.orders.version

    def is_open(self, side: PositionSide) -> bool:
        """Whether there is a position of this side that an order could close."""
        return not self.instrument.is_dust(self.account.tracked[side].now.amount)

    def place(self, order: NewOrder, now: float) -> None:
        """An order is about to be sent: it counts as in flight, and the book as the first that may show it."""
        self.orders.place(order, now)

        if order.ticks is not None and order.type in RESTING:
            self.book.expect(order.client_id, order.side, order.ticks, order.lots)

    def fold(self, event: Event, now: float) -> None:
        """Take in one event; control events that say nothing about state pass by."""
        fold = self._fold.get(type(event))

        if fold is not None:
            fold(event, now)

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
        market, orders, account = self.market, self.orders, self.account

        return View(
            now=now,
            instrument=self.instrument,
            position_mode=self.position_mode,
            leverage=self.leverage,
            mode=mode,
            mode_reason=mode_reason,
            book=self._book_view,
            book_ok=self.book.ok,
            book_age_s=market.age_s(Channel.BOOK, now),
            mark=market.mark,
            mark_age_s=market.age_s(Channel.MARK, now),
            last_trade=market.last_trade,
            trade_age_s=market.age_s(Channel.TRADES, now),
            last_own_trade=orders.endings.last_own_trade,
            external_reference=self.external_reference,
            reference=market.reference,
            reference_age_s=market.age_s(Channel.REFERENCE, now),
            orders=orders.by_slot(),
            ended=MappingProxyType(dict(orders.endings.by_slot)),
            positions=MappingProxyType(account.positions),
            capital=self.funds.capital,
            capital_age_s=self.funds.age_s(now),
            quote_filled_at=MappingProxyType(dict(orders.endings.quote_filled_at)),
            stop_closed_at=MappingProxyType(dict(self.stop_closed_at)),
            no_quotes_for=_NOBODY,
            blocked=orders.is_blocked,
            memory=memory,
            exit_memory=exit_memory,
            beside=orders.beside(),
            foreign=self.foreign.resting,
        )

    # --- market ----------------------------------------------------------------------------------------------------

    def _book_snapshot(self, event: BookSnapshot, now: float) -> None:
        self.book.snapshot(event, now)
        self.market.alive(Channel.BOOK, now)
        self._changes += 1

    def _book_changed(self, event: BookChanged, now: float) -> None:
        self.book.change(event, now)
        self.market.alive(Channel.BOOK, now)

    def _book_lost(self, _: BookLost, __: float) -> None:
        self.book.lose()
        self._changes += 1

    def _traded(self, event: Traded, now: float) -> None:
        self.market.last_trade = event.ticks
        self.market.alive(Channel.TRADES, now)

    def _marked(self, event: MarkChanged, now: float) -> None:
        self.market.marked(event, now)

    def _referred(self, event: ReferenceChanged, now: float) -> None:
        self.market.referred(usable(event, now))
        self._changes += 1

    def _alive(self, event: FeedAlive, now: float) -> None:
        self.market.alive(event.channel, now)

    def _instrument_changed(self, event: InstrumentChanged, _: float) -> None:
        units = self.instrument  # the book and every order are counted in them
        self.instrument = attrs.evolve(event.instrument, tick=units.tick, lot=units.lot)
        self._changes += 1

    def _stream_lost(self, event: StreamLost, _: float) -> None:
        self.market.lose(event.channel)
        self._changes += 1

        if event.channel is Channel.BOOK:
            self.book.lose()

    # --- account ---------------------------------------------------------------------------------------------------

    def _order_accepted(self, event: OrderAccepted, now: float) -> None:
        self._notice(event.client_id, now)
        self.orders.accepted(event, now)

    def _order_reported(self, event: OrderReported, now: float) -> None:
        if event.report.status is OrderStatus.OPEN:
            self._notice(event.report.client_id, now)

        self.orders.reported(event.report, now, by_stream=event.by_stream)
        self._changes += self.foreign.reported(event.report)

    def _cancelled(self, event: OrderCancelled, now: float) -> None:
        self.orders.cancelled(event, now)
        self._changes += self.foreign.gone(event.client_id)

    def _filled(self, event: OrderFilled, now: float) -> None:
        before = self._amounts()
        self._fill(event.fill, now)
        self.funds.filled(self.instrument, before, self._amounts(), event.fill.price, now)

    def _fill(self, fill: Fill, now: float) -> None:
        before = self._amounts()
        ours = self._is_ours(fill.client_id)

        if not self.account.fill(fill, ours=ours):
            return

        if self._is_read and not ours:
            self.by_hand.append(fill)

        self.orders.filled(fill, self.instrument.lots_down(fill.amount), now)
        self._note_stops(before, now)
        self._changes += 1

    def _position_reported(self, event: PositionReported, now: float) -> None:
        before = self._amounts()
        self.account.report(event.position, now)
        self._note_stops(before, now)
        self._changes += 1

    def _balance_reported(self, event: BalanceReported, _: float) -> None:
        self.account.balance(event.balance)
        self._changes += 1

    def _account_reported(self, event: AccountReported, _: float) -> None:
        for balance in event.account.assets:
            self.account.balance(balance)

        self.funds.take(event.account, self.instrument, self.orders.working(), self.foreign.resting)
        self._changes += 1

    def _funded(self, event: FundingPaid, _: float) -> None:
        self.account.funded(event)
        self._changes += 1

    def _settings_reported(self, event: SettingsReported, _: float) -> None:
        self.account.settings = event.settings
        self._changes += 1

    def _resynced(self, event: Resynced, now: float) -> None:
        before = self._amounts()

        for fill in event.fills:
            self._fill(fill, now)

        for report in event.finished:
            self.orders.reported(report, now)

        self.foreign.listed(event.orders)
        self.orders.listed({report.client_id: report for report in event.orders}, event.began_at, now)
        self.account.resync(event.account, event.venue_ms, now)
        self.funds.take(event.account, self.instrument, self.orders.working(), self.foreign.resting)

        if not self._is_read:
            self.account.begin()

        self.orders.forgive(event.began_at)
        self._is_read = True
        self._note_stops(before, now)
        self._changes += 1

    def _notice(self, client_id: str, now: float) -> None:
        """An order with our mark that nobody here sent is open: it was under way when an earlier run ended."""
        orders = self.orders

        if client_id in orders.live or client_id in orders.finished or not self._is_ours(client_id):
            return

        if self._is_read and now >= self._noticed_at + _NOTICE_AGAIN_S:
            self._noticed_at = now
            orders.lost.append(f"order {client_id} is open, and this run did not send it")

    def _amounts(self) -> Mapping[PositionSide, Decimal]:
        return {side: tracked.now.amount for side, tracked in self.account.tracked.items()}

    def _is_stopping(self, side: PositionSide) -> bool:
        """Whether a stop loss of this position is under way: the venue's word may come before that of its fill."""
        return any(
            order.slot.kind is OrderKind.STOP_LOSS and order.slot.position_side is side
            for order in self.orders.working()
        )

    def _note_stops(self, before: Mapping[PositionSide, Decimal], now: float) -> None:
        """Note which positions came to nothing that could be closed just now, by a stop loss."""
        is_dust = self.instrument.is_dust

        for side, tracked in self.account.tracked.items():
            closed = is_dust(tracked.now.amount) and not is_dust(before[side])

            if closed and (self._is_stopping(side) or self._stopped(side, now)):
                self.stop_closed_at[side] = now

    def _stopped(self, side: PositionSide, now: float) -> bool:
        """Whether a stop loss of this position has executed just now."""
        return any(
            slot.kind in _STOPS and slot.position_side is side and end.filled_lots and end.at + _STOP_EXPLAINS_S >= now
            for slot, end in self.orders.endings.by_slot.items()
        ) or any(
            order.slot.kind in _STOPS and order.slot.position_side is side and order.filled_lots
            for order in self.orders.working()
        )
