"""The account: balance, positions, fees, the ledger, and what can be set."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import pytest

from perpmaker.model.income import IncomeKind
from perpmaker.model.position import MarginMode
from perpmaker.simulation.statement import Assets

from .conftest import LINEAR

pytestmark = pytest.mark.anyio

LOG, FILLS, POSITIONS = "/v5/account/transaction-log", "/v5/execution/list", "/v5/position/list"
LEVERAGE, MODE = "/v5/position/set-leverage", "/v5/position/switch-mode"
DAY_MS = 86_400_000


async def wallet(venue: Any) -> Any:
    """The account's row."""
    (row,) = (await venue.get("/v5/account/wallet-balance", accountType="UNIFIED"))["list"]

    return row


async def settle_funding(venue: Any, rate: str = "0.001") -> None:
    """Let funding be charged in a moment."""
    at_ms = venue.clock.utc_ms() + 100
    venue.market.set_mark(Decimal(60_000), funding_rate=Decimal(rate), next_funding_ms=at_ms)
    await anyio.sleep(0.3)


async def test_bybit_B9_a_loss_that_is_not_realised_is_counted_once(open_venue: Any) -> None:
    """`equity` and `usdValue` hold it already, and `walletBalance` does not."""
    async with open_venue() as venue:
        await venue.hold("0.100")
        venue.move_mark("58000")
        row = await wallet(venue)
        (coin,) = row["coin"]
        state = venue.sandbox.exchange.account("main")
        lost = Decimal(coin["unrealisedPnl"])

        assert lost == Decimal("-200.01")
        assert Decimal(coin["walletBalance"]) == state.wallet
        assert Decimal(coin["equity"]) == Decimal(coin["usdValue"]) == state.wallet + lost
        assert Decimal(row["totalMarginBalance"]) == state.equity
        assert Decimal(row["totalAvailableBalance"]) == state.available
        assert (coin["availableToWithdraw"], coin["spotBorrow"]) == ("", "0")


async def test_other_coins_are_collateral_at_what_they_count(open_venue: Any) -> None:
    """Each coin has a row, and totals are over all of them."""
    async with open_venue() as venue:
        assets = Assets(others={"USDC": (Decimal(500), Decimal("0.99"))}, multi_assets=True)
        venue.sandbox.exchange.set_assets("main", assets, venue.clock.utc_ms())
        row = await wallet(venue)

        assert [(coin["coin"], Decimal(coin["usdValue"])) for coin in row["coin"]] == [("USDT", 10_000), ("USDC", 495)]
        assert Decimal(row["totalAvailableBalance"]) == 10_495
        one = (await venue.get("/v5/account/wallet-balance", accountType="UNIFIED", coin="USDC"))["list"][0]
        assert [coin["coin"] for coin in one["coin"]] == ["USDC"]
        assert await venue.code("GET", "/v5/account/wallet-balance", accountType="SPOT") == 10001


async def test_positions_by_symbol_and_by_coin(open_venue: Any) -> None:
    """A flat one is shown to whoever names the market, for each index of the mode."""
    async with open_venue() as venue:
        (flat,) = (await venue.get(POSITIONS, **LINEAR))["list"]
        assert (flat["side"], flat["size"], flat["avgPrice"], flat["liqPrice"], flat["seq"]) == ("", "0", "0", "", -1)
        assert (await venue.get(POSITIONS, category="linear", settleCoin="USDT"))["list"] == []
        await venue.hold("0.010", "Sell")
        (held,) = (await venue.get(POSITIONS, category="linear", settleCoin="USDT"))["list"]
        assert (held["positionIdx"], held["side"], held["size"]) == (0, "Sell", "0.010")
        assert Decimal(held["avgPrice"]) == Decimal("59999.9")
        assert await venue.code("GET", POSITIONS, category="linear") == 10001


async def test_bybit_B12_the_row_of_a_flat_position_may_lack_what_is_of_no_interest(open_venue: Any) -> None:
    """By question and on the stream; one that is held has everything."""
    async with open_venue(lean_flat_rows=True) as venue, venue.listen_to_account("position") as ear:
        await venue.hold()
        await venue.hold(side="Sell", reduceOnly=True)
        held, flat = await ear.rows("position")

        for row, lacks in ((held, False), (flat, True), (await venue.position(), True)):
            assert ("seq" not in row) is ("isReduceOnly" not in row) is lacks
            assert {"symbol", "side", "size", "positionIdx"} <= set(row)


async def test_bybit_B5_a_position_says_that_it_is_newer_than_its_last_fill(open_venue: Any) -> None:
    """By a few milliseconds, and nothing more comes: the sequence is that of the fill."""
    async with open_venue() as venue:
        await venue.hold()
        (fill,) = (await venue.get(FILLS, **LINEAR))["list"]
        row = await venue.position()

        assert int(row["updatedTime"]) == int(fill["execTime"]) + 4
        assert row["seq"] == fill["seq"]


async def test_bybit_B11_executions_come_by_windows_and_pages(open_venue: Any) -> None:
    """An end alone means the week before it; pages may overlap; more than a week at once is refused."""
    async with open_venue(page_overlap=1) as venue:
        began_ms = venue.clock.utc_ms()

        for _ in range(5):
            await venue.hold("0.001")

        later_ms = began_ms + 8 * DAY_MS
        assert (await venue.get(FILLS, **LINEAR, endTime=later_ms, execType="Trade"))["list"] == []
        assert await venue.code("GET", FILLS, **LINEAR, startTime=began_ms, endTime=later_ms) == 10001
        cursor, seen, pages = None, [], 0

        while cursor != "":
            page = await venue.get(FILLS, **LINEAR, endTime=began_ms + DAY_MS, limit=2, cursor=cursor, execType="Trade")
            seen += [row["execId"] for row in page["list"]]
            cursor, pages = page["nextPageCursor"], pages + 1

        assert (len(set(seen)), len(seen) > 5, pages) == (5, True, 4)
        begin = (await venue.get(FILLS, **LINEAR, startTime=began_ms, execType="Trade"))["list"]
        assert {row["execId"] for row in begin} == set(seen)
        assert await venue.code("GET", FILLS, **LINEAR, cursor="none") == 10001


async def test_what_comes_meanwhile_moves_no_page(open_venue: Any) -> None:
    """A cursor goes on where its page ended."""
    async with open_venue() as venue:
        for _ in range(4):
            await venue.hold("0.001")

        first = await venue.get(FILLS, **LINEAR, limit=2)
        await venue.hold("0.002")
        second = await venue.get(FILLS, **LINEAR, limit=2, cursor=first["nextPageCursor"])

        assert [row["execQty"] for row in second["list"]] == ["0.001", "0.001"]
        assert not {row["execId"] for row in first["list"]} & {row["execId"] for row in second["list"]}


async def test_the_ledger_adds_up_to_the_wallet(open_venue: Any) -> None:
    """One row a trade with profit and fee; each with an id, and with the balance after it."""
    async with open_venue() as venue:
        await venue.hold("0.010")
        venue.move_mark("60500")
        await venue.hold("0.004", "Sell", reduceOnly=True)
        await settle_funding(venue)
        await venue.hold("0.020", "Sell")
        rows = (await venue.get(LOG, accountType="UNIFIED", category="linear", currency="USDT"))["list"]
        state = venue.sandbox.exchange.account("main")

        assert [row["type"] for row in rows] == ["TRADE", "SETTLEMENT", "TRADE", "TRADE", "TRANSFER_IN"]
        assert Decimal(rows[0]["cashBalance"]) == sum(Decimal(row["change"]) for row in rows) == state.wallet
        assert len({row["id"] for row in rows}) == 5

        for row in rows:
            parts = [Decimal(row[name] or 0) for name in ("cashFlow", "funding", "fee")]
            assert Decimal(row["change"]) == parts[0] + parts[1] - parts[2]

        trades = (await venue.get(LOG, category="linear", type="TRADE", limit=2))["list"]
        assert [row["qty"] for row in trades] == ["0.020", "0.004"]
        assert await venue.code("GET", LOG, category="linear", limit=51) == 10001


async def test_funding_is_a_row_of_each_list_with_opposite_signs(open_venue: Any) -> None:
    """Money in the ledger, a fee among the executions, on the stream, and no fill."""
    async with open_venue() as venue, venue.listen_to_account("execution", "wallet") as ear:
        await venue.hold("0.010")
        await ear.hear_all()
        await settle_funding(venue)
        messages = await ear.hear_all()
        (streamed,) = [one["data"][0] for one in messages if one["topic"] == "execution"]
        (asked,) = (await venue.get(FILLS, **LINEAR, execType="Funding"))["list"]
        (row,) = (await venue.get(LOG, category="linear", type="SETTLEMENT"))["list"]
        booked = [one.amount for one in venue.sandbox.exchange.income("main") if one.kind is IncomeKind.FUNDING]

        assert booked == [Decimal("-0.6")] == [Decimal(row["funding"])]
        assert Decimal(asked["execFee"]) == Decimal("0.6")
        assert (asked["orderLinkId"], asked["execPrice"], asked["execQty"]) == ("", "60000.00000000", "0.010")
        assert {**streamed, "markPrice": ""} == {**asked, "markPrice": ""}
        assert [one["topic"] for one in messages if one["topic"] == "wallet"] == ["wallet"]


async def test_leverage_is_set_once(open_venue: Any) -> None:
    """What is set already, what is no leverage, and what the market does not have are told apart."""
    async with open_venue() as venue:
        for buy, sell, code in (
            ("10", "10", 0),
            ("10.00", "10", 110043),
            ("5", "6", 10001),
            ("2.5", "2.5", 10001),
            ("126", "126", 10001),
        ):
            assert await venue.code("POST", LEVERAGE, **LINEAR, buyLeverage=buy, sellLeverage=sell) == code

        assert (await venue.position())["leverage"] == "10"


async def test_the_position_mode_is_read_off_the_rows(open_venue: Any) -> None:
    """One-way has index 0, Hedge 1 and 2; an order or a position holds it."""
    async with open_venue() as venue:
        assert await venue.code("POST", MODE, **LINEAR, mode=0) == 110025
        assert await venue.code("POST", MODE, category="linear", coin="USDT", mode=3) == 0
        assert [row["positionIdx"] for row in (await venue.get(POSITIONS, **LINEAR))["list"]] == [1, 2]
        assert await venue.code("POST", MODE, **LINEAR, mode=1) == 10001
        placed = await venue.order(positionIdx=1)
        assert await venue.code("POST", MODE, **LINEAR, mode=0) == 110028
        await venue.post("/v5/order/cancel", **LINEAR, orderId=placed["orderId"])
        await venue.hold(positionIdx=1)
        assert await venue.code("POST", MODE, **LINEAR, mode=0) == 110024


async def test_the_margin_mode_is_the_accounts(open_venue: Any) -> None:
    """It is read, and a person changes it."""
    async with open_venue() as venue:
        assert (await venue.get("/v5/account/info"))["marginMode"] == "REGULAR_MARGIN"
        venue.sandbox.exchange.set_margin_mode("main", MarginMode.ISOLATED, venue.clock.utc_ms())
        assert (await venue.get("/v5/account/info"))["marginMode"] == "ISOLATED_MARGIN"


async def test_fees_and_the_key_are_described(open_venue: Any) -> None:
    """What the key may do is as it is set."""
    async with open_venue(withdrawals=True, read_only=True, ip_restricted=False) as venue:
        (fees,) = (await venue.get("/v5/account/fee-rate", **LINEAR))["list"]
        key = await venue.get("/v5/user/query-api")

        assert (fees["makerFeeRate"], fees["takerFeeRate"]) == ("0.0002", "0.0005")
        assert (key["readOnly"], key["ips"]) == (1, ["*"])
        assert key["permissions"]["ContractTrade"] == ["Order", "Position"]
        assert "Withdraw" in key["permissions"]["Wallet"]


async def test_a_liquidation_is_told_as_what_it_is(open_venue: Any) -> None:
    """Our orders go first, and the fill is of no order of ours; the ledger still adds up."""
    async with open_venue() as venue, venue.listen_to_account("order", "execution") as ear:
        await venue.hold("3.000")
        await venue.order(price="50000.0", orderLinkId="mm-1")
        await ear.hear_all()
        venue.move_mark("56500")
        await anyio.sleep(0.2)
        messages = await ear.hear_all()
        orders = [one["data"][0] for one in messages if one["topic"] == "order"]
        fills = [one["data"][0] for one in messages if one["topic"] == "execution"]

        assert (orders[0]["orderLinkId"], orders[0]["cancelType"]) == ("mm-1", "CancelAllBeforeLiq")
        assert {(row["execType"], row["orderLinkId"], row["createType"]) for row in fills} == {
            ("BustTrade", "", "CreateByLiq")
        }
        assert (await venue.position())["size"] == "0"
        rows = (await venue.get(LOG, category="linear"))["list"]
        assert Decimal(rows[0]["cashBalance"]) == venue.sandbox.exchange.account("main").wallet
        assert rows[0]["type"] == "LIQUIDATION"
