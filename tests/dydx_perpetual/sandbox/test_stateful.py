"""Stateful orders: in a block, matched in the next one, triggered by prices, ended only by the chain."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.model.order import Side
from perpmaker_dydx_perpetual import transactions as tx

pytestmark = pytest.mark.anyio

ACCOUNT = "main"
LATER = 1_767_225_600 + 300


def far(make: Any, client_id: int = 1, **changes: Any) -> tx.PlaceOrder:
    """A long-term buy of 0.0010 at 59000."""
    known = {"flags": tx.LONG_TERM, "good_til_time": LATER, "time_in_force": 0, "client_id": client_id}
    placed: tx.PlaceOrder = make.order(**{**known, **changes})

    return placed


def stop(make: Any, client_id: int = 1, **changes: Any) -> tx.PlaceOrder:
    """A stop that sells 0.0010 at market, reduce-only, once the price is at 59000."""
    known = {
        "flags": tx.CONDITIONAL,
        "good_til_time": LATER,
        "time_in_force": 1,
        "client_id": client_id,
        "side": tx.SELL,
        "reduce_only": 1,
        "condition": tx.STOP_LOSS,
        "trigger": 59_000,
        "price": 56_000,
    }
    placed: tx.PlaceOrder = make.order(**{**known, **changes})

    return placed


def stopped(make: Any, client_id: int = 1, flags: int = tx.CONDITIONAL, end: int = LATER) -> tx.CancelOrder:
    """The cancel of a stateful order."""
    cancel: tx.CancelOrder = make.cancel(client_id, flags, good_til_time=end)

    return cancel


async def test_a_long_term_order_is_open_with_its_block_and_matches_after_it(open_venue: Any, make: Any) -> None:
    """One that takes is shown as OPEN first, and its fill is in a later block."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.ok(far(make, price=60001))
        opened = await account.order("OPEN")
        filled = await account.order("FILLED")
        heights = [int(message["contents"]["blockHeight"]) for message in (opened, filled)]

        assert heights[1] == heights[0] + 1
        assert filled["contents"]["fills"][0]["liquidity"] == "TAKER"
        assert opened["contents"]["orders"][0]["orderFlags"] == "64"
        assert opened["contents"]["orders"][0]["goodTilBlockTime"] == "2026-01-01T00:05:00.000Z"


async def test_a_stateful_order_is_cancelled_by_a_block(open_venue: Any, make: Any) -> None:
    """A cancel that ends too early, of nothing, or a second one is refused."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        assert await venue.send(stopped(make, 1, tx.LONG_TERM)) == ("clob", 3006)
        await venue.ok(far(make))
        await account.order("OPEN")

        assert await venue.send(far(make)) == ("clob", 3005)
        assert await venue.send(stopped(make, 1, tx.LONG_TERM, LATER - 1)) == ("clob", 29)
        assert await venue.send(stopped(make, 1, tx.LONG_TERM)) == ("", 0)
        assert await venue.send(stopped(make, 1, tx.LONG_TERM)) == ("clob", 32)
        assert venue.sandbox.exchange.open_orders(ACCOUNT)

        (row,) = (await account.order("CANCELED"))["contents"]["orders"]
        assert row["removalReason"] == "ORDER_REMOVAL_REASON_USER_CANCELED"
        assert not venue.sandbox.exchange.open_orders(ACCOUNT)
        assert (await venue.get(f"orders/{row['id']}"))["status"] == "CANCELED"


async def test_a_stateful_order_expires_at_its_time(open_venue: Any, make: Any) -> None:
    """The first block that is no earlier ends it."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.ok(far(make, good_til_time=1_767_225_600 + 3))
        await venue.ok(stop(make, 2, good_til_time=1_767_225_600 + 3))
        await account.order("UNTRIGGERED")
        ended = [(await account.order("CANCELED"))["contents"]["orders"][0] for _ in range(2)]

        assert {row["removalReason"] for row in ended} == {"ORDER_REMOVAL_REASON_EXPIRED"}
        assert {row["updatedAt"] for row in ended} == {"2026-01-01T00:00:03.000Z"}
        assert not venue.sandbox.exchange.conditional_orders(ACCOUNT)


async def test_a_post_only_long_term_order_that_would_take_is_taken_and_removed(open_venue: Any, make: Any) -> None:
    """By a node first, as far as it knows; by the block after."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.ok(far(make, price=60001, time_in_force=2))
        await account.order("OPEN")
        await account.order("BEST_EFFORT_CANCELED")
        (row,) = (await account.order("CANCELED"))["contents"]["orders"]

        assert row["removalReason"] == "ORDER_REMOVAL_REASON_POST_ONLY_WOULD_CROSS_MAKER_ORDER"


async def test_a_long_term_order_is_checked_alone_and_at_its_full_size(open_venue: Any, make: Any) -> None:
    """Each is, not all together; a conditional one is not."""
    async with open_venue() as venue:
        venue.sandbox.exchange.set_leverage(ACCOUNT, 5, 0)

        assert await venue.send(far(make, 1, lots=9_000)) == ("clob", 3007)
        assert await venue.send(far(make, 2, lots=8_000)) == ("", 0)
        await venue.pass_blocks()
        assert await venue.send(far(make, 3, lots=8_000)) == ("", 0)
        assert await venue.send(stop(make, 4, lots=90_000)) == ("", 0)


async def test_equity_tiers_count_what_is_open_and_under_way(open_venue: Any, make: Any) -> None:
    """Triggered or not; below 20 USDC there is none."""
    async with open_venue(enforce_limits=False) as venue:
        venue.sandbox.exchange.transfer(ACCOUNT, Decimal(-9_920), 0)
        codes = [(await venue.send(far(make, n) if n % 2 else stop(make, n)))[1] for n in range(1, 12)]
        await venue.pass_blocks(2)

        assert codes == [0] * 10 + [10001]
        assert (await venue.send(far(make, 12)))[1] == 10001
        await venue.ok(stopped(make, 1, tx.LONG_TERM))
        await venue.pass_blocks()
        assert (await venue.send(far(make, 13)))[1] == 0
        venue.sandbox.exchange.transfer(ACCOUNT, Decimal(-61), venue.clock.utc_ms())
        await venue.ok(stopped(make, 2), stopped(make, 3, tx.LONG_TERM))
        await venue.pass_blocks()
        assert (await venue.send(stop(make, 14)))[1] == 10001


@pytest.mark.parametrize(
    ("side", "condition", "trigger", "price", "moved"),
    [
        (tx.SELL, tx.STOP_LOSS, 59_000, 56_000, 58_990),
        (tx.BUY, tx.TAKE_PROFIT, 59_000, 61_000, 58_990),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (tx.SELL, tx.TAKE_PROFIT, 61_000, 59_000, 61_010),
                (tx.BUY, tx.STOP_LOSS, 61_000, 64_000, 61_010),
            )
        ),
    ],
)
async def test_the_oracle_price_triggers(  # noqa: PLR0917  # a row of the table
    open_venue: Any, make: Any, side: int, condition: int, trigger: int, price: int, moved: int
) -> None:
    """In the block with that price it is OPEN, in a later one it has closed the position."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.hold(tx.BUY if side == tx.SELL else tx.SELL)
        await venue.ok(stop(make, side=side, condition=condition, trigger=trigger, price=price))
        waiting = await account.order("UNTRIGGERED")
        (shown,) = waiting["contents"]["orders"]
        await venue.pass_blocks(3)
        assert len(venue.sandbox.exchange.conditional_orders(ACCOUNT)) == 1

        venue.market.set_ladder([(moved - 1, 1000)], [(moved + 1, 1000)])
        venue.market.set_mark(Decimal(moved))
        opened = await account.until(lambda one: make.orders_of(one, "OPEN", "32"))
        filled = await account.order("FILLED")

        assert shown["type"] == ("STOP_LIMIT" if condition == tx.STOP_LOSS else "TAKE_PROFIT")
        assert (shown["triggerPrice"], shown["timeInForce"], shown["reduceOnly"]) == (str(trigger), "IOC", True)
        assert int(filled["contents"]["blockHeight"]) > int(opened["contents"]["blockHeight"])
        assert venue.sandbox.exchange.account(ACCOUNT).positions[0].lots == 0


async def test_trades_trigger_no_further_than_five_times_the_least_change_of_price(open_venue: Any, make: Any) -> None:
    """A trade at 59000 counts as 59700 while the oracle says 60000."""
    async with open_venue() as venue:
        await venue.hold()
        await venue.ok(stop(make, 1, trigger=59_700))
        await venue.ok(stop(make, 2, trigger=59_699))
        await venue.pass_blocks()
        venue.market.set_ladder([(59_000, 1000)], [(60_001, 1000)])
        venue.market.take(Side.SELL, 1)
        await venue.pass_blocks(3)
        (left,) = venue.sandbox.exchange.conditional_orders(ACCOUNT)

        assert left.trigger_ticks == 59_699


async def test_what_a_triggered_ioc_order_cannot_take_is_gone_for_good(open_venue: Any, make: Any) -> None:
    """A bound that nothing crosses: CANCELED, and the position stands."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.hold()
        await venue.ok(stop(make, price=58_500))
        await account.order("UNTRIGGERED")
        venue.market.set_ladder([(58_000, 1000)], [(60_001, 1000)])
        venue.market.set_mark(Decimal(58_400))
        (row,) = (await account.order("CANCELED"))["contents"]["orders"]

        assert row["removalReason"] == "ORDER_REMOVAL_REASON_IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK"
        assert venue.sandbox.exchange.account(ACCOUNT).positions[0].lots == 10


async def test_a_conditional_limit_order_rests_once_it_has_triggered(open_venue: Any, make: Any) -> None:
    """And is cancelled by its id."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        change = {"time_in_force": 0, "reduce_only": 0, "side": tx.BUY, "trigger": 61_000, "price": 59_990}
        await venue.ok(stop(make, **change))
        await account.order("UNTRIGGERED")
        venue.market.set_mark(Decimal(61_000))
        await account.order("OPEN")
        assert [one.ticks for one in venue.sandbox.exchange.open_orders(ACCOUNT)] == [59_990]
        await venue.ok(stopped(make))
        await account.order("CANCELED")
        assert not venue.sandbox.exchange.open_orders(ACCOUNT)


async def test_many_stateful_messages_go_in_one_transaction(open_venue: Any, make: Any) -> None:
    """Two places a block, any number of cancels; where one is refused nothing of them is done."""
    async with open_venue() as venue:
        nothing = (stopped(make, 1, tx.LONG_TERM), stopped(make, 3))
        await venue.ok(far(make, 1), stop(make, 2))
        await venue.pass_blocks()
        assert await venue.send(*nothing) == ("clob", 3006)
        await venue.pass_blocks()
        assert len(await venue.of_account("orders", status="OPEN,UNTRIGGERED")) == 2
        await venue.ok(stopped(make, 1, tx.LONG_TERM), stopped(make, 2))
        await venue.pass_blocks()
        rows = await venue.of_account("orders")

        assert {row["status"] for row in rows} == {"CANCELED"}


async def test_the_leverage_is_set_with_a_block_and_asked_of_the_chain(open_venue: Any, make: Any) -> None:
    """Below the market's own margin it is refused, and where positions do not allow it."""
    async with open_venue() as venue:

        def margin(ppm: int) -> tx.UpdateLeverage:
            market = tx.MarketLeverage(clob_pair=0, margin_ppm=ppm)

            return tx.UpdateLeverage(subaccount=make.order_id().subaccount, markets=(market,))

        assert await venue.send(margin(19_999)) == ("subaccounts", 701)
        await venue.pass_blocks()
        assert await venue.send(margin(0)) == ("clob", 11002)
        assert await venue.send(margin(200_000)) == ("", 0)
        await venue.pass_blocks()
        assert venue.sandbox.exchange.account(ACCOUNT).leverage == 5
        await venue.hold(lots=8_000)
        assert await venue.send(margin(1_000_000)) == ("subaccounts", 703)


async def test_dydx_D9_a_stop_that_is_cut_to_the_position_vanishes(open_venue: Any, make: Any) -> None:
    """It fills in part, is resized to zero and removed; no ghost of it counts against the equity tier."""
    async with open_venue() as venue, venue.listen_to_account() as account:
        await venue.hold(lots=25)
        await venue.ok(stop(make, lots=50))
        await account.order("UNTRIGGERED")
        venue.market.set_mark(Decimal(58_000))
        filled = await account.until(lambda one: "fills" in one["contents"])
        (row,) = (await account.order("CANCELED"))["contents"]["orders"]

        assert filled["contents"]["fills"][0]["size"] == "0.0025"
        assert (row["totalFilled"], row["removalReason"]) == ("0.0025", "ORDER_REMOVAL_REASON_REDUCE_ONLY_RESIZE")
        assert await venue.send(stopped(make)) == ("clob", 3006)


async def test_dydx_D9_a_stop_that_triggers_without_a_position_stays(open_venue: Any, make: Any) -> None:
    """As a ghost, until it is cancelled; with the other answer it is removed."""
    for keeps, statuses in ((True, ["OPEN"]), (False, [])):
        async with open_venue(keeps_ghosts=keeps) as venue, venue.listen_to_account() as account:
            await venue.ok(stop(make))
            await account.order("UNTRIGGERED")
            venue.market.set_mark(Decimal(58_000))
            await account.order("OPEN")
            await venue.pass_blocks(20)
            rows = await venue.of_account("orders", status="OPEN,UNTRIGGERED")

            assert [row["status"] for row in rows] == statuses

            if keeps:
                await venue.ok(stopped(make))
                await account.order("CANCELED")


async def test_dydx_D8_a_cancel_under_other_flags_does_nothing(open_venue: Any, make: Any) -> None:
    """It names a short-term order that nobody knows: code 0, and the order lives."""
    async with open_venue() as venue:
        await venue.ok(far(make))
        await venue.pass_blocks()

        assert await venue.send(make.cancel(good_til_block=await venue.height() + 9)) == ("", 0)
        await venue.pass_blocks(2)
        assert len(venue.sandbox.exchange.open_orders(ACCOUNT)) == 1


async def test_dydx_D7_a_stateful_order_may_be_told_as_cancelled_and_live(open_venue: Any, make: Any) -> None:
    """No CANCELED follows; it still fills, and is cancelled like any."""
    async with open_venue(drops_stateful=True) as venue, venue.listen_to_account() as account:
        await venue.ok(far(make, price=60_000))
        (told,) = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"]
        assert await venue.of_account("orders", status="OPEN") == []
        venue.market.take(Side.SELL, 4)
        filled = await account.until(lambda one: "fills" in one["contents"])

        assert told["orderFlags"] == "64"
        assert filled["contents"]["fills"][0]["orderId"] == told["id"]
        await venue.ok(stopped(make, 1, tx.LONG_TERM))
        await account.order("CANCELED")


async def test_dydx_D2_a_stop_without_its_flag_is_a_taker(open_venue: Any, make: Any) -> None:
    """Conditional fields on another order are refused; without any it fills at once."""
    async with open_venue() as venue:
        end = await venue.height() + 10
        bare = make.order(side=tx.SELL, price=59_000, time_in_force=1, good_til_block=end)
        with_trigger = attrs.evolve(bare.order, condition=tx.STOP_LOSS, trigger_subticks=59_000 * 100_000)

        assert await venue.send(tx.PlaceOrder(order=with_trigger)) == ("clob", 6000)
        assert await venue.send(bare) == ("", 0)
        assert venue.sandbox.exchange.account(ACCOUNT).positions[0].lots == -10
