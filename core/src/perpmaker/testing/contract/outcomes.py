"""What a lost, late or broken answer leaves: an outcome that is not known, never a guess, and nothing sent twice."""

from __future__ import annotations

import anyio
import pytest

from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.model.event import Channel
from perpmaker.model.order import NewOrder, OrderStatus
from perpmaker.model.outcome import Outcome, Rejected, Unknown
from perpmaker.testing.contract.room import Room
from perpmaker.testing.contract.spy import Route
from perpmaker.testing.contract.suite import Suite
from perpmaker.wire.fault import Reply, When

NONSENSE = ("", "<html>all is well</html>", "[]", "{}", '{"so', "null")
SERVER_ERRORS = (500, 502, 504)
PROXY_REFUSALS = (401, 403, 404)
HTML = {"content-type": "text/html"}


class OutcomeContract(Suite):
    """Commands without a proper answer."""

    async def test_a_timed_out_placement_is_unknown(self) -> None:
        """It is not sent a second time, and the venue is left to be asked."""
        async with self.open_room() as room:
            route = await self._place_route(room)
            room.fault(route, "drop")
            order, sent, began = room.order(), room.spy.count(route), room.clock.now()
            (outcome,) = await room.place(order)

            assert isinstance(outcome, Unknown), outcome
            assert began <= outcome.signed_at < began + 1
            assert room.spy.count(route) == sent  # what was lost never came, and nothing came after it
            await self._pass_fence(room, outcome)
            assert await room.connector.fetch_order(room.instrument, order.client_id, None) is None

    async def test_an_order_whose_answer_is_lost_is_found_by_its_id(self) -> None:
        """The venue has taken it: the outcome is unknown, and a question tells."""
        async with self.open_room() as room:
            route = await room.place_route()
            room.fault(route, "drop", when="after")
            order, sent = room.order(), room.spy.count(route)
            (outcome,) = await room.place(order)
            report = await room.report(order)

            assert isinstance(outcome, Unknown), outcome
            assert room.spy.count(route) == sent + 1
            assert report is not None
            assert report.status is OrderStatus.OPEN

    async def test_a_placement_never_arrives_after_its_fence(self) -> None:
        """One that was held up on its way for longer is turned away by the venue."""
        async with self.open_room() as room:
            route = await self._place_route(room)
            room.fault(route, "delay", arg=room.connector.fence_s + 30)
            order = room.order()
            (outcome,) = await room.place(order)

            assert isinstance(outcome, Unknown), outcome
            await self._pass_fence(room, outcome)
            assert await room.connector.fetch_order(room.instrument, order.client_id, None) is None
            await anyio.sleep(room.connector.fence_s + 40)
            assert order.client_id not in await room.open_ids()

    async def test_a_cancel_without_an_answer_is_unknown(self) -> None:
        """Whether or not the venue has seen it, the order may still live."""
        async with self.open_room() as room:
            route = await room.cancel_route()

            moments: tuple[When, ...] = ("after",) if route.is_socket else ("before", "after")

            for when in moments:
                order = await room.rest()
                room.fault(route, "drop", when=when)
                (outcome,) = await room.cancel(order)
                await room.settle()

                assert isinstance(outcome, Unknown), outcome
                assert (order.client_id in await room.open_ids()) is (when == "before")

    async def test_one_lost_batch_leaves_the_others_outcomes(self) -> None:
        """Of many orders those of the lost answer are unknown, and all of them rest."""
        async with self.open_room() as room:
            orders = [room.order() for _ in range(12)]
            route = await room.route("place many", lambda: room.place(*[room.order() for _ in range(12)]))
            resting = set(await room.open_ids())
            room.fault(route, "drop", when="after")
            outcomes = await room.place(*orders)
            await room.settle()

            assert any(isinstance(outcome, Unknown) for outcome in outcomes)
            assert not any(isinstance(outcome, Rejected) for outcome in outcomes)
            assert {order.client_id for order in orders} == set(await room.open_ids()) - resting

    async def test_a_server_error_on_an_order_is_unknown(self) -> None:
        """A server that breaks down may have placed the order before."""
        async with self.open_room() as room:
            route = await self._place_route(room)

            for status in SERVER_ERRORS:
                reply = Reply(status=status, headers=HTML, body="<html>sorry</html>")
                room.fault(route, "status", when="after", arg=reply)
                order = room.order()
                await self._expect_unknown(room, order, f"HTTP {status}")
                assert order.client_id in await room.open_ids()

    async def test_nonsense_for_an_answer_to_an_order_is_unknown(self) -> None:
        """HTTP 200 with what is no answer of the venue proves nothing."""
        async with self.open_room() as room:
            route = await room.place_route()

            for body in NONSENSE:
                room.fault(route, "body", when="after", arg=body)
                order = room.order()
                await self._expect_unknown(room, order, body)
                assert order.client_id in await room.open_ids()

    async def test_a_proxys_refusal_is_not_the_venues(self) -> None:
        """A page of HTML that says no is not the venue's no: neither of an order nor of a question."""
        async with self.open_room() as room:
            route = await self._place_route(room)
            question = await room.route("open orders", room.open_ids)

            for status in PROXY_REFUSALS:
                reply = Reply(status=status, headers=HTML, body="<html>forbidden</html>")
                room.fault(route, "status", arg=reply)
                await self._expect_unknown(room, room.order(), f"HTTP {status}")

                if not question.is_socket:
                    room.fault(question, "status", arg=reply)

                    with pytest.raises(ConnectivityError):
                        await room.open_ids()

    async def test_nonsense_for_an_answer_to_a_question_is_an_error_with_words(self) -> None:
        """It is one of ours, and the next question is answered."""
        async with self.open_room() as room:
            order = await room.rest()
            route = await room.route("open orders", room.open_ids)

            for body in ("", "<html>", '{"so', "null", '"text"', "17"):
                room.fault(route, "body", when="after", arg=body)

                with pytest.raises((ConnectivityError, PayloadError)):
                    await room.open_ids()

                assert await room.open_ids() == [order.client_id]

    async def test_a_gateways_yes_followed_by_a_refusal_is_a_refusal(self) -> None:
        """Where a gateway answers first, a later report carries the refusal."""
        async with self.open_room() as room:
            heard = await room.listen(Channel.ACCOUNT)
            order = room.order(away=-50)
            (outcome,) = await room.place(order)

            if isinstance(outcome, Rejected):
                pytest.skip(f"{room.connector.name} answers for the book itself, not for a gateway")

            assert outcome.by_gateway if not isinstance(outcome, Unknown) else False
            assert await room.refusal(order, outcome, heard) is not None
            assert await room.open_ids() == []

    async def test_an_answer_that_trickles_ends_at_the_deadline(self) -> None:
        """The deadline is for the whole call, not for each byte."""
        async with self.open_room() as room:
            route = await self._place_route(room)
            room.fault(route, "body", when="after", arg=Reply(trickle_s=1.0))
            order, began = room.order(), room.clock.now()
            await self._expect_unknown(room, order, "byte by byte")

            assert room.clock.now() - began < 60

    async def test_a_venue_that_cannot_be_reached_is_told_as_that(self) -> None:
        """Questions raise ConnectivityError; an order is unknown, or refused because nothing was sent."""
        async with self.open_room() as room:
            route = await self._place_route(room)
            question = await room.route("open orders", room.open_ids)
            room.fault(route, "reset")
            room.fault(question, "reset")
            (outcome,) = await room.place(room.order())

            assert isinstance(outcome, Unknown | Rejected)

            with pytest.raises(ConnectivityError):
                await room.open_ids()

            await room.open_ids()

    async def _place_route(self, room: Room) -> Route:
        """Where placements go; the test is skipped where they go over a socket, on which less can be spoilt."""
        route = await room.place_route()

        if route.is_socket:
            pytest.skip(f"{room.connector.name} places orders over a socket")

        return route

    async def _expect_unknown(self, room: Room, order: NewOrder, why: str) -> None:
        (outcome,) = await room.place(order)
        assert isinstance(outcome, Unknown), f"{why}: {outcome}"
        await room.settle()

    async def _pass_fence(self, room: Room, outcome: Outcome) -> None:
        assert isinstance(outcome, Unknown)
        at = outcome.fence_at or outcome.signed_at + room.connector.fence_s
        await anyio.sleep(max(0.0, at - room.clock.now()))
