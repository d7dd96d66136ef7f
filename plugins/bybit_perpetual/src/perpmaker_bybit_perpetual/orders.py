"""Orders: the words of commands and of their answers, and what can be asked about orders and their fills.

Every answer to a command is the gateway's, not the book's. What became of it is told by the topic `order`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

import attrs

from perpmaker import Instrument, NewOrder, OrderReport, OrderType
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest, translate
from perpmaker_bybit_perpetual.messages import BatchCode, Envelope, Listed, OrderIds
from perpmaker_bybit_perpetual.refusals import failure_of
from perpmaker_bybit_perpetual.user_messages import Execution, Order


class OrderWords:
    """Bybit's words for commands about orders; see `OrderDialect`. `most` orders fit into a request of any kind."""

    def __init__(self, most: int) -> None:
        self.most_placed = self.most_cancelled = most

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> kit.Command:
        """Write `POST /v5/order/create`, or a batch."""
        return _command(rest.PLACE, rest.PLACE_BATCH, [order_parameters(instrument, order) for order in orders])

    def amend(self, instrument: Instrument, orders: Sequence[kit.AmendOrder]) -> kit.Command:
        """Write `POST /v5/order/amend`, or a batch."""
        return _command(rest.AMEND, rest.AMEND_BATCH, [amend_parameters(instrument, one.order) for one in orders])

    def cancel(self, instrument: Instrument, orders: Sequence[kit.CancelOrder]) -> kit.Command:
        """Write `POST /v5/order/cancel`, or a batch; both by our own ids."""
        names = [{"symbol": instrument.symbol, "orderLinkId": order.client_id} for order in orders]

        return _command(rest.CANCEL, rest.CANCEL_BATCH, names)

    def read(self, _instrument: Instrument, body: bytes, count: int) -> Sequence[kit.Element]:
        """Read the gateway's word on one order, or on each of a batch."""
        return read_ids(body, count)


def order_parameters(instrument: Instrument, order: NewOrder) -> dict[str, object]:
    """The parameters of a new order, alone and in a batch.

    A close is reduce-only in both position modes; in Hedge the index names the position that it closes. Of two orders
    of this account that would meet the resting one goes: only the flag of the incoming one acts.
    """
    parameters: dict[str, object] = {
        "symbol": instrument.symbol,
        "side": translate.SIDE_NAMES[order.side],
        "orderType": "Limit",
        "qty": format(instrument.amount(order.lots), "f"),
        "positionIdx": translate.POSITION_INDEXES[order.position_side],
        "orderLinkId": order.client_id,
        "smpType": "CancelMaker",
    }

    if order.type is OrderType.MARKET:
        parameters["orderType"] = "Market"
    elif order.ticks is None:
        raise ValueError(f"{order.client_id}: a {order.type.value} order needs a price")
    else:
        parameters["price"] = format(instrument.price(order.ticks), "f")
        parameters["timeInForce"] = translate.TIMES_IN_FORCE[order.type]

    if order.reduce_only:
        parameters["reduceOnly"] = True

    return parameters | attached_stop(instrument, order)


def amend_parameters(instrument: Instrument, order: NewOrder) -> dict[str, object]:
    """The parameters of an amend: the new price and the new total, and the stop that goes with that price."""
    if order.ticks is None:
        raise ValueError(f"{order.client_id}: a {order.type.value} order cannot be amended")

    return {
        "symbol": instrument.symbol,
        "orderLinkId": order.client_id,
        "qty": format(instrument.amount(order.lots), "f"),
        "price": format(instrument.price(order.ticks), "f"),
    } | attached_stop(instrument, order)


def attached_stop(instrument: Instrument, order: NewOrder) -> dict[str, object]:
    """The stop that a quote carries: a fill of it sets the position's stop there."""
    if order.attached_stop is None or order.reduce_only:
        return {}

    trigger = format(instrument.price(order.attached_stop), "f")

    return {"stopLoss": trigger, "slTriggerBy": "MarkPrice", "tpslMode": "Full"}


def _command(
    single: kit.Endpoint[object], batch: kit.Endpoint[object], orders: Sequence[Mapping[str, object]]
) -> kit.Command:
    if len(orders) == 1:
        return kit.Command(single, {**rest.LINEAR, **orders[0]})

    return kit.Command(rest.of_batch(batch, len(orders)), {**rest.LINEAR, "request": list(orders)})


def read_ids(body: bytes, count: int) -> Sequence[kit.Element]:
    """Read the ids that the gateway answers with; `data` where it has answered on a socket."""
    said = kit.parser(Envelope)(body)
    result = bytes(said.data) or bytes(said.result)

    if count == 1:
        return [_taken(kit.parser(OrderIds)(result))]

    ids, codes = _rows(OrderIds, result), _rows(BatchCode, bytes(said.retExtInfo))

    return [failure_of(code.code, code.msg) or _taken(one) for one, code in zip(ids, codes, strict=False)]


def _rows(kind: type[rest.T], body: bytes) -> list[rest.T]:
    return [kit.parser(kind)(bytes(row)) for row in kit.parser(Listed)(body).rows]


def _taken(ids: OrderIds) -> kit.Element:
    """A yes without an id of the venue is none that can be read."""
    return kit.Taken(ids.orderLinkId or None, ids.orderId, by_gateway=True) if ids.orderId else None


@attrs.frozen
class OrderQuestions:
    """Asks about orders and fills of a market; `mode` tells the position mode as it was read last."""

    client: kit.RestClient
    reader: kit.RowReader[rest.Head]
    mode: Callable[[], kit.PositionMode]

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """Ask what the venue knows of an order, open or not; None when it says that it knows none of that id."""
        name = {"orderId": venue_id} if venue_id is not None and not kit.is_own_id(client_id) else None

        return await self.find(instrument, name or {"orderLinkId": client_id})

    async def find(self, instrument: Instrument, name: Mapping[str, str]) -> OrderReport | None:
        """Ask for an order by one of its ids: among those that are open or have just ended, then among older ones."""
        asked = {**rest.LINEAR, "symbol": instrument.symbol, **name}

        for endpoint in (rest.OPEN_ORDERS, rest.ORDER_HISTORY):
            page = await self.client.read(endpoint, asked)
            rows = self.reader.read(page.rows, kit.parser(Order), "orders", market=instrument.symbol, is_needed=_any)

            for row in rows:
                if {"orderId": row.orderId, "orderLinkId": row.orderLinkId}.items() >= name.items():
                    return translate.translate_order(row, instrument)

        return None

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all open orders; conditional ones are in a list of their own."""
        return await self.list_open(instrument, "Order")

    async def list_open(self, instrument: Instrument, kind: str) -> Sequence[OrderReport]:
        """Ask for the open orders of a kind, `Order` or `StopOrder`; what has ended is no open order."""
        asked = {**rest.LINEAR, "symbol": instrument.symbol, "openOnly": 0, "orderFilter": kind, "limit": 50}
        reports = self.reader.read(
            await rest.read_pages(self.client, rest.OPEN_ORDERS, asked),
            lambda row: translate.translate_order(kit.parser(Order)(row), instrument),
            "orders",
            market=instrument.symbol,
            is_needed=attrgetter("is_own_order"),
        )

        return [report for report in reports if report.status is None or not report.status.is_final]

    async def fetch_fills(self, instrument: Instrument, since_ms: int, now_ms: int) -> Sequence[kit.Fill]:
        """Ask for all fills of a span of venue time, oldest first; payments of funding are none."""
        symbol = instrument.symbol

        async def fetch(start_ms: int, end_ms: int, cursor: str | None) -> kit.Page[Execution, str]:
            asked = {**rest.LINEAR, "symbol": symbol, "startTime": start_ms, "endTime": end_ms, "limit": 100}
            page = await self.client.read(rest.EXECUTIONS, asked if cursor is None else {**asked, "cursor": cursor})
            rows = self.reader.read(
                page.rows, kit.parser(Execution), "fills", market=symbol, is_needed=attrgetter("is_own_order")
            )

            return kit.Page(list(rows), rest.next_cursor(page))

        rows = await kit.read_history(rest.history_span(since_ms, now_ms), fetch, attrgetter("execId"))
        # The venue lists the newest first, also of one moment.
        rows = [row for row in reversed(rows) if row.execType != translate.FUNDING and row.execTime >= since_ms]
        rows.sort(key=attrgetter("execTime"))

        mode = self.mode()
        fills = self.reader.translate(
            rows,
            lambda row: translate.translate_execution(row, instrument, mode),
            "fills",
            lambda row: kit.is_own_id(row.orderLinkId),
        )

        return list(fills)


def _any(_: rest.Head) -> bool:
    return True
