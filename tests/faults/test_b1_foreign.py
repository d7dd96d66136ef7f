"""B1: what is not ours cannot stop us: other markets, other people's orders, and what the venue does by force."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.clock import LoopClock
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.model.event import BalanceReported, Event, OrderFilled, OrderReported, PositionReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionMode, Side, Slot
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.rules import MARKETS
from perpmaker.state.view import Mode
from perpmaker.testing.session import open_session
from perpmaker.testing.view import make_instrument, make_view
from perpmaker.venue import RequestBudget, RestClient, RowReader, Rows, VenueAccess, begin_receiving
from perpmaker.wire.fault import Fault
from perpmaker.wire.http import exchange_over
from perpmaker.wire.memory import MemoryNetwork
from perpmaker_binance_perpetual.messages import Asset, Order
from perpmaker_binance_perpetual.orders import OrderQuestions
from perpmaker_binance_perpetual.rest import LIMITS, BinanceHttp, Head, row_reader
from perpmaker_binance_perpetual.translate import translate_order
from perpmaker_binance_perpetual.user_stream import account_stream
from perpmaker_risk_modules.exposure_limit import ExposureLimit, ExposureLimitSettings

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[1] / "practice.toml"
BTC = MARKETS["BTC-USDT"].instrument
SETTINGS = VenueSettings(leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS)


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Sessions take a minute."""
    return virtual_time


# --- events of the stream


def order_event(**changes: Any) -> dict[str, Any]:
    """A fill of somebody's order on BTCUSDT."""
    order: dict[str, Any] = {
        "s": "BTCUSDT", "c": "web_1", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.010", "p": "60000.00",
        "ap": "60000", "sp": "0", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 7, "l": "0.004", "z": "0.004",
        "L": "60000.00", "N": "USDT", "n": "0.1", "T": 5, "t": 9, "m": True, "R": False, "ps": "BOTH", "rp": "0",
        "ot": "LIMIT", "cp": False, "er": "0",
    }  # fmt: skip

    return {"e": "ORDER_TRADE_UPDATE", "E": 5, "T": 5, "o": {**order, **changes}}


def stop_event(symbol: str) -> dict[str, Any]:
    """Somebody's stop on a market."""
    return {"e": "ALGO_UPDATE", "T": 5, "o": {"s": symbol, "caid": "x", "aid": 1, "S": "BUY", "X": "NEW"}}


def account_event(**changes: Any) -> dict[str, Any]:
    """A change of the account: USDT, and positions of two markets."""
    ours = {"s": "BTCUSDT", "pa": "0.004", "ep": "60000.0", "mt": "cross", "iw": "0", "ps": "BOTH"}
    change = {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "1000.1", "bc": "0"}, {"a": "XYZ", "wb": "3", "bc": "0"}],
        "P": [{**ours, "s": "ETHUSDT"}, ours],
    }

    return {"e": "ACCOUNT_UPDATE", "E": 6, "T": 6, "a": {**change, **changes}}


class OneSocket:
    """A socket that brings these messages and then a known last one."""

    def __init__(self, *messages: dict[str, Any] | str) -> None:
        self._messages = [one if isinstance(one, str) else json.dumps(one) for one in messages]

    async def receive(self) -> str:
        """The next message."""
        if not self._messages:
            await anyio.sleep_forever()

        return self._messages.pop(0)

    async def send(self, message: str | bytes) -> None:
        """Nothing is sent."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nothing to close."""


LAST = account_event(B=[{"a": "LAST", "wb": "1", "bc": "0"}], P=[])


async def hear(*messages: dict[str, Any] | str, instrument: Instrument = BTC) -> list[Event]:
    """What the stream of a market tells of these messages; the known last one proves that it lives on."""
    clock = LoopClock()
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)), base_url="http://v.test")
    client = RestClient(
        exchange_over(http),
        BinanceHttp(None, recv_window_ms=2000),
        clock,
        budget=RequestBudget("Binance", LIMITS, clock),
        place="v.test:80",
        patience_s=1.0,
    )
    access = VenueAccess(connect=MemoryNetwork().connect, url="ws://v.test", client=client)
    receiver = begin_receiving(
        account_stream(access, instrument, OrderQuestions(client), lambda: SETTINGS), OneSocket(*messages, LAST), clock
    )
    heard: list[Event] = []

    with anyio.fail_after(5):
        while not any(isinstance(event, BalanceReported) and event.balance.asset == "LAST" for event in heard):
            heard.extend(await receiver.receive())

    return heard[:-1]


FORCED = {"sp": None, "cp": None, "ot": None, "rp": None, "R": None, "t": None}


async def test_B1_nothing_in_an_order_of_another_market_stops_the_stream() -> None:
    """It is not looked into: filtered by its market first."""
    fields = [*FORCED, "q", "p", "S", "X", "i", "T", "ps", "n", "N", "m", "c", "o"]
    values: list[object] = [None, [], "", {"x": 1}, "NaN", -7.5]
    strange = [order_event(s="ETHUSDT", **{field: value}) for field, value in product(fields, values)]
    assert await hear(*strange) == []


async def test_B1_null_and_absent_fields_of_a_forced_order_lose_no_fill() -> None:
    """Liquidations leave them out; their quantity need not be a whole number of lots."""
    for client_id in ["autoclose-17", "adl_autoclose", "settlement_autoclose-2", "web_1"]:
        nulls = order_event(c=client_id, l="0.0045", z="0.0045", q="0.0105", **FORCED)
        absent = order_event(c=client_id, l="0.0045", z="0.0045", q="0.0105", i=8)

        for field in FORCED:
            del absent["o"][field]

        heard = await hear(nulls, absent)
        fills = [event.fill for event in heard if isinstance(event, OrderFilled)]
        assert [(fill.client_id, fill.amount) for fill in fills] == [(client_id, Decimal("0.0045"))] * 2
        assert len({fill.trade_id for fill in fills}) == 2
        reports = [event.report for event in heard if isinstance(event, OrderReported)]
        assert [(one.lots, one.remaining) for one in reports] == [(None, Decimal("0.006"))] * 2


async def test_B1_an_order_of_ours_that_makes_no_sense_ends_the_stream() -> None:
    """It may have been a fill: the reading that follows finds it. Nothing is halted."""
    with pytest.raises(ConnectivityError, match="cannot be understood"):
        await hear(order_event(c="pm-bot-r1-1", l="NaN"))

    with pytest.raises(ConnectivityError, match="cannot be understood"):
        await hear(order_event(c="pm-bot-r1-1", s=None))


async def test_B1_our_position_is_read_beside_rows_that_make_no_sense() -> None:
    """Each row of an account update stands for itself."""
    bad = [{"a": None}, {"a": "ABC", "wb": "NaN", "bc": "0"}, 7, {"a": "USDT", "wb": "5", "bc": "0"}]
    rows = [{"s": "ETHUSDT", "pa": None}, None, {"s": 5}, *account_event()["a"]["P"]]
    heard = await hear(account_event(B=bad, P=rows, S=17, m=None))
    assert [event.balance.asset for event in heard if isinstance(event, BalanceReported)] == ["USDT"]
    assert [event.position.amount for event in heard if isinstance(event, PositionReported)] == [Decimal("0.004")]


# --- the same, with whatever is in them

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def mutated(whole: dict[str, Any], path: list[Any], value: Any, *, remove: bool) -> None:
    """Replace or remove one thing inside."""
    for part in path[:-1]:
        whole = whole[part]

    if remove:
        del whole[path[-1]]
    else:
        whole[path[-1]] = value


@given(
    data=st.data(),
    mutations=st.lists(st.tuples(st.integers(0, 10**6), JUNK, st.booleans()), min_size=1, max_size=4),
)
def test_B1_no_mutated_foreign_event_ends_the_stream(data: Any, mutations: list[tuple[int, Any, bool]]) -> None:
    """Orders of others on our market and on another one, assets and positions that are not ours, margin calls."""
    mine = account_event()
    foreign = [
        (order_event(s="ETHUSDT", c="web_1"), "o", {"s"}),
        (order_event(c="web_1"), "o", {"c", "s"}),
        (order_event(c="autoclose-1"), "o", {"c", "s"}),
        (
            {"e": "ALGO_UPDATE", "T": 5, "o": {"s": "ETHUSDT", "caid": "x", "aid": 1, "S": "BUY", "X": "NEW"}},
            "o",
            {"s"},
        ),
        (
            {"e": "ALGO_UPDATE", "T": 5, "o": {"s": "BTCUSDT", "caid": "x", "aid": 1, "S": "BUY", "X": "NEW"}},
            "o",
            {"caid"},
        ),
        ({"e": "ACCOUNT_CONFIG_UPDATE", "ac": {"s": "ETHUSDT", "l": 5}}, "ac", {"s"}),
        ({"e": "MARGIN_CALL", "E": 5, "p": [{"s": "ETHUSDT", "mt": "ISOLATED", "pa": "1", "mm": "2"}]}, "p", set()),
    ]
    event, part, kept = data.draw(st.sampled_from(foreign))
    rows = event[part] if isinstance(event[part], list) else [event[part]]

    for place, value, remove in mutations:
        row = rows[place % len(rows)]
        names = sorted(set(row) - kept)

        if names:
            mutated(row, [names[place % len(names)]], value, remove=remove)

    mine["a"]["B"].insert(0, {"a": "XYZ", "wb": mutations[0][1], "bc": mutations[-1][1]})
    mine["a"]["P"].insert(0, {"s": "ETHUSDT", "pa": mutations[0][1]})
    heard = anyio.run(hear, event, mine)
    assert any(isinstance(one, PositionReported) and one.position.amount == Decimal("0.004") for one in heard)


# --- lists

PLACED = {
    "orderId": 5, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "web_1", "price": "60000.00",
    "origQty": "0.010", "executedQty": "0.000", "timeInForce": "GTC", "type": "LIMIT", "reduceOnly": False,
    "side": "BUY", "positionSide": "BOTH", "updateTime": 5,
}  # fmt: skip


def read_orders(*rows: Any) -> tuple[list[Any], RowReader[Head]]:
    """The orders of a list as the connector reads them, and what it left out."""
    reader = row_reader()
    reports = reader.read(
        PayloadDecoder(Rows).decode(msgspec.json.encode(rows)),
        lambda row: translate_order(PayloadDecoder(Order).decode(row), BTC),
        "orders",
        market="BTCUSDT",
        is_needed=lambda head: head.is_own_order,
    )

    return list(reports), reader


def test_B1_an_order_of_somebody_between_two_lots_has_unknown_lots() -> None:
    """0.0105 at lot 0.001: it rests, and what is left of it is known."""
    (report,), reader = read_orders({**PLACED, "origQty": "0.0105", "executedQty": "0.0015"})
    assert (report.lots, report.filled_lots, report.remaining) == (None, 1, Decimal("0.009"))
    assert report.left(BTC.lot) == Decimal("0.009")
    assert not reader.skipped


@given(name=st.sampled_from(sorted(set(PLACED) - {"clientOrderId"})), value=JUNK, remove=st.booleans())
def test_B1_a_row_of_somebody_else_hides_no_row_of_ours(name: str, value: Any, remove: bool) -> None:
    """Whatever is in it; ours that makes no sense is refused, as it would be alone."""
    foreign, ours = dict(PLACED), {**PLACED, "clientOrderId": "pm-bot-r1-1", "orderId": 6}
    mutated(foreign, [name], value, remove=remove)
    reports, _ = read_orders(foreign, ours, None, [], 5)
    assert reports[-1].client_id == "pm-bot-r1-1"
    broken = {**ours, "side": "SIDEWAYS"}

    with pytest.raises(PayloadError):
        read_orders(foreign, broken)


# --- a whole bot

STRANGE = [
    {**PLACED, "origQty": "0.0105"},
    {**PLACED, "symbol": "ETHUSDT", "side": None},
    {**PLACED, "orderId": "x"},
    {"clientOrderId": "web_2"},
    None,
]
TRADE = {
    "id": 1, "orderId": 77, "symbol": "BTCUSDT", "side": "BUY", "price": "1", "qty": "1", "commission": "0",
    "commissionAsset": "BNB", "realizedPnl": "0", "maker": True, "time": 9, "positionSide": "BOTH",
}  # fmt: skip


@asynccontextmanager
async def strange_lists(lists: dict[str, list[Any]]) -> AsyncIterator[Any]:
    """A session in which lists of the venue have these rows alone for a while."""
    async with open_session(FILE, "bid_spread=0.5", "ask_spread=0.5") as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await anyio.sleep(3)

        for path, rows in lists.items():
            body = Fault(act="body", when="after", arg=json.dumps(rows), method="GET", path=path, times=3)
            session.sandbox.faults.add(body)

        yield session
        group.cancel_scope.cancel()


LISTS: dict[str, list[Any]] = {
    "/fapi/v1/openOrders": STRANGE,
    "/fapi/v1/openAlgoOrders": [{"symbol": "BTCUSDT", "clientAlgoId": "web", "algoId": None}, 7],
    "/fapi/v1/userTrades": [{**TRADE, "price": None}, {**TRADE, "id": 2, "side": "UP"}, "x"],
    "/fapi/v3/positionRisk": [{"symbol": "ETHUSDT", "positionAmt": None}, None],
    "/fapi/v1/income": [{"symbol": "BTCUSDT", "income": "NaN"}, 5],
    "/fapi/v1/fundingInfo": [{"symbol": None}, {"fundingIntervalHours": "x"}],
}


@pytest.mark.parametrize(
    "lists", [LISTS, *(pytest.param({path: rows}, marks=pytest.mark.full, id=path) for path, rows in LISTS.items())]
)
async def test_B1_a_bot_goes_on_beside_lists_of_strange_rows(lists: dict[str, list[Any]]) -> None:
    """Nothing halts, and what rested goes on being quoted."""
    async with strange_lists(lists) as session:
        await anyio.sleep(100)
        assert session.bot.halted is None
        assert session.bot.mode is Mode.RUN
        assert len(session.sandbox.exchange.open_orders(ACCOUNT)) == 2


def test_B1_an_asset_that_makes_no_sense_hides_none_that_is_needed() -> None:
    """The account lists dozens of assets; only the quote asset must be read."""
    reader, needed = row_reader(), {"asset": "USDT", "walletBalance": "5", "availableBalance": "4"}
    rows = [msgspec.Raw(json.dumps(row).encode()) for row in ({"asset": "ABC", "walletBalance": []}, needed, 7)]

    def read(rows: list[msgspec.Raw]) -> list[str]:
        found = reader.read(rows, PayloadDecoder(Asset).decode, "assets", is_needed=lambda head: head.asset == "USDT")

        return [one.asset for one in found]

    assert read(rows) == ["USDT"]
    assert reader.skipped["assets"] == 2

    with pytest.raises(PayloadError):
        read([msgspec.Raw(b'{"asset":"USDT"}')])


def test_B1_an_amount_between_two_lots_counts_in_the_exposure() -> None:
    """What is left of somebody's order may fill: it counts with the larger number of lots."""
    (report,), _ = read_orders({**PLACED, "origQty": "0.0105"})
    instrument = make_instrument()
    settings = ExposureLimitSettings(max_position=Decimal("0.020"))
    view = make_view(instrument=instrument, foreign=(report,))
    quote = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=9900, lots=15, generation=1)
    verdict = ExposureLimit(settings, instrument).review(view, quote)
    assert isinstance(verdict, Approved)
    assert verdict.quote.lots == 9
