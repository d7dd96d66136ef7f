"""The markets as the chain has them: their rules, and prices and amounts as whole numbers of its own units."""

from __future__ import annotations

import difflib
import json
from decimal import Decimal
from typing import Any, Final

import attrs

from perpmaker import Instrument, UnknownMarketError
from perpmaker.venue.sandbox import MarketRules, OrderMargin, tiers

QUOTE: Final = "USDC"
MONEY_RESOLUTION: Final = -6
EXPONENT: Final = -9
"""The quantum conversion exponent, the same on every market that was ever captured."""

CLOB_PAIRS: Final = {"BTC-USD": 0, "ETH-USD": 1, "SOL-USD": 5}
OTHER_PAIR: Final = 99
MAKER_FEE, TAKER_FEE = Decimal("0.0001"), Decimal("0.0005")
LARGEST: Final = Decimal(10) ** 9
PPM: Final = Decimal(1_000_000)


@attrs.frozen(kw_only=True)
class ChainMarket:
    """A market of the chain: `clob_pair` names it there; amounts are quantums, prices subticks."""

    instrument: Instrument
    clob_pair: int

    @property
    def resolution(self) -> int:
        """The atomic resolution: one quantum is ten to this power."""
        return self.instrument.lot.adjusted() - 6

    @property
    def step_quantums(self) -> int:
        """Quantums in a lot."""
        return int(self.instrument.lot.scaleb(-self.resolution))

    @property
    def tick_subticks(self) -> int:
        """Subticks in a tick."""
        return int(self.instrument.tick.scaleb(self.resolution - EXPONENT - MONEY_RESOLUTION))

    @property
    def initial_margin(self) -> Decimal:
        """The share of a position that has to be there to open it."""
        return 1 / Decimal(self.instrument.max_leverage)

    @property
    def maintenance_margin(self) -> Decimal:
        """The share below which a position is liquidated."""
        return self.instrument.tiers[0].maintenance_ratio if self.instrument.tiers else self.initial_margin / 2


def chain_market(instrument: Instrument) -> ChainMarket:
    """Return a market as the chain has it."""
    return ChainMarket(instrument=instrument, clob_pair=CLOB_PAIRS.get(instrument.symbol, OTHER_PAIR))


def rules(  # a market has so many rules
    market: str, price: str, *, tick: str, lot: str, leverage: int, maintenance: str
) -> MarketRules:
    """Return the rules of a market; a price that moves by more than a fifth leaves no bound behind it."""
    instrument = Instrument(
        market=market,
        symbol=market,
        base=market.rpartition("-")[0],
        quote=QUOTE,
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_amount=Decimal(lot),
        max_amount=LARGEST,
        max_market_amount=LARGEST,
        min_notional=Decimal(0),
        max_leverage=leverage,
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
        tiers=tiers((10**12, maintenance, leverage)),
        funding_interval_h=1,
        order_margin=OrderMargin.NONE,
        has_hedge_mode=False,
    )

    return MarketRules(instrument=instrument, price=Decimal(price))


MARKETS: Final = {
    one.instrument.market: one
    for one in (
        rules("BTC-USD", "60000", tick="1", lot="0.0001", leverage=50, maintenance="0.012"),
        rules("ETH-USD", "3000", tick="0.1", lot="0.001", leverage=50, maintenance="0.012"),
        rules("SOL-USD", "150", tick="0.01", lot="0.1", leverage=20, maintenance="0.03"),
    )
}


def read_listing(listing: bytes, market: str) -> Instrument:
    """Return a market's rules from `GET /v4/perpetualMarkets`, saved as it came; ValueError for what is no such list.

    UnknownMarketError, with the nearest names, where the list does not have the market.
    """
    try:
        rows: dict[str, dict[str, Any]] = json.loads(listing)["markets"]

        if market not in rows:
            nearest = difflib.get_close_matches(market, rows, n=3, cutoff=0.5)
            raise UnknownMarketError(market, "that list of markets", tuple(nearest))

        row = rows[market]
        leverage = int(1 / Decimal(row["initialMarginFraction"]))

        return rules(
            market,
            row["oraclePrice"] or "1",
            tick=row["tickSize"],
            lot=row["stepSize"],
            leverage=leverage,
            maintenance=row["maintenanceMarginFraction"],
        ).instrument
    except (KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"a row of the list makes no sense: {error!r}") from None
