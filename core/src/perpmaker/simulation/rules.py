"""The markets that a sandbox knows, with rules like those of a large venue. Illustrative, not any venue's own."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from perpmaker.model.instrument import Instrument, MarginTier, OrderMargin


@attrs.frozen(kw_only=True)
class MarketRules:
    """A market's rules and the price around which its synthetic market moves."""

    instrument: Instrument
    price: Decimal


def tiers(*steps: tuple[int, str, int]) -> tuple[MarginTier, ...]:
    """Maintenance tiers of (notional cap, maintenance ratio, greatest leverage), made continuous by the deduction."""
    made: list[MarginTier] = []

    for cap, ratio, leverage in steps:
        floor, before = (made[-1].cap, made[-1]) if made else (Decimal(0), None)
        deduction = before.deduction + floor * (Decimal(ratio) - before.maintenance_ratio) if before else Decimal(0)
        made.append(
            MarginTier(
                floor=floor,
                cap=Decimal(cap),
                maintenance_ratio=Decimal(ratio),
                deduction=deduction,
                max_leverage=leverage,
            )
        )

    return tuple(made)


def _market(
    base: str, price: str, *, tick: str, lot: str, notional: str, most: str, steps: Sequence[tuple[int, str, int]]
) -> MarketRules:
    return MarketRules(
        price=Decimal(price),
        instrument=Instrument(
            market=f"{base}-USDT",
            symbol=f"{base}USDT",
            base=base,
            quote="USDT",
            tick=Decimal(tick),
            lot=Decimal(lot),
            min_amount=Decimal(lot),
            max_amount=Decimal(most),
            max_market_amount=Decimal(most) / 10,
            min_notional=Decimal(notional),
            max_leverage=steps[0][2],
            maker_fee=Decimal("0.0002"),
            taker_fee=Decimal("0.0005"),
            tiers=tiers(*steps),
            min_price=Decimal(tick),
            max_price=Decimal(price) * 100,
            band_up=Decimal("1.05"),
            band_down=Decimal("0.95"),
            max_orders=200,
            funding_interval_h=8,
            order_margin=OrderMargin.LARGER_SIDE,
        ),
    )


MARKETS = {
    rules.instrument.market: rules
    for rules in (
        _market(
            "BTC",
            "60000",
            tick="0.1",
            lot="0.001",
            notional="50",
            most="1000",
            steps=(
                (50_000, "0.004", 125),
                (500_000, "0.005", 100),
                (8_000_000, "0.01", 50),
                (50_000_000, "0.025", 20),
                (80_000_000, "0.05", 10),
                (200_000_000, "0.125", 4),
                (500_000_000, "0.25", 2),
                (1_000_000_000, "0.5", 1),
            ),
        ),
        _market(
            "ETH",
            "3000",
            tick="0.01",
            lot="0.001",
            notional="20",
            most="10000",
            steps=(
                (50_000, "0.005", 100),
                (1_000_000, "0.0075", 75),
                (20_000_000, "0.02", 25),
                (100_000_000, "0.05", 10),
                (500_000_000, "0.25", 2),
            ),
        ),
        _market(
            "SOL",
            "150",
            tick="0.01",
            lot="0.01",
            notional="5",
            most="100000",
            steps=(
                (10_000, "0.005", 75),
                (100_000, "0.0075", 50),
                (1_500_000, "0.02", 25),
                (10_000_000, "0.05", 10),
                (50_000_000, "0.25", 2),
            ),
        ),
    )
}
