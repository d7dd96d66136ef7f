"""Orders as the gateway knows them: by its own id and by ours, before, while and after the exchange has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import attrs

from perpmaker.venue import sandbox as kit

STOP_LOSS = "StopLoss"
"""The kind of the stop of a position."""


@attrs.frozen(kw_only=True)
class AttachedStop:
    """The stop that a position gets from the order that opens it."""

    price: Decimal
    watch: kit.TriggerPrice


@attrs.frozen(kw_only=True)
class Ended:
    """How an order ended that the exchange did not take, or the gateway ended by itself."""

    status: str
    cancel_type: str
    reason: str
    now_ms: int


@attrs.define(eq=False, kw_only=True)
class GatewayOrder:
    """One order. It has one id from its acceptance to its end, also where a condition stands before it.

    `stop_order_type` is empty for an ordinary order. `lots` are those of a stop that is as large as its position.
    `refused` is how it ended where the exchange never took it, `cleared` whether it went with its position, and
    `moving` how many changes of it are under way.
    """

    order_id: str
    link_id: str
    created_ms: int
    request: kit.OrderRequest | None = None
    conditional: kit.ConditionalRequest | None = None
    reduce_only: bool = False
    close_on_trigger: bool = False
    stop: AttachedStop | None = None
    smp_type: str = "None"
    stop_order_type: str = ""
    create_type: str = "CreateByUser"
    parent_link_id: str = ""
    lots: int = 0
    engine_id: int | None = None
    conditional_ids: list[int] = attrs.field(factory=list)
    refused: Ended | None = None
    cleared: bool = False
    moving: int = 0
    fees: defaultdict[str, Decimal] = attrs.field(factory=lambda: defaultdict(Decimal))

    @property
    def is_of_position(self) -> bool:
        """Whether it is the stop of a position."""
        return self.stop_order_type == STOP_LOSS


class Hearer(Protocol):
    """Hears of what no event of the exchange tells of an order."""

    def __call__(self, known: GatewayOrder, *, cancel_type: str = "", reason: str = "") -> None:
        """Tell of the order as it is, with this cancel type or reason where they are given."""


class GatewayOrders:
    """All orders. Those that a person or the exchange itself made are known from the first event on."""

    def __init__(self, parts: kit.SandboxParts) -> None:
        self._parts = parts
        self._orders: dict[str, GatewayOrder] = {}
        self._links: dict[str, GatewayOrder] = {}
        self._of_engine: dict[int, GatewayOrder] = {}
        self._of_conditional: dict[int, GatewayOrder] = {}
        self._aliases: dict[str, GatewayOrder] = {}
        self.on_changed: Hearer = _ignore
        parts.exchange.subscribe(self._note)

    def new_id(self) -> str:
        """An id as the venue makes them, which the seed repeats."""
        return str(UUID(int=self._parts.chance.getrandbits(128), version=4))

    def add(self, known: GatewayOrder) -> None:
        """Keep an order from now on."""
        self._orders[known.order_id] = known

        if known.link_id:
            self._links[known.link_id] = known

    def alias(self, known: GatewayOrder) -> str:
        """A name under which the exchange takes a condition of this order."""
        name = self.new_id()
        self._aliases[name] = known

        return name

    def find(self, order_id: str | None, link_id: str | None) -> GatewayOrder | None:
        """An order by either id; where both are given, the venue's own counts."""
        return self._links.get(link_id or "") if order_id is None else self._orders.get(order_id)

    def all(self) -> Sequence[GatewayOrder]:
        """Every order, the newest first."""
        return tuple(reversed(self._orders.values()))

    def refuse(self, known: GatewayOrder, ended: Ended) -> None:
        """Say how an order ended that the exchange did not take."""
        known.refused = ended
        self.on_changed(known)

    def of_order(self, order: kit.SimulatedOrder) -> GatewayOrder:
        """The gateway's order of the exchange's."""
        known = self._of_engine.get(order.order_id)

        return self._join(order) if known is None else known

    def of_engine(self, order_id: int) -> GatewayOrder:
        """The gateway's order of one that the exchange has executed."""
        return self._of_engine[order_id]

    def of_conditional(self, order: kit.ConditionalOrder) -> GatewayOrder:
        """The gateway's order of a conditional one."""
        known = self._of_conditional.get(order.conditional_id)

        if known is None:
            known = self._aliases.get(order.client_id) or self._stranger(order.client_id, order.created_ms)
            known.conditional_ids.append(order.conditional_id)
            known.stop_order_type = known.stop_order_type or "Stop"
            self._of_conditional[order.conditional_id] = known

        return known

    def _join(self, order: kit.SimulatedOrder) -> GatewayOrder:
        known = self._orders.get(order.label)

        if known is None and order.conditional_id is not None:
            known = self._of_conditional.get(order.conditional_id)

        if known is None:
            known = self._stranger("" if order.forced else order.client_id, order.created_ms)
            known.create_type = "CreateByLiq" if order.forced else known.create_type
            known.reduce_only = order.closing

        known.engine_id = order.order_id
        self._of_engine[order.order_id] = known

        return known

    def _stranger(self, client_id: str, now_ms: int) -> GatewayOrder:
        link_id = "" if client_id.startswith("sim-") else client_id
        known = GatewayOrder(order_id=self.new_id(), link_id=link_id, created_ms=now_ms)
        self.add(known)

        return known

    def _note(self, event: kit.SimulationEvent) -> None:
        if isinstance(event, kit.OrderChanged) and event.account == self._parts.account.name:
            known = self.of_order(event.order)

            if event.execution is not None:
                known.fees[event.execution.fee_asset] += event.execution.fee
        elif isinstance(event, kit.ConditionalChanged) and event.account == self._parts.account.name:
            self.of_conditional(event.order)


def _ignore(known: GatewayOrder, *, cancel_type: str = "", reason: str = "") -> None:
    """Tell nobody."""
