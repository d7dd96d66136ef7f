"""A market: its rules, tiers and fees as an Instrument, and what it is set to on the account."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from decimal import Decimal

import attrs

from perpmaker import Instrument, MarketClosedError, MarketRulesError, PayloadError, RefusedError, UnknownMarketError
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.messages import FeeRate, RiskTier, Symbol
from perpmaker_bybit_perpetual.refusals import LEVERAGE_ALREADY_SET, POSITION_MODE_ALREADY_SET
from perpmaker_bybit_perpetual.translate import MARGIN_MODES, optional
from perpmaker_bybit_perpetual.user_messages import PositionRow

PORTFOLIO = "PORTFOLIO_MARGIN"

_PERPETUAL = "LinearPerpetual"
_OTHER_KINDS = frozenset({"stock", "forex", "commodity", "xstocks"})
"""Markets of other things than coins: they have trading hours."""

_HEDGED_QUOTE = "USDT"
_DEFAULT_FEES = FeeRate(symbol="", makerFeeRate="0.0002", takerFeeRate="0.00055")
"""The documented fees of a regular user, for whom the venue does not know."""

_MOST_ORDERS = 500
_BAND_MARGIN = Decimal("0.001")
"""How far inside of the venue's band prices stay: its edge follows averages that are not told."""

_PERCENT = 10
_SHOWN = 3
_LEAST_STATUS = 3


async def fetch_instrument(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], market: str, *, has_key: bool, orders_per_s: int
) -> Instrument:
    """Ask for rules, tiers and the account's own fees; without a key fees are those that are documented."""
    listed = await rest.read_pages(client, rest.INSTRUMENTS, {**rest.LINEAR, "limit": 1000})
    symbol = find_symbol(reader.read(listed, kit.parser(Symbol), "markets"), market)
    of_market = {**rest.LINEAR, "symbol": symbol.symbol}
    tiers = _rows(reader, (await client.read(rest.RISK_LIMIT, of_market)).rows, RiskTier, symbol.symbol)
    fees = [_DEFAULT_FEES]

    if has_key:
        fees = _rows(reader, (await client.read(rest.FEE_RATE, of_market)).rows, FeeRate, symbol.symbol)

    if not tiers or not fees:
        raise PayloadError(f"no tiers or no fees of {symbol.symbol}")

    return translate_instrument(symbol, tiers, fees[0], orders_per_s)


def _rows(reader: kit.RowReader[rest.Head], rows: kit.Rows, kind: type[rest.T], symbol: str) -> list[rest.T]:
    return list(reader.read(rows, kit.parser(kind), "rows of a market", market=symbol, is_needed=lambda _: True))


def find_symbol(listed: Iterable[Symbol], market: str) -> Symbol:
    """The perpetual of a market `BASE-QUOTE`; names are matched by coins, never by cutting the venue's symbol.

    UnknownMarketError with the nearest names where there is none; MarketClosedError where it is not trading.
    """
    perpetuals = (row for row in listed if row.contractType == _PERPETUAL and row.symbolType not in _OTHER_KINDS)
    symbols = {f"{row.baseCoin}-{row.quoteCoin}": row for row in perpetuals}
    found = symbols.get(market)

    if found is None:
        nearest = difflib.get_close_matches(market.upper(), symbols, n=_SHOWN, cutoff=0.5)
        raise UnknownMarketError(market, rest.VENUE, tuple(nearest))

    if found.status != "Trading" or found.isPreListing:
        raise MarketClosedError(market, rest.VENUE, "PreListing" if found.isPreListing else found.status)

    return found


def translate_instrument(symbol: Symbol, tiers: Sequence[RiskTier], fees: FeeRate, orders_per_s: int) -> Instrument:
    """The market's rules; PayloadError where one that every market has makes no sense."""
    lot, margin_tiers = symbol.lotSizeFilter, translate_tiers(tiers)
    max_amount = kit.parse_price(lot.maxOrderQty, path="maxOrderQty")
    up, down = _band(symbol)
    leverage = int(kit.parse_price(symbol.leverageFilter.maxLeverage, path="maxLeverage"))

    return Instrument(
        market=f"{symbol.baseCoin}-{symbol.quoteCoin}",
        symbol=symbol.symbol,
        base=symbol.baseCoin,
        quote=symbol.quoteCoin,
        tick=kit.parse_price(symbol.priceFilter.tickSize, path="tickSize"),
        lot=kit.parse_price(lot.qtyStep, path="qtyStep"),
        min_amount=kit.parse_price(lot.minOrderQty, path="minOrderQty"),
        max_amount=max_amount,
        max_market_amount=optional(lot.maxMktOrderQty, "maxMktOrderQty") or max_amount,
        min_notional=optional(lot.minNotionalValue, "minNotionalValue") or Decimal(0),
        max_leverage=min(leverage, max(tier.max_leverage for tier in margin_tiers)),
        maker_fee=kit.parse_decimal(fees.makerFeeRate, path="makerFeeRate"),
        taker_fee=kit.parse_decimal(fees.takerFeeRate, path="takerFeeRate"),
        tiers=margin_tiers,
        min_price=optional(symbol.priceFilter.minPrice, "minPrice") or Decimal(0),
        max_price=optional(symbol.priceFilter.maxPrice, "maxPrice") or None,
        band_up=up,
        band_down=down,
        max_orders=_MOST_ORDERS,
        orders_per_minute=orders_per_s * 60,
        funding_interval_h=max(1, int(kit.parse_amount(symbol.fundingInterval, path="fundingInterval")) // 60),
        has_hedge_mode=symbol.quoteCoin == _HEDGED_QUOTE,
    )


def _band(symbol: Symbol) -> tuple[Decimal | None, Decimal | None]:
    """The part of the price band that holds whatever mark, index and book do.

    Source: Bybit v5, "Get Order Price Limit": with X and Y of the market the highest buy is never below mark x (1 + X)
    and never above mark x (1 + Y); sells alike.
    """
    ratio = None if symbol.riskParameters is None else optional(symbol.riskParameters.priceLimitRatioX)

    if ratio is None or ratio <= _BAND_MARGIN:
        return None, None

    return 1 + ratio - _BAND_MARGIN, 1 - ratio + _BAND_MARGIN


def translate_tiers(rows: Sequence[RiskTier]) -> tuple[kit.MarginTier, ...]:
    """Tiers from the smallest positions on. Ratios may be in percent, which leverage times initial margin tells."""
    tiers: list[kit.MarginTier] = []
    floor, ratio, deduction = Decimal(0), Decimal(0), Decimal(0)

    for row in sorted(rows, key=lambda row: kit.parse_amount(row.riskLimitValue)):
        leverage = kit.parse_price(row.maxLeverage, path="maxLeverage")
        is_percent = kit.parse_amount(row.initialMargin) * leverage > _PERCENT
        maintenance = kit.parse_amount(row.maintenanceMargin) / (100 if is_percent else 1)
        told = optional(row.mmDeduction, "mmDeduction")
        # Without one it is what makes the margin of two tiers equal where they meet.
        deduction = deduction + floor * (maintenance - ratio) if told is None else told
        cap = kit.parse_price(row.riskLimitValue, path="riskLimitValue")
        tiers.append(
            kit.MarginTier(
                floor=floor,
                cap=cap,
                maintenance_ratio=maintenance,
                deduction=deduction,
                max_leverage=max(1, int(leverage)),
            )
        )
        floor, ratio = cap, maintenance

    return tuple(tiers)


_IN_THE_WAY = {"110024": "an open position", "110028": "open orders"}
_NO_HEDGE = "110029"
_LEVERAGE = frozenset({"110013", "110036", "110038", "110086", "110090"})


@attrs.frozen
class MarketSettings:
    """What one market is set to; see `SettingsClient`. Refusals are worded for the person whose configuration it is."""

    client: kit.RestClient
    reader: kit.RowReader[rest.Head]
    instrument: Instrument

    async def fetch(self) -> kit.VenueSettings:
        """Ask what is set now: leverage and position mode by the market's positions, also those that are flat."""
        info = await self.client.read(rest.ACCOUNT_INFO)

        if info.unifiedMarginStatus < _LEAST_STATUS:
            raise MarketRulesError(
                "this Bybit account is no unified trading account: upgrade it on Bybit's site first."
            )

        if info.marginMode == PORTFOLIO:
            raise MarketRulesError(
                "this Bybit account is in portfolio margin, where no market has a leverage: set cross or isolated "
                "margin on Bybit's site."
            )

        rows = await fetch_positions(self.client, self.reader, self.instrument.symbol)

        return kit.VenueSettings(
            leverage=int(optional(rows[0].leverage, "$.leverage") or 0),
            position_mode=mode_of(rows),
            margin_mode=kit.lookup(MARGIN_MODES, info.marginMode, "$.marginMode"),
        )

    async def set_position_mode(self, mode: kit.PositionMode) -> None:
        """Set the position mode of the market."""
        asked = {**rest.LINEAR, "symbol": self.instrument.symbol, "mode": 3 if mode is kit.PositionMode.HEDGE else 0}
        what = f'position_mode of {self.instrument.market} to "{mode.value}"'

        try:
            await self.client.read(rest.SWITCH_MODE, asked)
        except RefusedError as error:
            if error.code == POSITION_MODE_ALREADY_SET:
                return

            if error.code in _IN_THE_WAY:
                raise MarketRulesError(
                    f"Bybit cannot change {what} while there is {_IN_THE_WAY[error.code]} of this market (code "
                    f"{error.code}). Cancel and close them first, or configure the mode that is set now."
                ) from error

            if error.code == _NO_HEDGE:
                raise MarketRulesError(
                    f"Bybit does not change {what}: only USDT perpetuals have Hedge positions (code {error.code})."
                ) from error

            raise

    async def set_margin_mode(self, mode: kit.MarginMode) -> None:
        """Refuse: the margin mode is that of the whole account, and of every bot and person that trades there."""
        raise MarketRulesError(
            f'margin_mode = "{mode.value}" is not what this Bybit account is set to, and there it is one mode for all '
            "markets: change it on Bybit's site, or leave margin_mode out."
        )

    async def set_leverage(self, leverage: int) -> None:
        """Set the leverage of both sides of the market; setting what is set succeeds."""
        text = str(leverage)
        asked = {**rest.LINEAR, "symbol": self.instrument.symbol, "buyLeverage": text, "sellLeverage": text}

        try:
            await self.client.read(rest.SET_LEVERAGE, asked)
        except RefusedError as error:
            if error.code == LEVERAGE_ALREADY_SET:
                return

            if error.code not in _LEVERAGE:
                raise

            raise MarketRulesError(
                f"Bybit does not set the leverage of {self.instrument.market} to {leverage}: {error.text.rstrip('.')} "
                f"(code {error.code}). Lower leverage in the configuration, or close what this market holds."
            ) from error


async def fetch_positions(client: kit.RestClient, reader: kit.RowReader[rest.Head], symbol: str) -> list[PositionRow]:
    """Ask for the positions of a market: one row in One-way, two in Hedge, also where they are flat."""
    page = await client.read(rest.POSITIONS, {**rest.LINEAR, "symbol": symbol})
    rows = list(reader.read(page.rows, kit.parser(PositionRow), "positions", market=symbol, is_needed=lambda _: True))

    if not rows:
        raise PayloadError(f"no position of {symbol}, not even a flat one")

    return rows


def mode_of(rows: Iterable[PositionRow]) -> kit.PositionMode:
    """The position mode that the indexes of a market's rows tell."""
    return kit.PositionMode.ONE_WAY if any(row.positionIdx == 0 for row in rows) else kit.PositionMode.HEDGE
