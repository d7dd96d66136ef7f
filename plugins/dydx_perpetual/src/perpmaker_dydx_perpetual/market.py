"""A market: its rules as an Instrument, its units on the chain, and its leverage."""

from __future__ import annotations

import difflib
import math
from decimal import Decimal

import anyio
import attrs

from perpmaker import (
    Instrument,
    MarketClosedError,
    MarketRulesError,
    PayloadError,
    RefusedError,
    UnknownMarketError,
    VenueError,
)
from perpmaker.venue import (
    MarginMode,
    MarginTier,
    PositionMode,
    RestClient,
    VenueSettings,
    check_leverage,
    parse_price,
    parser,
)

from . import messages, proto, rest
from .credentials import Identity
from .settings import VENUE
from .transactions import MarketLeverage, SubaccountId, UpdateLeverage
from .translate import USDC

FIRST_TIER = Decimal("0.0001"), Decimal("0.0005")
"""Maker's and taker's share of the notional where the tier is not told (docs.dydx.xyz, "Fees", 2026)."""

_PPM = 1_000_000
_LARGEST = Decimal(10) ** 15
_MOST_LOTS = 10**9
_SHOWN = 3
_TRIES, _BLOCK_S = 20, 0.25
_ISOLATED = "ISOLATED"

_LEVERAGE = frozenset({"clob:11002", "subaccounts:701", "subaccounts:703"})
"""Codes about the leverage itself."""

ONE_WAY_ONLY = (
    f"{VENUE} has only One-way positions: a subaccount holds one net position of each market. "
    "To hold opposite positions, use two subaccounts."
)


@attrs.frozen(kw_only=True)
class Units:
    """How ticks and lots are written on the chain, in whole numbers."""

    clob_pair: int
    subticks: int
    quantums: int
    margin_fraction: Decimal


async def fetch_markets(client: RestClient) -> dict[str, messages.Market]:
    """Ask for all markets that can be read, by ticker."""
    found = await client.read(rest.MARKETS)
    reader = rest.row_reader()
    rows = reader.read(found.markets.values(), parser(messages.Market), "markets")

    return {row.ticker: row for row in rows}


def find_market(markets: dict[str, messages.Market], market: str) -> messages.Market:
    """Return the market of a name.

    Raises:
        UnknownMarketError: there is none; it names the nearest.
        MarketClosedError: it takes no orders.
        MarketRulesError: it is one that needs a subaccount of its own.
    """
    found = markets.get(market)

    if found is None:
        nearest = difflib.get_close_matches(market.upper(), markets, n=_SHOWN, cutoff=0.5)
        raise UnknownMarketError(market, VENUE, tuple(nearest))

    if found.status != "ACTIVE" or found.oracle_price is None:
        raise MarketClosedError(market, VENUE, found.status if found.oracle_price is not None else "no oracle price")

    return found


def check_subaccount(row: messages.Market, subaccount: int) -> None:
    """Refuse an isolated market on a subaccount that stands for cross margin; its fills would be turned away."""
    if row.market_type == _ISOLATED and subaccount < 128:  # noqa: PLR2004  # the venue's own convention
        raise MarketRulesError(
            f"{row.ticker} is an isolated market of {VENUE}: it needs a subaccount of its own. Set subaccount to 128 "
            "or more, and move collateral there."
        )


def translate_market(row: messages.Market, fees: tuple[Decimal, Decimal] = FIRST_TIER) -> tuple[Instrument, Units]:
    """Return a market's rules and its units on the chain; PayloadError where they make no sense."""
    lot, initial = parse_price(row.step_size), parse_price(row.initial_margin_fraction)

    if row.subticks_per_tick <= 0 or row.step_base_quantums <= 0 or initial > 1:
        raise PayloadError(f"{row.ticker} has steps or margins that make no sense")

    leverage = int(1 / initial)
    tier = MarginTier(
        floor=Decimal(0),
        cap=_LARGEST,
        maintenance_ratio=parse_price(row.maintenance_margin_fraction),
        deduction=Decimal(0),
        max_leverage=leverage,
    )
    instrument = Instrument(
        market=row.ticker,
        symbol=row.ticker,
        base=row.ticker.rpartition("-")[0],
        quote=USDC,
        tick=parse_price(row.tick_size),
        lot=lot,
        min_amount=lot,
        max_amount=lot * _MOST_LOTS,
        max_market_amount=lot * _MOST_LOTS,
        min_notional=Decimal(0),
        max_leverage=leverage,
        maker_fee=fees[0],
        taker_fee=fees[1],
        tiers=(tier,),
        funding_interval_h=1,
        has_hedge_mode=False,
    )
    units = Units(
        clob_pair=row.clob_pair_id,
        subticks=row.subticks_per_tick,
        quantums=row.step_base_quantums,
        margin_fraction=initial,
    )

    return instrument, units


# --- fees -------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _FeeTierRequest:
    user: str = proto.text(1)


@attrs.frozen(kw_only=True)
class _FeeTier:
    name: str = proto.text(1)
    maker_ppm: int = proto.sint(5)
    taker_ppm: int = proto.sint(6)


@attrs.frozen(kw_only=True)
class _FeeTierAnswer:
    tier: _FeeTier = proto.one(2, _FeeTier)  # noqa: RUF009  # a declaration, made once


async def fetch_fees(node: RestClient, owner: str) -> tuple[Decimal, Decimal]:
    """Ask for the owner's fees before discounts, as shares; those of the first tier where the node does not tell."""
    asked = _FeeTierRequest(user=owner)

    try:
        found = await rest.query_chain(node, "/dydxprotocol.feetiers.Query/UserFeeTier", asked, _FeeTierAnswer)
    except (VenueError, PayloadError):
        found = None

    if found is None or not found.tier.taker_ppm:
        return FIRST_TIER

    return Decimal(found.tier.maker_ppm) / _PPM, Decimal(found.tier.taker_ppm) / _PPM


# --- leverage ---------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _LeverageAnswer:
    markets: tuple[MarketLeverage, ...] = proto.many(1, MarketLeverage)


@attrs.define(kw_only=True)
class Leverage:
    """The leverage of one market of a subaccount.

    The chain keeps a larger initial margin for it. An API trading key may not set that: it is then kept here alone, for
    the size of quotes, and the chain's own limit stays what it is.
    """

    node: RestClient
    identity: Identity
    units: Units
    instrument: Instrument
    here: int | None = None
    is_set: int | None = None

    @property
    def further_margin(self) -> Decimal:
        """The share of a position that its leverage binds beyond the market's own margin."""
        if self.is_set is None:
            return Decimal(0)

        return max(Decimal(math.ceil(_PPM / self.is_set)) / _PPM - self.units.margin_fraction, Decimal(0))

    async def fetch(self) -> VenueSettings:
        """Ask what is set."""
        leverage = self.here or await self._on_chain()

        return VenueSettings(leverage=leverage, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS)

    async def apply(self, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None) -> VenueSettings:
        """Set what differs; MarketRulesError for what the venue does not have."""
        if position_mode is PositionMode.HEDGE:
            raise MarketRulesError(ONE_WAY_ONLY)

        if margin_mode is MarginMode.ISOLATED:
            raise MarketRulesError(
                f'{VENUE} sets no margin mode: a subaccount is cross. Leave margin_mode out, or set it to "cross"; '
                "isolated is a subaccount that holds this market alone."
            )

        check_leverage(self.instrument, leverage, VENUE)

        if (await self.fetch()).leverage != leverage:
            await self._set(leverage)

        found = await self.fetch()
        self.is_set = found.leverage

        return found

    async def _on_chain(self) -> int:
        asked = SubaccountId(self.identity.owner, self.identity.subaccount)

        try:
            found = await rest.query_chain(self.node, "/dydxprotocol.clob.Query/Leverage", asked, _LeverageAnswer)
        except RefusedError:
            found = None

        known = {one.clob_pair: one.margin_ppm for one in (() if found is None else found.markets)}
        least = int(self.units.margin_fraction * _PPM)

        return round(_PPM / max(known.get(self.units.clob_pair, 0), least))

    async def _set(self, leverage: int) -> None:
        margin = MarketLeverage(clob_pair=self.units.clob_pair, margin_ppm=math.ceil(_PPM / leverage))
        subaccount = SubaccountId(self.identity.owner, self.identity.subaccount)
        message = UpdateLeverage(subaccount=subaccount, markets=(margin,))

        if not self.identity.sets_leverage:
            self.here = leverage
            return

        try:
            await self.node.read(rest.TELL, {"messages": (message,)})
        except RefusedError as error:
            if error.code not in _LEVERAGE:
                raise

            raise MarketRulesError(
                f"{VENUE} does not set the leverage of {self.instrument.market} to {leverage}: {error.text} "
                f"(code {error.code}). Write another leverage, or close what this market holds."
            ) from error

        for _ in range(_TRIES):  # a block has to carry it
            if await self._on_chain() == leverage:
                return

            await anyio.sleep(_BLOCK_S)
