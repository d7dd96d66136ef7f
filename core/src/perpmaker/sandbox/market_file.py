"""A market's rules from a file: a few keys in TOML, or the venue's own list of markets as it was saved."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import attrs
import msgspec

from perpmaker.errors import ConfigurationError, Problem, UnknownMarketError
from perpmaker.model.instrument import Instrument, OrderMargin
from perpmaker.sandbox.dialect import Dialect
from perpmaker.simulation.rules import MARKETS, MarketRules, tiers

_LARGEST = Decimal(10) ** 12


@runtime_checkable
class ReadsListing(Protocol):
    """The optional ability of a dialect to read the venue's own list of markets."""

    def listed(self, listing: bytes, market: str) -> Instrument:
        """Return the rules of a market from the list.

        UnknownMarketError without it, ValueError for what is no such list.
        """


@runtime_checkable
class KnowsMarkets(Protocol):
    """The optional ability of a dialect to have markets of its own in place of those that every sandbox knows."""

    @property
    def markets(self) -> Mapping[str, MarketRules]:
        """The rules by the market's name."""


@attrs.frozen(kw_only=True)
class RulesFile:
    """The keys of a file of rules: prices in quote, amounts in base, rates as shares.

    What may be left out is as on a large venue for a small market: leverage up to 20, fees of a regular user.
    """

    market: str
    price: Decimal
    tick: Decimal
    lot: Decimal
    min_notional: Decimal = Decimal(5)
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    max_leverage: int = 20
    maintenance_ratio: Decimal = Decimal("0.025")
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    funding_interval_h: int = 8


def known_markets(dialect: Dialect) -> Mapping[str, MarketRules]:
    """Return the markets that a dialect's sandbox knows; the first is what it serves unless another is named."""
    return dialect.markets if isinstance(dialect, KnowsMarkets) else MARKETS


def market_rules(dialect: Dialect, venue: str, market: str, file: Path | None, price: Decimal | None) -> MarketRules:
    """Return the rules of a market: from the file, or those that every sandbox knows.

    `price` is where the synthetic market begins, for a list of markets, which has no prices. ConfigurationError for a
    file that is wrong, UnknownMarketError for a market without rules.
    """
    if file is not None:
        return _read(dialect, venue, market, file, price)

    markets = known_markets(dialect)

    if market not in markets:
        known = ", ".join(markets)
        raise UnknownMarketError(
            market,
            f"the sandbox of {venue}",
            (),
            kind="market",
            hint=f'The sandbox has {known}; environment = "paper" has every market of the venue. For another one give '
            "the sandbox its rules: rules in [sandbox], or --rules FILE (docs/sandbox.md).",
        )

    return markets[market]


def _read(dialect: Dialect, venue: str, market: str, file: Path, price: Decimal | None) -> MarketRules:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _wrong(file, "rules", f"cannot be read: {error.strerror}") from None

    if content.lstrip().startswith(b"{"):
        return _from_listing(dialect, venue, market, file, content, price)

    rules = _from_toml(file, content)

    if rules.market != market:
        raise _wrong(file, "market", f"must be the market that is traded: {market}", rules.market)

    return MarketRules(instrument=_instrument(rules, dialect.symbol(market)), price=price or rules.price)


def _from_listing(  # noqa: PLR0917  # all that a list is read for
    dialect: Dialect, venue: str, market: str, file: Path, content: bytes, price: Decimal | None
) -> MarketRules:
    """The rules from the venue's own list."""
    if not isinstance(dialect, ReadsListing):
        raise _wrong(file, "rules", f"must be TOML: the sandbox of {venue} does not read the venue's list of markets")

    if price is None:
        raise _wrong(file, "price", "is missing: a list of markets has no prices; say where the market begins")

    try:
        return MarketRules(instrument=dialect.listed(content, market), price=price)
    except ValueError as error:
        raise _wrong(file, "rules", f"is no list of markets of {venue}: {error}") from None


def _from_toml(file: Path, content: bytes) -> RulesFile:
    try:
        values = tomllib.loads(content.decode(), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(file, "rules", f"is neither TOML nor a list of markets: {error}") from None

    known = [field.name for field in attrs.fields(RulesFile)]

    for key, value in values.items():
        if key not in known:
            raise _wrong(file, key, f"is no key of a file of rules; there are {', '.join(known)}", value)

    try:
        rules = msgspec.convert({key: _plain(value) for key, value in values.items()}, RulesFile, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(file, "rules", str(error)) from None

    for key in known:
        value = getattr(rules, key)

        if isinstance(value, Decimal | int) and not (value > 0 or key.endswith("fee")):
            raise _wrong(file, key, "must be above 0", value)

    return rules


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever TOML has
    """A value as `convert` takes it: numbers as text, exact."""
    return str(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def _instrument(rules: RulesFile, symbol: str) -> Instrument:
    base, _, quote = rules.market.partition("-")
    most = rules.max_amount or (_LARGEST // rules.lot * rules.lot)

    return Instrument(
        market=rules.market,
        symbol=symbol,
        base=base,
        quote=quote,
        tick=rules.tick,
        lot=rules.lot,
        min_amount=rules.min_amount or rules.lot,
        max_amount=most,
        max_market_amount=most,
        min_notional=rules.min_notional,
        max_leverage=rules.max_leverage,
        maker_fee=rules.maker_fee,
        taker_fee=rules.taker_fee,
        tiers=tiers((int(_LARGEST), str(rules.maintenance_ratio), rules.max_leverage)),
        min_price=rules.tick,
        band_up=Decimal("1.05"),
        band_down=Decimal("0.95"),
        max_orders=200,
        funding_interval_h=rules.funding_interval_h,
        order_margin=OrderMargin.LARGER_SIDE,
    )


def _wrong(file: Path, key: str, allowed: str, value: object = None) -> ConfigurationError:
    shown = None if value is None else str(value)

    return ConfigurationError((Problem(file=str(file), key=key, value=shown, allowed=allowed),))
