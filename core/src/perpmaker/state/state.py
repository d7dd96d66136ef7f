"""All state of one market, folded from events; the only writer is `fold`, and the trader marking what it sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias

import attrs

from perpmaker.model.command_event import (
    AmendHandedOn,
    AmendRefused,
    CancelHandedOn,
    CancelRefused,
    OrderAccepted,
    OrderNotFound,
    OrderRefused,
    OrderUnknown,
)
from perpmaker.model.event import (
    BalanceReported,
    BookChanged,
    BookLost,
    BookSnapshot,
    Channel,
    Event,
    FeedAlive,
    InstrumentChanged,
    MarkChanged,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    OtherMarketsChanged,
    PositionReported,
    ReferenceChanged,
    Resynced,
    SettingsReported,
    StreamLost,
    Traded,
)
from perpmaker.model.order import Fill, OrderStatus, PositionSide
from perpmaker.model.reading import AccountReported, AccountSeen
from perpmaker.state.dating import DATED, Reading, dated, dated_account, dated_reading
from perpmaker.state.external_price import usable
from perpmaker.state.picture import Picture

Amounts: TypeAlias = Mapping[PositionSide, Decimal]
"""Signed amounts of the positions, in base asset."""


class State(Picture):
    """One market of one account, folded from events."""

    @cached_property
    def folds(self) -> Mapping[type, Callable[[Any, float], None]]:
        """What takes in each kind of event."""
        return {
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
            CancelHandedOn: self.orders.cancel_handed_on,
            CancelRefused: self.orders.cancel_refused,
            OrderAmended: self.orders.amended,
            AmendRefused: self.orders.amend_refused,
            AmendHandedOn: self.orders.amend_handed_on,
            OrderReported: self._order_reported,
            OrderFilled: self._filled,
            PositionReported: self._position_reported,
            BalanceReported: self._balance_reported,
            AccountReported: self._account_reported,
            SettingsReported: self._settings_reported,
            AccountSeen: self._seen,
            Resynced: self._resynced,
            StreamLost: self._stream_lost,
            OtherMarketsChanged: self._other_markets_changed,
        }

    def fold(self, event: Event, now: float) -> None:
        """Take in one event; control events that say nothing about state pass by."""
        kind = type(event)
        fold = self.folds.get(kind)

        if fold is not None:
            fold(dated(event, self.clock, now) if kind in DATED else event, now)

    # --- market ----------------------------------------------------------------------------------------------------

    def _book_snapshot(self, event: BookSnapshot, now: float) -> None:
        self.book.snapshot(event, now)
        self.clock.notice(event.venue_ms, now)
        self.market.alive(Channel.BOOK, now)
        self.changes += 1

    def _book_changed(self, event: BookChanged, now: float) -> None:
        self.book.change(event, now)

        if not self.clock.is_measured:
            self.clock.notice(event.venue_ms, now)

        self.market.alive(Channel.BOOK, now)

    def _book_lost(self, _: BookLost, __: float) -> None:
        self.book.lose()
        self.changes += 1

    def _traded(self, event: Traded, now: float) -> None:
        self.market.traded(event.ticks, now)

    def _marked(self, event: MarkChanged, now: float) -> None:
        self.changes += event.next_funding_ms != self.market.next_funding_ms
        self.market.marked(event, now)

    def _referred(self, event: ReferenceChanged, now: float) -> None:
        self.market.referred(usable(event, now))
        self.changes += 1

    def _alive(self, event: FeedAlive, now: float) -> None:
        self.market.alive(event.channel, now)

    def _instrument_changed(self, event: InstrumentChanged, _: float) -> None:
        units = self.instrument  # the book and every order are counted in them
        self.instrument = attrs.evolve(event.instrument, tick=units.tick, lot=units.lot)
        self.changes += 1

    def _other_markets_changed(self, event: OtherMarketsChanged, _: float) -> None:
        self.account.elsewhere, self.account.elsewhere_unread = event.notional, event.unread
        self.changes += 1

    def _stream_lost(self, event: StreamLost, _: float) -> None:
        self.market.lose(event.channel)
        self.changes += 1

        if event.channel is Channel.BOOK:
            self.book.lose()

    # --- account ---------------------------------------------------------------------------------------------------

    def _order_accepted(self, event: OrderAccepted, now: float) -> None:
        self._notice(event.client_id, now)
        self.orders.accepted(event, now)

    def _order_reported(self, event: OrderReported, now: float) -> None:
        if event.report.status is OrderStatus.OPEN:
            self._notice(event.report.client_id, now)

        self.orders.reported(event.report, now, by_stream=event.by_stream, asked_at=event.asked_at)
        self.foreign.reported(event.report)

    def _cancelled(self, event: OrderCancelled, now: float) -> None:
        self.orders.cancelled(event, now)
        self.foreign.gone(event.client_id)

    def _filled(self, event: OrderFilled, now: float) -> None:
        before = self.holdings.amounts()
        self._book(event.fill, now)
        self.funds.filled(self.instrument, before, self.holdings.amounts(), event.fill.price, now)

    def _book(self, fill: Fill, now: float, *, is_history: bool = False) -> None:
        before = self.holdings.amounts()
        is_own = self._is_ours(fill.client_id)
        counts = is_own or fill.of_position or bool(fill.forced)  # what the venue does to our position is our result

        if not self.account.fill(fill, ours=counts, now=now, is_history=is_history):
            if not is_own or not self.account.claim(fill):
                return

            self.by_hand = [one for one in self.by_hand if one.trade_id != fill.trade_id]
        elif self._is_read and (fill.of_position or not is_own):
            self.by_hand.append(fill)

        late = self.holdings.closed_late(fill.client_id, self.instrument)
        self.orders.filled(fill, self.instrument.lots_down(fill.amount), now)
        stopped = (fill.position_side,) if self._is_stopped_by(fill) else ()
        self._note_stops(before, now, (*late, *stopped))
        self.changes += 1

    def _is_stopped_by(self, fill: Fill) -> bool:
        """Whether the position's own stop, which nobody can attribute, has closed it."""
        amount = self.holdings.amounts().get(fill.position_side)

        return fill.of_position and amount is not None and self.instrument.is_dust(amount)

    def _position_reported(self, event: PositionReported, now: float) -> None:
        before = self.holdings.amounts()
        position = event.position
        venue_ms = self.clock.dated(position.venue_ms, now)
        is_doubtful = venue_ms != position.venue_ms
        self.account.report(attrs.evolve(position, venue_ms=venue_ms), now, is_doubtful=is_doubtful)
        self._note_stops(before, now)
        self.changes += 1

    def _balance_reported(self, event: BalanceReported, _: float) -> None:
        self.account.balance(event.balance)
        self.changes += 1

    def _account_reported(self, event: AccountReported, now: float) -> None:
        for balance in dated_account(event.account, self.clock, now).assets:
            self.account.balance(balance)

        self.funds.read(event.account, self.instrument, self.orders.working(), self.foreign.resting, self.market.mark)
        self.changes += 1

    def _settings_reported(self, event: SettingsReported, _: float) -> None:
        self.account.settings = event.settings
        self.changes += 1

    def _seen(self, event: AccountSeen, now: float) -> None:
        event = self._dated(event, now)
        self.foreign.listed(event.orders)
        self._read_account(event, now)

    def _resynced(self, event: Resynced, now: float) -> None:
        event = self._dated(event, now)

        for fill in event.fills:
            self._book(fill, now, is_history=True)

        for report in event.finished:
            self.orders.reported(report, now, asked_at=event.began_at)

        self.foreign.listed(event.orders)
        self.orders.listed({report.client_id: report for report in event.orders}, event.began_at, now)
        self._read_account(event, now)
        self.funds.read(event.account, self.instrument, self.orders.working(), self.foreign.resting, self.market.mark)
        self.orders.forgive(event.began_at)
        self._is_read = True

    def _read_account(self, event: AccountSeen | Resynced, now: float) -> None:
        before = self.holdings.amounts()
        self.account.read(event.account, event.asked_ms or event.venue_ms, now, event.began_at)

        if not self._is_read:
            self.account.begin()

        self._note_stops(before, now)
        self.changes += 1

    def _dated(self, read: Reading, now: float) -> Reading:
        """Learn the venue's clock from a reading, and date by it what was dated ahead of it, then and now."""
        if read.asked_ms is not None:
            self.clock.measure(read.asked_ms, read.began_at, read.clock_uncertainty_s)

        self.account.redate(self.clock, now)
        self.orders.redate(self.clock, now)

        return dated_reading(read, self.clock, now)

    def _notice(self, client_id: str, now: float) -> None:
        if client_id not in self.orders.live and self._is_read and self._is_ours(client_id):
            self.orders.notice(client_id, now)

    def _note_stops(self, before: Amounts, now: float, late: Iterable[PositionSide] = ()) -> None:
        """Note which positions a stop loss has closed just now, or (`late`) had closed before its fill was told."""
        closed = self.holdings.closed_by_stop(before, self.instrument, now)
        self.stop_closed_at.update(dict.fromkeys((*late, *closed), now))
