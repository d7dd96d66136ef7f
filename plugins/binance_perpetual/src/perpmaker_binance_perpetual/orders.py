"""Regular orders: the words of commands and of their answers, and what can be asked about orders and their fills."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

import attrs

from perpmaker import Instrument, NewOrder, OrderReport, OrderType, PayloadError, PositionSide
from perpmaker import venue as kit
from perpmaker_binance_perpetual import messages, rest
from perpmaker_binance_perpetual.refusals import read_failure
from perpmaker_binance_perpetual.stops import StopNames
from perpmaker_binance_perpetual.translate import (
    POSITION_SIDE_NAMES,
    SIDE_NAMES,
    TIMES_IN_FORCE,
    translate_order,
    translate_user_trade,
)

_OK = 200
_ORDER = kit.PayloadDecoder(messages.Order)
_ROWS = kit.PayloadDecoder(kit.Rows)


class OrderWords:
    """Binance's words for commands about regular orders; see `OrderDialect`."""

    most_placed = 5
    most_cancelled = 10

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> kit.Command:
        """Write `POST /fapi/v1/order`, or a batch."""
        return _command(rest.PLACE, rest.PLACE_BATCH, [order_parameters(instrument, order) for order in orders])

    def amend(self, instrument: Instrument, orders: Sequence[kit.AmendOrder]) -> kit.Command:
        """Write `PUT /fapi/v1/order`, or a batch."""
        changes = [amend_parameters(instrument, order.order, order.number) for order in orders]

        return _command(rest.MODIFY, rest.MODIFY_BATCH, changes)

    def cancel(self, instrument: Instrument, orders: Sequence[kit.CancelOrder]) -> kit.Command:
        """Write `DELETE /fapi/v1/order`, or a batch; both by our own ids."""
        if len(orders) == 1:
            parameters = {"symbol": instrument.symbol, "origClientOrderId": orders[0].client_id}

            return kit.Command(rest.CANCEL, parameters)

        ids = _compact([order.client_id for order in orders])

        return kit.Command(rest.CANCEL_BATCH, {"symbol": instrument.symbol, "origClientOrderIdList": ids})

    def read(self, instrument: Instrument, body: bytes, count: int) -> Sequence[kit.Element] | None:
        """Read an order, or a list in which each element is an order or a refusal."""
        if count == 1:
            return [_read_order(instrument, body)]

        return [_read_element(instrument, bytes(element)) for element in _ROWS.decode(body)]


def order_parameters(instrument: Instrument, order: NewOrder) -> dict[str, str]:
    """The parameters of a new order, for `POST /fapi/v1/order` and for one element of a batch.

    One-way closes by reduceOnly. Hedge closes by the position side itself: there reduceOnly is refused, and a close
    can never open the other side.
    """
    parameters = {
        "symbol": instrument.symbol,
        "side": SIDE_NAMES[order.side],
        "positionSide": POSITION_SIDE_NAMES[order.position_side],
        "quantity": format(instrument.amount(order.lots), "f"),
        "newClientOrderId": order.client_id,
    }

    if order.type is OrderType.MARKET:
        parameters["type"] = "MARKET"
    elif order.ticks is None:
        raise ValueError(f"{order.client_id}: a {order.type.value} order needs a price")
    else:
        parameters["type"] = "LIMIT"
        parameters["timeInForce"] = TIMES_IN_FORCE[order.type]
        parameters["price"] = format(instrument.price(order.ticks), "f")

    if order.reduce_only and order.position_side is PositionSide.NET:
        parameters["reduceOnly"] = "true"

    return parameters


def amend_parameters(instrument: Instrument, order: NewOrder, number: int) -> dict[str, str | int]:
    """The parameters of an amend, for `PUT /fapi/v1/order` and for one element of a batch.

    Both price and total amount must be sent, and the side that the order has. The venue calls an amend by `modifyId`.
    """
    if order.ticks is None:
        raise ValueError(f"{order.client_id}: a {order.type.value} order cannot be amended")

    return {
        "symbol": instrument.symbol,
        "side": SIDE_NAMES[order.side],
        "quantity": format(instrument.amount(order.lots), "f"),
        "price": format(instrument.price(order.ticks), "f"),
        "origClientOrderId": order.client_id,
        "modifyId": number,
    }


def _command(
    single: kit.Endpoint[object], batch: kit.Endpoint[object], orders: Sequence[Mapping[str, object]]
) -> kit.Command:
    return kit.Command(single, orders[0]) if len(orders) == 1 else kit.Command(batch, {"batchOrders": _compact(orders)})


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _read_element(instrument: Instrument, body: bytes) -> kit.Element:
    try:
        return read_failure(_OK, body) or _read_order(instrument, body)
    except PayloadError:
        return None


def _read_order(instrument: Instrument, body: bytes) -> OrderReport | None:
    order = _ORDER.decode(body)

    return translate_order(order, instrument) if order.symbol == instrument.symbol else None


# --- questions --------------------------------------------------------------------------------------------------------


@attrs.frozen
class OrderQuestions:
    """Asks about orders and fills of a market, and learns which client id is of which order."""

    client: kit.RestClient
    reader: kit.RowReader[rest.Head] = attrs.field(factory=rest.row_reader)
    orders: kit.OrderNames = attrs.field(factory=kit.OrderNames)
    stops: StopNames = attrs.field(factory=StopNames)

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """Ask what the venue knows of an order; None when it says that it knows none of that id."""
        name = {"origClientOrderId": client_id} if venue_id is None else {"orderId": venue_id}
        order = await self.client.find(rest.ORDER, {"symbol": instrument.symbol, **name})

        return None if order is None else self.orders.remember(translate_order(order, instrument))

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all open orders; conditional ones are in a list of their own."""
        reports = self.reader.read(
            await self.client.read(rest.OPEN_ORDERS, {"symbol": instrument.symbol}),
            lambda row: translate_order(_ORDER.decode(row), instrument),
            "orders",
            market=instrument.symbol,
            is_needed=attrgetter("is_own_order"),
        )

        return [self.orders.remember(report) for report in reports]

    async def fetch_fills(self, instrument: Instrument, since_ms: int, now_ms: int) -> Sequence[kit.Fill]:
        """Ask for all fills of a span of venue time, oldest first; a full page is followed from its last id on."""
        symbol = instrument.symbol

        async def fetch(start_ms: int, end_ms: int, from_id: int | None) -> kit.Page[messages.UserTrade, int]:
            window = {"startTime": start_ms, "endTime": end_ms} if from_id is None else {"fromId": from_id}
            page = await self.client.read(rest.USER_TRADES, {"symbol": symbol, **window, "limit": rest.PAGE})
            rows = list(self.reader.read(page, kit.parser(messages.UserTrade), "fills", market=symbol))

            return kit.Page(rows, rows[-1].id + 1 if len(page) >= rest.PAGE and rows else None)

        trades = await kit.read_history(rest.history_span(since_ms, now_ms), fetch, attrgetter("id"))
        trades.sort(key=lambda trade: (trade.time, trade.id))
        await self._learn_stops(trades)
        await self._learn(symbol, {trade.orderId for trade in trades})
        named = [(trade, self._client_id(trade.orderId) or "") for trade in trades]

        return list(
            self.reader.translate(
                named, lambda row: translate_user_trade(*row), "fills", lambda row: kit.is_own_id(row[1])
            )
        )

    def _client_id(self, order_id: int) -> str | None:
        """Return an order's client id; None where it was not learnt yet, empty where the venue knows it no more."""
        venue_id = str(order_id)

        return self.stops.became.get(venue_id) or self.orders.client_id(venue_id)

    async def _learn_stops(self, trades: Iterable[messages.UserTrade]) -> None:
        """Ask the stops that may have become an order which nobody knows: its own id would tell of none of ours."""
        for trade in trades:
            if self._client_id(trade.orderId) is not None:
                continue

            for client_id in self.stops.may_have_become(trade.side, trade.positionSide):
                order = await self.client.find(rest.STOP, {"clientAlgoId": client_id})
                self.stops.tell(client_id, None if order is None else str(order.actualOrderId or ""))

                if str(trade.orderId) in self.stops.became:
                    break

    async def _learn(self, symbol: str, order_ids: Iterable[int]) -> None:
        """Ask for client ids that are not known: the venue's list of fills leaves them out."""
        unknown = {order_id for order_id in order_ids if self._client_id(order_id) is None}

        if len(unknown) > 1:
            unknown -= await self._learn_by_page(symbol, unknown)

        for order_id in unknown:
            self.orders.learn(str(order_id), await self._ask_client_id(symbol, order_id))

    async def _learn_by_page(self, symbol: str, unknown: set[int]) -> set[int]:
        """Read the venue's list of orders from the oldest unknown one to the newest; return those that were found."""
        start, last, found = min(unknown), max(unknown), set[int]()

        while start <= last:
            asked = {"symbol": symbol, "orderId": start, "limit": rest.PAGE}
            page = await self.client.read(rest.ALL_ORDERS, asked)
            rows = list(self.reader.read(page, kit.parser(messages.OrderName), "orders"))

            for row in rows:
                if row.orderId in unknown:
                    self.orders.learn(str(row.orderId), row.clientOrderId)
                    found.add(row.orderId)

            if len(page) < rest.PAGE or not rows:
                break

            start = max(row.orderId for row in rows) + 1

        return found

    async def _ask_client_id(self, symbol: str, order_id: int) -> str:
        """Ask for the client id of anybody's order; empty where the venue has none for it."""
        try:
            name = await self.client.find(rest.ORDER_NAME, {"symbol": symbol, "orderId": str(order_id)})
        except PayloadError:
            return ""

        return "" if name is None else name.clientOrderId
