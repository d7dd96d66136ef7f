"""A market's rules, tiers and fees, and what it is set to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from perpmaker.errors import MarketClosedError, MarketRulesError, PayloadError, UnknownMarketError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.venue import apply_settings
from perpmaker_bybit_perpetual.market import MarketSettings, fetch_instrument, translate_tiers
from perpmaker_bybit_perpetual.messages import RiskTier
from perpmaker_bybit_perpetual.rest import row_reader

from .clients import Asked, Venue, client_of, refused
from .payloads import POSITION, SYMBOL, TIERS

pytestmark = pytest.mark.anyio
D = Decimal
FEES = {"symbol": "BTCUSDT", "takerFeeRate": "0.0006", "makerFeeRate": "-0.0001"}
FUTURE = SYMBOL | {"symbol": "BTCUSDT-21FEB25", "contractType": "LinearFutures"}
ODD = {"symbol": "XUSDT", "contractType": 7}


def market_of(*symbols: dict[str, Any], tiers: Any = None) -> Venue:
    """A venue with these markets."""
    return Venue(
        {
            "/v5/market/instruments-info": {"list": list(symbols), "nextPageCursor": ""},
            "/v5/market/risk-limit": {"list": TIERS if tiers is None else tiers},
            "/v5/account/fee-rate": {"list": [FEES]},
        }
    )


async def read(venue: Venue, market: str = "BTC-USDT", *, has_key: bool = True) -> Instrument:
    """The market as the connector reads it."""
    return await fetch_instrument(client_of(venue), row_reader(), market, has_key=has_key, orders_per_s=10)


async def test_the_rules_are_the_venues() -> None:
    """Steps, least and greatest sizes, leverage, fees, and the interval of funding, which comes in minutes."""
    found = await read(market_of(ODD, FUTURE, SYMBOL))
    assert (found.market, found.symbol, found.tick, found.lot) == ("BTC-USDT", "BTCUSDT", D("0.1"), D("0.001"))
    assert (found.max_amount, found.max_market_amount, found.min_notional) == (D(1190), D(500), D(5))
    assert (found.max_leverage, found.maker_fee, found.taker_fee) == (100, D("-0.0001"), D("0.0006"))
    assert (found.funding_interval_h, found.orders_per_minute, found.has_hedge_mode) == (8, 600, True)


async def test_the_band_keeps_clear_of_the_venues_edge() -> None:
    """A tenth of a percent inside of what holds whatever mark, index and book do; none where none is told."""
    found = await read(market_of(SYMBOL))
    assert (found.band_up, found.band_down) == (D("1.009"), D("0.991"))
    found = await read(market_of(SYMBOL | {"riskParameters": None}))
    assert (found.band_up, found.band_down) == (None, None)


async def test_without_a_key_fees_are_those_that_are_documented() -> None:
    """Nothing that is signed is asked then."""
    venue = market_of(SYMBOL)
    found = await read(venue, has_key=False)
    assert (found.maker_fee, found.taker_fee) == (D("0.0002"), D("0.00055"))
    assert "/v5/account/fee-rate" not in venue.paths()


async def test_markets_are_found_by_their_coins_over_all_pages() -> None:
    """Never by cutting a symbol; the nearest are named, and what does not trade is said to be closed."""
    usdc = SYMBOL | {"symbol": "BTCPERP", "quoteCoin": "USDC", "settleCoin": "USDC"}
    pages: list[Any] = [{"list": [SYMBOL], "nextPageCursor": "page%3D2"}, {"list": [usdc], "nextPageCursor": None}]
    venue = market_of()
    venue.answers["/v5/market/instruments-info"] = pages
    venue.answers["/v5/market/risk-limit"] = {"list": [tier | {"symbol": "BTCPERP"} for tier in TIERS]}
    venue.answers["/v5/account/fee-rate"] = {"list": [FEES | {"symbol": "BTCPERP"}]}
    found = await read(venue, "BTC-USDC")
    assert (found.symbol, found.has_hedge_mode) == ("BTCPERP", False)
    assert venue.asked[1][1]["cursor"] == "page=2"

    with pytest.raises(UnknownMarketError, match="BTC-USDT"):
        await read(market_of(SYMBOL), "BTC-USTD")

    for closed in ({"status": "PreLaunch"}, {"status": "PendingOpen"}, {"isPreListing": True}):
        with pytest.raises(MarketClosedError):
            await read(market_of(SYMBOL | closed))

    with pytest.raises(UnknownMarketError):
        await read(market_of(SYMBOL | {"symbolType": "stock"}))

    with pytest.raises(PayloadError):
        await read(market_of(SYMBOL, tiers=[]))


def tiers(*rows: dict[str, Any]) -> list[tuple[Decimal, ...]]:
    """Floor, cap, ratio and deduction of each tier."""
    found = translate_tiers(msgspec.convert(rows, list[RiskTier], strict=False))

    return [(tier.floor, tier.cap, tier.maintenance_ratio, tier.deduction) for tier in found]


def test_tiers_adjoin_and_are_continuous() -> None:
    """Without a deduction of the venue's own it is what makes two tiers meet; ratios may come in percent."""
    expected = [(D(0), D(2_000_000), D("0.005"), D(0)), (D(2_000_000), D(4_000_000), D("0.01"), D(10_000))]
    assert tiers(*reversed(TIERS)) == expected
    percent = [TIERS[0] | {"maintenanceMargin": "0.5", "initialMargin": "1"}]
    percent.append(TIERS[1] | {"maintenanceMargin": "1", "initialMargin": "1.75"})
    assert tiers(*percent) == expected
    assert tiers(TIERS[0], TIERS[1] | {"mmDeduction": "9000"})[1][3] == D(9_000)


# --- settings ---------------------------------------------------------------------------------------------------------


def account(mode: int = 0, leverage: str = "10", margin: str = "REGULAR_MARGIN", status: int = 5) -> Venue:
    """An account that can be set."""
    state: dict[str, Any] = {"mode": mode, "leverage": leverage}

    def positions(_: Asked) -> Any:
        indexes = [0] if state["mode"] == 0 else [1, 2]

        return {"list": [POSITION | {"positionIdx": index, "leverage": state["leverage"]} for index in indexes]}

    def switch(said: Asked) -> Any:
        state["mode"] = said["mode"]
        return {}

    def leverage_of(said: Asked) -> Any:
        assert said["buyLeverage"] == said["sellLeverage"]
        state["leverage"] = said["buyLeverage"]
        return {}

    return Venue(
        {
            "/v5/account/info": {"marginMode": margin, "unifiedMarginStatus": status},
            "/v5/position/list": positions,
            "/v5/position/switch-mode": switch,
            "/v5/position/set-leverage": leverage_of,
        }
    )


async def prepare(venue: Venue, instrument: Instrument, *, margin: MarginMode | None = None) -> VenueSettings:
    """Set leverage 5 in Hedge mode."""
    settings = MarketSettings(client_of(venue), row_reader(), instrument)

    return await apply_settings(settings, leverage=5, position_mode=PositionMode.HEDGE, margin_mode=margin)


async def test_what_differs_is_set_and_read_back(instrument: Instrument) -> None:
    """The mode by the indexes of the positions, which are there while they are flat too; both sides' leverage."""
    venue = account()
    found = await prepare(venue, instrument, margin=MarginMode.CROSS)
    assert (found.leverage, found.position_mode, found.margin_mode) == (5, PositionMode.HEDGE, MarginMode.CROSS)
    assert [one["mode"] for path, one in venue.asked if path.endswith("switch-mode")] == [3]
    venue = account(mode=3, leverage="5")
    await prepare(venue, instrument)
    assert not [path for path in venue.paths() if "switch" in path or "set" in path]


async def test_what_is_set_already_is_success(instrument: Instrument) -> None:
    """Another bot may have been quicker: the venue's "not modified" is no error."""
    venue = account()
    venue.answers["/v5/position/switch-mode"] = refused(110025, "position mode is not modified")
    venue.answers["/v5/position/set-leverage"] = refused(110043, "leverage not modified")
    assert (await prepare(venue, instrument)).leverage == 10


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("switch-mode", 110024, "an open position"),
        ("switch-mode", 110029, "only USDT perpetuals"),
        ("set-leverage", 110013, "Lower leverage"),
        *(pytest.param(*one, marks=pytest.mark.full) for one in (("switch-mode", 110028, "open orders"),)),
    ],
)
async def test_what_cannot_be_set_says_what_to_do(instrument: Instrument, path: str, code: int, words: str) -> None:
    """In words for the person whose configuration it is, with the venue's code."""
    venue = account()
    venue.answers[f"/v5/position/{path}"] = refused(code)

    with pytest.raises(MarketRulesError, match=rf"(?s){words}.*") as raised:
        await prepare(venue, instrument)

    assert f"(code {code})" in str(raised.value)


async def test_the_margin_mode_of_the_whole_account_is_never_set(instrument: Instrument) -> None:
    """It is every bot's and person's there: one that differs is refused with words, and nothing is sent."""
    venue = account()

    with pytest.raises(MarketRulesError, match="one mode for all"):
        await prepare(venue, instrument, margin=MarginMode.ISOLATED)

    assert not [path for path in venue.paths() if "margin-mode" in path]


async def test_accounts_of_another_kind_are_refused_with_words(instrument: Instrument) -> None:
    """A classic account, and portfolio margin, in which no market has a leverage."""
    for venue, words in [
        (account(status=1), "unified trading account"),
        (account(margin="PORTFOLIO_MARGIN"), "portfolio margin"),
    ]:
        with pytest.raises(MarketRulesError, match=words):
            await prepare(venue, instrument)
