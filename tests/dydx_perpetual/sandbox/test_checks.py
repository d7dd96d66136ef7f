"""What a node refuses: each code where it belongs, in the order in which the chain looks."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from perpmaker_dydx_perpetual import proto
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.sandbox.accounts import KEYS

pytestmark = pytest.mark.anyio

STRANGER = "1111111111111111111111111111111111111111111111111111111111111111"
LATER = 1_767_225_600 + 120


async def test_what_is_no_transaction_is_refused(open_venue: Any, make: Any) -> None:
    """Bytes that cannot be read, extensions and messages that nobody knows, wrong mixtures, a long memo."""
    async with open_venue() as venue:
        quote = await venue.quote()
        far = make.order(flags=tx.LONG_TERM, good_til_time=LATER)
        raw = proto.decode(tx.RawTransaction, venue.sign(quote))
        body = proto.decode(tx.Body, raw.body)
        critical = attrs.evolve(body, critical=(tx.Any("/of.nobody", b""),))
        unknown = attrs.evolve(body, messages=(tx.Any("/dydxprotocol.sending.MsgCreateTransfer", b""),))

        for changed, code in ((critical, 31), (unknown, 6)):
            sent = proto.encode(attrs.evolve(raw, body=proto.encode(changed)))
            assert (await venue.broadcast(sent))["result"]["code"] == code

        assert (await venue.broadcast(b"\xff"))["result"]["codespace"] == "sdk"
        assert (await venue.broadcast(b"\xff"))["result"]["code"] == 2
        assert await venue.send(quote, far) == ("sdk", 18)
        assert await venue.send(quote, memo="m" * 257) == ("sdk", 12)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"time_in_force": 3}, 48),
        ({"quantums": 0}, 3),
        ({"good_til_block": 0}, 4),
        ({"subticks": 0}, 5),
        ({"side": 0}, 2),
        ({"reduce_only": 1}, 9003),
        ({"condition": tx.STOP_LOSS}, 6000),
        ({"trigger": 1}, 6001),
        ({"flags": 1}, 3000),
        ({"flags": tx.LONG_TERM, "good_til_block": 0}, 3001),
        ({"flags": tx.LONG_TERM, "good_til_block": 0, "good_til_time": LATER, "time_in_force": 1}, 3002),
        ({"flags": tx.CONDITIONAL, "good_til_block": 0, "good_til_time": LATER, "trigger": 1}, 6000),
        (
            {"flags": tx.CONDITIONAL, "good_til_block": 0, "good_til_time": LATER, "condition": tx.TAKE_PROFIT},
            6001,
        ),
        ({"quantums": 1_500_000}, 12),
        ({"good_til_block": 1_000_000}, 10),
        ({"good_til_block": 1_000_042}, 11),
        ({"flags": tx.LONG_TERM, "good_til_block": 0, "good_til_time": 1_767_225_599}, 3003),
        ({"flags": tx.LONG_TERM, "good_til_block": 0, "good_til_time": LATER + 96 * 86_400}, 3004),
        ({"time_in_force": 1, "reduce_only": 1}, 2001),
        ({"price": 60001}, 2003),
        ({}, 0),
        *(pytest.param(*one, marks=pytest.mark.full) for one in (({"subticks": 100_001}, 12),)),
    ],
)
async def test_orders_are_refused_for_what_is_wrong_with_them(
    open_venue: Any, make: Any, changes: dict[str, Any], code: int
) -> None:
    """One thing is wrong with each."""
    async with open_venue() as venue:
        space, found = await venue.send(make.order(**{"good_til_block": 1_000_010, **changes}))

        assert (space, found) == ("clob" if code else "", code)


async def test_the_clob_pair_and_the_subaccount_must_be_there(open_venue: Any, make: Any) -> None:
    """Another market does not exist, another subaccount has nothing, a number too large is none."""
    async with open_venue() as venue:
        quote = (await venue.quote()).order
        other = attrs.evolve(quote, order_id=make.order_id(clob_pair=7))
        poor = attrs.evolve(quote, order_id=make.order_id(subaccount=tx.SubaccountId(KEYS.api_key, 1)))
        none = attrs.evolve(quote, order_id=make.order_id(subaccount=tx.SubaccountId(KEYS.api_key, 128_001)))
        odd = attrs.evolve(quote, order_id=make.order_id(subaccount=tx.SubaccountId("dydx1nobody", 0)))
        owner = {"secret": KEYS.owner_secret, "authenticator": None}

        assert await venue.send(tx.PlaceOrder(order=other), **owner) == ("clob", 8)
        assert await venue.send(tx.PlaceOrder(order=poor), **owner) == ("clob", 3007)
        assert await venue.send(tx.PlaceOrder(order=none), **owner) == ("subaccounts", 200)
        assert await venue.send(tx.PlaceOrder(order=odd), **owner) == ("subaccounts", 201)


async def test_signatures_are_over_chain_account_and_bytes(open_venue: Any) -> None:
    """Of the owner's own key; another chain, another account number or another key is refused."""
    async with open_venue() as venue:
        quote = await venue.quote()
        owner = {"secret": KEYS.owner_secret, "authenticator": None}
        stranger = tx.SubaccountId("dydx14zzueazeh0hj67cghhf9jypslcf9sh2n5k6art", 0)
        foreign = attrs.evolve(quote.order, order_id=attrs.evolve(quote.order.order_id, subaccount=stranger))

        assert await venue.send(quote, **owner, chain_id="dydx-mainnet-1") == ("sdk", 4)
        assert await venue.send(quote, **owner, account_number=41) == ("sdk", 4)
        assert await venue.send(quote, **{**owner, "secret": STRANGER}) == ("sdk", 4)
        assert await venue.send(quote, authenticator=None) == ("sdk", 4)
        assert await venue.send(tx.PlaceOrder(order=foreign)) == ("sdk", 9)
        assert await venue.send(quote, **owner) == ("", 0)


async def test_a_permitted_key_does_what_it_is_permitted(open_venue: Any, make: Any) -> None:
    """It is found by its number; another number, subaccount, message or signer is refused by the authenticators."""
    async with open_venue(key_sets_leverage=False) as venue:
        quote = await venue.quote()
        margin = tx.MarketLeverage(clob_pair=0, margin_ppm=100_000)
        leverage = tx.UpdateLeverage(subaccount=tx.SubaccountId(KEYS.api_key, 0), markets=(margin,))
        other = attrs.evolve(quote.order, order_id=make.order_id(subaccount=tx.SubaccountId(KEYS.api_key, 1)))

        assert await venue.send(quote, authenticator=6) == ("dydxaccountplus", 1)
        assert await venue.send(quote, secret=STRANGER) == ("dydxaccountplus", 104)
        assert await venue.send(quote, account_number=41) == ("dydxaccountplus", 104)
        assert await venue.send(tx.PlaceOrder(order=other)) == ("dydxaccountplus", 104)
        assert await venue.send(leverage) == ("dydxaccountplus", 104)
        assert await venue.send(leverage, secret=KEYS.owner_secret, authenticator=None) == ("", 0)
        assert await venue.send(quote) == ("", 0)


async def test_sequences_and_nonces_are_used_once(open_venue: Any, make: Any) -> None:
    """A sequence is the next one, a nonce of these 30 s and new; short-term orders need neither."""
    async with open_venue(enforce_limits=False) as venue:

        async def placed(client_id: int, sequence: int) -> tuple[str, int]:
            message = make.order(client_id=client_id, flags=tx.LONG_TERM, good_til_time=LATER)
            answered: tuple[str, int] = await venue.send(message, sequence=sequence)

            return answered

        now_ms = venue.clock.utc_ms()

        assert await placed(1, 5) == ("sdk", 32)
        assert [await placed(2, 0), await placed(3, 1)] == [("", 0)] * 2
        assert await placed(4, 1) == ("sdk", 32)
        assert await placed(5, now_ms + 30_001) == ("sdk", 32)
        assert await placed(6, now_ms - 30_001) == ("sdk", 32)
        assert await placed(7, now_ms) == ("", 0)
        assert await placed(8, now_ms) == ("sdk", 32)
        assert {await placed(10 + step, now_ms + step) for step in range(1, 21)} == {("", 0)}
        assert await placed(9, now_ms - 1) == ("sdk", 32)
        assert await venue.send(await venue.quote(), sequence=77) == ("", 0)


async def test_what_is_refused_uses_no_sequence(open_venue: Any, make: Any) -> None:
    """Whatever it was refused for."""
    async with open_venue() as venue:
        nothing = make.cancel(1, tx.LONG_TERM, good_til_time=LATER)
        far = make.order(flags=tx.LONG_TERM, good_til_time=LATER)

        assert await venue.send(nothing, sequence=0) == ("clob", 3006)
        assert await venue.send(far, sequence=0, account_number=3) == ("dydxaccountplus", 104)
        assert await venue.send(far, sequence=0) == ("", 0)


async def test_the_same_bytes_are_taken_once(open_venue: Any, make: Any) -> None:
    """A second time they are in the cache; those that were refused may come again."""
    async with open_venue() as venue:
        taken, refused = venue.sign(await venue.quote()), venue.sign(make.order(good_til_block=1))
        first = await venue.broadcast(taken)
        again = await venue.broadcast(taken)

        assert (first["result"]["code"], first["result"]["hash"]) == (0, tx.transaction_hash(taken))
        assert again["error"] == {"code": -32603, "message": "Internal error", "data": "tx already exists in cache"}
        assert [(await venue.broadcast(refused))["result"]["code"] for _ in range(2)] == [10, 10]


async def test_a_market_that_is_not_active_takes_what_its_status_allows(open_venue: Any, make: Any) -> None:
    """Paused none, post-only those; cancels always."""
    for status, quote, taker in (("PAUSED", 34, 34), ("POST_ONLY", 0, 34), ("FINAL_SETTLEMENT", 34, 34)):
        async with open_venue(market_status=status) as venue:
            end = await venue.height() + 9

            assert (await venue.send(make.order(good_til_block=end)))[1] == quote
            assert (await venue.send(make.order(client_id=2, good_til_block=end, time_in_force=1)))[1] == taker
            assert await venue.send(make.cancel(good_til_block=end)) == ("", 0)
            assert (await venue.get("perpetualMarkets"))["markets"]["BTC-USD"]["status"] == status


async def test_block_limits_are_of_the_owner_and_count_failures(open_venue: Any, make: Any) -> None:
    """Two stateful orders a block, whatever becomes of them; cancels are not counted."""
    async with open_venue() as venue:
        far = [make.order(client_id=n, flags=tx.LONG_TERM, good_til_time=LATER) for n in range(1, 5)]

        assert await venue.send(far[0]) == ("", 0)
        assert await venue.send(far[0]) == ("clob", 3005)
        assert await venue.send(far[1]) == ("clob", 5001)
        assert await venue.send(make.cancel(1, tx.LONG_TERM, good_til_time=LATER)) == ("", 0)
        await venue.pass_blocks()
        assert await venue.send(far[2]) == ("", 0)

    async with open_venue(enforce_limits=False) as venue:
        assert {await venue.send(one) for one in far} == {("", 0)}


async def test_the_node_takes_so_many_requests_a_second(open_venue: Any) -> None:
    """More are answered with 429 and no envelope; the Indexer has its own count, and waits in milliseconds."""
    async with open_venue(node_per_s=5, indexer_per_10s=3) as venue:
        answers = [await venue.http.post("/", json={"jsonrpc": "2.0", "id": 1, "method": "status"}) for _ in range(6)]
        asked = [await venue.http.get("/v4/time") for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert [answer.status_code for answer in asked] == [200] * 3 + [429]
        assert int(asked[-1].headers["retry-after"]) > 1000
