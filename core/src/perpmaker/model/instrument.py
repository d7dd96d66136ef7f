"""A perpetual market and its rules, in the core's own words."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum, unique

import attrs


@unique
class OrderMargin(Enum):
    """Which resting orders a venue demands margin for."""

    BOTH_SIDES = "both"
    LARGER_SIDE = "larger"
    NONE = "none"


@attrs.frozen(kw_only=True)
class MarginTier:
    """One maintenance tier: applies to notionals from `floor` (exclusive) up to `cap` (inclusive), quote asset.

    Maintenance margin = notional x `maintenance_ratio` - `deduction`, the deduction (Binance: `cum`) making the
    steps continuous. `max_leverage` is the leverage allowed while the notional is in this tier.
    """

    floor: Decimal
    cap: Decimal
    maintenance_ratio: Decimal
    deduction: Decimal
    max_leverage: int


@attrs.frozen(kw_only=True)
class Instrument:
    """A linear perpetual: one contract is one unit of base. Prices in quote, amounts in base, Decimal.

    `tick` and `lot` are the steps of price and amount; inside the core prices are integer ticks and amounts
    integer lots, and these methods are the only way between the two worlds. `symbol` is the venue's own name.
    `band_up` and `band_down` bound order prices as multiples of the mark price; None where the venue has none.
    Fee rates are fractions of notional (a negative maker fee is a rebate). `order_margin` is which resting orders
    the venue demands margin for. `tiers` are ascending by floor; empty only where a venue does not publish any.
    `orders_per_minute` is how many new orders the venue takes of an account; None where it does not say.
    """

    market: str
    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_amount: Decimal
    max_amount: Decimal
    max_market_amount: Decimal
    min_notional: Decimal
    max_leverage: int
    maker_fee: Decimal
    taker_fee: Decimal
    tiers: tuple[MarginTier, ...] = ()
    min_price: Decimal = Decimal(0)
    max_price: Decimal | None = None
    band_up: Decimal | None = None
    band_down: Decimal | None = None
    max_orders: int | None = None
    orders_per_minute: int | None = None
    funding_interval_h: int = 8
    order_margin: OrderMargin = OrderMargin.BOTH_SIDES
    has_hedge_mode: bool = True

    def price(self, ticks: int) -> Decimal:
        """The price of a number of ticks, exact."""
        return ticks * self.tick

    def amount(self, lots: int) -> Decimal:
        """The amount of a number of lots, exact, in base."""
        return lots * self.lot

    def ticks_down(self, price: Decimal) -> int:
        """The largest number of ticks not above the price (bids round down)."""
        return int((price / self.tick).to_integral_value(ROUND_FLOOR))

    def ticks_up(self, price: Decimal) -> int:
        """The smallest number of ticks not below the price (asks round up)."""
        return int((price / self.tick).to_integral_value(ROUND_CEILING))

    def lots_down(self, amount: Decimal) -> int:
        """The largest number of lots not above the amount (amounts round down); negative amounts towards zero."""
        return int(amount / self.lot)

    def is_dust(self, amount: Decimal) -> bool:
        """Whether an amount, signed or not, is less than the smallest order, so that no order can close it; 0 is."""
        size = abs(amount)

        return size < self.lot or size < self.min_amount

    def exact_ticks(self, price: Decimal) -> int:
        """The ticks of a price that must be a multiple of the tick; ValueError otherwise."""
        ticks = price / self.tick
        whole = int(ticks)

        if whole != ticks:
            raise ValueError(f"{price} is not a multiple of the tick {self.tick} of {self.market}")

        return whole

    def exact_lots(self, amount: Decimal) -> int:
        """The lots of an amount that must be a multiple of the lot; ValueError otherwise."""
        lots = amount / self.lot
        whole = int(lots)

        if whole != lots:
            raise ValueError(f"{amount} is not a multiple of the lot {self.lot} of {self.market}")

        return whole
