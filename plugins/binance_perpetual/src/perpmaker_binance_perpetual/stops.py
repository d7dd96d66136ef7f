"""Stops that rest on the venue: their words, what can be asked about them, and which orders they become.

Since 2025-12 Binance keeps conditional orders in a service of its own ("algo" orders): other endpoints, other ids, an
event of their own. A triggered one becomes a regular market order, whose number the venue tells later than its fills.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from operator import attrgetter

import attrs

from perpmaker import Instrument, NewOrder, OrderReport, OrderType, PayloadError, PositionSide, Side
from perpmaker import venue as kit
from perpmaker_binance_perpetual import rest
from perpmaker_binance_perpetual.messages import AlgoOrder
from perpmaker_binance_perpetual.translate import POSITION_SIDE_NAMES, POSITION_SIDES, SIDE_NAMES, SIDES
from perpmaker_binance_perpetual.user_messages import AlgoUpdate, OrderUpdate

STATUSES = {
    "NEW": kit.OrderStatus.OPEN,
    "TRIGGERING": kit.OrderStatus.OPEN,
    "TRIGGERED": kit.OrderStatus.OPEN,
    "FINISHED": kit.OrderStatus.FILLED,
    "REJECTED": kit.OrderStatus.REFUSED,
    "CANCELED": kit.OrderStatus.CANCELLED,
    "EXPIRED": kit.OrderStatus.CANCELLED,
}
"""REJECTED comes after the trigger: the regular order that the stop became was refused."""

_TRIGGERED = frozenset({"TRIGGERING", "TRIGGERED", "FINISHED", "REJECTED"})
_CONDITIONAL = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
_WORKING_TYPES = {"MARK_PRICE": kit.StopTrigger.MARK, "CONTRACT_PRICE": kit.StopTrigger.LAST}
_MOST = 1000
_ASKED = 3  # stops that are asked for what they became, when a fill is of an order that nobody knows

_ALGO_ORDER = kit.PayloadDecoder(AlgoOrder)

# --- words ------------------------------------------------------------------------------------------------------------


def stop_parameters(instrument: Instrument, order: NewOrder) -> dict[str, str]:
    """The parameters of `POST /fapi/v1/algoOrder`: at the trigger the whole position goes, or just the order's lots.

    Hedge mode says by the position side that a sized stop only closes, One-way by reduceOnly.
    """
    if order.ticks is None:
        raise ValueError(f"{order.client_id}: a stop needs a trigger")

    size = {"closePosition": "true"}

    if not order.whole:
        size = {"quantity": format(instrument.amount(order.lots), "f")}
        size |= {"reduceOnly": "true"} if order.position_side is PositionSide.NET else {}

    return {
        "algoType": "CONDITIONAL",
        "symbol": instrument.symbol,
        "side": SIDE_NAMES[order.side],
        "positionSide": POSITION_SIDE_NAMES[order.position_side],
        "type": "STOP_MARKET",
        "triggerPrice": format(instrument.price(order.ticks), "f"),
        "workingType": "MARK_PRICE" if order.trigger is kit.StopTrigger.MARK else "CONTRACT_PRICE",
        "priceProtect": "false",
        **size,
        "clientAlgoId": order.client_id,
    }


def translate_stop(order: AlgoOrder, instrument: Instrument) -> OrderReport:
    """A stop as placing, asking and listing show it."""
    size = kit.order_sizes(instrument, order.quantity or "0", order.actualQty or "0", "$.quantity")

    return OrderReport(
        client_id=order.clientAlgoId,
        venue_id=str(order.algoId),
        side=kit.lookup(SIDES, order.side, "$.side"),
        position_side=kit.lookup(POSITION_SIDES, order.positionSide, "$.positionSide"),
        status=_status(order.algoStatus, size["filled_lots"]),
        raw_status=order.algoStatus,
        ticks=kit.order_ticks(instrument, order.triggerPrice, "$.triggerPrice"),
        **size,
        reduce_only=True,
        type=OrderType.VENUE_STOP,
        venue_ms=order.updateTime,
        triggered=order.algoStatus in _TRIGGERED,
        whole=order.closePosition,
        trigger=_trigger(order.workingType),
    )


def translate_stop_update(update: AlgoUpdate, instrument: Instrument, venue_ms: int) -> OrderReport:
    """What ALGO_UPDATE says of a stop."""
    order = AlgoOrder(
        algoId=update.aid,
        clientAlgoId=update.caid,
        side=update.S,
        positionSide=update.ps,
        algoStatus=update.X,
        triggerPrice=update.tp,
        quantity=update.q,
        actualQty=update.aq,
        closePosition=update.cp,
        workingType=update.wt,
        updateTime=venue_ms,
    )

    return translate_stop(order, instrument)


def _trigger(word: str) -> kit.StopTrigger:
    """The price that fires a stop: the last trade is the venue's default, and what an unknown word stands for."""
    return _WORKING_TYPES.get(word, kit.StopTrigger.LAST)


def _status(word: str, filled_lots: int) -> kit.OrderStatus | None:
    """FINISHED says only that the order it became is over; without an execution that was no fill."""
    if word == "FINISHED" and not filled_lots:
        return kit.OrderStatus.CANCELLED

    return STATUSES.get(word)


# --- orders that stops become -----------------------------------------------------------------------------------------


@attrs.define
class StopNames:
    """Which regular orders our stops became: by the venue's number once told, before that by what they look like.

    `resting` are stops that may be triggered yet, by what the order they become will show of them: side, position,
    trigger, and whether the order closes the whole position.
    """

    resting: dict[tuple[Side, PositionSide, int | None, bool], str] = attrs.field(factory=dict)
    became: OrderedDict[str, str] = attrs.field(factory=OrderedDict)

    def placed(self, order: NewOrder) -> None:
        """A stop of ours is about to be sent."""
        self.resting[order.side, order.position_side, order.ticks, order.whole] = order.client_id
        self._forget()

    def listed(self, report: OrderReport) -> None:
        """The venue lists a stop; it may be one that an earlier run sent."""
        self.resting.setdefault((report.side, report.position_side, report.ticks, report.whole), report.client_id)
        self._forget()

    def tell(self, client_id: str, venue_id: str | None) -> None:
        """The venue told which order a stop became."""
        if not venue_id or venue_id == "0":
            return

        self.became[venue_id] = client_id

        if len(self.became) > _MOST:
            self.became.popitem(last=False)

    def origin(self, update: OrderUpdate, instrument: Instrument) -> str | None:
        """The client id of the stop that a regular order of the stream came from; None when it came from none of ours.

        A person's stop of the same position at the same trigger cannot be told from ours before the venue tells.
        """
        known = self.became.get(str(update.i))

        if known is not None or update.ot not in _CONDITIONAL:
            return known

        try:
            ticks = kit.exact_ticks(instrument, update.sp or "0", "$.o.sp")
            sides = kit.lookup(SIDES, update.S, "$.o.S"), kit.lookup(POSITION_SIDES, update.ps, "$.o.ps")
        except PayloadError:
            return None

        client_id = self.resting.get((*sides, ticks, bool(update.cp)))
        self.tell(client_id or "", None if client_id is None else str(update.i))

        return client_id

    def may_have_become(self, side: str, position_side: str) -> Sequence[str]:
        """The newest stops of a position of which it is not known what they became; sides in the venue's words."""
        try:
            wanted = kit.lookup(SIDES, side, "side"), kit.lookup(POSITION_SIDES, position_side, "positionSide")
        except PayloadError:
            return ()

        known = set(self.became.values())
        alike = [name for key, name in reversed(self.resting.items()) if key[:2] == wanted and name not in known]

        return alike[:_ASKED]

    def _forget(self) -> None:
        if len(self.resting) > _MOST:
            del self.resting[next(iter(self.resting))]


# --- commands and questions -------------------------------------------------------------------------------------------


@attrs.frozen
class StopWords:
    """Binance's words for commands about stops, each alone, for there are no batches of them; see `OrderDialect`."""

    names: StopNames

    most_placed = 1
    most_cancelled = 1

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> kit.Command:
        """Write `POST /fapi/v1/algoOrder`."""
        self.names.placed(orders[0])

        return kit.Command(rest.PLACE_STOP, stop_parameters(instrument, orders[0]))

    def cancel(self, instrument: Instrument, orders: Sequence[kit.CancelOrder]) -> kit.Command:
        """Write `DELETE /fapi/v1/algoOrder`."""
        return kit.Command(rest.CANCEL_STOP, {"symbol": instrument.symbol, "clientAlgoId": orders[0].client_id})

    def read(self, instrument: Instrument, body: bytes, _count: int) -> Sequence[kit.Element]:
        """Read a stop that was placed; one that was cancelled is answered with its ids alone."""
        order = _ALGO_ORDER.decode(body)

        if not order.algoStatus:
            return [kit.Taken(order.clientAlgoId)]

        return [translate_stop(order, instrument) if order.symbol == instrument.symbol else None]


@attrs.frozen
class StopQuestions:
    """Asks about the stops of a market, and learns which orders they became."""

    client: kit.RestClient
    reader: kit.RowReader[rest.Head]
    names: StopNames

    async def fetch_stop(self, instrument: Instrument, client_id: str, _: str | None = None) -> OrderReport | None:
        """Ask what the venue knows of a stop, waiting or not; None when it knows none."""
        order = await self.client.find(rest.STOP, {"clientAlgoId": client_id})

        if order is None or order.symbol != instrument.symbol:
            return None

        self.names.tell(order.clientAlgoId, None if order.actualOrderId is None else str(order.actualOrderId))

        return translate_stop(order, instrument)

    async def fetch_open_stops(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all stops that wait or work."""
        rows = self.reader.read(
            await self.client.read(rest.OPEN_STOPS, {"symbol": instrument.symbol}),
            lambda row: translate_stop(_ALGO_ORDER.decode(row), instrument),
            "stops",
            market=instrument.symbol,
            is_needed=attrgetter("is_own_order"),
        )
        reports = list(rows)

        for report in reports:
            self.names.listed(report)

        return reports
