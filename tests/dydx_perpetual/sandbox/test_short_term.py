"""Short-term orders: replaced, cancelled as far as a node knows, expired by a block, and remembered for a while."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from perpmaker.model.order import Side
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.sandbox.accounts import KEYS

pytestmark = pytest.mark.anyio

ACCOUNT = "main"


def changed(message: tx.PlaceOrder, **changes: Any) -> tx.PlaceOrder:
    """A message with these changes of its order."""
    return tx.PlaceOrder(order=attrs.evolve(message.order, **changes))


def resting(venue: Any) -> list[tuple[int | None, int]]:
    """Price and remaining lots of what rests on the exchange."""
    return [(one.ticks, one.remaining_lots) for one in venue.sandbox.exchange.open_orders(ACCOUNT)]


async def test_a_replacement_has_the_id_and_loses_its_place(open_venue: Any) -> None:
    """A later end, another price or total; side and kind stay. The old one is told as replaced."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        quote = await venue.quote(price=60000)
        end = quote.order.good_til_block
        await venue.ok(quote)
        first = (await account.order("BEST_EFFORT_OPENED"))["contents"]["orders"][0]

        assert await venue.send(changed(quote, good_til_block=end - 1)) == ("clob", 20)
        assert await venue.send(changed(quote, good_til_block=end + 1, side=tx.SELL)) == ("clob", 20)
        assert await venue.send(changed(quote, good_til_block=end + 1, time_in_force=0)) == ("clob", 20)
        assert await venue.send(changed(quote, good_til_block=end + 1, subticks=59_000 * 100_000)) == ("", 0)

        replaced = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"][0]
        second = (await account.order("BEST_EFFORT_OPENED"))["contents"]["orders"][0]
        assert first["id"] == replaced["id"] == second["id"]
        assert replaced["removalReason"] == "ORDER_REMOVAL_REASON_REPLACED"
        assert (second["price"], second["goodTilBlock"]) == ("59000", str(end + 1))
        assert resting(venue) == [(59_000, 10)]


async def test_a_replacement_stands_behind_all_others_at_its_price(open_venue: Any) -> None:
    """Also where nothing but its end has changed."""
    async with open_venue() as venue:
        quote = await venue.quote(price=60000)
        await venue.ok(quote)
        venue.market.set_ladder([(60_000, 100)], [(60_001, 1000)])
        await venue.ok(changed(quote, good_til_block=quote.order.good_til_block + 1))
        venue.market.take(Side.SELL, 100)
        await venue.height()

        assert resting(venue) == [(60_000, 10)]
        venue.market.take(Side.SELL, 4)
        await venue.height()
        assert resting(venue) == [(60_000, 6)]


async def test_a_replacement_of_the_same_end_is_decided_by_its_hash(open_venue: Any) -> None:
    """One of two versions replaces the other, never both each other."""
    async with open_venue() as venue:
        quote = await venue.quote()
        other = changed(quote, quantums=20_000_000)
        await venue.ok(quote)
        codes = [(await venue.send(other))[1], (await venue.send(changed(quote, client_metadata=0)))[1]]

        assert sorted(codes) in ([0, 20], [20, 20])


async def test_a_replacement_keeps_what_was_filled_in_its_total(open_venue: Any) -> None:
    """The total stands for all versions; one that is no more than what was filled is refused."""
    async with open_venue() as venue:
        quote = await venue.quote(price=60000)
        await venue.ok(quote)
        venue.market.take(Side.SELL, 4)
        await venue.pass_blocks()
        later = quote.order.good_til_block + 1

        assert await venue.send(changed(quote, good_til_block=later, quantums=4_000_000)) == ("clob", 24)
        assert await venue.send(changed(quote, good_til_block=later, quantums=5_000_000)) == ("", 0)
        assert resting(venue) == [(60_000, 1)]


async def test_a_replacement_that_would_take_ends_the_old_order(open_venue: Any) -> None:
    """2003, and nothing rests any more; with the other answer the old one stays."""
    for survives, left in ((False, []), (True, [(60_000, 10)])):
        async with open_venue(replacement_survives=survives) as venue:
            quote = await venue.quote(price=60000)
            await venue.ok(quote)
            later = changed(quote, good_til_block=quote.order.good_til_block + 1, subticks=60_001 * 100_000)

            assert await venue.send(later) == ("clob", 2003)
            assert resting(venue) == left


async def test_a_post_only_order_that_would_take_is_told_as_it_is_refused(open_venue: Any) -> None:
    """The node's first check says 2003, and the Indexer shows it for a moment; or it is taken, and then cancelled."""
    for refused, code in ((True, 2003), (False, 0)):
        async with open_venue(post_only_is_refused=refused) as venue, venue.listen_to_account() as account:
            assert (await venue.send(await venue.quote(price=60001)))[1] == code
            await account.order("BEST_EFFORT_OPENED")
            (removed,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]
            assert removed["removalReason"] == "ORDER_REMOVAL_REASON_POST_ONLY_WOULD_CROSS_MAKER_ORDER"
            assert resting(venue) == []


async def test_a_cancel_that_ends_before_its_order_is_taken_and_does_nothing(open_venue: Any, make: Any) -> None:
    """Code 0, the Indexer says it is gone, and it lives; one that ends late enough takes it off."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        quote = await venue.quote()
        end = quote.order.good_til_block
        await venue.ok(quote)

        assert await venue.send(make.cancel(good_til_block=end - 1)) == ("", 0)
        await account.order("BEST_EFFORT_CANCELED")
        assert resting(venue) == [(59_000, 10)]
        assert await venue.send(make.cancel(good_til_block=end - 1), sequence=1) == ("clob", 9)
        assert await venue.send(make.cancel(good_til_block=end)) == ("", 0)
        assert resting(venue) == []


async def test_a_cancel_of_nothing_keeps_its_id_from_being_placed(open_venue: Any, make: Any) -> None:
    """It is taken, and an order that ends no later is refused until then."""
    async with open_venue() as venue:
        quote = await venue.quote()
        end = quote.order.good_til_block
        await venue.ok(make.cancel(good_til_block=end))

        assert await venue.send(quote) == ("clob", 7)
        assert await venue.send(changed(quote, good_til_block=end + 1)) == ("", 0)


async def test_a_batch_cancels_each_by_itself(open_venue: Any, make: Any) -> None:
    """Code 0 whatever becomes of them, unless the other answer is set; a wrong batch is refused."""
    for tells in (False, True):
        async with open_venue(batch_tells=tells) as venue:
            end = await venue.height() + 10

            for number in (1, 2, 3):
                await venue.ok(make.order(client_id=number, good_til_block=end))

            def batch(*ids: int, good_til_block: int = end) -> tx.BatchCancel:
                part = tx.OrderBatch(clob_pair=0, client_ids=ids)
                known = tx.SubaccountId(KEYS.api_key, 0)

                return tx.BatchCancel(subaccount=known, batches=(part,), good_til_block=good_til_block)

            assert await venue.send(batch(1, 2, 99)) == ("", 0)
            assert resting(venue) == [(59_000, 10)]
            assert await venue.send(batch(2, 1)) == (("clob", 46) if tells else ("", 0))
            assert await venue.send(batch(3, 3)) == await venue.send(batch()) == ("clob", 45)
            assert await venue.send(batch(*range(1, 102))) == ("clob", 45)


async def test_an_order_expires_with_its_block(open_venue: Any) -> None:
    """The block in which it is good for the last time says CANCELED and EXPIRED, with little more than its ids."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        quote = await venue.quote(good_til_block=await venue.height() + 3)
        await venue.ok(quote)
        message = await account.order("CANCELED")
        (row,) = message["contents"]["orders"]

        assert message["contents"]["blockHeight"] == str(quote.order.good_til_block)
        assert row["removalReason"] == "ORDER_REMOVAL_REASON_EXPIRED"
        assert "size" not in row
        assert resting(venue) == []
        assert await venue.of_account("orders") == []
        assert (await venue.http.get(f"/v4/orders/{row['id']}")).status_code == 404


async def test_fills_are_remembered_for_forty_blocks_and_then_the_id_is_whole_again(open_venue: Any) -> None:
    """Of an order that is rolled on and on, after that the full size rests; with the other answer never."""
    for forgets, lots in ((True, 10), (False, 6)):
        async with open_venue(forgets_fills=forgets) as venue:
            quote = await venue.quote(price=60000)
            await venue.ok(quote)
            venue.market.take(Side.SELL, 4)
            await venue.pass_blocks()

            for _ in range(11):
                await venue.pass_blocks(5)
                quote = changed(quote, good_til_block=await venue.height() + 10)
                await venue.ok(quote)

            assert resting(venue) == [(60_000, lots)]


async def test_an_order_that_rests_has_its_whole_size_again_once_its_fills_are_forgotten(open_venue: Any) -> None:
    """It need not even be replaced then, and fills beyond its total follow."""
    async with open_venue() as venue:
        quote = await venue.quote(price=60000, good_til_block=await venue.height() + 2)
        await venue.ok(quote)
        venue.market.take(Side.SELL, 4)
        await venue.pass_blocks()
        await venue.ok(changed(quote, good_til_block=await venue.height() + 38))
        await venue.pass_blocks(30)
        await venue.ok(changed(quote, good_til_block=await venue.height() + 38))

        assert resting(venue) == [(60_000, 6)]
        await venue.pass_blocks(12)
        assert resting(venue) == [(60_000, 10)]


async def test_what_an_ioc_order_does_not_take_is_removed(open_venue: Any) -> None:
    """Nothing of it rests: told as removed at once, with its fills as CANCELED in the block; its id is used up."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        taker = await venue.quote(side=tx.BUY, price=60001, lots=1500, time_in_force=1)
        await venue.ok(taker)
        (removed,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]
        filled = (await account.order("CANCELED"))["contents"]

        assert removed["removalReason"] == "ORDER_REMOVAL_REASON_IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK"
        assert removed["totalOptimisticFilled"] == filled["fills"][0]["size"] == "0.1"
        assert filled["orders"][0]["totalFilled"] == "0.1"
        later = changed(taker, good_til_block=taker.order.good_til_block + 1)
        assert await venue.send(later) == ("clob", 2004)


async def test_a_taker_without_collateral_is_taken_and_then_removed(open_venue: Any) -> None:
    """Code 0, then UNDERCOLLATERALIZED; a resting one of any size is not even looked at before it is matched."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        venue.sandbox.exchange.set_leverage(ACCOUNT, 5, 0)
        await venue.ok(await venue.quote(client_id=1, lots=900_000, price=60000))
        await venue.ok(await venue.quote(client_id=2, lots=100_000, price=60030, time_in_force=1))
        (removed,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]
        assert (removed["clientId"], removed["removalReason"]) == ("2", "ORDER_REMOVAL_REASON_UNDERCOLLATERALIZED")
        assert resting(venue) == [(60_000, 900_000)]

        venue.market.take(Side.SELL, 900_000, 60_000)
        (gone,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]
        assert (gone["clientId"], gone["removalReason"]) == ("1", "ORDER_REMOVAL_REASON_UNDERCOLLATERALIZED")
        assert resting(venue) == []


async def test_our_own_resting_order_gives_way_to_our_taker(open_venue: Any) -> None:
    """The maker is cancelled, the taker goes on."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.ok(await venue.quote(client_id=1, price=60000))
        await venue.ok(await venue.quote(client_id=2, side=tx.SELL, price=59999, time_in_force=1))
        (removed,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]
        filled = await account.order("FILLED")

        assert (removed["clientId"], removed["removalReason"]) == ("1", "ORDER_REMOVAL_REASON_SELF_TRADE_ERROR")
        assert filled["contents"]["fills"][0]["price"] == "59999"


async def test_a_reduce_only_order_is_cut_to_the_position(open_venue: Any) -> None:
    """No more is traded, and it is told as resized before its fill; without a position it is refused."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.hold(lots=10)
        close = await venue.quote(client_id=5, side=tx.SELL, lots=25, price=59000, time_in_force=1, reduce_only=1)
        await venue.ok(close)
        resized = await account.order("BEST_EFFORT_CANCELED")
        filled = await account.order("CANCELED")

        assert resized["contents"]["orders"][0]["removalReason"] == "ORDER_REMOVAL_REASON_REDUCE_ONLY_RESIZE"
        assert [fill["size"] for fill in filled["contents"]["fills"]] == ["0.001"]
        assert venue.sandbox.exchange.account(ACCOUNT).positions[0].lots == 0
        again = attrs.evolve(close.order.order_id, client_id=6)
        assert await venue.send(changed(close, order_id=again)) == ("clob", 2001)


async def test_a_reduce_only_order_without_a_position_may_be_taken(open_venue: Any) -> None:
    """With the other answer it is cancelled afterwards, and nothing is traded."""
    async with open_venue(reduce_only_needs_position=False) as venue, venue.listen_to_account() as account:
        close = await venue.quote(side=tx.SELL, price=59_000, time_in_force=1, reduce_only=1)
        assert await venue.send(close) == ("", 0)
        (removed,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]

        assert removed["removalReason"] == "ORDER_REMOVAL_REASON_REDUCE_ONLY_RESIZE"
        assert venue.sandbox.exchange.executions(ACCOUNT) == []


async def test_a_cancel_may_miss_a_proposer(open_venue: Any, make: Any) -> None:
    """With a delay set, what was told as cancelled still fills."""
    async with open_venue(cancel_late_blocks=2) as venue, venue.listen_to_account() as account:
        quote = await venue.quote(price=60000)
        await venue.ok(quote)
        await venue.ok(make.cancel(good_til_block=quote.order.good_til_block))
        await account.order("BEST_EFFORT_CANCELED")
        venue.market.take(Side.SELL, 4)
        filled = await account.until(lambda one: "fills" in one["contents"])

        assert filled["contents"]["orders"][0]["status"] == "BEST_EFFORT_CANCELED"
        assert filled["contents"]["fills"][0]["size"] == "0.0004"
        await venue.pass_blocks(3)
        assert resting(venue) == []
