"""Orders: what is asked of a venue, what it answers, and what the core believes about each one."""

from __future__ import annotations

from decimal import Decimal
from enum import unique
from typing import NamedTuple

import attrs

from perpmaker.model.quick import quick
from perpmaker.model.refusal import Refusal
from perpmaker.model.word import Word


@unique
class Side(Word):
    """Buy or sell, as data: `sign` is +1 for buys, so that one formula serves both sides.

    `sign` is the direction in which a fill moves the position: +1 for a buy, -1 for a sell. `opposite` is the other.
    """

    BUY = "buy"
    SELL = "sell"

    sign: int
    opposite: Side

    def __init__(self, value: str) -> None:
        self.sign = 1 if value == "buy" else -1


Side.BUY.opposite, Side.SELL.opposite = Side.SELL, Side.BUY


@unique
class PositionSide(Word):
    """Which position an order acts on: the one net position (One-way), or one of the two of Hedge mode."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


@unique
class PositionMode(Word):
    """One net position per market, or a long and a short one beside each other."""

    ONE_WAY = "One-way"
    HEDGE = "Hedge"


_WORDS = {
    "take_profit": "target",
    "stop_loss": "stop loss",
    "venue_stop": "stop on the venue",
    "venue_target": "target on the venue",
}


@unique
class OrderKind(Word):
    """Why an order exists. Exits are distinct kinds everywhere: a stop is never mistaken for a target.

    `is_quote`: a strategy wants it. `is_exit`: it can only shrink a position. `words`: what people call it.
    STOP_LOSS is sent when the stop has fired; VENUE_STOP rests on the venue, which fires it, also while nobody is here.
    VENUE_TARGET is a target that the venue fires, left where nothing caps a resting one. Both are `is_conditional`.
    """

    QUOTE = "quote"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    VENUE_STOP = "venue_stop"
    VENUE_TARGET = "venue_target"
    CLOSE = "close"
    FOREIGN = "foreign"

    is_quote: bool
    is_exit: bool
    is_conditional: bool
    words: str

    def __init__(self, value: str) -> None:
        self.is_quote = value == "quote"
        self.is_exit = value not in {"quote", "foreign"}
        self.is_conditional = value in {"venue_stop", "venue_target"}
        self.words = _WORDS.get(value, value)

    def may_stay(self, *, caps_resting_exits: bool) -> bool:
        """Whether an order of it may outlive a run: of those that rest, a target only where the venue caps it."""
        return self.is_exit and (caps_resting_exits or self is not OrderKind.TAKE_PROFIT)

    @property
    def holds_position(self) -> bool:
        """Whether a live order of it keeps others from closing the same lots; one that waits holds none."""
        return self.is_exit and not self.is_conditional


@unique
class OrderType(Word):
    """How an order executes. VENUE_STOP waits for its trigger price and then closes the whole position at market.

    VENUE_TARGET does so at a profit, at no price beyond its limit. Both are `is_conditional`. What `rests` stands in
    the book until it is filled or taken off.
    """

    POST_ONLY = "post_only"
    LIMIT = "limit"
    IOC = "ioc"
    MARKET = "market"
    VENUE_STOP = "venue_stop"
    VENUE_TARGET = "venue_target"

    is_conditional: bool
    rests: bool

    def __init__(self, value: str) -> None:
        self.is_conditional = value in {"venue_stop", "venue_target"}
        self.rests = value in {"limit", "post_only"}


NEVER_RESTS = frozenset({OrderType.MARKET, OrderType.IOC})
"""What executes when it arrives, or not at all: it never rests."""


@unique
class StopTrigger(Word):
    """Which price fires a stop: the best price to leave at, the mark price, or the last trade.

    A venue knows mark and last trade only; there BEST goes by the last trade.
    """

    BEST = "best"
    MARK = "mark"
    LAST = "last"


@unique
class OrderStatus(Word):
    """What is known of an order.

    PENDING: sent, not answered. OPEN: the venue has it. CANCELLING: a cancel is under way, it may still fill. AMENDING:
    an amend is under way, it rests as it was or as it is to be. UNKNOWN: a command went out and its outcome is not
    known; the slot stays blocked until the venue has proven it.
    FILLED, CANCELLED, REFUSED are final (`is_final`): nothing can become of the order any more. `is_pending`, `is_open`
    and `is_unknown` tell the others that are asked for most; `is_in_flight`: a command is under way.
    """

    PENDING = "pending"
    OPEN = "open"
    CANCELLING = "cancelling"
    AMENDING = "amending"
    UNKNOWN = "unknown"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    is_pending: bool
    is_open: bool
    is_unknown: bool
    is_in_flight: bool
    is_final: bool

    def __init__(self, value: str) -> None:
        self.is_pending = value == "pending"
        self.is_open = value == "open"
        self.is_unknown = value == "unknown"
        self.is_in_flight = value in {"pending", "cancelling", "amending"}
        self.is_final = value in {"filled", "cancelled", "refused"}


@unique
class CancelCause(Word):
    """Who ended an order that did not fill.

    VENUE: by its price or its time in force (post-only, immediate-or-cancel), which the next price may cure. RULE: by a
    rule that no price cures at once (self-match prevention, reduce-only, disconnect protection, settlement).
    """

    REQUESTED = "requested"
    VENUE = "venue"
    RULE = "rule"
    LIQUIDATION = "liquidation"
    UNEXPLAINED = "unexplained"


class Slot(NamedTuple):
    """The place an order takes: at most one order of a slot is live or may become live.

    `level` counts from 0 for quotes; exits have level 0 and are told apart by the position they close. A slot is a key
    everywhere, and a tuple of what hashes quickly is the quickest key.
    """

    kind: OrderKind
    side: Side
    level: int = 0
    position_side: PositionSide = PositionSide.NET

    def __str__(self) -> str:
        """Render as `quote buy 0` or `target sell (long)`."""
        place = f" {self.level}" if self.kind is OrderKind.QUOTE else ""
        position = "" if self.position_side is PositionSide.NET else f" ({self.position_side.value})"

        return f"{self.kind.words} {self.side.value}{place}{position}"


@quick
@attrs.frozen
class NewOrder:
    """An order to be placed. `ticks` is None for market orders only; of a venue's stop it is the trigger price.

    `client_id` is at most 36 characters of `[A-Za-z0-9_-]`. `reduce_only` says that the order must not open or
    enlarge a position; how a venue is told (a flag, a position side) is the connector's business.
    `generation` is the number of the refresh that decided a quote. `attached_stop` is the trigger in ticks, by the mark
    price, of the stop that a quote brings to its position when it is filled. `trigger` is the price that fires a
    venue's stop; `whole`: that stop closes whatever the position is by then, and not just `lots`. `limit` is the worst
    price in ticks of a target that the venue fires.
    """

    client_id: str
    slot: Slot
    lots: int
    ticks: int | None
    type: OrderType
    reduce_only: bool = False
    generation: int = 0
    trigger: StopTrigger = StopTrigger.MARK
    whole: bool = True
    attached_stop: int | None = None
    limit: int | None = None

    @property
    def side(self) -> Side:
        """The side, which is its slot's."""
        return self.slot.side

    @property
    def position_side(self) -> PositionSide:
        """The position acted on, which is its slot's."""
        return self.slot.position_side


@quick
@attrs.frozen(kw_only=True)
class OrderReport:
    """An order as the venue shows it, in a query, a list of open orders, or on its stream.

    `status` is OPEN, FILLED, CANCELLED or REFUSED; None stands for a status this version does not know, whose
    text is in `raw_status`: it proves nothing, and the order is asked for again. `filled_lots` is cumulative. `lots` is
    None where the amount is no whole number of them, as an order of somebody else may have it; `remaining` is then what
    may still fill, in base. `ticks` is None where there is no price, or one between two ticks; of a venue's stop it is
    the trigger, and `triggered` whether that has been reached. `ended_by_venue`: it is CANCELLED by the venue's own
    rules (post-only that would have taken, say), and not by anybody's command; `ended_by_rule`: which, where no price
    cures it. `forced`: what the venue placed it for on its own account (liquidation, say). `whole`: a venue's stop that
    closes whatever the position is; `trigger`: the price that fires it, None where the venue did not tell. `refusal`:
    what was asked of the order (to be placed, amended, cancelled) was refused after all, which a venue whose gateway
    answers first tells here. `of_position`: the position's own stop, which bears no id of ours; `client_id` then
    repeats `venue_id`.
    """

    client_id: str
    venue_id: str
    side: Side
    position_side: PositionSide
    status: OrderStatus | None
    raw_status: str
    ticks: int | None
    lots: int | None
    filled_lots: int
    reduce_only: bool
    type: OrderType
    venue_ms: int
    remaining: Decimal | None = None
    triggered: bool = False
    ended_by_venue: bool = False
    whole: bool = True
    trigger: StopTrigger | None = None
    ended_by_rule: str = ""
    forced: str = ""
    refusal: Refusal | None = None
    of_position: bool = False

    def left(self, lot: Decimal) -> Decimal:
        """What may still fill, in base; `lot` is the market's step of amounts."""
        if self.lots is None:
            return self.remaining or Decimal(0)

        return (self.lots - self.filled_lots) * lot


@quick
@attrs.frozen(kw_only=True)
class Fill:
    """One execution. `fee` is what the venue charged in `fee_asset` (negative: a rebate); money is Decimal.

    `realized_pnl` is the venue's own figure in quote asset, before fees; None where the venue gives none.
    (`trade_id`) is unique in a market; `filled_lots` is the order's cumulative amount after this fill where known.
    `forced` is what the venue did it for on its own account (liquidation, auto-deleveraging); empty for everybody's.
    `of_position`: the position's own stop has executed, which bears no id of ours (see `OrderReport`).
    """

    client_id: str
    venue_id: str
    trade_id: str
    side: Side
    position_side: PositionSide
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    realized_pnl: Decimal | None
    venue_ms: int
    filled_lots: int | None = None
    forced: str = ""
    of_position: bool = False
