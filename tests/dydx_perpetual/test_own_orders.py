"""Lives of our orders by the height of the chain, entries by our fills, and the chain's clock."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError
from perpmaker.model.order import Fill, OrderType, PositionSide, Side
from perpmaker_dydx_perpetual.account import AccountQuestions
from perpmaker_dydx_perpetual.chain import BlockClock
from perpmaker_dydx_perpetual.entries import Entry
from perpmaker_dydx_perpetual.own_orders import OwnOrder, OwnOrders
from perpmaker_dydx_perpetual.stateful_pace import StatefulPace
from perpmaker_dydx_perpetual.transactions import CONDITIONAL, SHORT_TERM
from perpmaker_dydx_perpetual.user_stream import AccountTranslator

from . import payloads

LIFE = 10


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Blocks take their time: virtual time."""
    return virtual_time


def quote(**changes: Any) -> OwnOrder:
    """A bid that ends with block 110."""
    known: dict[str, Any] = {
        "client_id": "pm-c0ffee-1",
        "venue_id": "a",
        "number": 1,
        "flags": SHORT_TERM,
        "side": Side.BUY,
        "type": OrderType.POST_ONLY,
        "ticks": 100,
        "lots": 5,
        "ends_at": 110,
    }

    return OwnOrder(**{**known, **changes})


async def never() -> tuple[int, int]:
    """No node is asked."""
    raise AssertionError


def kept(*orders: OwnOrder) -> OwnOrders:
    """Orders that are kept."""
    own = OwnOrders()

    for order in orders:
        own.add(order)

    return own


@pytest.mark.anyio
@pytest.mark.parametrize("is_told_first", [True, False])
async def test_a_fill_counts_once_in_whichever_order_it_is_told(is_told_first: bool) -> None:
    """What the order is said to have filled, asked for or streamed, may be ahead of the fill itself."""
    own, instrument = kept(quote(venue_id=payloads.ORDER_ID, ends_at=1_000_020, lots=100)), payloads.INSTRUMENT
    asked = AccountQuestions(client=Any, identity=Any, own=own, read_lag_s=1.0, bound=lambda _, __: Decimal(0))
    translator = AccountTranslator(instrument, asked, BlockClock(LoopClock(), never), lambda: 0)
    rows = [{"orders": [payloads.ORDER | {"totalFilled": "0.004"}]}, {"fills": [payloads.FILL]}]

    for row in rows if is_told_first else reversed(rows):
        translator.read("v4_subaccounts", [json.dumps(row).encode()], False)

    other = payloads.FILL | {"id": "another", "size": "0.002", "createdAtHeight": "1000013"}
    translator.read("v4_subaccounts", [json.dumps({"fills": [other, payloads.FILL]}).encode()], False)
    (order,) = own.live()
    assert (order.filled, order.fill_height) == (Decimal("0.006"), 1_000_013)


# --- lives ------------------------------------------------------------------------------------------------------------


def test_a_quote_is_renewed_when_half_its_life_is_over() -> None:
    """Not before, and not when it is past, on its way out, over, or no quote."""
    own = kept(quote())
    assert own.to_renew(104, LIFE) == []
    assert len(own.to_renew(105, LIFE)) == 1
    assert own.to_renew(111, LIFE) == []

    for changes in ({"is_leaving": True}, {"is_over": True}, {"type": OrderType.IOC}, {"flags": CONDITIONAL}):
        assert kept(quote(**changes)).to_renew(106, LIFE) == []


def test_each_version_ends_later_and_none_too_far_ahead() -> None:
    """Two amends in one block are one block apart; beyond twenty blocks none is sent."""
    order, ends = quote(), []

    while (end := order.next_end(100, LIFE)) is not None:
        order.ends_at = end
        ends.append(end)

    assert ends == list(range(111, 121))
    assert quote(ends_at=90).next_end(100, LIFE) == 110


def test_what_was_filled_is_not_renewed_beyond_the_chains_memory() -> None:
    """The chain forgets what an id has filled; the rest ends, and gets another id."""
    order = quote(fill_height=104)
    assert order.next_end(106, LIFE) == 116
    order.ends_at = 138
    assert order.next_end(134, LIFE) == 139
    order.ends_at = 139
    assert order.next_end(134, LIFE) is None
    assert kept(order).to_renew(136, LIFE) == []


def test_what_may_still_work_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many quotes come and go, both orders of a stop stay known: nothing else can take them off."""
    monkeypatch.setattr("perpmaker_dydx_perpetual.own_orders._MOST", 5)
    stop = {"client_id": "s", "flags": CONDITIONAL, "type": OrderType.VENUE_STOP}
    own = kept(quote(**stop, venue_id="s1"), quote(**stop, venue_id="s2", is_twin=True))

    for number in range(10):
        own.add(quote(client_id=f"q{number}", venue_id=f"v{number}", is_over=True))

    assert [order.venue_id for order in own.of("s")] == ["s1", "s2"]
    assert own.by_venue("s2") is not None
    assert (own.of("q0"), len(own.of("q9"))) == ([], 1)


def test_an_order_is_over_only_when_its_height_is_past() -> None:
    """One that was taken off a block later, one of which nothing was said three: fills may be on their way."""
    leaving, silent = quote(venue_id="a", is_leaving=True), quote(venue_id="b")
    own = kept(leaving, silent)

    assert own.settle(111) == []
    assert own.settle(112) == [leaving]
    assert own.settle(113) == []
    assert own.settle(114) == [silent]
    assert own.settle(200) == []


def test_the_second_order_of_a_stop_goes_once_the_position_is_closed() -> None:
    """Not while the first one rests, nor when it was gone without crossing."""
    first = quote(flags=CONDITIONAL, type=OrderType.VENUE_STOP, reduce_only=True)
    second = attrs.evolve(first, venue_id="b", number=2**31 + 1, is_twin=True)
    own = kept(first, second)
    assert own.spent_twins() == []
    first.is_over = True
    assert own.spent_twins() == []
    own.flat()
    assert own.spent_twins() == [second]
    second.is_over = True
    assert own.spent_twins() == []


# --- entries ----------------------------------------------------------------------------------------------------------


def fill(number: int, side: Side, amount: str, price: str) -> Fill:
    """An execution."""
    return Fill(
        client_id="x",
        venue_id="y",
        trade_id=str(number),
        side=side,
        position_side=PositionSide.NET,
        price=Decimal(price),
        amount=Decimal(amount),
        fee=Decimal(0),
        fee_asset="USDC",
        maker=True,
        realized_pnl=None,
        venue_ms=number,
    )


def test_dydx_D4_a_partial_close_leaves_the_entry_price() -> None:
    """The Indexer averages all that was ever bought; the entry is that of what is left."""
    entry = Entry(is_whole=True)
    fills = [fill(1, Side.BUY, "10", "100"), fill(2, Side.SELL, "5", "110"), fill(3, Side.BUY, "5", "120")]
    profits = [profit for _, profit in entry.fold(fills)]

    assert profits == [0, 50, 0]
    assert entry.price(Decimal(10)) == 110
    assert entry.fold(fills) == []
    assert entry.price(Decimal(9)) is None


def test_an_entry_that_did_not_begin_flat_is_none() -> None:
    """Until the position has been flat once."""
    entry = Entry(amount=Decimal(3))
    entry.fold([fill(1, Side.BUY, "2", "100")])
    assert entry.price(Decimal(5)) is None
    entry.fold([fill(2, Side.SELL, "5", "110"), fill(3, Side.SELL, "1", "90")])
    assert entry.price(Decimal(-1)) == 90


def test_a_flip_closes_and_opens() -> None:
    """The part that closes has a profit, the rest a new entry."""
    entry = Entry(is_whole=True)
    profits = [p for _, p in entry.fold([fill(1, Side.SELL, "2", "100"), fill(2, Side.BUY, "5", "90")])]

    assert profits == [0, 20]
    assert entry.price(Decimal(3)) == 90


# --- the chain's clock ------------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_dydx_D10_no_order_is_sent_on_an_old_height() -> None:
    """A height is asked for where none is known, and one that does not grow is no height to decide by."""
    heights = iter([(50, 0), (50, 0)])

    async def ask() -> tuple[int, int]:
        return next(heights)

    blocks = BlockClock(LoopClock(), ask)
    assert not blocks.is_fresh
    assert await blocks.refresh() == 50
    await anyio.sleep(4)
    assert not blocks.is_fresh

    with pytest.raises(ConnectivityError, match="no new block"):
        await blocks.refresh()


@pytest.mark.anyio
async def test_blocks_are_measured_and_a_height_is_waited_for() -> None:
    """By the blocks that were seen, never by an assumption."""
    clock = LoopClock()

    async def ask() -> tuple[int, int]:
        return 100 + round(clock.now() / 0.5), round(clock.now() * 1000)

    blocks = BlockClock(clock, ask)
    await blocks.refresh()
    await blocks.pass_height(106, patience_s=10)

    assert blocks.height == 107
    assert blocks.block_s == pytest.approx(0.5, rel=0.2)
    assert blocks.passes_at(117) >= clock.now() + 11 * blocks.block_s
    assert blocks.time_of(107) is not None

    with pytest.raises(ConnectivityError, match="block 900"):
        await blocks.pass_height(900, patience_s=1)


@pytest.mark.anyio
async def test_heights_that_come_all_at_once_make_no_short_blocks() -> None:
    """The blocks' own times count; and no more is taken to have been made meanwhile than orders can stand."""

    async def ask() -> tuple[int, int]:
        raise AssertionError

    blocks = BlockClock(LoopClock(), ask)

    for number in range(40):
        blocks.observe(100 + number, 1_000_000 + 600 * number)

    assert blocks.block_s == pytest.approx(0.6)
    assert blocks.expected == 139
    await anyio.sleep(1.3)
    assert blocks.expected == 141
    other = BlockClock(LoopClock(), ask)
    other.observe(100)
    other.observe(101)
    await anyio.sleep(2)
    assert other.expected <= 109


@pytest.mark.anyio
async def test_stateful_orders_are_placed_at_the_chains_pace() -> None:
    """Two a block and twenty in a hundred; targets leave room for stops."""

    async def ask() -> tuple[int, int]:
        raise AssertionError

    blocks = BlockClock(LoopClock(), ask)
    blocks.observe(10)
    pace = StatefulPace(blocks)
    pace.spend(2)
    assert not pace.admits(1, 20)

    for height in range(11, 15):
        blocks.observe(height)
        assert pace.admits(2, 20)
        pace.spend(2)

    blocks.observe(15)
    assert not pace.admits(1, 10)
    assert pace.admits(2, 20)
    assert pace.wait_s(10) > pace.wait_s(20)
    blocks.observe(110)
    assert pace.admits(1, 10)


@pytest.mark.anyio
async def test_what_was_sent_in_an_outage_does_not_use_up_the_turn_of_a_stop() -> None:
    """One without an answer counts for as long as it may arrive; one that the chain has answered for a hundred."""
    blocks = BlockClock(LoopClock(), no_node)
    pace = StatefulPace(blocks, life=10)

    for height in range(1, 11):
        blocks.observe(height)
        pace.spend(2).is_answered = height % 2 == 0

    blocks.observe(11)
    assert not pace.admits(1, 20)
    blocks.observe(30)
    assert pace.admits(2, 20)
    assert not pace.admits(1, 10)


@pytest.mark.anyio
async def test_a_chain_that_counts_more_than_we_do_is_not_asked_again_at_once() -> None:
    """An earlier run has placed orders too, and each try counts: targets wait."""
    blocks = BlockClock(LoopClock(), no_node)
    blocks.observe(100)
    pace = StatefulPace(blocks)
    pace.full_until = 120
    assert pace.is_full
    assert pace.wait_s(20) == 20 * blocks.block_s
    blocks.observe(120)
    assert not pace.is_full


async def no_node() -> tuple[int, int]:
    """A node that is not asked."""
    raise AssertionError
