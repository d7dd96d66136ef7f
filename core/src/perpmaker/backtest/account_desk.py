"""What the bot sends and asks, carried out at the simulated exchange; and what that answers, as a venue would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

import attrs

from perpmaker.backtest.exchange_side import ACCOUNT
from perpmaker.errors import MarketRulesError
from perpmaker.execution.action import Action, Amend, Ask, Cancel, Place
from perpmaker.launch.assembly import VenueAbilities
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.command_event import AmendRefused, CancelRefused, OrderAccepted, OrderNotFound, OrderRefused
from perpmaker.model.event import Event, IncomeReported, OrderAmended, OrderCancelled, OrderReported, Resynced
from perpmaker.model.order import CancelCause, NewOrder, OrderReport, OrderStatus, PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.model.reading import AccountSeen
from perpmaker.model.working_order import WorkingOrder
from perpmaker.paper.translation import (
    account_of,
    income_of,
    report_of,
    request_of,
    settings_of,
    stop_report_of,
    stop_request_of,
)
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.simulation.rejection import RejectionError

Command: TypeAlias = Place | Cancel | Amend

ABILITIES = VenueAbilities(fence_s=0.0, keeps_stops=True, two_stops=True, amends=True)
"""What the simulated exchange does, as on paper."""

KEPT: Final = 10_000
"""How many incomes and executions the account keeps once the bot knows of them: nobody asks for them again."""


def in_turn(actions: Sequence[Action]) -> list[Command]:
    """Return the commands in the order in which they are sent: what shrinks the risk first, as dispatch does."""
    commands = [action for action in actions if isinstance(action, (Place, Cancel, Amend))]

    return sorted(commands, key=_turn)


def _turn(command: Command) -> int:
    match command:
        case Place(order=order) if order.slot.kind.is_exit:
            return 1 if order.type.is_conditional else 0
        case Cancel(kind=kind):
            return (5 if not kind.is_exit else 4) if kind.is_conditional else (3 if not kind.is_exit else 2)
        case Amend():
            return 6
        case _:
            return 7


class AccountDesk:
    """One account at the exchange; its times are the exchange's, in milliseconds."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.instrument = exchange.instrument
        self._booked = 0

    def prepare(
        self, balance: Decimal, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Open the account, and set it. MarketRulesError where the market does not allow what is wanted."""
        exchange, now_ms = self.exchange, self.exchange.now_ms
        exchange.open_account(ACCOUNT, balance)

        try:
            if exchange.account(ACCOUNT).position_mode is not position_mode:
                exchange.set_position_mode(ACCOUNT, position_mode, now_ms)

            if margin_mode is not None and exchange.account(ACCOUNT).margin_mode is not margin_mode:
                exchange.set_margin_mode(ACCOUNT, margin_mode, now_ms)

            exchange.set_leverage(ACCOUNT, leverage, now_ms)
        except RejectionError as rejected:
            raise MarketRulesError(f"the market does not allow it: {rejected}") from None

        return settings_of(exchange.account(ACCOUNT))

    # --- commands

    def carry_out(self, command: Command, now_ms: int) -> Iterator[Event]:
        """Let a command arrive, and yield what it is answered."""
        match command:
            case Place(order=order):
                yield from self._answered(
                    lambda: self._place(order, now_ms),
                    _placed,
                    lambda refusal: OrderRefused(client_id=order.client_id, refusal=refusal),
                )
            case Cancel(client_id=client_id):
                yield from self._answered(
                    lambda: self._cancel(command, now_ms),
                    _cancelled,
                    lambda refusal: CancelRefused(client_id=client_id, refusal=refusal),
                )
            case Amend(order=order, number=number):
                yield from self._answered(
                    lambda: self._amend(command, now_ms),
                    lambda report: _amended(report, number),
                    lambda refusal: AmendRefused(client_id=order.client_id, refusal=refusal, number=number),
                )

    def _answered(
        self,
        act: Callable[[], OrderReport],
        answer: Callable[[OrderReport], Iterator[Event]],
        refused: Callable[..., Event],
    ) -> Iterator[Event]:
        try:
            report = act()
        except RejectionError as rejected:
            yield refused(rejected.refusal)
        else:
            yield from answer(report)

    def _place(self, order: NewOrder, now_ms: int) -> OrderReport:
        if order.type.is_conditional:
            request = stop_request_of(order, self.instrument)

            return self._stop(self.exchange.place_conditional(ACCOUNT, request, now_ms))

        return report_of(self.exchange.place(ACCOUNT, request_of(self.exchange, order), now_ms))

    def _cancel(self, command: Cancel, now_ms: int) -> OrderReport:
        if command.kind.is_conditional:
            return self._stop(self.exchange.cancel_conditional(ACCOUNT, client_id=command.client_id, now_ms=now_ms))

        return report_of(self.exchange.cancel(ACCOUNT, client_id=command.client_id, now_ms=now_ms))

    def _amend(self, command: Amend, now_ms: int) -> OrderReport:
        order = command.order
        moved = self.exchange.amend(
            ACCOUNT,
            client_id=order.client_id,
            price=self.instrument.price(order.ticks or 0),
            amount=self.instrument.amount(order.lots),
            now_ms=now_ms,
            amend_id=command.number,
        )

        return report_of(moved)

    def _stop(self, stop: ConditionalOrder) -> OrderReport:
        became = None if stop.order_id is None else self.exchange.order(ACCOUNT, order_id=stop.order_id)

        return stop_report_of(stop, became)

    # --- questions

    def account(self, asked_at: float) -> AccountSnapshot:
        """The account as it is, asked for at this time of the engine's clock."""
        exchange = self.exchange
        state, orders = exchange.account(ACCOUNT), exchange.open_orders(ACCOUNT)
        account = account_of(state, orders, self.instrument, exchange.now_ms)

        return attrs.evolve(account, asked_at=asked_at)

    def look(self, asked_at: float) -> AccountSeen:
        """What is held and what rests."""
        return AccountSeen(
            began_at=asked_at, orders=self._orders(), account=self.account(asked_at), venue_ms=self.exchange.now_ms
        )

    def read(self, asked_at: float, believed: Sequence[WorkingOrder]) -> Resynced:
        """The whole account; no fill of it can have been missed."""
        orders = self._orders()
        listed = {report.client_id for report in orders}
        answers = [self._order(order.client_id, order.slot.kind.is_conditional) for order in believed]
        finished = [report for report in answers if report is not None and report.client_id not in listed]

        return Resynced(
            began_at=asked_at,
            orders=orders,
            finished=tuple(finished),
            fills=(),
            account=self.account(asked_at),
            venue_ms=self.exchange.now_ms,
        )

    def ask(self, question: Ask, asked_at: float) -> Event:
        """What became of one order."""
        report = self._order(question.client_id, question.kind is not None and question.kind.is_conditional)

        if report is None:
            return OrderNotFound(client_id=question.client_id, asked_at=asked_at)

        return OrderReported(report=report, asked_at=asked_at)

    def income(self, asked_at: float) -> IncomeReported | None:
        """What has changed the wallet since this was last asked. None where nothing has."""
        every = self.exchange.income(ACCOUNT)
        news = every[self._booked :]
        self._booked = len(every) - self.exchange.forget(ACCOUNT, KEPT)
        records = tuple(income_of(one, self.instrument) for one in news)

        return IncomeReported(records=records, asked_at=asked_at) if records else None

    def _orders(self) -> tuple[OrderReport, ...]:
        exchange = self.exchange

        return (
            *(report_of(order) for order in exchange.open_orders(ACCOUNT)),
            *(self._stop(stop) for stop in exchange.conditional_orders(ACCOUNT)),
        )

    def _order(self, client_id: str, is_conditional: bool) -> OrderReport | None:  # where it is kept
        if is_conditional:
            stop = self.exchange.conditional(ACCOUNT, client_id=client_id)

            return None if stop is None else self._stop(stop)

        order = self.exchange.order(ACCOUNT, client_id=client_id)

        return None if order is None else report_of(order)


def _placed(report: OrderReport) -> Iterator[Event]:
    yield OrderAccepted(client_id=report.client_id, venue_id=report.venue_id, venue_ms=report.venue_ms)
    yield OrderReported(report=report)


def _cancelled(report: OrderReport) -> Iterator[Event]:
    if report.status is not OrderStatus.CANCELLED:
        yield OrderReported(report=report)
    else:
        yield OrderCancelled(
            client_id=report.client_id,
            cause=CancelCause.REQUESTED,
            filled_lots=report.filled_lots,
            venue_ms=report.venue_ms,
        )


def _amended(report: OrderReport, number: int) -> Iterator[Event]:
    if report.status is OrderStatus.OPEN and report.ticks is not None and report.lots is not None:
        yield OrderAmended(
            client_id=report.client_id,
            ticks=report.ticks,
            lots=report.lots,
            venue_ms=report.venue_ms,
            number=number,
        )

    yield OrderReported(report=report)
