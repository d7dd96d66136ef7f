"""What a person may set about quoting: every key of the strategy's own, its range, and what must agree.

Percent values are fractions here, amounts are in base asset, times in seconds; what is off is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import attrs

from perpmaker.model.setting import Percent, Range

PriceType: TypeAlias = Literal["mid_price", "last_price", "last_own_trade_price", "best_bid", "best_ask", "custom"]
OverrideLevel: TypeAlias = tuple[
    Literal["buy", "sell"], Annotated[Decimal, Percent(above=0, below=100)], Annotated[Decimal, Range(above=0)]
]
"""One row of order_override: the side, the spread from the reference, the amount in base asset."""

DEFAULT_MAX_AGE_S = 10.0
"""How old a reference may be where price_source_max_age is not given."""


@attrs.frozen(kw_only=True)
class StrategySettings:
    """The keys of `perpetual_market_making` that decide about quotes.

    `price_source_max_age` is None where it was not given: then `DEFAULT_MAX_AGE_S`, unless the price source has a
    default of its own, which the configuration fills in.
    """

    bid_spread: Annotated[Decimal, Percent(above=0, below=100)]
    ask_spread: Annotated[Decimal, Percent(above=0, below=100)]
    minimum_spread: Annotated[Decimal | None, Percent(at_least=-100, at_most=100, off=-100)] = None
    order_amount: Annotated[Decimal, Range(above=0)]
    order_amount_basis: Literal["contracts", "margin"] = "contracts"
    order_refresh_time: Annotated[float, Range(above=0)]
    order_refresh_tolerance_pct: Annotated[Decimal, Percent(at_least=-10, at_most=10)] = Decimal(0)
    order_levels: Annotated[int, Range(at_least=1)] = 1
    order_level_spread: Annotated[Decimal, Percent(above=0, below=100)] = Decimal("0.01")
    order_level_amount: Decimal = Decimal(0)
    order_override: Mapping[str, OverrideLevel] = attrs.field(factory=dict)
    price_type: PriceType = "mid_price"
    price_source_max_age: Annotated[float | None, Range(above=0)] = None
    price_source_max_deviation: Annotated[Decimal | None, Percent(at_least=0, off=0)] = Decimal("0.02")
    price_ceiling: Annotated[Decimal | None, Range(above=0, off=-1)] = None
    price_floor: Annotated[Decimal | None, Range(above=0, off=-1)] = None
    order_optimization_enabled: bool = False
    order_optimization_mode: Literal["retreat", "top"] = "retreat"
    bid_order_optimization_depth: Annotated[Decimal, Range(at_least=0)] = Decimal(0)
    ask_order_optimization_depth: Annotated[Decimal, Range(at_least=0)] = Decimal(0)
    filled_order_delay: Annotated[float, Range(at_least=0)] = 60.0
    max_margin: Annotated[Decimal | None, Range(above=0)] = None
    when_in_position: Literal["hold", "pause", "continue"] = "hold"
    inventory_skew: Annotated[Decimal | None, Range(above=0, at_most=1, off=0)] = None
    inventory_skew_distance: Annotated[Decimal | None, Percent(above=0, below=100)] = None
    skew_may_close_at_loss: bool = False

    @property
    def max_age_s(self) -> float:
        """The age in seconds from which a reference is stale."""
        return DEFAULT_MAX_AGE_S if self.price_source_max_age is None else self.price_source_max_age

    @property
    def skew_distance(self) -> Decimal:
        """How far a position at the cap moves the ladder's centre at full skew: as far as the wider spread."""
        given = self.inventory_skew_distance

        return max(self.bid_spread, self.ask_spread) if given is None else given

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed) for each disagreement between keys."""
        yield from self._skew_faults()

        if self.minimum_spread is not None:
            spreads = {"bid_spread": self.bid_spread, "ask_spread": self.ask_spread}
            spreads |= {f"order_override.{name}": row[1] for name, row in self.order_override.items()}

            for key, spread in spreads.items():
                if self.minimum_spread > spread:
                    yield "minimum_spread", f"must not be above {key}, or that quote could never rest"

        if self.price_ceiling is not None and self.price_floor is not None and self.price_ceiling <= self.price_floor:
            yield "price_ceiling", "must be above price_floor"

    def _skew_faults(self) -> Iterator[tuple[str, str]]:
        """What inventory skew needs, and what does nothing without it."""
        if self.inventory_skew is None:
            if self.inventory_skew_distance is not None:
                yield "inventory_skew_distance", "does nothing without inventory_skew: leave it out"

            if self.skew_may_close_at_loss:
                yield "skew_may_close_at_loss", "does nothing without inventory_skew: leave it out"
        elif self.when_in_position != "continue":
            yield "inventory_skew", 'needs when_in_position = "continue": otherwise nothing is quoted beside a position'
