"""Stops that rest on the venue: the position's own stop, set by `trading-stop`, or else a conditional order.

The position's stop follows its size, and is gone when it is flat. It bears no id of ours: the venue makes an order of
its own for it, known by the venue's id, which the report that follows the call tells. A new one takes its place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import takewhile
from typing import TypeVar

import anyio
import attrs

from perpmaker import Instrument, NewOrder, OrderReport, PositionSide, Side, VenueError
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.messages import Envelope
from perpmaker_bybit_perpetual.orders import OrderQuestions
from perpmaker_bybit_perpetual.refusals import STOP_ALREADY_SET, STOP_REFUSED
from perpmaker_bybit_perpetual.translate import POSITION_INDEXES, SIDE_NAMES

ZERO_POSITION_S = (0.1, 0.2, 0.4)
"""Pauses before a stop is sent again that the venue refused because it does not show the position yet."""

_ZERO_POSITION = "zero position"
_Kept = TypeVar("_Kept")
_MOST = 1000


def stop_parameters(instrument: Instrument, order: NewOrder) -> dict[str, object]:
    """The parameters of `POST /v5/position/trading-stop`: for the whole position, its trigger always named."""
    if order.ticks is None:
        raise ValueError(f"{order.client_id}: a stop needs a trigger")

    return {
        **rest.LINEAR,
        "symbol": instrument.symbol,
        "tpslMode": "Full",
        "positionIdx": POSITION_INDEXES[order.position_side],
        "stopLoss": format(instrument.price(order.ticks), "f"),
        "slTriggerBy": trigger_word(order.trigger),
    }


def conditional_parameters(instrument: Instrument, order: NewOrder) -> dict[str, object]:
    """The parameters of a conditional order that closes whatever the position is by then: an amount of 0 says so."""
    return {
        **rest.LINEAR,
        "symbol": instrument.symbol,
        "side": SIDE_NAMES[order.side],
        "orderType": "Market",
        "qty": "0",
        "positionIdx": POSITION_INDEXES[order.position_side],
        "orderLinkId": order.client_id,
        "smpType": "CancelMaker",
        "reduceOnly": True,
        "closeOnTrigger": True,
        "triggerPrice": format(instrument.price(order.ticks or 0), "f"),
        "triggerDirection": 2 if order.side is Side.SELL else 1,
        "triggerBy": trigger_word(order.trigger),
    }


def trigger_word(trigger: kit.StopTrigger) -> str:
    """The price that fires a stop; the venue knows no best price, and goes by the last trade then."""
    return "MarkPrice" if trigger is kit.StopTrigger.MARK else "LastPrice"


def _is_as_asked(order: NewOrder, report: OrderReport) -> bool:
    """Whether a report of a position's stop shows what was asked for."""
    is_same = (report.position_side, report.ticks) == (order.position_side, order.ticks)
    is_fired_alike = report.trigger is None or trigger_word(report.trigger) == trigger_word(order.trigger)

    return report.of_position and is_same and is_fired_alike


def _keep(names: OrderedDict[str, _Kept], client_id: str, what: _Kept) -> None:
    names[client_id] = what

    if len(names) > _MOST:
        names.popitem(last=False)


@attrs.frozen
class StopClient:
    """Places, removes and asks about the stops of a market; see `VenueStops`."""

    client: kit.RestClient
    orders: OrderQuestions
    _asked: OrderedDict[str, NewOrder] = attrs.field(factory=OrderedDict, init=False)
    _seen: OrderedDict[str, str] = attrs.field(factory=OrderedDict, init=False)
    _beside: OrderedDict[str, bool] = attrs.field(factory=OrderedDict, init=False)
    """Stops that are conditional orders: they rest beside the position's own and take nobody's place."""

    async def place_stops(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[kit.Outcome]:
        """Set the stop of each position; where the venue takes none there, send a conditional order instead."""
        return [await self._place(instrument, order) for order in orders]

    async def cancel_stops(self, instrument: Instrument, orders: Sequence[kit.CancelOrder]) -> Sequence[kit.Outcome]:
        """Remove stops, each only while it is the one that its position has."""
        return [await self._cancel(instrument, order) for order in orders]

    async def _place(self, instrument: Instrument, order: NewOrder) -> kit.Outcome:
        _keep(self._asked, order.client_id, order)
        outcome = await self._set(instrument, order)

        if isinstance(outcome, kit.Rejected):  # it takes nobody's place
            self._asked.pop(order.client_id, None)

        return outcome

    async def _set(self, instrument: Instrument, order: NewOrder) -> kit.Outcome:
        asked = stop_parameters(instrument, order)
        outcome = await self._send(rest.PLACE_STOP, asked, order.client_id)

        for pause_s in ZERO_POSITION_S:
            if not isinstance(outcome, kit.Rejected) or _ZERO_POSITION not in outcome.refusal.text.lower():
                break

            await anyio.sleep(pause_s)
            outcome = await self._send(rest.PLACE_STOP, asked, order.client_id)

        code = outcome.refusal.code if isinstance(outcome, kit.Rejected) else ""

        if code in STOP_REFUSED:
            _keep(self._beside, order.client_id, True)

            return await self._send(rest.PLACE_CONDITIONAL, conditional_parameters(instrument, order), order.client_id)

        # The code of "is set already" means a missing parameter as well: only what reads back is believed.
        if code == STOP_ALREADY_SET and (report := await self._resting(instrument, order.client_id)) is not None:
            return kit.Accepted(client_id=order.client_id, venue_id=report.venue_id, report=report)

        return outcome

    async def _cancel(self, instrument: Instrument, order: kit.CancelOrder) -> kit.Outcome:
        report = await self.fetch_stop(instrument, order.client_id, order.venue_id)

        if report is None or report.status is None or report.status.is_final or report.triggered:
            text = "the venue has no such stop" if report is None else f"the stop is {report.raw_status}"
            refusal = kit.Refusal(reason=kit.RefusalReason.NOT_FOUND, text=text)

            return kit.Rejected(client_id=order.client_id, refusal=refusal)

        asked: dict[str, object] = {**rest.LINEAR, "symbol": instrument.symbol}

        if not report.of_position:
            return await self._send(rest.CANCEL, {**asked, "orderLinkId": order.client_id}, order.client_id)

        # A changed stop may keep its id, and a removal names the position alone: it would take the newer one off.
        if self._is_replaced(order.client_id, report.position_side):
            text = "a newer stop takes the place of this one"
            refusal = kit.Refusal(reason=kit.RefusalReason.NOT_FOUND, text=text)

            return kit.Rejected(client_id=order.client_id, refusal=refusal)

        asked |= {"tpslMode": "Full", "positionIdx": POSITION_INDEXES[report.position_side], "stopLoss": "0"}

        return await self._send(rest.CANCEL_STOP, asked, order.client_id)

    def _is_replaced(self, client_id: str, side: PositionSide) -> bool:
        """Whether a stop of the same position was asked for after this one of ours."""
        if not kit.is_own_id(client_id):  # the position's, whichever it is
            return False

        newer = takewhile(lambda one: one.client_id != client_id, reversed(self._asked.values()))

        return any(one.position_side is side and one.client_id not in self._beside for one in newer)

    async def _send(self, endpoint: kit.Endpoint[object], asked: kit.Parameters, client_id: str) -> kit.Outcome:
        """Send one command, to which the gateway says yes without naming anything."""
        reader = kit.OutcomeReader(self.client.venue, kit.placed)

        try:
            answer = await self.client.send(endpoint, asked, urgent=True)
        except VenueError as error:
            return reader.unsent_or_lost(error, client_id)

        def read(body: bytes) -> Sequence[kit.Element]:
            kit.parser(Envelope)(body)

            return [kit.Taken(by_gateway=True)]

        return reader.outcomes(answer, read, [client_id])[0]

    async def fetch_stop(
        self, instrument: Instrument, client_id: str, venue_id: str | None = None
    ) -> OrderReport | None:
        """Ask what the venue knows of a stop; by its own id once that is known, for no list has every stop."""
        venue_id = venue_id or self._seen.get(client_id)

        if venue_id is not None or not kit.is_own_id(client_id):
            return await self.orders.find(instrument, {"orderId": venue_id or client_id})

        resting = await self._resting(instrument, client_id)

        return resting or await self.orders.find(instrument, {"orderLinkId": client_id})

    async def fetch_open_stops(self, instrument: Instrument) -> Sequence[OrderReport]:
        """Ask for all stops that wait or work."""
        return await self.orders.list_open(instrument, "StopOrder")

    async def _resting(self, instrument: Instrument, client_id: str) -> OrderReport | None:
        """The stop that rests as this one of ours was asked for."""
        asked = self._asked.get(client_id)

        if asked is None:
            return None

        found = next((one for one in await self.fetch_open_stops(instrument) if _is_as_asked(asked, one)), None)

        if found is not None:
            _keep(self._seen, client_id, found.venue_id)

        return found
