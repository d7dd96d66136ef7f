"""The Indexer's WebSocket: what is subscribed and how, what comes, and in which order it may come."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import anyio
import pytest

from perpmaker.model.order import Side

pytestmark = pytest.mark.anyio


async def test_messages_are_numbered_by_connection(open_venue: Any) -> None:
    """From 0 on, each by one, whatever it is."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.subscribe("v4_block_height")
        await ear.say("unsubscribe", "v4_block_height")
        await ear.say("subscribe", "v4_nothing")
        await ear.drain(1)

        assert [one["message_id"] for one in ear.heard] == list(range(len(ear.heard)))
        assert len({one["connection_id"] for one in ear.heard}) == 1


async def test_what_makes_no_sense_is_an_error(open_venue: Any) -> None:
    """In the venue's words; a ping is not answered."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.socket.send("{")
        await ear.socket.send("{}")
        await ear.socket.send('{"type":"ping"}')
        await ear.say("subscribe", "v4_candles", "BTC-USD/1MIN")
        await ear.say("subscribe", "v4_orderbook")
        await ear.say("subscribe", "v4_orderbook", "NO-USD")
        await ear.subscribe("v4_trades", "BTC-USD")
        await ear.say("subscribe", "v4_trades", "BTC-USD")
        await ear.say("subscribe", "v4_trades", "BTC-USD")
        await ear.drain(0.2)
        texts = [one["message"] for one in ear.heard if one["type"] == "error"]

        assert texts == [
            "Invalid message: could not parse",
            "Invalid message: type is required",
            "Invalid channel: v4_candles",
            "Invalid id: undefined",
            "Invalid subscription id for channel: (v4_orderbook-NO-USD)",
            "Invalid subscribe message: already subscribed (v4_trades-BTC-USD)",
            "Rate limited",
        ]


async def test_the_book_begins_whole_and_changes_by_levels(open_venue: Any) -> None:
    """One side and one level each; 0 removes; in batches as a list."""
    async with open_venue() as venue, venue.listen() as single, venue.listen() as batched:
        first = await single.subscribe("v4_orderbook", "BTC-USD")
        await batched.subscribe("v4_orderbook", "BTC-USD", batched=True)
        await venue.ok(await venue.quote(price=60_000))
        venue.market.take(Side.SELL, 10, 60_000)
        heard = [await single.hear(), await single.hear()]
        batch = await batched.hear()

        assert first["contents"]["bids"][0] == {"price": "59999", "size": "0.1"}
        assert [one["contents"] for one in heard] == [{"bids": [["60000", "0.001"]]}, {"bids": [["60000", "0"]]}]
        assert (heard[0]["type"], heard[0]["id"], heard[0]["version"]) == ("channel_data", "BTC-USD", "1.0.0")
        assert batch["type"] == "channel_batch_data"
        assert batch["contents"] == [one["contents"] for one in heard]


async def test_the_book_may_be_shown_crossed(open_venue: Any) -> None:
    """A level that is gone is told late, and until then stands on the wrong side of newer ones."""
    async with open_venue(crossed_ms=700) as venue, venue.listen() as ear:
        await ear.subscribe("v4_orderbook", "BTC-USD")
        venue.market.set_ladder([(60_005, 10)], [(60_006, 10)])
        heard = [one["contents"] for one in await ear.drain(0.5)]

        assert {"bids": [["60005", "0.001"]]} in heard
        assert not any(level[1] == "0" for one in heard for side in one.values() for level in side)
        late = [one["contents"] for one in await ear.drain(1)]
        assert {"asks": [["60001", "0"]]} in late


async def test_trades_come_with_their_block(open_venue: Any) -> None:
    """Once each, the taker's side, oldest first."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.subscribe("v4_trades", "BTC-USD")
        venue.market.take(Side.BUY, 7)
        venue.market.take(Side.SELL, 8)
        trades = [(await ear.hear())["contents"]["trades"][0] for _ in range(2)]

        assert [(one["side"], one["size"], one["price"]) for one in trades] == [
            ("BUY", "0.0007", "60001"),
            ("SELL", "0.0008", "59999"),
        ]
        assert trades[0]["id"] < trades[1]["id"]


async def test_markets_are_told_without_an_id(open_venue: Any) -> None:
    """The oracle price with the block that has it; one who names a market hears nothing after the beginning."""
    async with open_venue() as venue, venue.listen() as right, venue.listen() as wrong:
        whole = await right.subscribe("v4_markets")
        await wrong.subscribe("v4_markets", "BTC-USD")
        await anyio.sleep(1)
        await right.drain(0.01)
        venue.market.set_mark(Decimal("60010.5"), funding_rate=Decimal("0.0002"))
        told = await right.until(lambda one: "oraclePrices" in one["contents"])

        assert whole["contents"]["markets"]["BTC-USD"]["oraclePrice"] == "60000"
        assert "id" not in told
        assert told["contents"]["oraclePrices"]["BTC-USD"]["oraclePrice"] == "60010.5"
        assert told["contents"]["trading"]["BTC-USD"]["nextFundingRate"] == "0.0002"
        assert [one for one in await wrong.drain(2) if one["type"] == "channel_data"] == []


async def test_a_market_may_close_while_it_is_traded(open_venue: Any, make: Any) -> None:
    """Told with the block from which it is so, which ends every order."""
    closing = {"market_status": "FINAL_SETTLEMENT", "market_status_after": 4}

    async with open_venue(**closing) as venue, venue.listen() as ear, venue.listen_to_account() as account:
        await ear.subscribe("v4_markets")
        await venue.ok(await venue.quote())
        await venue.ok(make.order(client_id=2, flags=64, time_in_force=0, good_til_time=1_767_225_900))
        told = await ear.until(lambda one: _status(one) == "FINAL_SETTLEMENT")
        ended = [(await account.order("CANCELED"))["contents"]["orders"][0] for _ in range(2)]

        assert told["contents"]["trading"]["BTC-USD"]["status"] == "FINAL_SETTLEMENT"
        assert {row["removalReason"] for row in ended} == {"ORDER_REMOVAL_REASON_FINAL_SETTLEMENT"}
        assert venue.sandbox.exchange.open_orders("main") == ()


async def test_every_block_is_told(open_venue: Any) -> None:
    """Under another name than at the beginning."""
    async with open_venue() as venue, venue.listen() as ear:
        first = await ear.subscribe("v4_block_height")
        heard = [await ear.hear() for _ in range(3)]
        height = int(first["contents"]["height"])

        assert [int(one["contents"]["blockHeight"]) for one in heard] == [height + 1, height + 2, height + 3]
        assert {one["id"] for one in heard} == {"v4_block_height"}


async def test_the_account_begins_with_what_is_open(open_venue: Any, make: Any) -> None:
    """With the orders that nodes have, and the account as of the newest block."""
    async with open_venue() as venue, venue.listen() as ear:
        await venue.ok(await venue.quote())
        await venue.ok(make.order(client_id=2, flags=64, time_in_force=0, good_til_time=1_767_225_900))
        await venue.pass_blocks()
        begun = (await ear.subscribe("v4_subaccounts", f"{make.order_id().subaccount.owner}/0"))["contents"]

        assert {row["status"] for row in begun["orders"]} == {"BEST_EFFORT_OPENED", "OPEN"}
        assert begun["subaccount"]["equity"] == "10000"
        assert begun["blockHeight"] == str(await venue.height())


async def test_updates_between_the_snapshot_and_the_subscription_are_lost(open_venue: Any) -> None:
    """With a lag set, what happens meanwhile is in neither, and the answer has an older number than what came."""
    async with open_venue(subscribe_lag_ms=300) as venue, venue.listen() as ear:
        await ear.subscribe("v4_block_height")
        await ear.say("subscribe", "v4_orderbook", "BTC-USD")
        await anyio.sleep(0.1)
        await venue.ok(await venue.quote(price=60_000))
        begun = await ear.until(lambda one: one["type"] == "subscribed" and one["channel"] == "v4_orderbook")
        told = [one for one in await ear.drain(1) if one.get("channel") == "v4_orderbook"]
        numbers = [one["message_id"] for one in ear.heard]

        assert begun["contents"]["bids"][0]["price"] == "59999"
        assert told == []
        assert sorted(numbers) == list(range(len(numbers)))


async def test_what_nodes_and_what_blocks_say_may_overtake_each_other(open_venue: Any) -> None:
    """With a race set, for some seed a fill is told before its order was opened; each once all the same."""
    orders = []

    for seed in range(12):
        async with open_venue(race_ms=1500, seed=seed) as venue, venue.listen_to_account() as ear:
            await venue.ok(await venue.quote(price=60_001, time_in_force=0))
            heard = [one["contents"] for one in await ear.drain(6)]
            kinds = ["fill" if "fills" in one else one["orders"][0]["status"] for one in heard if "orders" in one]
            assert sorted(kinds) == ["BEST_EFFORT_OPENED", "fill"]
            orders.append(kinds)

    assert ["fill", "BEST_EFFORT_OPENED"] in orders
    assert ["BEST_EFFORT_OPENED", "fill"] in orders


async def test_a_removal_may_be_told_before_the_opening(open_venue: Any, make: Any) -> None:
    """Of an order that is cancelled at once."""
    async with open_venue(cancels_first=True) as venue, venue.listen_to_account() as ear:
        quote = await venue.quote()
        await venue.ok(quote)
        await venue.ok(make.cancel(good_til_block=quote.order.good_til_block))
        statuses = [row["status"] for one in await ear.drain(1) for row in make.orders_of(one)]

        assert statuses == ["BEST_EFFORT_CANCELED", "BEST_EFFORT_OPENED"]


async def test_dydx_D11_a_channel_that_was_just_left_cannot_be_had_again_at_once(open_venue: Any) -> None:
    """An error in place of a beginning; a while later it can."""
    async with open_venue() as venue, venue.listen() as ear:
        await ear.subscribe("v4_orderbook", "BTC-USD")
        await ear.say("unsubscribe", "v4_orderbook", "BTC-USD")
        assert (await ear.subscribe("v4_orderbook", "BTC-USD"))["type"] == "error"
        await anyio.sleep(1.1)
        assert (await ear.subscribe("v4_orderbook", "BTC-USD"))["type"] == "subscribed"


async def test_dydx_D12_broadcasts_are_throttled(open_venue: Any, make: Any) -> None:
    """Twelve single cancels at once do not all get through; one batch does."""
    statuses = []

    async with open_venue(node_per_s=5) as venue:
        end = await venue.height() + 30

        for number in range(1, 13):
            sent = base64.b64encode(venue.sign(make.cancel(number, good_til_block=end))).decode()
            body = {"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": {"tx": sent}}
            statuses.append((await venue.http.post("/", json=body)).status_code)

        assert statuses == [200] * 5 + [429] * 7


def _status(message: Any) -> str | None:
    status: str | None = message["contents"].get("trading", {}).get("BTC-USD", {}).get("status")

    return status
