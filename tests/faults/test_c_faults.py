"""Row C: no fault and no lever ends the sandbox, reaches its controls, or waits for what can never happen."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import httpx
import pytest

from perpmaker.wire.fault import Fault, FaultPlan, Reply

from .test_c_control import bearer, served

pytestmark = pytest.mark.anyio

TIME = "/fapi/v1/time"


async def post(client: httpx.AsyncClient, token: str, path: str, body: object) -> int:
    """The status that a control answers with."""
    return (await client.post(path, headers=bearer(token), content=json.dumps(body))).status_code


def fault(match: dict[str, Any], **do: Any) -> dict[str, Any]:
    """A fault as it is posted."""
    return {"match": match, "do": {"act": "drop", **do}}


def reply(**answer: Any) -> dict[str, Any]:
    """A fault with another answer."""
    return fault({}, act="status", arg={"status": 200, **answer})


IMPOSSIBLE = (
    reply(headers={"x": "a\r\nb: c"}),
    reply(headers={"x": "a\nb"}),
    reply(headers={"x": "a\x00b"}),
    reply(headers={"x\r\ny": "a"}),
    reply(headers={"": "a"}),
    reply(headers={"x y": "a"}),
    reply(headers={"x": "\u202e"}),
    reply(headers={"content-length": "many"}),
    reply(headers={"transfer-encoding": "many"}),
    reply(headers={"x": 1}),
    reply(cut_at=-1),
    reply(trickle_s=-1),
    reply(trickle_s=1e9),
    reply(stauts=500),
    fault({"nth": 0}),
    fault({"nth": -1}),
    fault({"times": -1}),
    fault({"times": 0}),
    fault({"chance": 7}),
    fault({"chance": -0.5}),
    fault({"chance": 0}),
    fault({"method": "WS"}, act="close", arg=99999),
    fault({"method": "WS"}, act="close", arg=-1),
    fault({"path": "/_ctl/clear"}),
    fault({"path": "/_sandbox"}),
    fault({"path": "/_"}),
)


async def test_C_fault_that_no_server_can_commit_is_refused() -> None:
    """400 at once, nothing is armed, and the next request is answered."""
    for body in IMPOSSIBLE:
        async with served() as (sandbox, client):
            assert await post(client, sandbox.line.control_token, "/_ctl/fault", body) == 400
            assert sandbox.faults.faults == ()
            assert (await client.get(TIME)).status_code == 200


async def test_C_answer_that_http_cannot_carry_ends_a_connection_and_no_sandbox() -> None:
    """Headers that contradict the body, a body where there is none: the client is cut off, the venue goes on."""
    for answer in [
        Reply(headers={"content-length": "3"}, trickle_s=0),
        Reply(headers={"content-length": "3"}, body="four", endless=True),
        Reply(headers={"transfer-encoding": "chunked"}, body="four"),
        Reply(status=204, body="four", trickle_s=0),
        Reply(status=304, body="four", endless=True),
    ]:
        async with served() as (sandbox, client):
            sandbox.faults.add(Fault(act="body", path=TIME, arg=answer))

            with suppress(httpx.HTTPError):
                await client.get(TIME)

            assert (await client.get(TIME)).status_code == 200


@pytest.mark.each_value
@pytest.mark.parametrize("act", [{"act": "drop"}, {"act": "close"}, {"act": "status", "arg": 503}])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_C_faults_never_touch_the_controls(act: dict[str, Any], when: str) -> None:
    """A fault of everything for ever leaves the way to disarm it, and counts no request to the controls."""
    async with served() as (sandbox, client):
        token = sandbox.line.control_token
        everything = {"match": {"times": None}, "do": {"when": when, **act}}
        assert await post(client, token, "/_ctl/fault", everything) == 200
        assert (await client.get("/_sandbox")).status_code == 200
        assert (await client.get("/_ctl/oracle", headers=bearer(token))).json()["faults_fired"] == 0
        assert await post(client, token, "/_ctl/clear", {}) == 200
        assert (await client.get(TIME)).status_code == 200


async def test_C_lever_that_is_not_understood_is_refused_and_does_nothing() -> None:
    """A misspelt key, or what no market and no account can be given."""
    for path, body in [
        ("/_ctl/market", {"jmp": 1.01}),
        ("/_ctl/market", {"jump": 1.01, "pause": True}),
        ("/_ctl/market", []),
        ("/_ctl/account", {"do": "cancel_all", "acount": "main"}),
        ("/_ctl/account", {"do": "transfer", "amount": "1", "all": True}),
        ("/_ctl/account", {"do": "cancel_all", "account": "nobody"}),
        ("/_ctl/account", {"do": "place", "amount": "0.01", "price": "NaN"}),
        ("/_ctl/account", {"do": "place", "amount": "0.01", "price": "-1"}),
        ("/_ctl/account", {"do": "place", "amount": "0.01", "price": "1e30"}),
        ("/_ctl/account", {"do": "place", "amount": "0.01", "price": "Infinity"}),
        ("/_ctl/account", {"do": "leverage", "leverage": 0}),
        ("/_ctl/account", {"do": "leverage", "leverage": -5}),
        ("/_ctl/account", {"do": "cancel"}),
    ]:
        async with served() as (sandbox, client):
            before = sandbox.exchange.account("main")
            assert await post(client, sandbox.line.control_token, path, body) in {400, 409}
            assert sandbox.exchange.account("main").wallet == before.wallet
            assert (await client.get(TIME)).status_code == 200


def test_C_plan_spares_nothing_unless_it_is_told() -> None:
    """A server without controls has none to spare."""
    plan = FaultPlan(Fault(act="drop"))
    assert len(plan.take("before", "GET", "/_ctl/x", "")) == 1
