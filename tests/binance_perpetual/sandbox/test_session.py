"""Whole sessions over the wire: authentication, limits, lag, settings and the account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.wire.http import open_client
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.sandbox import dialect
from perpmaker_binance_perpetual.sandbox.signing import KEYS

pytestmark = pytest.mark.anyio

ORDER = "/fapi/v1/order"
MARKET = {"type": "MARKET", "timeInForce": None, "price": None}


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Limits and lags pass: virtual time."""
    return virtual_time


async def test_keys_are_refused_with_401_in_json(open_venue: Any) -> None:
    """No key and a foreign key; a listenKey needs the header and nothing else."""
    async with open_venue() as venue:
        for headers, code in (({}, -2014), ({"X-MBX-APIKEY": "somebody"}, -2015)):
            for method, path in (("POST", "/fapi/v1/listenKey"), ("GET", "/fapi/v3/account")):
                response = await venue.http.request(method, path, headers=headers)

                assert (response.status_code, response.json()["code"]) == (401, code)
                assert response.headers["content-type"] == "application/json"

        headers = {"X-MBX-APIKEY": KEYS.ed25519_api_key}

        assert len((await venue.http.post("/fapi/v1/listenKey", headers=headers)).json()["listenKey"]) == 64
        assert (await venue.http.put("/fapi/v1/listenKey", headers=headers)).status_code == 200
        assert (await venue.http.delete("/fapi/v1/listenKey", headers=headers)).json() == {}
        assert (await venue.http.put("/fapi/v1/listenKey", headers=headers)).json()["code"] == -1125


async def test_venues_clock_may_run_ahead(open_venue: Any) -> None:
    """With an offset, requests are measured and answers stamped by the venue's clock."""
    async with open_venue(server_time_offset_ms=1520) as venue:
        server_ms = (await venue.http.get("/fapi/v1/time")).json()["serverTime"]
        placed = await venue.order()

        assert server_ms == venue.clock.utc_ms() + 1520
        assert placed["updateTime"] == server_ms
        assert await venue.ok("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", startTime=server_ms + 1) == []
        assert len(await venue.ok("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", startTime=server_ms)) == 1


async def test_limits_are_served_with_headers(open_venue: Any, order_of: Any) -> None:
    """Weight and order counts stand in the headers; past them comes 429 with Retry-After, and cancels cost none."""
    async with open_venue(orders_10s=2, weight_1m=200) as venue:
        response = await venue.call("POST", ORDER, **order_of(newClientOrderId="a"))

        assert response.headers["x-mbx-order-count-10s"] == "1"
        assert response.headers["x-mbx-used-weight-1m"] == "0"

        await venue.order(newClientOrderId="b")
        refused = await venue.call("POST", ORDER, **order_of())

        assert (refused.status_code, refused.json()["code"]) == (429, -1015)
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert (await venue.ok("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="a"))["status"] == "CANCELED"

        statuses = [(await venue.call("GET", "/fapi/v1/positionSide/dual")).status_code for _ in range(7)]

        assert statuses == [200] * 6 + [429]


async def test_read_lag_shows_the_account_as_it_was(open_venue: Any) -> None:
    """Queries run behind matching by read_lag_ms; cancels do not."""
    async with open_venue(read_lag_ms=500) as venue:
        await venue.order(newClientOrderId="pm-1")
        name = {"symbol": "BTCUSDT", "origClientOrderId": "pm-1"}

        assert await venue.code("GET", ORDER, **name) == -2013
        assert await venue.ok("GET", "/fapi/v1/openOrders") == []

        await anyio.sleep(0.6)

        assert (await venue.ok("GET", ORDER, **name))["status"] == "NEW"

        await venue.ok("DELETE", ORDER, **name)
        await venue.order(**MARKET)

        assert (await venue.ok("GET", ORDER, **name))["status"] == "NEW"
        assert len(await venue.ok("GET", "/fapi/v1/openOrders")) == 1
        assert await venue.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT") == []
        assert (await venue.ok("GET", "/fapi/v3/balance"))[0]["balance"] == "10000"

        await anyio.sleep(0.6)

        assert (await venue.ok("GET", ORDER, **name))["status"] == "CANCELED"
        assert len(await venue.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")) == 1
        assert Decimal((await venue.ok("GET", "/fapi/v3/balance"))[0]["balance"]) < 10_000


async def test_new_order_may_hide_for_a_moment(open_venue: Any) -> None:
    """With hidden_for_ms a query right after placement says -2013, although the order is live."""
    async with open_venue(hidden_for_ms=300) as venue:
        placed = await venue.order()

        assert await venue.code("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"]) == -2013

        await anyio.sleep(0.4)

        assert (await venue.ok("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"]))["status"] == "NEW"


async def test_late_matching_checks_the_window_once_more(open_venue: Any, order_of: Any) -> None:
    """A command that reaches the engine after its window is refused with -5028, unless the engine does not look."""
    async with open_venue(late_match_ms=3000) as venue:
        assert await venue.code("POST", ORDER, **order_of(recvWindow=2000)) == -5028
        assert (await venue.order(recvWindow=4000))["status"] == "NEW"

    async with open_venue(late_match_ms=3000, checks_window_at_match=False) as venue:
        assert (await venue.order(recvWindow=2000))["status"] == "NEW"


async def test_settings_are_set_and_read_back(open_venue: Any) -> None:
    """Leverage, margin type and position mode: the same again is success, -4046 and -4059."""
    async with open_venue() as venue:
        leverage = {"symbol": "BTCUSDT", "leverage": 3}

        for _ in range(2):
            assert (await venue.ok("POST", "/fapi/v1/leverage", **leverage))["leverage"] == 3

        assert await venue.code("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=126) == -4028
        assert await venue.code("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="CROSSED") == -4046
        assert await venue.code("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false") == -4059
        assert await venue.code("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="false") == -4171

        await venue.ok("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
        await venue.ok("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
        (config,) = await venue.ok("GET", "/fapi/v1/symbolConfig", symbol="BTCUSDT")

        assert (config["leverage"], config["marginType"]) == (3, "ISOLATED")
        assert (await venue.ok("GET", "/fapi/v1/accountConfig"))["dualSidePosition"] is True
        assert await venue.ok("GET", "/fapi/v1/positionSide/dual") == {"dualSidePosition": True}


async def test_account_lists_what_it_holds(open_venue: Any) -> None:
    """Positions come only where there is one or an open order acts on it; risk rows carry no leverage."""
    async with open_venue() as venue:
        assert await venue.ok("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT") == []

        await venue.order()
        (resting,) = await venue.ok("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")

        assert (resting["positionSide"], resting["positionAmt"]) == ("BOTH", "0.000")
        assert resting["bidNotional"] == "590.0000"
        assert "leverage" not in resting

        await venue.order(**MARKET)
        account = await venue.ok("GET", "/fapi/v3/account")
        (balance,) = await venue.ok("GET", "/fapi/v3/balance")
        older = await venue.ok("GET", "/fapi/v2/account")

        assert [position["positionAmt"] for position in account["positions"]] == ["0.010"]
        assert account["totalWalletBalance"] == account["assets"][0]["walletBalance"] == balance["balance"]
        assert Decimal(balance["availableBalance"]) < Decimal(balance["balance"])
        assert older["positions"][0]["leverage"] == "20"


async def test_rates_tiers_and_permissions(open_venue: Any) -> None:
    """Fee rates are text, tiers are JSON numbers, and the key may trade and not withdraw."""
    async with open_venue() as venue:
        rates = await venue.ok("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")
        (tiers,) = await venue.ok("GET", "/fapi/v1/leverageBracket", symbol="BTCUSDT")
        key = await venue.ok("GET", "/sapi/v1/account/apiRestrictions")
        limits = await venue.ok("GET", "/fapi/v1/rateLimit/order")

        assert (rates["makerCommissionRate"], rates["takerCommissionRate"]) == ("0.0002", "0.0005")
        assert tiers["brackets"][1] == {
            "bracket": 2,
            "initialLeverage": 100,
            "notionalCap": 500_000,
            "notionalFloor": 50_000,
            "maintMarginRatio": 0.005,
            "cum": 50.0,
        }
        assert (key["enableReading"], key["enableFutures"], key["enableWithdrawals"]) == (True, True, False)
        assert [row["limit"] for row in limits] == [300, 1200]


async def test_markets_are_listed_with_their_filters(open_venue: Any) -> None:
    """The perpetual stands beside a delivery contract of the same pair; precision is not the tick."""
    async with open_venue() as venue:
        info = (await venue.http.get("/fapi/v1/exchangeInfo")).json()
        market = next(row for row in info["symbols"] if row["symbol"] == "BTCUSDT")
        filters = {row["filterType"]: row for row in market["filters"]}

        assert {row["pair"] for row in info["symbols"]} == {"BTCUSDT"}
        assert (market["contractType"], market["status"], market["pricePrecision"]) == ("PERPETUAL", "TRADING", 2)
        assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
        assert filters["LOT_SIZE"]["stepSize"] == "0.001"
        assert filters["MIN_NOTIONAL"]["notional"] == "50"
        assert filters["PERCENT_PRICE"]["multiplierUp"] == "1.05"


@pytest.mark.parametrize(
    "options",
    [
        {"surprise": 1},
        {"read_lag_ms": -1},
        {"listen_key_life_s": 0},
        *(pytest.param(one, marks=pytest.mark.full) for one in ({"late_match_ms": "soon"},)),
    ],
    ids=str,
)
def test_option_that_cannot_be_is_named(options: dict[str, Any]) -> None:
    """An unknown option and an impossible value are refused by name."""
    from perpmaker.venue.sandbox import parse_options  # noqa: PLC0415
    from perpmaker_binance_perpetual.sandbox.options import Options  # noqa: PLC0415

    with pytest.raises(ValueError, match=next(iter(options))):
        parse_options(options, Options)


async def test_same_seed_is_the_same_session() -> None:
    """Two sandboxes of one seed serve the same book at the same moment, to the byte."""
    books = [await _book(seed) for seed in (7, 7, 8)]

    assert books[0] == books[1]
    assert books[0] != books[2]


async def _book(seed: int) -> bytes:
    network = MemoryNetwork()
    listener = await network.listen()
    settings = SandboxSettings(venue="binance_perpetual", seed=seed)

    async with (
        open_sandbox(dialect(), settings, clock=LoopClock(), listener=listener) as sandbox,
        open_client(network.connect, sandbox.line.url) as http,
    ):
        await anyio.sleep(3.2)

        return bytes((await http.get("/fapi/v1/depth?symbol=BTCUSDT&limit=20")).content)
