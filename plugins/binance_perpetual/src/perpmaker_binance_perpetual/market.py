"""A market: its rules, tiers and fees as an Instrument, and what it is set to on the account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeVar

import attrs

from perpmaker import (
    AuthenticationError,
    Instrument,
    MarketRulesError,
    PayloadError,
    RefusedError,
)
from perpmaker import venue as kit
from perpmaker_binance_perpetual import messages, rest
from perpmaker_binance_perpetual.refusals import MARGIN_MODE_ALREADY_SET, POSITION_MODE_ALREADY_SET
from perpmaker_binance_perpetual.translate import MARGIN_MODE_NAMES, MARGIN_MODES

T = TypeVar("T")

VENUE_NAME = "Binance USDⓈ-M"

# TradFi perpetuals are left out: they have trading hours and need an agreement signed on the venue's site.
_PERPETUAL = "PERPETUAL"
_DEFAULT_FUNDING_INTERVAL_H = 8
_ORDERS = ("ORDERS", "MINUTE", 1)


# --- rules ------------------------------------------------------------------------------------------------------------


async def fetch_instrument(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], market: str, *, has_key: bool
) -> Instrument:
    """Ask for rules, tiers, the account's own fees and the funding interval, and adopt the published limits.

    Without a key, tiers and fees are those that the venue documents for everybody.
    """
    info = await client.read(rest.EXCHANGE_INFO)
    limits = list(reader.read(info.rateLimits, kit.parser(messages.RateLimit), "rate limits"))
    client.budget.adopt(rest.published_limits(limits))
    symbol = find_symbol(reader.read(info.symbols, kit.parser(messages.Symbol), "markets"), market)
    brackets, fees = default_terms(symbol.symbol)

    if has_key:
        of_market = {"symbol": symbol.symbol}
        brackets = one_row(await client.read(rest.LEVERAGE_BRACKET, of_market), messages.Brackets, symbol.symbol)
        fees = await client.read(rest.COMMISSION_RATE, of_market)

    intervals = reader.read(await client.read(rest.FUNDING_INFO), kit.parser(messages.FundingInfo), "funding intervals")

    return translate_instrument(symbol, brackets, fees, list(intervals), limits)


def one_row(answer: T | kit.Rows, kind: type[T], symbol: str) -> T:
    """Return the row of a market, where the venue answers with the row or with a list of rows."""
    if not isinstance(answer, list):
        return answer

    rows = rest.row_reader().read(answer, kit.parser(kind), "rows", market=symbol, is_needed=lambda _: True)

    for row in rows:
        return row

    raise PayloadError(f"no row for {symbol}")


def find_symbol(listed: Iterable[messages.Symbol], market: str) -> messages.Symbol:
    """The perpetual of a market `BASE-QUOTE`; names are matched by assets, never by cutting the venue's symbol.

    UnknownMarketError with the nearest names where there is none; MarketClosedError where it is not trading.
    """
    symbols = {f"{row.baseAsset}-{row.quoteAsset}": row for row in listed if row.contractType == _PERPETUAL}

    return kit.find_market(
        symbols, market, VENUE_NAME, closed=lambda row: "" if row.status == "TRADING" else row.status
    )


def default_terms(symbol: str) -> tuple[messages.Brackets, messages.CommissionRate]:
    """Tiers and fees for whom the venue does not know: regular user's fees, and the margin of its default leverage.

    Source: the fee schedule's "Regular User", and `requiredMarginPercent` and `maintMarginPercent` of exchangeInfo, 5
    and 2.5 for every market. The real tiers allow more leverage on small positions, and less on very large ones.
    """
    tier = messages.Bracket(initialLeverage=20, notionalCap=10**12, notionalFloor=0, maintMarginRatio="0.025", cum=0)
    fees = messages.CommissionRate(symbol=symbol, makerCommissionRate="0.0002", takerCommissionRate="0.0005")

    return messages.Brackets(symbol=symbol, brackets=[tier]), fees


def translate_instrument(
    symbol: messages.Symbol,
    brackets: messages.Brackets,
    fees: messages.CommissionRate,
    intervals: Sequence[messages.FundingInfo],
    limits: Sequence[messages.RateLimit] = (),
) -> Instrument:
    """The market's rules; PayloadError where a filter that every market has is missing."""
    filters = {row.filterType: row for row in symbol.filters}
    price, lot = _filter(filters, "PRICE_FILTER"), _filter(filters, "LOT_SIZE")
    market_lot, notional = filters.get("MARKET_LOT_SIZE", lot), filters.get("MIN_NOTIONAL")
    band, orders = filters.get("PERCENT_PRICE"), filters.get("MAX_NUM_ORDERS")
    tiers = tuple(sorted(map(_translate_bracket, brackets.brackets), key=lambda tier: tier.floor))

    if not tiers:
        raise PayloadError(f"{symbol.symbol} has no leverage brackets")

    return Instrument(
        market=f"{symbol.baseAsset}-{symbol.quoteAsset}",
        symbol=symbol.symbol,
        base=symbol.baseAsset,
        quote=symbol.quoteAsset,
        tick=_needed(price.tickSize, "tickSize"),
        lot=_needed(lot.stepSize, "stepSize"),
        min_amount=_needed(lot.minQty, "minQty"),
        max_amount=_needed(lot.maxQty, "maxQty"),
        max_market_amount=_needed(market_lot.maxQty, "maxQty"),
        min_notional=Decimal(0) if notional is None else _needed(notional.notional, "notional"),
        max_leverage=max(tier.max_leverage for tier in tiers),
        maker_fee=kit.parse_decimal(fees.makerCommissionRate),
        taker_fee=kit.parse_decimal(fees.takerCommissionRate),
        tiers=tiers,
        min_price=_optional(price.minPrice) or Decimal(0),
        max_price=_optional(price.maxPrice),
        band_up=None if band is None else _optional(band.multiplierUp),
        band_down=None if band is None else _optional(band.multiplierDown),
        max_orders=None if orders is None else orders.limit,
        orders_per_minute=_orders_per_minute(limits),
        funding_interval_h=_interval(symbol.symbol, intervals),
    )


def _filter(filters: dict[str, messages.Filter], kind: str) -> messages.Filter:
    try:
        return filters[kind]
    except KeyError:
        raise PayloadError(f"a market without the filter {kind}") from None


def _needed(value: kit.Number | None, name: str) -> Decimal:
    if value is None:
        raise PayloadError(f"a filter without {name}")

    return kit.parse_price(value, path=name)


def _optional(value: kit.Number | None) -> Decimal | None:
    """A bound; the venue writes 0 where it has none."""
    return None if value is None else kit.parse_amount(value) or None


def _translate_bracket(bracket: messages.Bracket) -> kit.MarginTier:
    return kit.MarginTier(
        floor=kit.parse_amount(bracket.notionalFloor),
        cap=kit.parse_amount(bracket.notionalCap),
        maintenance_ratio=kit.parse_amount(bracket.maintMarginRatio),
        deduction=kit.parse_amount(bracket.cum),
        max_leverage=bracket.initialLeverage,
    )


def _interval(symbol: str, intervals: Sequence[messages.FundingInfo]) -> int:
    return next((row.fundingIntervalHours for row in intervals if row.symbol == symbol), _DEFAULT_FUNDING_INTERVAL_H)


def _orders_per_minute(limits: Sequence[messages.RateLimit]) -> int | None:
    minutes = (row.limit for row in limits if (row.rateLimitType, row.interval, row.intervalNum) == _ORDERS)

    return next(minutes, None)


# --- settings ---------------------------------------------------------------------------------------------------------

_LEVERAGE = frozenset(map(str, (-2027, -2028, -4028, -4161, *range(-4209, -4201))))
_NOT_LOWERED = "-4161"  # an isolated position: its leverage may only rise
_IN_THE_WAY = {
    "-4067": "open orders",
    "-4068": "an open position",
    "-4047": "open orders",
    "-4048": "an open position",
}
_WANTS_OTHERWISE = frozenset({"-4168", "-4531", "-4220"})


@attrs.define
class MarketSettings:
    """What one market is set to; see `SettingsClient`. Refusals are worded for the person whose configuration it is.

    `known` is the account's configuration, where it was read a moment ago: it is not asked for once more.
    """

    client: kit.RestClient
    instrument: Instrument
    known: messages.AccountConfig | None = None

    async def fetch(self) -> kit.VenueSettings:
        """Ask what is set now; AuthenticationError when the key may not trade."""
        of_market = {"symbol": self.instrument.symbol}
        known, self.known = self.known, None
        account = await self.client.read(rest.ACCOUNT_CONFIG) if known is None else known
        market = one_row(
            await self.client.read(rest.SYMBOL_CONFIG, of_market), messages.SymbolConfig, self.instrument.symbol
        )

        if not account.canTrade:
            raise AuthenticationError("this account, or its API key, may not trade futures: allow it on Binance's site")

        return kit.VenueSettings(
            leverage=market.leverage,
            position_mode=kit.PositionMode.HEDGE if account.dualSidePosition else kit.PositionMode.ONE_WAY,
            margin_mode=kit.lookup(MARGIN_MODES, market.marginType, "$.marginType"),
        )

    async def set_position_mode(self, mode: kit.PositionMode) -> None:
        """Set the position mode of the account, which is that of all its markets."""
        is_hedge = "true" if mode is kit.PositionMode.HEDGE else "false"

        try:
            await self.client.read(rest.SET_POSITION_MODE, {"dualSidePosition": is_hedge})
        except RefusedError as error:
            if error.code != POSITION_MODE_ALREADY_SET:
                raise _worded(error, f'position_mode to "{mode.value}"', "of the account, on any market,") from error

    async def set_margin_mode(self, mode: kit.MarginMode) -> None:
        """Set the margin mode of the market."""
        parameters = {"symbol": self.instrument.symbol, "marginType": MARGIN_MODE_NAMES[mode]}
        what = f'margin_mode of {self.instrument.market} to "{mode.value}"'

        try:
            await self.client.read(rest.SET_MARGIN_TYPE, parameters)
        except RefusedError as error:
            if error.code != MARGIN_MODE_ALREADY_SET:
                raise _worded(error, what, "of this market") from error

    async def set_leverage(self, leverage: int) -> None:
        """Set the leverage of the market; setting what is set succeeds."""
        parameters = {"symbol": self.instrument.symbol, "leverage": leverage}

        try:
            await self.client.read(rest.SET_LEVERAGE, parameters)
        except RefusedError as error:
            if error.code not in _LEVERAGE:
                raise

            wanted = "Write the leverage that is set there" if error.code == _NOT_LOWERED else "Lower leverage"
            raise MarketRulesError(
                f"Binance does not set the leverage of {self.instrument.market} to {leverage}: "
                f"{error.text.rstrip('.')}. {wanted} in the configuration, or close what this market holds."
            ) from error


def _worded(error: RefusedError, what: str, whose: str) -> RefusedError | MarketRulesError:
    """The venue's refusal in words that say what to do; other refusals as they are."""
    code = error.code

    if code in _IN_THE_WAY:
        return MarketRulesError(
            f"Binance cannot change {what} while there is {_IN_THE_WAY[code]} {whose} (code {code}). "
            "Cancel and close them first, or configure the mode that is set now."
        )

    if code in _WANTS_OTHERWISE:
        return MarketRulesError(f"Binance does not change {what}: {error.text} (code {code}).")

    return error
