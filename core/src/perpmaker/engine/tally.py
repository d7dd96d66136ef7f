"""What a run came to, in the venue's own money: orders counted once each, executions by their trade id."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Generic, TypeVar

import attrs

from perpmaker.model.event import (
    CancelCause,
    Event,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    Resynced,
)
from perpmaker.model.order import Fill, OrderKind, OrderStatus

REMEMBERED = 20_000

_Name = TypeVar("_Name")


class _Recent(Generic[_Name]):
    """Remembers the newest `REMEMBERED` names, so that what is told twice counts once and memory stays bounded."""

    def __init__(self) -> None:
        self._names: OrderedDict[_Name, None] = OrderedDict()

    def is_new(self, name: _Name) -> bool:
        """Whether the name was not known; it is from now on."""
        if name in self._names:
            return False

        self._names[name] = None

        if len(self._names) > REMEMBERED:
            self._names.popitem(last=False)

        return True


@attrs.define(kw_only=True)
class Tally:
    """Sums over a run. `kind_of` tells what an order of ours is for, None for orders that are not ours.

    Money is the account's on this market, whoever traded: `fees` per asset, the others in quote asset. `volume` is
    price times amount. Orders count once the venue is known to have (had) them, cancels once it confirmed them.
    """

    kind_of: Callable[[str], OrderKind | None]
    placed: dict[OrderKind, int] = attrs.field(factory=lambda: dict.fromkeys(OrderKind, 0))
    cancels: int = 0
    fills: int = 0
    volume: Decimal = Decimal(0)
    fees: dict[str, Decimal] = attrs.field(factory=dict)
    realized: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    _orders: _Recent[str] = attrs.field(factory=_Recent, init=False)
    _cancelled: _Recent[str] = attrs.field(factory=_Recent, init=False)
    _trades: _Recent[str] = attrs.field(factory=_Recent, init=False)
    _payments: _Recent[str] = attrs.field(factory=_Recent, init=False)

    def ignore(self, fills: Iterable[Fill]) -> None:
        """These were before the run began: they never count."""
        for fill in fills:
            self._trades.is_new(fill.trade_id)

    def fold(self, events: Iterable[Event]) -> None:
        """Count what happened; what was told before counts nothing."""
        for event in events:
            match event:
                case OrderAccepted(client_id=client_id):
                    self._count_order(client_id)
                case OrderReported(report=report):
                    if report.status is not OrderStatus.REFUSED:
                        self._count_order(report.client_id)
                case OrderFilled(fill=fill):
                    self._count_fill(fill)
                case OrderCancelled(cause=CancelCause.REQUESTED, client_id=client_id):
                    self._count_cancel(client_id)
                case FundingPaid(amount=amount, funding_id=funding_id):
                    if self._payments.is_new(funding_id):
                        self.funding += amount
                case Resynced():
                    self._count_resync(event)
                case _:
                    pass

    def _count_resync(self, event: Resynced) -> None:
        for report in (*event.orders, *event.finished):
            if report.status is not OrderStatus.REFUSED:
                self._count_order(report.client_id)

        for fill in event.fills:
            self._count_fill(fill)

    def _count_order(self, client_id: str) -> None:
        kind = self.kind_of(client_id)

        if kind is not None and self._orders.is_new(client_id):
            self.placed[kind] += 1

    def _count_cancel(self, client_id: str) -> None:
        if self.kind_of(client_id) is not None and self._cancelled.is_new(client_id):
            self.cancels += 1

    def _count_fill(self, fill: Fill) -> None:
        if not self._trades.is_new(fill.trade_id):
            return

        self.fills += 1
        self.volume += fill.price * fill.amount
        self.fees[fill.fee_asset] = self.fees.get(fill.fee_asset, Decimal(0)) + fill.fee

        if fill.realized_pnl is not None:
            self.realized += fill.realized_pnl
