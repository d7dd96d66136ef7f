"""Orders of the simulated exchange: what is asked, what rests, what was executed. Frozen values."""

from __future__ import annotations

from decimal import Decimal
from enum import unique

import attrs

from perpmaker.model.order import PositionSide, Side
from perpmaker.model.word import Word


@unique
class TimeInForce(Word):
    """What becomes of the part of a limit order that cannot be filled at once."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


@unique
class SelfTrade(Word):
    """What becomes of an incoming order that meets a resting one of the same account; the resting one has no say.

    CANCEL_MAKER: the resting one expires, and the incoming one goes on. CANCEL_TAKER: the incoming one expires.
    CANCEL_BOTH: both do. TRADE: they trade with each other.
    """

    CANCEL_MAKER = "cancel_maker"
    CANCEL_TAKER = "cancel_taker"
    CANCEL_BOTH = "cancel_both"
    TRADE = "trade"


@unique
class OrderState(Word):
    """OPEN rests (partly filled or not). The others are final."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@unique
class Cause(Word):
    """Why an order changed.

    ACCEPTED, AMENDED, TRADED (one execution), CANCELLED (asked for). REDUCED: a closing order was cut because the
    position became smaller. Expired by the venue: REMAINDER (of IOC and market orders), REDUCE_ONLY (nothing left to
    close), SELF_TRADE, COUNTDOWN (dead man's switch), LIQUIDATION, AMEND (an amend that ends the order), GOOD_TILL (its
    time is over), MARGIN (nothing backs it when it is to be matched).
    Conditional orders: TRIGGERED, and TRIGGER_REFUSED when the order they became was refused.
    """

    ACCEPTED = "accepted"
    AMENDED = "amended"
    TRADED = "traded"
    CANCELLED = "cancelled"
    REDUCED = "reduced"
    REMAINDER = "remainder"
    REDUCE_ONLY = "reduce_only"
    SELF_TRADE = "self_trade"
    COUNTDOWN = "countdown"
    LIQUIDATION = "liquidation"
    AMEND = "amend"
    GOOD_TILL = "good_till"
    MARGIN = "margin"
    TRIGGERED = "triggered"
    TRIGGER_REFUSED = "trigger_refused"


@attrs.frozen(kw_only=True)
class OrderRequest:
    """A new order as it arrives.

    Price and amount are Decimal and not yet checked. Price None is a market order.

    An empty client id is filled in by the exchange. After `good_till_ms` (0: never) what rests of it expires. `label`
    is kept with the order for whoever words it.
    """

    side: Side
    amount: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.NET
    reduce_only: bool = False
    client_id: str = ""
    good_till_ms: int = 0
    label: str = ""
    self_trade: SelfTrade = SelfTrade.CANCEL_MAKER


@attrs.frozen(kw_only=True)
class SimulatedOrder:
    """An order of the exchange.

    `lots` is the total amount, `filled_lots` of it executed for `filled_notional` quote.

    `ticks` is None for market orders. `closing`: it may only shrink a position (reduce-only, or by its position
    side in Hedge mode). `amends`: how often it was moved, `amend_id` what its owner called the last time. `forced`: the
    exchange itself sent it, to liquidate. `conditional_id` is the conditional order it came from.
    """

    order_id: int
    account: str
    client_id: str
    side: Side
    position_side: PositionSide
    ticks: int | None
    lots: int
    time_in_force: TimeInForce
    reduce_only: bool
    closing: bool
    created_ms: int
    updated_ms: int
    state: OrderState = OrderState.OPEN
    filled_lots: int = 0
    filled_notional: Decimal = Decimal(0)
    forced: bool = False
    conditional_id: int | None = None
    amend_id: int = 0
    amends: int = 0
    good_till_ms: int = 0
    label: str = ""
    self_trade: SelfTrade = SelfTrade.CANCEL_MAKER

    @property
    def remaining_lots(self) -> int:
        """Lots not executed yet."""
        return self.lots - self.filled_lots


@attrs.frozen(kw_only=True)
class Execution:
    """One execution of one order.

    `fee` is positive when paid, in `fee_asset`. `realized` is profit before fees.
    """

    trade_id: int
    order_id: int
    account: str
    client_id: str
    side: Side
    position_side: PositionSide
    ticks: int
    lots: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_asset: str
    realized: Decimal
    maker: bool
    forced: bool
    now_ms: int


@unique
class TriggerKind(Word):
    """STOP: triggers when the price reaches the trigger against the position. TAKE_PROFIT: in its favour.

    TRAILING: a stop that follows the price at a distance once it has reached the trigger.
    """

    STOP = "stop"
    TAKE_PROFIT = "take_profit"
    TRAILING = "trailing"


@unique
class TriggerPrice(Word):
    """The price that is compared with the trigger."""

    LAST = "last"
    MARK = "mark"


@attrs.frozen(kw_only=True)
class ConditionalRequest:
    """An order to be sent when the price reaches `trigger`: at market, or at `price`.

    `amount` None closes the whole position.

    TRAILING: `callback` is the share of the best price seen that the price must turn back by, `trigger` where the
    following begins (None: at once). With `protect` nothing triggers while last and mark price are further apart than
    this share of the mark. With `held` the exchange never triggers it by itself: whoever serves the venue does.
    """

    side: Side
    trigger: Decimal | None
    kind: TriggerKind = TriggerKind.STOP
    watch: TriggerPrice = TriggerPrice.LAST
    amount: Decimal | None = None
    position_side: PositionSide = PositionSide.NET
    reduce_only: bool = False
    client_id: str = ""
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    callback: Decimal | None = None
    protect: Decimal | None = None
    held: bool = False
    self_trade: SelfTrade = SelfTrade.CANCEL_MAKER


@unique
class ConditionalState(Word):
    """WAITING is the only state that is not final."""

    WAITING = "waiting"
    TRIGGERED = "triggered"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@attrs.frozen(kw_only=True)
class StopCustoms:
    """What a venue does with orders that close, where venues differ and their documents are silent.

    `taken_by_switch`: a dead-man switch that runs out ends conditional orders too. `end_when_flat`: a conditional order
    that closes the position ends with it. `cut_oldest`: when a position becomes smaller, the oldest of several closing
    orders is cut first, and not the newest.
    """

    taken_by_switch: bool = False
    end_when_flat: bool = False
    cut_oldest: bool = False


@attrs.frozen(kw_only=True)
class ConditionalOrder:
    """A conditional order. `order_id` is the order it became, once triggered.

    `lots` None closes the position.

    `ticks` is the price of that order, None at market; `extreme` the best price that a trailing one has followed.
    """

    conditional_id: int
    account: str
    client_id: str
    side: Side
    position_side: PositionSide
    trigger_ticks: int
    kind: TriggerKind
    watch: TriggerPrice
    lots: int | None
    reduce_only: bool
    created_ms: int
    updated_ms: int
    state: ConditionalState = ConditionalState.WAITING
    order_id: int | None = None
    detail: str = ""
    ticks: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    callback: Decimal | None = None
    protect: Decimal | None = None
    extreme: Decimal | None = None
    held: bool = False
    self_trade: SelfTrade = SelfTrade.CANCEL_MAKER

    @property
    def close_position(self) -> bool:
        """Whether it closes the whole position, whatever that is then."""
        return self.lots is None
