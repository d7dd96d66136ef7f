"""B2: what a proxy or a firewall answers is no word of the venue: back off, and never halt or give up the key."""

from __future__ import annotations

from itertools import cycle, product
from pathlib import Path
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from perpmaker.errors import AuthenticationError, ConnectivityError, RefusedError
from perpmaker.model.outcome import Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.state.view import Mode
from perpmaker.testing.session import open_session
from perpmaker.testing.view import make_instrument
from perpmaker.venue import Answer, OutcomeReader, error_of, placed
from perpmaker.wire.fault import Fault, Reply
from perpmaker_binance_perpetual.orders import OrderWords
from perpmaker_binance_perpetual.refusals import read_failure
from perpmaker_price_sources.binance.rest import SpotRest

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[1] / "practice.toml"
HTML = "<html><body>Access denied. Reference #18.2d3e</body></html>"
PAGES = ["", HTML, '{"error":"forbidden"}', '{"code":0,"msg":"restricted location"}', "[]", '"no"', "null"]
STATUSES = [301, 302, 307, 400, 401, 403, 404, 407, 410, 421, 451, 500, 502, 503, 504, 511, 520, 530]


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Backing off takes time."""
    return virtual_time


def answer(body: object, status: int) -> Answer:
    """An answer as it came."""
    raw = body.encode() if isinstance(body, str) else msgspec.json.encode(body)

    return Answer(status=status, body=raw, signed_at=5.0, failure=read_failure(status, raw))


def outcome_of(answered: Answer) -> Outcome:
    """The outcome of placing order `a`."""
    instrument = make_instrument()
    reader = OutcomeReader("Binance", placed)

    return reader.outcomes(answered, lambda body: OrderWords().read(instrument, body, 1), ["a"])[0]


def test_B2_a_read_that_a_proxy_answers_is_connectivity() -> None:
    """Whatever the status and the page, as long as it is not the venue's own error body."""
    kinds = {case: type(error_of(answer(case[1], case[0]), "Binance")) for case in product(STATUSES, PAGES)}
    assert [case for case, kind in kinds.items() if kind is not ConnectivityError] == []


def test_B2_an_order_that_a_proxy_answers_is_unknown() -> None:
    """A page proves nothing about what the venue has received."""
    outcomes = {case: outcome_of(answer(case[1], case[0])) for case in product(STATUSES, PAGES)}
    assert [case for case, outcome in outcomes.items() if not isinstance(outcome, Unknown)] == []


def test_B2_the_venues_own_code_is_a_refusal_whatever_the_status() -> None:
    """A key that it does not accept is not waited for; three causes are named beside the venue's words."""
    for status in [400, 401, 403]:
        body = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
        error = error_of(answer(body, status), "Binance")
        assert type(error) is AuthenticationError
        assert all(word in str(error) for word in ("Enable Futures", "before the futures account", "portfolio-margin"))
        outcome = outcome_of(answer(body, status))
        assert isinstance(outcome, Rejected)
        assert outcome.refusal.reason is RefusalReason.AUTHENTICATION
        assert type(error_of(answer({"code": -1121, "msg": "Invalid symbol."}, status), "Binance")) is RefusedError


# --- a whole bot behind such a proxy

PATHS = ["/fapi/v1/depth", "/fapi/v3/account", "/public/ws", "/private/ws", "/fapi/v1/openOrders", "/fapi/v1/listenKey"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(path, status, marks=[] if at < 2 else pytest.mark.full)
        for at, (path, status) in enumerate(zip(PATHS, cycle([404, 403, 407, 401]), strict=False))
    ],
)
async def test_B2_a_proxy_for_a_while_halts_nothing(path: str, status: int) -> None:
    """Five such answers with everything reconnecting: it is waited out, and quotes are back."""
    async with open_session(FILE, "bid_spread=0.5", "ask_spread=0.5") as session, anyio.create_task_group() as group:
        group.start_soon(session.bot.run)
        await anyio.sleep(5)
        page = Fault(act="status", arg=Reply(status=status, body=HTML), path=path, times=5)
        session.sandbox.faults.add(page)
        await session.sandbox.faults.inject(Fault(act="reset", when="now", path="/"))
        await anyio.sleep(30)
        assert session.bot.halted is None
        assert session.bot.mode is Mode.RUN
        assert len(session.sandbox.exchange.open_orders(ACCOUNT)) == 2
        group.cancel_scope.cancel()


# --- the spot market as a price source


async def test_B2_the_spot_source_waits_as_well() -> None:
    """A page instead of a price, with whatever status; JSON of a wrong shape with a 200 is a fault of the payload."""
    for status, page in [*product(STATUSES, PAGES), (200, ""), (200, HTML)]:
        reply = httpx.Response(status, content=page.encode())

        async with httpx.AsyncClient(
            transport=httpx.MockTransport(lambda _, reply=reply: reply), base_url="http://spot.test"
        ) as client:
            with pytest.raises(ConnectivityError):
                await SpotRest(client).last("BTCUSDT")
