"""New orders as their parameters say them, checked as the gateway checks them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import attrs

from perpmaker import PositionSide, Side
from perpmaker.venue import PositionMode
from perpmaker.venue import sandbox as kit
from perpmaker_bybit_perpetual.sandbox.gateway_orders import AttachedStop, GatewayOrder
from perpmaker_bybit_perpetual.sandbox.refusals import bad, refusal
from perpmaker_bybit_perpetual.sandbox.venue import Venue
from perpmaker_bybit_perpetual.sandbox.words import POSITIONS, SIDES, SMP_TYPES, TIMES_IN_FORCE, TRIGGER_PRICES

LINK_ID: Final = re.compile(r"^[A-Za-z0-9_-]{1,36}$")
MOST_CONDITIONALS: Final = 10
UNITS: Final = 10**8
"""In how many units an amount is counted by the text that refuses it."""

_FALLS, _RISES = "2", "1"


@attrs.frozen
class OrderTerms:
    """What an attached stop must fit."""

    side: Side
    price: Decimal | None
    time_in_force: kit.TimeInForce


def read_order(venue: Venue, parameters: kit.RequestParameters) -> GatewayOrder:
    """The order that the gateway takes, with what it asks of the exchange."""
    venue.require_symbol(parameters)
    side = parameters.choice("side", SIDES)
    is_market = parameters.word("orderType", {"Limit", "Market"}) == "Market"
    position_side, reduce_only = _position(venue, parameters, side)
    known = GatewayOrder(
        order_id=venue.orders.new_id(),
        link_id=_link_id(venue, parameters),
        created_ms=venue.now_ms(),
        reduce_only=reduce_only,
        close_on_trigger=parameters.flag("closeOnTrigger"),
        smp_type=parameters.word("smpType", SMP_TYPES, default=list(SMP_TYPES)[int(venue.options.smp_type)]),
    )
    time_in_force = parameters.choice("timeInForce", TIMES_IN_FORCE, default="GTC")
    time_in_force = kit.TimeInForce.IOC if is_market else time_in_force
    amount = _amount(venue, parameters, known, position_side, market=is_market)
    price = None if is_market else venue_price(venue, parameters.decimal("price"), side)
    known.stop = _attached(venue, parameters, known, OrderTerms(side, price, time_in_force))
    # In Hedge mode the exchange itself knows from the position's side what closes.
    closes = reduce_only and position_side is PositionSide.NET

    if "triggerPrice" in parameters:
        known.stop_order_type, known.create_type = "Stop", "CreateByStopOrder"
        known.conditional = kit.ConditionalRequest(
            side=side,
            trigger=check_price(venue, parameters.decimal("triggerPrice"), "triggerPrice"),
            kind=_kind(venue, parameters, side),
            watch=parameters.choice("triggerBy", TRIGGER_PRICES, default="LastPrice"),
            amount=amount,
            position_side=position_side,
            reduce_only=closes,
            price=price,
            time_in_force=time_in_force,
            self_trade=SMP_TYPES[known.smp_type],
        )
    else:
        known.request = kit.OrderRequest(
            side=side,
            amount=amount,
            price=price,
            time_in_force=time_in_force,
            position_side=position_side,
            reduce_only=closes,
            client_id=known.link_id,
            label=known.order_id,
            self_trade=SMP_TYPES[known.smp_type],
        )

    return known


def position_side_of(venue: Venue, parameters: kit.RequestParameters) -> PositionSide:
    """The position of `positionIdx`, which must fit the position mode."""
    position_side = parameters.choice("positionIdx", POSITIONS, default="0")
    is_hedge = venue.exchange.account(venue.account).position_mode is PositionMode.HEDGE

    if (position_side is PositionSide.NET) is is_hedge:
        raise bad("position idx not match position mode")

    return position_side


def venue_price(venue: Venue, price: Decimal, side: Side) -> Decimal:
    """The price of a limit order: within the band, or moved to its edge where the account does not refuse that."""
    check_price(venue, price, "price")
    edge = venue.band(side)

    if (price - edge) * side.sign <= 0:
        return price

    if venue.rejects_out_of_band:
        raise refusal(110003)

    return edge


def check_price(venue: Venue, price: Decimal, name: str) -> Decimal:
    """A price of the market; 110003 out of its range, 10001 off its steps."""
    rules = venue.instrument

    if price <= 0 or price < rules.min_price or (rules.max_price is not None and price > rules.max_price):
        raise refusal(110003)

    if price % rules.tick:
        raise bad(f"{name} is not a multiple of the tick size")

    return price


def check_amount(venue: Venue, amount: Decimal, *, market: bool, closes: bool = False) -> Decimal:
    """An amount of the market; all that is wrong with it is 10001, with words."""
    rules = venue.instrument
    most = rules.max_market_amount if market else rules.max_amount

    if market and venue.options.market_maximum and not (closes and venue.options.splits_closing):
        most = min(most, Decimal(venue.options.market_maximum))

    if amount < rules.min_amount:
        raise bad("The number of contracts below minimum limit allowed")

    if amount > most:
        counted, allowed = (int(value * UNITS) for value in (amount, most))
        raise bad(
            f"The number of contracts exceeds maximum limit allowed: too large, order_qty:{counted} > max_qty:{allowed}"
        )

    if amount % rules.lot:
        raise bad("Qty invalid")

    return amount


def check_stop(venue: Venue, stop: AttachedStop, side: Side, base: Decimal) -> None:
    """Refuse the stop of a position of this side that the base price has passed: 10001 with words."""
    check_price(venue, stop.price, "stopLoss")

    if (base - stop.price) * side.sign <= 0:
        word, wanted = ("Buy", "lower") if side is Side.BUY else ("Sell", "greater")
        counted, compared = (int(value * UNITS) for value in (stop.price, base))
        raise bad(f"StopLoss:{counted} set for {word} position should {wanted} than base_price:{compared}")


def watched(venue: Venue, watch: kit.TriggerPrice) -> Decimal:
    """The price that is compared with a trigger."""
    last = venue.exchange.last_ticks

    if watch is kit.TriggerPrice.MARK or last is None:
        return venue.exchange.mark

    return venue.instrument.price(last)


def read_stop(parameters: kit.RequestParameters) -> AttachedStop | None:
    """The parameters of a position's stop: for all of it, and at market; None for none, or `0`."""
    parameters.word("tpslMode", {"Full"}, default="Full")
    parameters.word("slOrderType", {"Market"}, default="Market")
    watch = parameters.choice("slTriggerBy", TRIGGER_PRICES, default="LastPrice")
    price = parameters.optional_decimal("stopLoss")

    if parameters.optional_decimal("takeProfit") or parameters.optional_decimal("trailingStop"):
        raise bad("takeProfit and trailingStop are not served here")

    return AttachedStop(price=price, watch=watch) if price else None


def _position(venue: Venue, parameters: kit.RequestParameters, side: Side) -> tuple[PositionSide, bool]:
    position_side, reduce_only = position_side_of(venue, parameters), parameters.flag("reduceOnly")

    if position_side is PositionSide.NET:
        return position_side, reduce_only

    closes = (side is Side.SELL) is (position_side is PositionSide.LONG)

    if reduce_only and not closes:
        raise refusal(110017)

    if closes and not reduce_only:
        raise bad("position idx not match position mode")

    return position_side, reduce_only


def _link_id(venue: Venue, parameters: kit.RequestParameters) -> str:
    """Our id, which was never used before, also where that order has ended."""
    text = parameters.optional_text("orderLinkId") or ""

    if text and not LINK_ID.match(text):
        raise bad("orderLinkId invalid")

    if text and venue.orders.find(None, text) is not None:
        raise refusal(110072)

    return text


def _amount(
    venue: Venue, parameters: kit.RequestParameters, known: GatewayOrder, position_side: PositionSide, *, market: bool
) -> Decimal:
    amount = parameters.decimal("qty")

    if amount == 0 and known.reduce_only and known.close_on_trigger:  # all of it
        positions = venue.exchange.account(venue.account).positions
        amount = next(abs(one.amount) for one in positions if one.side is position_side)

        if not amount:
            raise refusal(110017)

    return check_amount(venue, amount, market=market, closes=known.reduce_only)


def _attached(
    venue: Venue,
    parameters: kit.RequestParameters,
    known: GatewayOrder,
    terms: OrderTerms,
) -> AttachedStop | None:
    stop = read_stop(parameters)

    if stop is None:
        return None

    if known.reduce_only:
        raise bad("TP/SL cannot be set for an order that only reduces")

    if terms.time_in_force is kit.TimeInForce.POST_ONLY and not venue.options.post_only_takes_stop:
        raise bad("TP/SL is not supported for PostOnly")

    check_stop(venue, stop, terms.side, watched(venue, stop.watch) if terms.price is None else terms.price)

    return stop


def _kind(venue: Venue, parameters: kit.RequestParameters, side: Side) -> kit.TriggerKind:
    """Against the position or in its favour, by where the price must go; where it has gone already: 110092, 110093."""
    direction = parameters.word("triggerDirection", {_RISES, _FALLS})
    trigger = parameters.decimal("triggerPrice")
    now = watched(venue, parameters.choice("triggerBy", TRIGGER_PRICES, default="LastPrice"))

    if direction == _RISES and trigger <= now:
        raise refusal(110092, trigger=trigger, now=now)

    if direction == _FALLS and trigger >= now:
        raise refusal(110093, trigger=trigger, now=now)

    return kit.TriggerKind.STOP if (direction == _RISES) is (side is Side.BUY) else kit.TriggerKind.TAKE_PROFIT
