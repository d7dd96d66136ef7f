"""Faults that others had on dYdX, by the rows of the table of venue faults; each against the sandbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import anyio
import attrs
import pytest

from perpmaker import (
    AuthenticationError,
    ConfigurationError,
    ConnectivityError,
    DerivativeConnectorDeclaration,
    MarketRulesError,
    RateLimitedError,
)
from perpmaker.connector.interface import AmendOrder, CancelOrder, ConnectorContext, Environment, SandboxAccess
from perpmaker.model.event import Channel, FeedAlive
from perpmaker.model.order import NewOrder, OrderKind, OrderStatus, OrderType, PositionMode, Side, Slot
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.secret import References
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.spy import Route
from perpmaker.testing.contract.suite import Suite
from perpmaker.venue import Accepted, RefusalReason, Rejected, Unknown
from perpmaker.wire.fault import MESSAGE, Fault
from perpmaker_dydx_perpetual import register_derivative_connectors
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.connector import open_connector
from perpmaker_dydx_perpetual.orders import check_stop
from perpmaker_dydx_perpetual.sandbox.accounts import KEYS
from perpmaker_dydx_perpetual.settings import Settings

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)

SEND = Route("POST", "/", "broadcast_tx_sync")
ASK_STATUS = Route("POST", "/", '"status"')
BLOCK_S = 0.35
LIFE = 10


def sent(room: Room) -> Iterator[tx.ChainMessage | tx.Any]:
    """The chain's messages that the node was sent, oldest first."""
    for asked in room.spy.asked:
        if asked.is_of(SEND):
            call = json.loads(asked.text.partition(" ")[2])
            yield from tx.read_transaction(base64.b64decode(call["params"]["tx"])).messages


def stop_of(room: Room, away: int = 300) -> NewOrder:
    """A stop of a long position."""
    return NewOrder(
        client_id=room.ids.next(),
        slot=Slot(OrderKind.VENUE_STOP, Side.SELL),
        lots=room.lots,
        ticks=room.stage.middle - away,
        type=OrderType.VENUE_STOP,
        reduce_only=True,
    )


def target_of(room: Room) -> NewOrder:
    """A target of a long position, far away."""
    return room.order(Side.SELL, kind=OrderKind.TAKE_PROFIT, type=OrderType.LIMIT, reduce_only=True)


@attrs.define
class FullAfterOne:
    """A node with room for one more transaction."""

    node: Any
    told: int = 0

    async def send(self, *said: Any, **options: Any) -> Any:
        """Pass the first on."""
        self.told += 1

        if self.told > 1:
            raise RateLimitedError("no room", retry_after_s=1.0)

        return await self.node.send(*said, **options)


@pytest.mark.anyio
class TestFaults(Suite):
    """Blocks of a third of a second, quotes that live for ten of them."""

    (declaration,) = DECLARED
    market = "ETH-USD"
    settings: ClassVar[dict[str, Any]] = {"quote_blocks": LIFE, "deadline_s": 1.0}
    options: ClassVar[dict[str, Any]] = {"block_ms": 350}
    routes: ClassVar[dict[str, Route]] = {"place": SEND, "cancel": SEND}

    @pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
    def anyio_backend(self, request: pytest.FixtureRequest) -> Any:
        """Both event loops, on virtual time."""
        return request.getfixturevalue("virtual_asyncio" if request.param == "asyncio" else "virtual_trio")

    # --- D1, D5, D6: what proves that an order is not there -----------------------------------------------------------

    async def test_dydx_D1_an_order_that_is_not_shown_is_not_sent_again(self) -> None:
        """It is unknown until its height is past, and it is sent once."""
        async with self.open_room() as room:
            room.fault(SEND, "drop")
            order = room.order()
            (outcome,) = await room.place(order)
            assert isinstance(outcome, Unknown)
            assert outcome.fence_at is not None
            assert outcome.fence_at - outcome.signed_at > LIFE * BLOCK_S
            assert await room.connector.fetch_order(room.instrument, order.client_id, None) is None
            before = room.spy.count(ASK_STATUS)
            await anyio.sleep(outcome.fence_at - room.clock.now())
            assert await room.connector.fetch_order(room.instrument, order.client_id, None) is None

            assert room.spy.count(ASK_STATUS) > before, "no height was asked for"
            assert len([one for one in sent(room) if isinstance(one, tx.PlaceOrder)]) == 0

    async def test_dydx_D1_an_indexer_that_is_behind_proves_nothing(self) -> None:
        """Its own height has to be past as well; and while it is behind the node nothing is quoted."""
        async with self.open_room() as room:
            room.fault(SEND, "drop")
            order = room.order()
            (outcome,) = await room.place(order)
            assert isinstance(outcome, Unknown)
            assert outcome.fence_at is not None
            await anyio.sleep(outcome.fence_at - room.clock.now())
            late = '{"height":"1000002","time":"2026-01-01T00:00:01.000Z"}'
            room.fault(Route("GET", "/v4/height"), "body", when="after", arg=late)

            with pytest.raises(ConnectivityError, match="1000002"):
                await room.connector.fetch_order(room.instrument, order.client_id, None)

            assert await room.connector.fetch_order(room.instrument, order.client_id, None) is None
            heard = await room.listen(Channel.ACCOUNT)
            await room.settle()
            blocks = room.connector._blocks
            blocks.heard -= 20
            await blocks.ask_node()
            (refused,) = await room.place(room.order())
            (exit_,) = await room.place(room.order(kind=OrderKind.CLOSE, type=OrderType.MARKET))
            assert isinstance(refused, Rejected)
            assert "behind" in refused.refusal.text
            assert isinstance(exit_, Accepted)
            await anyio.sleep(6)
            (again,) = await room.place(room.order())
            assert isinstance(again, Accepted), heard.error

    async def test_dydx_D1_a_quote_is_not_moved_while_the_indexer_is_behind(self) -> None:
        """Where it would go is as old as where a new one would."""
        async with self.open_room() as room:
            await room.listen(Channel.ACCOUNT)
            order = await room.rest()
            room.connector._blocks._behind = 9
            wanted = attrs.evolve(order, ticks=(order.ticks or 0) - 1)
            count = room.spy.count(SEND)
            amend = AmendOrder(order=wanted, venue_id=None, number=1)
            (moved,) = await room.connector.amend(room.instrument, [amend])
            assert isinstance(moved, Rejected)
            assert moved.refusal.reason is RefusalReason.BUSY
            assert room.spy.count(SEND) == count

    async def test_dydx_D5_a_height_that_only_the_node_tells_ends_no_order(self) -> None:
        """A fill of the blocks that the Indexer has yet to tell would come after the end."""
        async with self.open_room() as room:
            await room.listen(Channel.ACCOUNT)
            order = await room.rest()
            (own,) = room.connector._commands.writer.own.of(order.client_id)
            room.connector._blocks.observe(own.ends_at + 2)
            (outcome,) = await room.cancel(order)
            assert not isinstance(outcome, Accepted) or outcome.report is None

    async def test_dydx_D5_a_height_that_is_ahead_of_the_rows_proves_nothing(self) -> None:
        """The order was filled; the rows tell of it four blocks later, the height at once."""
        async with self.open_room(replica_lag=4) as room:
            room.fault(SEND, "drop", when="after")
            order = room.order(away=2)
            (outcome,) = await room.place(order)
            assert isinstance(outcome, Unknown)
            assert outcome.fence_at is not None
            await anyio.sleep(LIFE * BLOCK_S * 0.6)
            room.stage.take(Side.SELL, order.lots, order.ticks)
            await anyio.sleep(outcome.fence_at - room.clock.now())
            report = await room.connector.fetch_order(room.instrument, order.client_id, None)

            assert room.sandbox.exchange.executions(ACCOUNT)
            assert report is not None
            assert report.status is OrderStatus.FILLED

    async def test_dydx_D6_a_chain_that_stands_ends_no_order_and_takes_no_new_one(self) -> None:
        """Quotes count as live for as long as their height is not past; a cancel is sent all the same."""
        async with self.open_room(halt_after=12, halt_s=60.0) as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest()
            await anyio.sleep(12 * BLOCK_S + LIFE * BLOCK_S * 2)
            (refused,) = await room.place(room.order())
            (taken,) = await room.cancel(order)

            assert heard.reports(order.client_id)[-1].status is OrderStatus.OPEN
            assert isinstance(refused, Rejected)
            assert "no new block" in refused.refusal.text
            assert isinstance(taken, Accepted)
            assert taken.by_gateway
            assert heard.story(order.client_id)[-1] is OrderStatus.OPEN
            await anyio.sleep(60 + LIFE * BLOCK_S)
            assert heard.story(order.client_id)[-1] is OrderStatus.CANCELLED

    # --- D2, D8, D9: stops and cancels --------------------------------------------------------------------------------

    async def test_dydx_D2_a_stop_waits_for_its_trigger_and_only_closes(self) -> None:
        """Flags, condition, trigger, time in force: all of it is looked at before it is signed."""
        async with self.open_room() as room:
            await room.hold()
            stop = stop_of(room)
            await room.connector.place_stops(room.instrument, [stop])
            placed = [one.order for one in sent(room) if isinstance(one, tx.PlaceOrder)][-2:]
            triggers = [one.trigger_subticks for one in placed]

            for order in placed:
                check_stop(order)
                assert order.order_id.flags == tx.CONDITIONAL
                assert order.condition == tx.STOP_LOSS
                assert order.subticks < order.trigger_subticks
                assert order.quantums > stop.lots

            assert triggers[0] > triggers[1] > triggers[0] * 0.97

            for wrong in ({"condition": 0}, {"trigger_subticks": 0}, {"reduce_only": 0}, {"good_til_time": 0},
                          {"time_in_force": tx.TimeInForce.FOK}, {"order_id": tx.OrderId(flags=0)}):  # fmt: skip
                with pytest.raises(ValueError, match="stop"):
                    check_stop(attrs.evolve(placed[0], **wrong))

    async def test_dydx_D8_a_cancel_names_its_order_whole(self) -> None:
        """Flags and end are those of the order; an id that nobody knows is not cancelled at all."""
        async with self.open_room() as room:
            await room.hold()
            target, quote = target_of(room), await room.rest()
            await room.place(target)
            await room.settle()
            await room.cancel(target, quote)
            placed = {one.order.order_id: one.order for one in sent(room) if isinstance(one, tx.PlaceOrder)}
            cancels = [one for one in sent(room) if isinstance(one, tx.CancelOrder)]
            count = room.spy.count(SEND)
            (unknown,) = await room.connector.cancel(room.instrument, [CancelOrder(client_id=room.ids.next())])

            assert {one.order_id.flags for one in cancels} == {tx.SHORT_TERM, tx.LONG_TERM}
            for cancel in cancels:
                order = placed[cancel.order_id]
                ends = order.good_til_block, order.good_til_time
                assert (cancel.good_til_block, cancel.good_til_time) == ends

            assert isinstance(unknown, Rejected)
            assert room.spy.count(SEND) == count

    async def test_dydx_D9_a_stop_that_fires_without_a_position_is_taken_off(self) -> None:
        """It stays in the chain's state until it is cancelled, and counts there."""
        async with self.open_room() as room:
            await room.hold()
            stop = stop_of(room)
            await room.connector.place_stops(room.instrument, [stop])
            await room.place(room.order(Side.SELL, kind=OrderKind.CLOSE, type=OrderType.MARKET, reduce_only=True))
            await room.settle()
            room.stage.move(-600)
            await room.settle()
            left = await room.connector.fetch_open_stops(room.instrument)
            assert [report.client_id for report in left] == [stop.client_id]
            (taken,) = await room.connector.cancel_stops(room.instrument, [CancelOrder(client_id=stop.client_id)])
            await room.settle()

            assert isinstance(taken, Accepted), taken
            assert await room.connector.fetch_open_stops(room.instrument) == []
            assert not room.sandbox.exchange.conditional_orders(ACCOUNT)

    # --- D3, D4: fills and entries ------------------------------------------------------------------------------------

    async def test_dydx_D3_a_quote_hit_by_a_liquidation_is_our_fill(self) -> None:
        """It is told as ours, and as nobody's force."""
        async with self.open_room(maker_fill_type="LIQUIDATION") as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest(room.order(away=2))
            room.stage.take(Side.SELL, order.lots, order.ticks)
            await room.settle()
            (fill,) = heard.fills(order.client_id)

            assert not fill.forced
            assert [one.client_id for one in await room.connector.fetch_fills(room.instrument, 0)] == [order.client_id]

    async def test_dydx_D4_the_entry_is_that_of_what_is_left(self) -> None:
        """Bought, part sold, bought again at another price: the Indexer averages all that was bought."""
        async with self.open_room() as room:
            await room.hold(20)
            room.stage.move(400)
            await room.hold(10, Side.SELL)
            await room.hold(10)
            account = await room.connector.fetch_account(room.instrument)
            (held,) = room.account.positions
            (mine,) = account.positions

            assert mine.amount == held.amount
            assert mine.entry == held.entry
            assert [one.wallet for one in account.assets] == [room.account.wallet]

    async def test_dydx_D4_what_nobody_heard_is_in_the_entry(self) -> None:
        """Bought and sold alike while the connection was down: the amount is the same, its entry is not."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            await room.hold(20)
            await room.connector.fetch_account(room.instrument)
            await room.sandbox.faults.inject(Fault(act="reset", when="now", method=MESSAGE, path=heard.path))
            await room.settle()
            room.stage.move(400)

            for side in (Side.BUY, Side.SELL):
                taker = room.order(side, kind=OrderKind.CLOSE, lots=10, type=OrderType.MARKET)
                (outcome,) = await room.place(taker)
                assert isinstance(outcome, Accepted), outcome
                await room.settle()

            again = await room.listen(Channel.ACCOUNT)
            await room.settle()
            (held,) = room.account.positions
            (mine,) = (await room.connector.fetch_account(room.instrument)).positions

            assert heard.error is not None
            assert again.error is None
            assert mine.amount == held.amount
            assert mine.entry == held.entry

    # --- D7: targets --------------------------------------------------------------------------------------------------

    async def test_dydx_D7_a_target_that_one_node_has_dropped_is_still_there(self) -> None:
        """Only a block takes it out of the chain's state, so it is listed, and cancelled again."""
        async with self.open_room(drops_stateful=True) as room:
            heard = await room.listen(Channel.ACCOUNT)
            await room.hold()
            target = target_of(room)
            await room.place(target)
            await room.settle()
            assert await room.open_ids() == [target.client_id]
            assert heard.story(target.client_id)[-1] is OrderStatus.OPEN
            (taken,) = await room.cancel(target)
            await room.settle()

            assert isinstance(taken, Accepted)
            assert await room.open_ids() == []

    # --- D10, D11, D12 ------------------------------------------------------------------------------------------------

    async def test_dydx_D10_quotes_that_would_end_too_soon_are_refused_at_the_start(self) -> None:
        """Blocks and the way to the node are measured; the error says what to set."""
        async with self.open_room() as room:
            room.fault(ASK_STATUS, "delay", when="after", arg=0.9)

            with pytest.raises(MarketRulesError, match="quote_blocks"):
                await room.connector.prepare(room.instrument, 5, PositionMode.ONE_WAY, None)

            await room.connector.prepare(room.instrument, 5, PositionMode.ONE_WAY, None)

    async def test_dydx_D11_a_channel_is_heard_again_on_a_new_connection(self) -> None:
        """Never left and asked for again on the same one; with the same words each time."""
        async with self.open_room() as room:
            words = []

            for _ in range(2):
                room.spy.asked.clear()
                heard = await room.listen(Channel.BOOK)
                await room.settle()
                words.append([asked.text for asked in room.spy.asked if asked.path == heard.path])
                room.sandbox.faults.clear()

            assert words[0] == words[1]
            assert [json.loads(one).get("batched", False) for one in words[0]] == [True, False]
            assert not any("unsubscribe" in one for one in words[0] + words[1])
            assert heard.of(FeedAlive)

    async def test_dydx_D12_twelve_quotes_are_cancelled_by_one_message(self) -> None:
        """A node that takes few requests a second is not asked twelve times."""
        async with self.open_room() as room:
            orders = [room.order() for _ in range(12)]
            await room.place(*orders)
            before = room.spy.count(SEND)
            outcomes = await room.cancel(*orders)

            assert room.spy.count(SEND) == before + 1
            assert all(isinstance(outcome, Accepted) and outcome.by_gateway for outcome in outcomes)
            (batch,) = [one for one in sent(room) if isinstance(one, tx.BatchCancel)]
            assert len(batch.batches[0].client_ids) == 12
            ends = [one.order.good_til_block for one in sent(room) if isinstance(one, tx.PlaceOrder)]
            assert batch.good_til_block >= max(ends)

    async def test_dydx_D12_targets_and_stops_go_in_one_transaction_each(self) -> None:
        """And where one of them is gone already, the others are still taken off."""
        async with self.open_room() as room:
            await room.hold()
            stops = [stop_of(room, 300), stop_of(room, 350)]

            for stop in stops:
                await room.connector.place_stops(room.instrument, [stop])
                await room.settle()

            await room.connector.cancel_stops(room.instrument, [CancelOrder(client_id=stops[0].client_id)])
            await room.settle()
            cancels = [CancelOrder(client_id=stop.client_id) for stop in stops]
            outcomes = await room.connector.cancel_stops(room.instrument, cancels)
            await room.settle()

            assert isinstance(outcomes[1], Accepted)
            assert not room.sandbox.exchange.conditional_orders(ACCOUNT)

    async def test_dydx_D12_a_stop_is_not_gone_while_one_of_its_orders_may_be_left(self) -> None:
        """The first is gone already, and there is no room for what is to be said to the node about the second."""
        async with self.open_room() as room:
            await room.hold()
            stop = stop_of(room)
            await room.connector.place_stops(room.instrument, [stop])
            await room.settle()
            commands = room.connector._commands  # type: ignore[attr-defined]  # as a node that is full
            (first, _), node = commands.writer.own.of(stop.client_id), commands.node
            await commands._cancel_one(room.instrument, first)  # by hand
            await room.settle()
            commands.node = FullAfterOne(node)
            cancel = CancelOrder(client_id=stop.client_id)
            (outcome,) = await room.connector.cancel_stops(room.instrument, [cancel])
            assert isinstance(outcome, Rejected)
            assert outcome.refusal.reason is RefusalReason.BUSY

            commands.node = node
            (taken,) = await room.connector.cancel_stops(room.instrument, [cancel])
            await room.settle()
            assert isinstance(taken, Accepted)
            assert not room.sandbox.exchange.conditional_orders(ACCOUNT)

    async def test_many_targets_keep_to_the_chains_pace(self) -> None:
        """Two in a block: whatever is more waits for the next one."""
        async with self.open_room() as room:
            await room.listen(Channel.ACCOUNT)
            await room.hold()
            outcomes = await room.place(*(target_of(room) for _ in range(3)))
            assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes

    # --- beyond the table ---------------------------------------------------------------------------------------------

    async def test_a_quote_is_renewed_for_as_long_as_it_is_listened_to(self) -> None:
        """Under the same id, at the same price, for the same total; without us it ends by itself."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest()
            await anyio.sleep(4 * LIFE * BLOCK_S)
            versions = [one.order for one in sent(room) if isinstance(one, tx.PlaceOrder)]
            assert await room.open_ids() == [order.client_id]
            assert len(versions) > 4
            assert len({attrs.evolve(one, good_til_block=0) for one in versions}) == 1
            assert sorted(one.good_til_block for one in versions) == [one.good_til_block for one in versions]
            assert heard.story(order.client_id) == [OrderStatus.OPEN]

    async def test_a_quote_without_its_process_ends_by_itself(self) -> None:
        """It is its own dead-man switch: ten blocks."""
        async with self.open_room() as room:
            await room.rest()
            await anyio.sleep((LIFE + 3) * BLOCK_S)

            assert await room.open_ids() == []
            assert not room.sandbox.exchange.open_orders(ACCOUNT)

    async def test_a_partly_filled_quote_ends_before_the_chain_forgets(self) -> None:
        """Renewed to 35 blocks after its last fill and not further; it never fills more than its total."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest(room.order(away=2))
            room.stage.take(Side.SELL, 3, order.ticks)
            await anyio.sleep(80 * BLOCK_S)
            ends = [one.order.good_til_block for one in sent(room) if isinstance(one, tx.PlaceOrder)]
            (fill,) = heard.fills(order.client_id)
            last = heard.reports(order.client_id)[-1]

            assert max(ends) - min(ends) <= 35
            assert (last.status, last.filled_lots, last.ended_by_venue) == (OrderStatus.CANCELLED, 3, True)
            assert room.instrument.exact_lots(fill.amount) == 3
            assert await room.open_ids() == []

    async def test_what_was_cancelled_is_neither_renewed_nor_amended(self) -> None:
        """A later end would bring it back."""
        async with self.open_room() as room:
            await room.listen(Channel.ACCOUNT)
            order = await room.rest()
            await room.cancel(order)
            count = room.spy.count(SEND)
            await anyio.sleep(2 * LIFE * BLOCK_S)

            assert room.spy.count(SEND) == count
            assert not room.sandbox.exchange.open_orders(ACCOUNT)

    async def test_hedge_is_refused_before_the_start(self) -> None:
        """With the reason, and what to do."""
        async with self.open_room() as room:
            assert not self.declaration.hedge_mode

            with pytest.raises(MarketRulesError, match="subaccount"):
                await room.connector.prepare(room.instrument, 5, PositionMode.HEDGE, None)

    async def test_the_rights_of_a_permitted_key_are_read(self) -> None:
        """It may trade, and move nothing."""
        async with self.open_room() as room:
            rights = await room.connector.fetch_key_rights()

            assert rights is not None
            assert (rights.can_trade, rights.can_withdraw, rights.can_transfer) == (True, False, False)

    @pytest.mark.parametrize(
        ("secret", "subaccount", "words"),
        [
            ("11" * 32, 0, "no API trading key"),
            (KEYS.api_secret, 0, None),
            *(
                pytest.param(*one, marks=pytest.mark.full)
                for one in (
                    (KEYS.api_secret, 1, "may not trade subaccount 1"),
                    (KEYS.owner_secret, 0, None),
                )
            ),
        ],
    )
    async def test_dydx_D13_what_is_wrong_is_named_before_any_order(
        self, secret: str, subaccount: int, words: str | None
    ) -> None:
        """The chain's own words would be the same for a wrong key, a wrong account and a wrong chain."""
        async with self.open_room() as room:
            access = SandboxAccess(url=room.sandbox.line.url, api_key=KEYS.api_key, api_secret=secret)
            context = attrs.evolve(room.context, sandbox=access)

            async with open_connector(Settings(subaccount=subaccount), context) as connector:
                if words is None:
                    instrument = await connector.fetch_instrument(self.market)
                    await connector.prepare(instrument, 5, PositionMode.ONE_WAY, None)
                    return

                with pytest.raises(AuthenticationError, match=words):
                    await connector.fetch_key_rights()

    async def test_dydx_D13_an_account_that_does_not_exist_is_named(self) -> None:
        """Never funded, or a slip in its address that the checksum forgives."""
        async with self.open_room() as room:
            other = "dydx14zzueazeh0hj67cghhf9jypslcf9sh2n5k6art"
            access = SandboxAccess(url=room.sandbox.line.url, api_key=other, api_secret=KEYS.api_secret)

            async with open_connector(Settings(), attrs.evolve(room.context, sandbox=access)) as connector:
                with pytest.raises(AuthenticationError, match=f"{other}.*never been funded"):
                    await connector.fetch_key_rights()


OWNER, OWNER_SECRET, KEY_SECRET = KEYS.api_key, KEYS.owner_secret, KEYS.api_secret
LIVE: dict[str, Any] = {"environment": Environment.LIVE, "api_secret": "env:DYDX", "address": OWNER}


@pytest.mark.parametrize(
    ("changes", "secret", "key"),
    [
        ({}, KEY_SECRET, None),
        ({}, OWNER_SECRET, "api_secret"),
        ({"address": None}, KEY_SECRET, "address"),
        ({"address": f"{OWNER[:-1]}q"}, KEY_SECRET, "address"),
        ({}, "my secret", "api_secret"),
        ({"api_secret": None}, KEY_SECRET, "api_secret"),
        ({"api_secret": KEY_SECRET}, KEY_SECRET, "api_secret"),
        ({"node_urls": ("https://oegs.dydx.trade", "http://oegs.dydx.trade")}, KEY_SECRET, "node_urls"),
        ({"stream_url": "ws://127.0.0.1:5"}, KEY_SECRET, None),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"allow_owner_key": True}, OWNER_SECRET, None),
                ({"allow_owner_key": True, "address": None}, OWNER_SECRET, None),
                ({"indexer_url": "https://indexer.example.org"}, KEY_SECRET, "indexer_url"),
                ({"node_urls": ("https://oegs-testnet.dydx.exchange",)}, KEY_SECRET, "node_urls"),
                ({"node_urls": ("https://oegs.dydx.trade", "https://dydx-rpc.publicnode.com")}, KEY_SECRET, None),
            )
        ),
    ],
)
def test_the_settings_name_what_is_wrong_and_show_no_secret(
    changes: dict[str, Any], secret: str, key: str | None, tmp_path: Path
) -> None:
    """The owner's own key only where that was said; orders of one environment only to its own addresses."""
    from perpmaker_dydx_perpetual.credentials import open_identity  # noqa: PLC0415  # the module under test
    from perpmaker_dydx_perpetual.settings import network_of  # noqa: PLC0415  # the same

    settings = Settings(**{**LIVE, **changes})
    signers = References(tmp_path, environ={"DYDX": secret})
    context: Any = ConnectorContext(
        clock=None, connect=None, signers=signers, environment=Environment.LIVE  # type: ignore[arg-type]  # not used
    )  # fmt: skip
    network = network_of(settings, Environment.LIVE, None)

    if key is None:
        identity = open_identity(settings, context, network.chain_id)
        assert identity is not None
        assert identity.owner == OWNER
        assert secret not in repr(identity)
        return

    with pytest.raises(ConfigurationError) as refused:
        open_identity(settings, context, network.chain_id)

    assert f"dydx_perpetual.{key}" in {problem.key for problem in refused.value.problems}
    assert secret not in str(refused.value)
