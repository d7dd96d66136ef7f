"""The front door: whatever comes in, a JSON answer goes out."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import anyio
import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.errors import UnknownMarketError
from perpmaker.sandbox.market_file import known_markets
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.wire.server import Request, Response
from perpmaker_dydx_perpetual import proto
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.client_ids import client_id_of, tag_of
from perpmaker_dydx_perpetual.sandbox import dialect
from perpmaker_dydx_perpetual.sandbox.accounts import ACCOUNT_NUMBER, AUTHENTICATOR, CHAIN_ID, KEYS
from perpmaker_dydx_perpetual.sandbox.app import ENDPOINTS
from perpmaker_dydx_perpetual.sandbox.markets import MARKETS, chain_market
from perpmaker_dydx_perpetual.sandbox.rpc import RPC
from perpmaker_dydx_perpetual.signing import read_key

NOW_MS = 1_767_225_600_000
PATHS = sorted(one.path for one in ENDPOINTS.endpoints if one.method == "GET")
METHODS = sorted(one.path.strip("/") for one in ENDPOINTS.endpoints if one.method == RPC)
NAMES = ["address", "subaccountNumber", "limit", "page", "status", "market", "marketType", "createdBeforeOrAt"]
VALUES = [KEYS.api_key, "0", "1", "OPEN", "BTC-USD", "PERPETUAL", "2026-01-01T00:00:00.000Z", "0001-01-01", ""]
WORDS = st.one_of(st.sampled_from(VALUES), st.integers().map(str), st.text(max_size=10))
KEY = read_key(KEYS.api_secret)
NUMBERS = st.sampled_from([0, 1, 2, 3, 64, 128, 10**6, 10**9, 2**32 - 1, 1_000_010, 1_767_225_700, 2**63])


class StandingClock:
    """A clock that stands still."""

    def now(self) -> float:
        """Always the same."""
        return 0.0

    def utc_ms(self) -> int:
        """Always the same."""
        return NOW_MS


@attrs.define
class MovingClock:
    """A clock that goes on when it is told to."""

    ms: int = NOW_MS

    def now(self) -> float:
        """Seconds since the beginning."""
        return (self.ms - NOW_MS) / 1000

    def utc_ms(self) -> int:
        """The time."""
        return self.ms


def open_app(clock: Any) -> Any:
    """A fresh venue with a scripted market."""
    market = ScriptedMarket(bids=[(59_999, 1000)], asks=[(60_001, 1000)], mark=Decimal(60_000))
    exchange = Exchange(MARKETS["BTC-USD"].instrument, market, start_ms=NOW_MS)
    exchange.open_account("main", Decimal(10_000))

    return dialect().app(exchange, clock, {"enforce_limits": False})


def answer(request: Request) -> Response:
    """The answer of a fresh venue."""
    response: Response = anyio.run(open_app(StandingClock()).respond, request)

    return response


@given(path=st.sampled_from(PATHS), parameters=st.dictionaries(st.sampled_from(NAMES), WORDS, max_size=6), part=WORDS)
def test_any_question_is_answered_in_json(path: str, parameters: dict[str, str], part: str) -> None:
    """By the Indexer, or refused with its list of errors."""
    whole = "/".join(part if name.startswith("{") else name for name in path.split("/"))
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    response = answer(Request(method="GET", path=whole, query=query))
    body = msgspec.json.decode(response.body)

    assert response.status in {200, 400, 404}
    assert response.status == 200 or body["errors"][0]["msg"]


@given(body=st.binary(max_size=60))
def test_any_bytes_are_answered_by_the_node(body: bytes) -> None:
    """What is no call is a parse error."""
    response = answer(Request(method="POST", path="/", body=body))

    assert msgspec.json.decode(response.body)["error"]["code"] == -32700
    assert response.status == 500


@given(
    method=st.sampled_from([*METHODS, "genesis"]),
    parameters=st.one_of(
        st.none(),
        st.lists(st.integers(), max_size=2),
        st.dictionaries(st.sampled_from(["tx", "path", "data", "height"]), st.one_of(WORDS, st.integers(), st.none())),
    ),
)
def test_any_call_is_answered_in_its_envelope(method: str, parameters: object) -> None:
    """With a result or an error."""
    call = msgspec.json.encode({"jsonrpc": "2.0", "id": "x", "method": method, "params": parameters})
    body = msgspec.json.decode(answer(Request(method="POST", path="/", body=call)).body)

    assert (body["jsonrpc"], body["id"]) == ("2.0", "x")
    assert ("result" in body) is not ("error" in body)


orders = st.builds(
    tx.Order,
    order_id=st.builds(
        tx.OrderId,
        subaccount=st.just(tx.SubaccountId(KEYS.api_key, 0)),
        client_id=st.sampled_from([0, 1, 2]),
        flags=st.sampled_from([tx.SHORT_TERM, tx.CONDITIONAL, tx.LONG_TERM, 1]),
        clob_pair=st.sampled_from([0, 0, 0, 1]),
    ),
    side=st.sampled_from([1, 2]),
    quantums=st.one_of(NUMBERS, st.integers(1, 10**6).map(lambda lots: lots * 1_000_000)),
    subticks=st.one_of(NUMBERS, st.integers(50_000, 70_000).map(lambda price: price * 100_000)),
    good_til_block=st.one_of(st.just(0), st.integers(1_000_001, 1_000_030)),
    good_til_time=st.sampled_from([0, 1_767_225_605, 1_767_225_700]),
    time_in_force=st.sampled_from([0, 1, 2, 3, 9]),
    reduce_only=st.sampled_from([0, 1]),
    condition=st.sampled_from([0, 1, 2]),
    trigger_subticks=st.one_of(st.just(0), st.integers(50_000, 70_000).map(lambda price: price * 100_000)),
)
messages = st.one_of(
    orders.map(lambda order: tx.PlaceOrder(order=order)),
    orders.map(
        lambda order: tx.CancelOrder(
            order_id=order.order_id, good_til_block=order.good_til_block, good_til_time=order.good_til_time
        )
    ),
)


@given(sent=st.lists(st.tuples(messages, st.integers(0, 3000)), max_size=25))
def test_any_transactions_leave_a_venue_that_goes_on(sent: list[tuple[Any, int]]) -> None:
    """Whatever is placed and cancelled, each has its code, and blocks go on."""
    clock = MovingClock()
    app = open_app(clock)

    async def play() -> None:
        for number, (message, passes_ms) in enumerate(sent):
            clock.ms += passes_ms
            signed = tx.write_transaction(
                (message,),
                public_key=KEY.public_key,
                sequence=clock.ms + number,
                chain_id=CHAIN_ID,
                account_number=ACCOUNT_NUMBER,
                sign=KEY.sign,
                authenticator=AUTHENTICATOR,
            )
            call = {"id": 1, "method": "broadcast_tx_sync", "params": {"tx": base64.b64encode(signed).decode()}}
            response = await app.respond(Request(method="POST", path="/", body=msgspec.json.encode(call)))
            result = msgspec.json.decode(response.body)["result"]
            assert (result["code"] == 0) is (result["codespace"] == "")
            assert result["codespace"] in {"", "clob", "sdk"}

    anyio.run(play)


@given(cut=st.integers(0, 300), change=st.integers(0, 255))
def test_any_broken_transaction_is_refused(cut: int, change: int) -> None:
    """One byte is another: it cannot be read, or its signature is wrong, or it says what the old one said."""
    order = tx.Order(order_id=tx.OrderId(subaccount=tx.SubaccountId(KEYS.api_key, 0), client_id=1), good_til_block=1)
    signed = bytearray(
        tx.write_transaction(
            (tx.PlaceOrder(order=order),),
            public_key=KEY.public_key,
            sequence=0,
            chain_id=CHAIN_ID,
            account_number=ACCOUNT_NUMBER,
            sign=KEY.sign,
            authenticator=AUTHENTICATOR,
        )
    )
    signed[cut % len(signed)] = change
    call = {"id": 1, "method": "broadcast_tx_sync", "params": {"tx": base64.b64encode(signed).decode()}}
    body = msgspec.json.decode(answer(Request(method="POST", path="/", body=msgspec.json.encode(call))).body)

    assert body["result"]["code"] != 0


def test_the_chain_knows_the_owner_and_the_permitted_key() -> None:
    """By the questions that a node is asked, in protobuf; others are unknown, as an address is that it never saw."""

    def ask(path: str, address: str) -> Any:
        data = proto.encode(tx.SubaccountId(address, 0)).hex()
        call = {"id": 1, "method": "abci_query", "params": {"path": path, "data": data, "height": "0", "prove": False}}
        body = msgspec.json.decode(answer(Request(method="POST", path="/", body=msgspec.json.encode(call))).body)

        return body["result"]["response"]

    account = ask("/cosmos.auth.v1beta1.Query/Account", KEYS.api_key)
    permitted = ask("/dydxprotocol.accountplus.Query/GetAuthenticators", KEYS.api_key)

    assert KEYS.api_key.encode() in base64.b64decode(account["value"])
    assert base64.b64encode(KEY.public_key) in base64.b64decode(permitted["value"])
    assert ask("/cosmos.auth.v1beta1.Query/Account", "dydx1nobody")["code"] == 22
    assert ask("/of.nobody", KEYS.api_key)["code"] == 6


@pytest.mark.parametrize(
    ("market", "pair", "resolution", "step", "subticks"),
    [
        ("BTC-USD", 0, -10, 1_000_000, 100_000),
        ("ETH-USD", 1, -9, 1_000_000, 100_000),
        ("SOL-USD", 5, -7, 1_000_000, 1_000_000),
    ],
)
def test_markets_have_the_units_of_the_chain(market: str, pair: int, resolution: int, step: int, subticks: int) -> None:
    """As they were captured."""
    known = chain_market(MARKETS[market].instrument)

    assert (known.clob_pair, known.resolution, known.step_quantums, known.tick_subticks) == (
        pair,
        resolution,
        step,
        subticks,
    )


def test_the_venues_own_list_has_a_markets_rules() -> None:
    """As it answers to whoever asks; a market that it does not have is named with the nearest."""
    listing = answer(Request(method="GET", path="/v4/perpetualMarkets")).body

    assert attrs.evolve(dialect().listed(listing, "BTC-USD"), tiers=()) == attrs.evolve(
        MARKETS["BTC-USD"].instrument, tiers=()
    )

    with pytest.raises(UnknownMarketError, match="BTC-USD"):
        dialect().listed(listing, "BTC-USDT")

    with pytest.raises(ValueError, match="makes no sense"):
        dialect().listed(b'{"markets": {"BTC-USD": {}}}', "BTC-USD")


def test_an_option_that_there_is_not_is_refused() -> None:
    """By its name."""
    exchange = Exchange(MARKETS["BTC-USD"].instrument, ScriptedMarket(mark=Decimal(1)), start_ms=0)

    with pytest.raises(ValueError, match="block_s"):
        dialect().app(exchange, StandingClock(), {"block_s": 1})


def test_a_sandbox_serves_its_first_market_and_knows_which_orders_are_ours() -> None:
    """There is no BTC-USDT here; ids are numbers, of which the first half is the bot's tag."""
    found = dialect()
    assert next(iter(known_markets(found))) == "BTC-USD"
    assert found.is_own_id(client_id_of(tag_of("cafe"), 7))
    assert not any(map(found.is_own_id, ("7", "", "1-7", "pm-bot-r1-1")))
