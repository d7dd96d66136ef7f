"""What was traded, and the spot host: what clients of other people ask besides, as the venue documents it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perpmaker_binance_perpetual.sandbox.signing import KEYS

pytestmark = pytest.mark.anyio

MARKET = {"type": "MARKET", "timeInForce": None, "price": None}


async def public(venue: Any, target: str) -> Any:
    """The answer to a call without a key."""
    response = await venue.http.get(f"/fapi/v1/{target}")

    return msgspec.json.decode(response.content)


async def test_aggregates_are_those_of_the_stream_and_paged_by_id(open_venue: Any) -> None:
    """REST and stream number the same aggregates; from an id on, oldest first."""
    async with open_venue() as venue, venue.listen("/market/ws/btcusdt@aggTrade") as ear:
        await venue.order(**MARKET, quantity="0.010")
        told = [await ear.hear()]
        await venue.order(**MARKET, quantity="0.020", side="SELL")
        told.append(await ear.hear())
        rows = await public(venue, "aggTrades?symbol=BTCUSDT")

        assert [row["a"] for row in rows] == [1, 2]
        assert [{**row, **one} for row, one in zip(rows, told, strict=True)] == told
        assert (rows[0]["p"], rows[0]["q"], rows[0]["m"]) == ("60000.10", "0.010", False)
        assert await public(venue, "aggTrades?symbol=BTCUSDT&fromId=2&limit=5") == rows[1:]


async def test_candles_and_the_day_add_up_what_was_traded(open_venue: Any) -> None:
    """Twelve figures a candle, the last one under way; the day has the same first and last price."""
    async with open_venue() as venue:
        assert await public(venue, "klines?symbol=BTCUSDT&interval=1m") == []
        day = await public(venue, "ticker/24hr?symbol=BTCUSDT")
        assert (day["lastPrice"], day["volume"], day["count"]) == ("59999.90", "0", 0)

        await venue.order(**MARKET, quantity="0.010")
        await venue.order(**MARKET, quantity="0.020", side="SELL")
        (candle,) = await public(venue, "klines?symbol=BTCUSDT&interval=1d")
        day = await public(venue, "ticker/24hr?symbol=BTCUSDT")

        assert candle[1:6] == ["60000.10", "60000.10", "59999.90", "59999.90", "0.030"]
        assert candle[6] - candle[0] == 86_400_000 - 1
        assert candle[7:] == ["1799.9990", 2, "0.010", "600.0010", "0"]
        assert (day["openPrice"], day["lastPrice"], day["priceChange"]) == ("60000.10", "59999.90", "-0.20")
        assert (day["volume"], day["quoteVolume"], day["count"]) == ("0.030", "1799.9990", 2)
        assert [one["count"] for one in await public(venue, "ticker/24hr")] == [2]
        assert (await public(venue, "klines?symbol=BTCUSDT&interval=7m"))["code"] == -1120


async def test_trades_candles_and_the_day_are_heard(open_venue: Any) -> None:
    """A single trade on the public socket, which the venue does not document; candle and day on the market's."""
    streams = "btcusdt@kline_1m/btcusdt@miniTicker"

    async with (
        open_venue() as venue,
        venue.listen("/public/ws/btcusdt@trade") as trades,
        venue.listen(f"/market/ws/{streams}") as market,
    ):
        await venue.order(**MARKET, quantity="0.010")
        trade, candle = await trades.hear(), (await market.hear_until("kline"))[-1]["k"]
        day = (await market.hear_until("24hrMiniTicker"))[-1]

        assert (trade["e"], trade["p"], trade["q"], trade["m"]) == ("trade", "60000.10", "0.010", False)
        assert (candle["i"], candle["o"], candle["v"], candle["n"], candle["x"]) == (
            "1m",
            "60000.10",
            "0.010",
            1,
            False,
        )
        assert (candle["f"], candle["L"]) == (trade["t"], trade["t"])
        assert (day["c"], day["v"], day["q"]) == ("60000.10", "0.010", "600.0010")


async def test_spot_wallet_is_empty_and_nothing_is_traded_on_margin(open_venue: Any) -> None:
    """Clients of both markets ask for the coins, signed, and for the pairs of the margin market, with a key."""
    async with open_venue() as venue:
        coins = await venue.ok("GET", "/sapi/v1/capital/config/getall")

        assert [(coin["coin"], coin["free"], coin["networkList"]) for coin in coins] == [
            ("BTC", "0", []),
            ("USDT", "0", []),
        ]

        headers = {"X-MBX-APIKEY": KEYS.api_key}

        assert (await venue.http.get("/sapi/v1/margin/allPairs", headers=headers)).json() == []
        assert (await venue.http.get("/sapi/v1/capital/config/getall", headers=headers)).status_code == 400
