from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import UnknownMarketError
from perpmaker.model.order import Side
from perpmaker.sandbox.server import Sandbox, SandboxSettings, open_sandbox, rules_for
from perpmaker.simulation.order import OrderRequest
from perpmaker.simulation.rules import MARKETS
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.wire.http import open_client
from perpmaker.wire.pipe import MemoryNetwork

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def open_both(dialect: Any, **options: Any) -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient]]:
    """A sandbox in memory, and a client that speaks to it."""
    network = MemoryNetwork()
    listener = await network.listen("127.0.0.1")
    settings = SandboxSettings(venue="plain", seed=4)

    async with (
        open_sandbox(dialect, settings, clock=LoopClock(), listener=listener, **options) as sandbox,
        open_client(network.connect, sandbox.line.url) as client,
    ):
        client.headers["Authorization"] = f"Bearer {sandbox.line.control_token}"
        yield sandbox, client


async def test_line_says_where_it_is_and_what_it_takes(dialect: Any) -> None:
    """The line is the one that is printed, and is served under a path of its own."""
    async with open_both(dialect) as (sandbox, client):
        answer = msgspec.json.decode((await client.get("/_sandbox")).content)

        assert answer == {
            "venue": "plain",
            "url": sandbox.line.url,
            "api_key": "key",
            "api_secret": "secret",
            "market": "BTC-USDT",
            "seed": 4,
            "shape": "calm",
            "window": None,
            "is_over": False,
            "recording": [],
            "latency": {"order_ms": 5, "feed_ms": 0},
            "source": None,
            "control_token": "",
        }


async def test_everything_else_is_the_dialects(dialect: Any) -> None:
    """What is not for the control room reaches the venue's own app, with the venue's symbol in the rules."""
    async with open_both(dialect) as (sandbox, client):
        assert (await client.get("/fapi/v1/ping")).text.startswith("/fapi/v1/ping ")
        assert sandbox.exchange.instrument.symbol == "BTCUSDT"
        assert (await client.get("/_elsewhere")).status_code == 404


async def test_market_goes_on_while_nobody_asks(dialect: Any) -> None:
    """The clock alone drives the market: after three seconds at least fifteen trades were made."""
    async with open_both(dialect) as (sandbox, _):
        await anyio.sleep(3)

        assert len(sandbox.exchange.trades()) >= 15


async def test_fault_is_armed_fires_and_is_cleared(dialect: Any) -> None:
    """A fault sent to the control room hits the venue's next request; cleared ones hit nothing."""
    fault = {"match": {"path": "/fapi"}, "do": {"act": "status", "arg": 503}}

    async with open_both(dialect) as (_, client):
        assert (await client.post("/_ctl/fault", json=fault)).json() == {"armed": 1}
        assert (await client.get("/fapi/v1/ping")).status_code == 503

        await client.post("/_ctl/fault", json=fault)
        assert (await client.post("/_ctl/clear")).json() == {"armed": 0}
        assert (await client.get("/fapi/v1/ping")).status_code == 200
        assert (await client.get("/_ctl/oracle")).json()["faults_fired"] == 1


async def test_oracle_reports_the_account_in_exact_decimals(dialect: Any) -> None:
    """Position, fees and wallet are text, and the wallet is the sum of its income."""
    market = ScriptedMarket(bids=[(599_990, 100)], asks=[(600_010, 100)], mark=Decimal(60_000))

    async with open_both(dialect, market=market) as (sandbox, client):
        request = OrderRequest(side=Side.BUY, amount=Decimal("0.01"), client_id="pm-1")
        sandbox.exchange.place("main", request, sandbox.exchange.now_ms)
        report = (await client.get("/_ctl/oracle")).json()
        account = report["accounts"]["main"]

        assert account["state"]["positions"][0]["amount"] == "0.010"
        assert Decimal(account["income"]["fee"]) == Decimal("-0.300005")
        assert Decimal(account["state"]["wallet"]) == sum(map(Decimal, account["income"].values()))
        assert [violation["invariant"] for violation in report["violations"]] == ["I19"]


async def test_person_acts_beside_the_bot(dialect: Any) -> None:
    """A person may trade, cancel and flip the mode through the control room, and is told when the venue refuses."""
    async with open_both(dialect) as (sandbox, client):

        async def act(**action: Any) -> httpx.Response:
            return await client.post("/_ctl/account", json=action)

        await act(do="place", side="sell", amount="0.01")
        assert sandbox.exchange.account("main").positions[0].lots == -10

        refused = await act(do="position_mode", position_mode="Hedge")
        assert (refused.status_code, refused.json()["denial"]) == (409, "OPEN_POSITION")

        await act(do="place", side="buy", amount="0.01", reduce_only=True)
        await act(do="place", side="buy", amount="0.01", price="59000", client_id="by-hand")
        await act(do="cancel", client_id="by-hand")
        assert (await act(do="position_mode", position_mode="Hedge")).status_code == 200
        assert (await act(do="transfer", amount="-100")).status_code == 200
        assert (await act(do="leverage", leverage=3)).json()["leverage"] == 3
        assert sandbox.oracle.violations == []


async def test_levers_move_the_synthetic_market(dialect: Any) -> None:
    """A jump of 2 % is seen in the next mark price."""
    async with open_both(dialect) as (sandbox, client):
        await client.post("/_ctl/market", json={"jump": 1.02, "paused": True})
        await anyio.sleep(1.2)

        assert sandbox.exchange.mark > Decimal(60_900)


async def test_what_is_not_understood_is_a_bad_request(dialect: Any) -> None:
    """Nothing is guessed from a misspelt control request."""
    for path, body in [
        ("/_ctl/fault", b"{"),
        ("/_ctl/fault", b'{"match": {"pth": "/"}, "do": {"act": "drop"}}'),
        ("/_ctl/market", b'{"jump": "far"}'),
        ("/_ctl/market", b'{"jump": 0}'),
        ("/_ctl/account", b'{"do": "dance"}'),
        ("/_ctl/account", b'{"do": "transfer", "amount": "NaN"}'),
        ("/_ctl/account", b'{"do": "transfer", "amount": "1e300"}'),
    ]:
        async with open_both(dialect) as (_, client):
            answer = await client.post(path, content=body)

            assert answer.status_code == 400
            assert answer.json()["error"]


async def test_error_of_the_caller_comes_out_as_it_is(dialect: Any) -> None:
    """What is raised inside is not wrapped in a group by the tasks that serve."""
    with pytest.raises(LookupError):
        async with open_both(dialect):
            raise LookupError


async def test_scripted_market_has_no_levers(dialect: Any) -> None:
    """Levers for a market that only a test moves are refused."""
    async with open_both(dialect, market=ScriptedMarket(mark=Decimal(1))) as (_, client):
        assert (await client.post("/_ctl/market", json={"paused": True})).status_code == 400


async def test_market_without_rules_is_named_with_those_there_are(dialect: Any) -> None:
    """A market that the sandbox does not know is refused, with the ones it does."""
    listener = await MemoryNetwork().listen("127.0.0.1")
    settings = SandboxSettings(venue="plain", market="DOGE-USDT")

    with pytest.raises(UnknownMarketError, match="BTC-USDT"):
        async with open_sandbox(dialect, settings, clock=LoopClock(), listener=listener):
            pass

    await listener.aclose()


async def test_a_dialect_may_have_markets_of_its_own(dialect: Any) -> None:
    """They take the place of those that every sandbox knows."""
    rules = MARKETS["SOL-USDT"]

    class Own:
        """A dialect of one market."""

        keys, symbol, app, markets = dialect.keys, dialect.symbol, dialect.app, {"SOL-USD": rules}

    assert rules_for(Own(), SandboxSettings(venue="own", market="SOL-USD")) is rules

    with pytest.raises(UnknownMarketError, match="The sandbox has SOL-USD;"):
        rules_for(Own(), SandboxSettings(venue="own", market="SOL-USDT"))
