"""Orders: what is placed rests as it was asked, is told once, and is refused for the reason that the core acts on."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from perpmaker.connector.interface import CancelOrder
from perpmaker.model.event import Channel
from perpmaker.model.order import OrderKind, OrderStatus, OrderType, Side
from perpmaker.model.outcome import Accepted, Rejected
from perpmaker.model.refusal import RefusalReason
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.contract.suite import Suite

MANY = 12
"""More orders than a venue takes in one batch."""


class OrderContract(Suite):
    """Placing, cancelling and asking for orders."""

    async def test_placed_orders_are_reported_once(self) -> None:
        """The stream and the list of open orders each have every order once."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            orders = [room.order(side) for side in (Side.BUY, Side.SELL) for _ in range(2)]
            await room.place(*orders)
            await room.settle()

            assert [heard.story(order.client_id) for order in orders] == [[OrderStatus.OPEN]] * len(orders)
            assert Counter(await room.open_ids()) == Counter(order.client_id for order in orders)

    async def test_an_order_rests_as_it_was_asked(self) -> None:
        """Side, price, amount and kind are those of the order, by our own id."""
        async with self.open_room() as room:
            for side in Side:
                order = await room.rest(room.order(side))
                report = await room.report(order)
                assert report is not None
                assert (report.client_id, report.side, report.ticks, report.lots, report.filled_lots) == (
                    order.client_id,
                    side,
                    order.ticks,
                    order.lots,
                    0,
                )
                assert (report.type, report.reduce_only) == (OrderType.POST_ONLY, False)

            rests = {(order.side, order.ticks, order.lots) for order in room.sandbox.exchange.open_orders(ACCOUNT)}
            listed = await room.connector.fetch_open_orders(room.instrument)
            assert rests == {(report.side, report.ticks, report.lots) for report in listed}

    async def test_each_order_has_its_outcome_in_its_place(self) -> None:
        """Outcomes stand in the order of the call, over all batches of it, the refused ones too."""
        async with self.open_room() as room:
            orders = [room.order() for _ in range(MANY)]
            orders[MANY // 2] = room.order(lots=room.instrument.lots_down(room.instrument.max_amount))
            outcomes = await room.place(*orders)
            await room.settle()
            ends = await room.cancel(*orders)

            assert [outcome.client_id for outcome in outcomes] == [order.client_id for order in orders]
            assert [end.client_id for end in ends] == [order.client_id for order in orders]
            refused = [isinstance(outcome, Rejected) for outcome in outcomes]
            assert sum(refused) <= 1
            assert not any(refused) or refused[MANY // 2]

    async def test_a_cancelled_order_is_gone(self) -> None:
        """The venue says so by its outcome, its list, its stream, and when it is asked."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = await room.rest()
            (outcome,) = await room.cancel(order)
            await room.see_off()
            report = await room.report(order, OrderStatus.CANCELLED)

            assert isinstance(outcome, Accepted)
            assert await room.open_ids() == []
            assert report is None or report.status is OrderStatus.CANCELLED
            assert heard.story(order.client_id)[-1] is OrderStatus.CANCELLED

    async def test_cancelling_an_unknown_order_is_not_an_error(self) -> None:
        """It is refused as not found, or a gateway takes it and nothing happens."""
        async with self.open_room() as room:
            (outcome,) = await room.connector.cancel(room.instrument, [CancelOrder(client_id=room.ids.next())])

            assert isinstance(outcome, Rejected) or (isinstance(outcome, Accepted) and outcome.by_gateway)
            assert isinstance(outcome, Accepted) or outcome.refusal.reason is RefusalReason.NOT_FOUND

    async def test_cancelling_a_filled_order_finds_nothing(self) -> None:
        """A cancel that comes too late is refused as not found, and the fill stays."""
        async with self.open_room() as room:
            order = await room.rest(room.order(away=2))
            room.stage.take(Side.SELL, order.lots, order.ticks)
            (outcome,) = await room.cancel(order)
            report = await room.report(order, OrderStatus.FILLED)

            assert isinstance(outcome, Rejected) or (isinstance(outcome, Accepted) and outcome.by_gateway)
            assert isinstance(outcome, Accepted) or outcome.refusal.reason is RefusalReason.NOT_FOUND
            assert report is not None
            assert report.status is OrderStatus.FILLED

    async def test_an_order_that_never_was_is_none(self) -> None:
        """A question for an id that the venue does not know is answered with None."""
        async with self.open_room() as room:
            assert await room.connector.fetch_order(room.instrument, room.ids.next(), None) is None

    async def test_post_only_orders_never_take(self) -> None:
        """One that would take is refused for that reason, or ended by the venue, and nothing is traded."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = room.order(away=-50)
            (outcome,) = await room.place(order)
            reason = await room.refusal(order, outcome, heard)

            assert reason is RefusalReason.POST_ONLY_WOULD_TAKE or heard.ended_by_venue(order.client_id)
            assert not room.sandbox.exchange.executions(ACCOUNT)

    async def test_reduce_only_orders_without_a_position_are_refused(self) -> None:
        """There is nothing to close, and the reason says so."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = room.order(Side.SELL, kind=OrderKind.TAKE_PROFIT, type=OrderType.LIMIT, reduce_only=True)
            (outcome,) = await room.place(order)
            reason = await room.refusal(order, outcome, heard)

            assert reason is RefusalReason.REDUCE_ONLY or heard.ended_by_venue(order.client_id)
            assert await room.open_ids() == []

    async def test_an_order_without_margin_is_refused_for_it(self) -> None:
        """An order that the balance cannot carry."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            rules, state = room.instrument, room.account
            affordable = state.available * state.leverage / rules.price(room.stage.middle)
            lots = rules.lots_down(min(affordable * 3, rules.max_amount))

            if rules.amount(lots) < affordable * 2:
                pytest.skip("the largest order that the market takes is within the balance")

            order = room.order(lots=lots)
            (outcome,) = await room.place(order)

            assert await room.refusal(order, outcome, heard) is RefusalReason.INSUFFICIENT_MARGIN

    async def test_an_order_below_the_rules_is_refused_as_such(self) -> None:
        """An order that is too small by the market's own rules."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            rules = room.instrument
            least = max(rules.min_amount, rules.min_notional / rules.price(room.stage.middle))

            if least <= rules.lot:
                pytest.skip("the smallest order of the market is one lot")

            order = room.order(lots=1)
            (outcome,) = await room.place(order)

            assert await room.refusal(order, outcome, heard) is RefusalReason.FILTER

    async def test_an_ioc_order_takes_what_is_there_and_never_rests(self) -> None:
        """At a price that nobody asks it ends without a trade, at one that is asked it is filled."""
        async with self.open_room() as room:
            nothing = room.order(away=5, type=OrderType.IOC)
            something = room.order(away=-15, type=OrderType.IOC)
            await room.place(nothing)
            await room.place(something)
            await room.settle()
            empty, full = await room.report(nothing), await room.report(something, OrderStatus.FILLED)

            assert await room.open_ids() == []
            assert empty is None or (empty.status is not OrderStatus.OPEN and empty.filled_lots == 0)
            assert full is not None
            assert (full.status, full.filled_lots) == (OrderStatus.FILLED, something.lots)

    async def test_a_market_order_fills_at_once(self) -> None:
        """The position is there afterwards, at the best price."""
        async with self.open_room() as room:
            order = await room.hold()
            report = await room.report(order, OrderStatus.FILLED)
            (fill,) = await room.connector.fetch_fills(room.instrument, room.began_ms)

            assert report is not None
            assert (report.status, report.filled_lots) == (OrderStatus.FILLED, order.lots)
            assert (fill.client_id, fill.maker, fill.side) == (order.client_id, False, Side.BUY)
            assert fill.price == room.instrument.price(room.stage.middle + 10)

    async def test_a_reduce_only_order_closes_and_no_more(self) -> None:
        """Of an order that is larger than the position, no more than the position is traded."""
        async with self.open_room() as room:
            held = await room.hold()
            exit_ = room.order(Side.SELL, lots=held.lots, kind=OrderKind.CLOSE, type=OrderType.MARKET, reduce_only=True)
            again = room.order(Side.SELL, lots=held.lots, kind=OrderKind.CLOSE, type=OrderType.MARKET, reduce_only=True)
            await room.place(exit_)
            await room.settle()
            await room.place(again)
            await room.settle()

            assert {position.amount for position in room.account.positions} == {Decimal(0)}
