"""What the Indexer knows of the account: balance, positions, fills, funding; all by blocks, some of it late."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest

from perpmaker.model.income import IncomeKind
from perpmaker.model.order import Side
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.sandbox.accounts import KEYS

pytestmark = pytest.mark.anyio

ACCOUNT = "main"
NAMESPACE = UUID("0f9da948-a6fb-4c45-9edc-4685c3f3317d")
JUST_BEFORE_MS = 1_767_225_600_000 + 3_590_000
"""Ten seconds before an hour is full."""


async def subaccount(venue: Any) -> Any:
    """The account as the Indexer answers it."""
    return (await venue.get(f"addresses/{KEYS.api_key}/subaccountNumber/0"))["subaccount"]


async def trade(venue: Any, side: int, lots: int, price: int) -> None:
    """Trade at exactly a price."""
    venue.market.set_ladder([(price, 10_000)], [(price + 1, 10_000)])

    if side == tx.BUY:
        venue.market.set_ladder([(price - 1, 10_000)], [(price, 10_000)])

    await venue.ok(await venue.quote(client_id=venue.nonce % 2**31, side=side, lots=lots, price=price, time_in_force=1))
    await venue.pass_blocks()


async def test_dydx_D4_the_entry_price_is_the_average_of_all_that_was_opened(open_venue: Any) -> None:
    """Closes never reduce it, so that after one it is no price of what is held: 106.67 where 110 was paid."""
    async with open_venue() as venue:
        await trade(venue, tx.BUY, 10, 100)
        await trade(venue, tx.SELL, 5, 110)
        await trade(venue, tx.BUY, 5, 120)
        (position,) = (await venue.of_account("perpetualPositions", status="OPEN"))["positions"]

        assert round(Decimal(position["entryPrice"]), 2) == Decimal("106.67")
        assert (position["sumOpen"], position["sumClose"], position["exitPrice"]) == ("0.0015", "0.0005", "110")
        assert venue.sandbox.exchange.account(ACCOUNT).positions[0].entry == 110


async def test_the_balance_is_what_is_left_after_positions_were_paid(open_venue: Any) -> None:
    """Equity adds them at the oracle price; what is free takes no notice of a leverage that was set."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        venue.sandbox.exchange.set_leverage(ACCOUNT, 5, 0)
        await venue.hold(lots=3000)
        told = (await account.until(lambda one: "assetPositions" in one["contents"]))["contents"]
        row, state = await subaccount(venue), venue.sandbox.exchange.account(ACCOUNT)
        paid = sum(one.price * one.amount for one in venue.sandbox.exchange.executions(ACCOUNT))
        (asset,) = told["assetPositions"]

        assert (asset["side"], Decimal(asset["size"])) == ("SHORT", paid - state.wallet)
        assert row["assetPositions"]["USDC"]["size"] == asset["size"]
        assert Decimal(row["equity"]) == state.equity
        assert Decimal(row["freeCollateral"]) == state.equity - Decimal("0.3") * 60_000 / 50
        assert told["perpetualPositions"][0]["size"] == row["openPerpetualPositions"]["BTC-USD"]["size"] == "0.3"


async def test_a_position_that_turns_is_two(open_venue: Any) -> None:
    """The old one is closed; the fill counts whole for the new one, which is short, and has a negative size."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await trade(venue, tx.BUY, 10, 100)
        await account.order("FILLED")
        await trade(venue, tx.SELL, 30, 110)
        told = (await account.order("FILLED"))["contents"]["perpetualPositions"]
        new, old = (await venue.of_account("perpetualPositions"))["positions"]

        assert (old["status"], old["side"], old["sumClose"], old["size"]) == ("CLOSED", "LONG", "0", "0")
        assert (new["status"], new["side"], new["size"], new["entryPrice"]) == ("OPEN", "SHORT", "-0.002", "110")
        assert new["sumOpen"] == "0.003"
        assert [row["status"] for row in told] == ["CLOSED", "OPEN"]


async def test_fills_bear_the_names_of_their_match(open_venue: Any) -> None:
    """That of the block, the transaction and the place in it, which is the name of the public trade as well."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.hold()
        told = (await account.until(lambda one: "fills" in one["contents"]))["contents"]["fills"][0]
        (fill,) = (await venue.of_account("fills"))["fills"]
        (trade_row,) = (await venue.get("trades/perpetualMarket/BTC-USD"))["trades"]
        event = told["eventId"]

        assert event == trade_row["id"] == f"{int(fill['createdAtHeight']):08x}0000000200000001"
        assert fill["id"] == told["id"] == str(uuid5(NAMESPACE, f"{event}-TAKER"))
        assert fill["createdAt"] == told["createdAt"]
        assert (fill["market"], fill["subaccountNumber"], told["ticker"]) == ("BTC-USD", 0, "BTC-USD")
        assert "eventId" not in fill
        assert Decimal(fill["fee"]) == venue.sandbox.exchange.executions(ACCOUNT)[0].fee


async def test_fills_are_asked_for_by_height_time_and_page(open_venue: Any) -> None:
    """Newest first, until a height or a time, so many at once."""
    async with open_venue() as venue:
        for _ in range(3):
            await venue.hold()

        rows = (await venue.of_account("fills"))["fills"]
        heights = [int(row["createdAtHeight"]) for row in rows]
        until = (await venue.of_account("fills", createdBeforeOrAtHeight=heights[1]))["fills"]
        before = (await venue.of_account("fills", createdBeforeOrAt=rows[2]["createdAt"]))["fills"]
        page = await venue.of_account("fills", limit=1, page=2)
        refused = await venue.http.get(f"/v4/fills?address={KEYS.api_key}&subaccountNumber=0&market=BTC-USD")

        assert heights == sorted(heights, reverse=True)
        assert (until, before) == (rows[1:], rows[2:])
        assert (page["fills"], page["totalResults"], page["offset"]) == (rows[1:2], 3, 1)
        assert refused.status_code == 400


async def test_funding_is_listed_late_and_in_the_balance_at_once(open_venue: Any) -> None:
    """Paid each hour by the position, without an id, and the stream says nothing before the account is touched."""
    async with open_venue(epoch_ms=JUST_BEFORE_MS, funding_late_s=60) as venue, venue.listen_to_account() as account:
        await venue.hold()
        await account.drain(2)
        before = Decimal((await subaccount(venue))["assetPositions"]["USDC"]["size"])

        assert not [one for one in await account.drain(10) if "assetPositions" in one["contents"]]
        after = Decimal((await subaccount(venue))["assetPositions"]["USDC"]["size"])
        assert (await venue.of_account("fundingPayments"))["fundingPayments"] == []
        await account.drain(60)
        (payment,) = (await venue.of_account("fundingPayments"))["fundingPayments"]

        assert Decimal(payment["payment"]) == -Decimal("0.001") * 60_000 * Decimal("0.0001") == after - before
        assert (payment["size"], payment["side"], payment["rate"]) == ("0.001", "LONG", "0.0001")
        assert "id" not in payment
        await venue.hold()
        await account.until(lambda one: "assetPositions" in one["contents"])


async def test_a_liquidation_is_told_as_forced(open_venue: Any) -> None:
    """Its fill has no order, and as its fee what the insurance fund took or paid; what rests is gone."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.ok(await venue.quote(price=40_000))
        await venue.hold(lots=8_000)
        before = len(venue.sandbox.exchange.income(ACCOUNT))
        venue.market.set_ladder([(47_000, 100_000)], [(47_001, 1000)])
        venue.market.set_mark(Decimal(47_000))
        (removed,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]
        forced = await account.until(
            lambda one: any(f["type"] == "LIQUIDATED" for f in one["contents"].get("fills", ()))
        )

        assert removed["clientId"] == "1"
        (fill,) = forced["contents"]["fills"]
        booked = venue.sandbox.exchange.income(ACCOUNT)[before:]
        assert IncomeKind.INSURANCE in {one.kind for one in booked}
        assert "orderId" not in fill
        assert Decimal(fill["fee"]) == -sum(one.amount for one in booked if one.kind is not IncomeKind.REALIZED)
        assert (await venue.of_account("fills"))["fills"][0]["fee"] == fill["fee"]
        assert "orders" not in forced["contents"]


async def test_a_transfer_is_told(open_venue: Any) -> None:
    """What a person moves in or out."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        venue.sandbox.exchange.transfer(ACCOUNT, Decimal(-100), venue.clock.utc_ms())
        told = (await account.until(lambda one: "transfers" in one["contents"]))["contents"]["transfers"]

        assert (told["type"], told["size"], told["symbol"]) == ("WITHDRAWAL", "100", "USDC")
        assert (await subaccount(venue))["equity"] == "9900"


async def test_a_persons_order_is_one_of_the_chain(open_venue: Any) -> None:
    """It is long-term and has a number; at market it takes at once."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        token = {"Authorization": f"Bearer {venue.sandbox.line.control_token}"}
        body = {"do": "place", "side": "buy", "amount": "0.01", "price": "59000", "client_id": "byHand-1"}
        await venue.http.post("/_ctl/account", json=body, headers=token)
        (row,) = (await account.order("OPEN"))["contents"]["orders"]
        assert (row["orderFlags"], row["clientMetadata"], row["size"]) == ("64", "0", "0.01")
        await venue.http.post("/_ctl/account", json={"do": "place", "side": "buy", "amount": "0.01"}, headers=token)
        assert (await account.order("FILLED"))["contents"]["fills"][0]["liquidity"] == "TAKER"


async def test_an_account_that_was_never_funded_is_not_there(open_venue: Any) -> None:
    """404 for what is asked, an empty beginning for who subscribes, nothing in lists."""
    async with open_venue() as venue, venue.listen() as ear:
        stranger = "dydx14zzueazeh0hj67cghhf9jypslcf9sh2n5k6art"
        assert (await venue.http.get(f"/v4/addresses/{stranger}/subaccountNumber/0")).status_code == 404
        assert (await venue.http.get(f"/v4/addresses/{stranger}")).status_code == 404
        assert await venue.get("orders", address=stranger, subaccountNumber=0) == []
        assert (await ear.subscribe("v4_subaccounts", f"{stranger}/0"))["contents"] == {}


async def test_dydx_D3_a_resting_quote_may_be_hit_by_a_liquidation(open_venue: Any) -> None:
    """The type says whose, the order that it is ours."""
    async with open_venue(maker_fill_type="LIQUIDATION") as venue, venue.listen_to_account() as account:
        await venue.ok(await venue.quote(price=60_000))
        venue.market.take(Side.SELL, 4)
        (fill,) = (await account.until(lambda one: "fills" in one["contents"]))["contents"]["fills"]

        assert (fill["type"], fill["liquidity"], "orderId" in fill) == ("LIQUIDATION", "MAKER", True)


async def test_dydx_D5_the_height_is_ahead_of_the_rows(open_venue: Any) -> None:
    """Rows are those of four blocks ago: a fill that is in the chain is in no answer, and no height tells."""
    async with open_venue(replica_lag=4) as venue:
        await venue.pass_blocks(6)
        await venue.hold()
        height = await venue.height()
        row = await subaccount(venue)

        assert int(row["latestProcessedBlockHeight"]) == height
        assert row["openPerpetualPositions"] == {}
        assert (await venue.of_account("fills"))["fills"] == []
        await venue.pass_blocks(5)
        (fill,) = (await venue.of_account("fills"))["fills"]
        assert int(fill["createdAtHeight"]) == height
        assert (await subaccount(venue))["openPerpetualPositions"]


async def test_dydx_D1_the_indexer_may_begin_to_lag(open_venue: Any) -> None:
    """From a block on everything that is asked is as it was long before, and the stream goes on."""
    async with open_venue(replica_lag=120, replica_lag_after=10) as venue, venue.listen_to_account() as account:
        await venue.hold()
        assert (await venue.of_account("fills"))["fills"]
        await venue.pass_blocks(10)
        await venue.hold()
        await account.until(lambda one: "fills" in one["contents"])

        assert (await venue.of_account("fills"))["fills"] == []
        assert await venue.of_account("orders") == []


async def test_dydx_D6_orders_outlive_their_seconds_while_the_chain_stands_still(open_venue: Any, make: Any) -> None:
    """No block, no end: what rests is matched at its old price, and told once the chain goes on."""
    async with open_venue(halt_after=4, halt_s=120) as venue, venue.listen_to_account() as account:
        await venue.pass_blocks(3)
        await venue.ok(await venue.quote(price=60_000))
        await venue.pass_blocks()
        height = await venue.height()
        await account.drain(60)
        venue.market.set_ladder([(56_999, 1000)], [(57_000, 1000)])
        await account.drain(50)

        assert await venue.height() == height
        assert len(await venue.of_account("orders", status="BEST_EFFORT_OPENED")) == 1
        late = make.order(client_id=2, flags=tx.LONG_TERM, time_in_force=0, good_til_time=1_767_225_900)
        assert await venue.send(late) == ("sdk", 32)  # a nonce of now is far from the newest block's time
        filled = await account.until(lambda one: "fills" in one["contents"])
        assert int(filled["contents"]["blockHeight"]) == height + 1
        assert filled["contents"]["fills"][0]["price"] == "60000"
