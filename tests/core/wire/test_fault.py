"""Every fault does what it says, where it matches and not elsewhere."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx
import pytest

from perpmaker.errors import PayloadError
from perpmaker.testing.network import EchoApp
from perpmaker.wire.fault import Fault, FaultPlan, Reply, parse_fault
from perpmaker.wire.http import open_client
from perpmaker.wire.websocket import WebSocketClosedError, open_websocket

pytestmark = pytest.mark.anyio

ORDER = "/fapi/v1/order"


@pytest.fixture
def wire_kind() -> str:
    """Faults take virtual time; that they act alike over TCP is seen in the tests of the client and the server."""
    return "memory-trio"


async def _post(served: Any, path: str = ORDER, *, deadline_s: float = 5.0) -> httpx.Response:
    async with open_client(served.connect, served.url, deadline_s=deadline_s) as client:
        return await client.post(path, content=b"symbol=BTCUSDT")


async def test_F04_request_dropped_before_is_never_seen(serve_app: Any) -> None:
    """The app does not see the request, and the client waits until its deadline."""
    app = EchoApp()
    async with serve_app(app) as served:
        fault = served.faults.add(Fault(act="drop", method="POST", path=ORDER))
        started = anyio.current_time()
        with pytest.raises(httpx.ReadTimeout):
            await _post(served)

        assert anyio.current_time() - started == pytest.approx(5.0)
        assert app.requests == []
        assert served.faults.fired == [fault]
        assert (await _post(served)).status_code == 200


async def test_F05_answer_dropped_after_was_worked_on(serve_app: Any) -> None:
    """The app did its work, and only the answer is lost."""
    app = EchoApp()
    async with serve_app(app) as served:
        served.faults.add(Fault(act="drop", when="after", method="POST", path=ORDER))
        with pytest.raises(httpx.ReadTimeout):
            await _post(served)

    assert [request.path for request in app.answered] == [ORDER]


async def test_F06_request_delayed_before_arrives_when_the_client_is_gone(serve_app: Any) -> None:
    """A late request is worked on even though nobody waits for it any more."""
    app = EchoApp()
    async with serve_app(app) as served:
        served.faults.add(Fault(act="delay", arg=30.0))
        with pytest.raises(httpx.ReadTimeout):
            await _post(served)

        assert app.requests == []

        await anyio.sleep(26)

        assert [request.path for request in app.answered] == [ORDER]


async def test_F15_answer_delayed_after_is_late(serve_app: Any) -> None:
    """The app works at once, its answer comes later."""
    app = EchoApp()
    async with serve_app(app) as served:
        served.faults.add(Fault(act="delay", when="after", arg=2))
        started = anyio.current_time()

        assert (await _post(served)).status_code == 200
        assert anyio.current_time() - started == pytest.approx(2.0)


async def test_F11_status_instead_of_an_answer(serve_app: Any) -> None:
    """A 503 with a page of HTML, before or after the order was taken."""
    for when, worked in [("before", 0), ("after", 1)]:
        app = EchoApp()
        reply = Reply(status=503, headers={"content-type": "text/html", "retry-after": "3"}, body="<html>busy</html>")
        async with serve_app(app) as served:
            served.faults.add(Fault(act="status", when=when, arg=reply))
            answer = await _post(served)

        assert (answer.status_code, answer.text) == (503, "<html>busy</html>")
        assert (answer.headers["retry-after"], len(app.answered)) == ("3", worked)


async def test_F12_bare_status_needs_no_reply(serve_app: Any) -> None:
    """A number is enough."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="status", arg=429))

        assert (await _post(served)).status_code == 429


async def test_F18_body_is_replaced_and_cut(serve_app: Any) -> None:
    """Malformed bodies arrive as they are, truncated ones break the connection."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="body", when="after", arg='{"orderId": 1'))

        assert (await _post(served)).text == '{"orderId": 1'

        served.faults.add(Fault(act="body", when="after", arg=Reply(cut_at=5)))
        with pytest.raises(httpx.RemoteProtocolError):
            await _post(served)


async def test_F15_trickling_body_ends_at_the_total_deadline(serve_app: Any) -> None:
    """A byte a second never resets the clock: the deadline is for the whole call."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="body", when="after", arg=Reply(body="x" * 60, trickle_s=1.0), times=2))
        started = anyio.current_time()
        with pytest.raises(httpx.ReadTimeout):
            await _post(served)

        assert anyio.current_time() - started == pytest.approx(5.0)
        assert (await _post(served, deadline_s=100)).text == "x" * 60


async def test_closed_connection_gives_no_answer(serve_app: Any) -> None:
    """Closing is noticed at once, not at the deadline."""
    for when in ["before", "after"]:
        async with serve_app(EchoApp()) as served:
            served.faults.add(Fault(act="close", when=when))
            started = anyio.current_time()
            with pytest.raises(httpx.RemoteProtocolError):
                await _post(served)

            assert anyio.current_time() == started


async def test_fault_fires_from_the_nth_match_on_and_so_many_times(serve_app: Any) -> None:
    """Others pass, before and after."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="status", arg=500, path=ORDER, contains="BTCUSDT", nth=2, times=2))
        statuses = [(await _post(served)).status_code for _ in range(5)]
        other = await _post(served, "/fapi/v1/time")

    assert statuses == [200, 500, 500, 200, 200]
    assert other.status_code == 200
    assert len(served.faults.fired) == 2
    assert served.faults.faults == ()


async def test_delay_and_another_fault_add_up(serve_app: Any) -> None:
    """Faults of the same moment happen one after the other."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="delay", arg=1.5))
        served.faults.add(Fault(act="status", arg=503))
        started = anyio.current_time()

        assert (await _post(served)).status_code == 503
        assert anyio.current_time() - started == pytest.approx(1.5)


async def test_cleared_plan_does_nothing(serve_app: Any) -> None:
    """After clearing, everything is as it should be."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="status", arg=503, times=None))
        served.faults.clear()

        assert (await _post(served)).status_code == 200


async def test_chance_is_the_same_for_the_same_seed() -> None:
    """A share of the matches fires, drawn from the plan's seed."""
    draws = []
    for _ in range(2):
        plan = FaultPlan(Fault(act="drop", times=None, chance=0.3), seed=7)
        draws.append([bool(plan.take("before", "GET", "/", "")) for _ in range(1000)])

    assert draws[0] == draws[1]
    assert 250 < sum(draws[0]) < 350


async def _echoes(served: Any, *faults: Fault, messages: int = 4) -> list[str | bytes]:
    """What comes back of the messages 0, 1, 2, ... when these faults are armed, within ten seconds of silence."""
    for fault in faults:
        served.faults.add(fault)

    heard: list[str | bytes] = []
    async with open_websocket(served.connect, served.websocket_url + "/market/ws") as socket:
        for number in range(messages):
            await socket.send(f"message {number}")

        with anyio.move_on_after(10):
            while True:
                heard.append(await socket.receive())

    return [str(message).removeprefix("message ") for message in heard]


async def test_messages_of_a_stream_suffer_what_is_asked(serve_app: Any) -> None:
    """Lost, silent, silent on one channel, doubled, out of order, malformed and late messages."""
    for fault, heard in [
        (Fault(act="drop", method="WS", nth=2), "0 2 3"),
        (Fault(act="drop", method="WS", times=None), ""),
        (Fault(act="drop", method="WS", contains="message 1", times=None), "0 2 3"),
        (Fault(act="drop", method="WS", path="/private", times=None), "0 1 2 3"),
        (Fault(act="drop", times=None, path="/fapi"), "0 1 2 3"),
        (Fault(act="duplicate", method="WS", nth=3), "0 1 2 2 3"),
        (Fault(act="swap", method="WS"), "1 0 2 3"),
        (Fault(act="body", method="WS", arg="{", nth=4), "0 1 2 {"),
        (Fault(act="delay", method="WS", arg=3, nth=2), "0 1 2 3"),
    ]:
        async with serve_app(EchoApp()) as served:
            assert " ".join(str(message) for message in await _echoes(served, fault)) == heard


async def test_F24_silent_stream_still_answers_pings(serve_app: Any) -> None:
    """A stalled stream looks alive to whoever only pings."""
    async with serve_app(EchoApp()) as served:
        served.faults.add(Fault(act="drop", method="WS", times=None))
        async with open_websocket(served.connect, served.websocket_url) as socket:
            await socket.send("anything?")
            await socket.ping()
            with anyio.move_on_after(60):
                await socket.receive()

            assert socket.pongs == 1
            assert socket.closed is None


async def test_F23_stream_ends_at_a_message(serve_app: Any) -> None:
    """A stream is closed with a code, or reset, in place of its second message."""
    for act, arg, code in [("close", 1012, 1012), ("close", None, 1011), ("reset", None, 1006)]:
        async with serve_app(EchoApp()) as served:
            served.faults.add(Fault(act=act, arg=arg, method="WS", nth=2))
            async with open_websocket(served.connect, served.websocket_url) as socket:
                await socket.send("1")

                assert await socket.receive() == "1"

                await socket.send("2")
                with pytest.raises(WebSocketClosedError) as raised:
                    await socket.receive()

        assert raised.value.code == code


async def test_F23_open_streams_of_a_path_end_now(serve_app: Any) -> None:
    """A quiet stream can be closed too, and only those of the path are."""
    async with (
        serve_app(EchoApp()) as served,
        open_websocket(served.connect, served.websocket_url + "/private/ws") as private,
        open_websocket(served.connect, served.websocket_url + "/market/ws") as market,
    ):
        await market.send("x")
        await market.receive()
        await private.send("x")
        await private.receive()
        await served.faults.inject(Fault(act="close", when="now", arg=1001, path="/private"))
        with pytest.raises(WebSocketClosedError, match="1001"):
            await private.receive()

        await market.send("still open")

        assert await market.receive() == "still open"


def test_fault_that_could_never_happen_is_refused() -> None:
    """A fault that would be waited for in vain is an error where it is made."""
    for wrong in [
        {"act": "status", "method": "WS", "arg": 500},
        {"act": "duplicate"},
        {"act": "swap", "method": "GET"},
        {"act": "drop", "when": "now"},
        {"act": "drop", "method": "WS", "when": "after"},
        {"act": "delay"},
        {"act": "delay", "arg": "2"},
        {"act": "drop", "arg": 1},
    ]:
        with pytest.raises(ValueError, match=str(wrong["act"])):
            Fault(**wrong)


def test_fault_is_read_from_json() -> None:
    """The body of a control request says what to match and what to do."""
    data = {
        "match": {"method": "POST", "path": ORDER, "contains": "BTCUSDT", "nth": 3, "times": None},
        "do": {"when": "after", "act": "status", "arg": {"status": 503, "body": "<html>", "headers": {"a": "b"}}},
    }

    assert parse_fault(json.dumps(data).encode()) == Fault(
        act="status",
        when="after",
        arg=Reply(status=503, body="<html>", headers={"a": "b"}),
        method="POST",
        path=ORDER,
        contains="BTCUSDT",
        nth=3,
        times=None,
    )
    assert parse_fault(b'{"do": {"act": "delay", "arg": 2.5}}') == Fault(act="delay", arg=2.5)


def test_misspelt_fault_is_refused() -> None:
    """A word that is not understood never means "everything"."""
    for data, where in [
        (b'{"match": {"symbol": "X"}, "do": {"act": "drop"}}', r"\$\.match\.symbol"),
        (b'{"do": {"act": "drop", "arq": 1}}', r"\$\.do\.arq"),
        (b'{"do": {"act": "explode"}}', "explode"),
        (b'{"does": {"act": "drop"}}', r"\$\.does"),
        (b'{"do": {"act": "delay"}}', "delay does not take None"),
        (b'{"do": {}}', "act"),
        (b"[]", "not a fault"),
        (b"{", "not a fault"),
    ]:
        with pytest.raises(PayloadError, match=where):
            parse_fault(data)
