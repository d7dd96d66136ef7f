"""An address that is asked for a price again and again: what it answers, and every way in which it does not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import anyio
import attrs
import httpx
import pytest
import respx

from perpmaker import PluginError, ReferenceReceiver, SourceContext, SourceRequest
from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError
from perpmaker.model.event import ReferenceChanged
from perpmaker.testing.network import open_server
from perpmaker.wire.fault import Fault, FaultPlan, Reply
from perpmaker_price_sources.custom_api.settings import Settings
from perpmaker_price_sources.custom_api.source import CustomApi, open_custom_api

pytestmark = pytest.mark.anyio

INTERVAL_S = 5.0
ALLOWED = Settings(allow_loopback=True)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Intervals are seconds of virtual time."""
    return virtual_time


@asynccontextmanager
async def opened(
    make_context: Callable[..., SourceContext],
    api: Any,
    settings: Settings = ALLOWED,
    *,
    faults: FaultPlan | None = None,
) -> AsyncIterator[ReferenceReceiver]:
    """The source, asking an address in memory."""
    async with open_server(api, faults=faults) as served:
        request = SourceRequest(market="BTC-USDT", url=f"{served.url}/price?x=1", interval_s=INTERVAL_S)

        async with open_custom_api(settings, make_context(connect=served.connect, request=request)) as receiver:
            yield receiver


async def test_price_is_as_old_as_its_question(make_context: Any, scripted_api: Any) -> None:
    """The time of a price is when it was asked for, however long the answer took."""
    api = scripted_api(body=b'{"price": "60000.1"}', work_s=1.5)

    async with opened(make_context, api) as source:
        began_at = anyio.current_time()
        assert await source.receive() == ReferenceChanged(price=Decimal("60000.1"), at=began_at)
        assert anyio.current_time() == began_at + 1.5

    assert (api.asked[0].method, api.asked[0].path, api.asked[0].query) == ("GET", "/price", "x=1")
    assert "authorization" not in api.asked[0].headers
    assert "cookie" not in api.asked[0].headers


async def test_address_is_asked_once_in_each_interval(make_context: Any, scripted_api: Any) -> None:
    """Questions are an interval apart, and a slow answer does not add to it."""
    api = scripted_api(work_s=1.0)

    async with opened(make_context, api) as source:
        for _ in range(3):
            await source.receive()

    gaps = [after - before for before, after in zip(api.asked_at, api.asked_at[1:], strict=False)]
    assert gaps == [INTERVAL_S, INTERVAL_S]


async def test_path_is_followed_into_the_answer(make_context: Any, scripted_api: Any) -> None:
    """json_path says where the price is."""
    api = scripted_api(body=b'{"data": [{"mid": 12.5}]}')

    async with opened(make_context, api, attrs.evolve(ALLOWED, json_path="data[0].mid")) as source:
        assert (await source.receive()).price == Decimal("12.5")


async def test_compressed_answer_is_read(make_context: Any, scripted_api: Any) -> None:
    """gzip, which is asked for, is understood."""
    api = scripted_api(body=gzip.compress(b"60000"), headers={"content-encoding": "gzip"})

    async with opened(make_context, api) as source:
        assert (await source.receive()).price == 60000


async def test_F62_answer_that_is_no_price_is_a_doubt_at_once(make_context: Any, scripted_api: Any) -> None:
    """An answer that is no price takes back the price before it: there is none, and a person reads why."""
    for body in [b"<html>busy</html>", b"NaN", b"0", b"-5", b"null", b'"text"', b"6e31", b'{"price": null}', b""]:
        api = scripted_api()

        async with opened(make_context, api) as source:
            assert (await source.receive()).price == 100
            api.body = body
            word = await source.receive()
            assert (word.price, word.bid, word.ask, word.last) == (None, None, None, None)
            assert "answered what is no price" in word.doubt
            api.body = b"101"
            assert await source.receive() == ReferenceChanged(price=Decimal(101), at=anyio.current_time())


def gone(status: int = 500, **changes: Any) -> Callable[[Any], None]:
    """Make an address answer with this status from now on."""

    def change(api: Any) -> None:
        api.status = status

        for name, value in changes.items():
            setattr(api, name, value)

    return change


def swollen(api: Any) -> None:
    """One byte more than is allowed."""
    api.body = b"1" + b" " * 1_048_576


def bomb(api: Any) -> None:
    """A hundred megabytes in a hundred kilobytes."""
    api.body, api.headers = gzip.compress(b"1" + b" " * 100_000_000), {"content-encoding": "gzip"}


def other_bomb(api: Any) -> None:
    """The same in an encoding that was not asked for."""
    api.body, api.headers = zlib.compress(b"1" + b" " * 100_000_000), {"content-encoding": "deflate"}


def nested_bomb(api: Any) -> None:
    """Compressed twice."""
    api.body = gzip.compress(gzip.compress(b"1" + b" " * 100_000_000))
    api.headers = {"content-encoding": "gzip, gzip"}


def late(api: Any) -> None:
    """Answers after ten seconds."""
    api.work_s = 10.0


@pytest.mark.parametrize(
    "break_it",
    [
        gone(),
        pytest.param(gone(404), marks=pytest.mark.full),
        pytest.param(gone(204, body=b""), marks=pytest.mark.full),
        gone(429),
        gone(302, headers={"location": "http://169.254.169.254/latest/meta-data/"}),
        pytest.param(gone(301, headers={"location": "/price"}), marks=pytest.mark.full),
        swollen,
        bomb,
        pytest.param(other_bomb, marks=pytest.mark.full),
        nested_bomb,
        late,
    ],
    ids=["500", "404", "204", "429", "metadata", "redirect", "large", "bomb", "deflate", "twice", "late"],
)
async def test_F64_no_answer_lets_the_age_go_on(
    make_context: Any, scripted_api: Any, break_it: Callable[[Any], None]
) -> None:
    """A refusal, a redirect, 10 s of delay, 1 MiB and a gzip bomb say nothing: the price before grows older."""
    api = scripted_api()

    async with opened(make_context, api) as source:
        assert (await source.receive()).price == 100
        break_it(api)

        with anyio.move_on_after(4 * INTERVAL_S) as waited:
            await source.receive()

        assert waited.cancelled_caught
        asked = len(api.asked)
        assert asked >= 4

    assert all(request.path == "/price" for request in api.asked)


async def test_F64_broken_answer_is_no_answer(make_context: Any, scripted_api: Any) -> None:
    """Silence, resets, endless, trickling and cut bodies end with the deadline and are said before the first price."""
    for fault in [
        Fault(act="drop", times=None),
        Fault(act="reset", times=None),
        Fault(act="close", times=None),
        Fault(act="body", when="after", arg=Reply(body="1" * 65_536, endless=True), times=None),
        Fault(act="body", when="after", arg=Reply(body="100.5", trickle_s=1.0), times=None),
        Fault(act="body", when="after", arg=Reply(body="100.5", cut_at=2), times=None),
    ]:
        async with opened(make_context, scripted_api(), faults=FaultPlan(fault)) as source:
            began_at = anyio.current_time()
            word = await source.receive()
            assert word.price is None
            assert "gives no answer" in word.doubt
            assert anyio.current_time() - began_at <= ALLOWED.timeout_s


async def test_F64_certificate_that_is_not_accepted_is_no_answer(make_context: Any, scripted_names: Any) -> None:
    """A TLS failure is said, and nothing falls back to plain HTTP."""
    asked: list[bool] = []

    async def connect(host: str, port: int, *, tls: bool) -> Any:
        asked.append(tls)
        raise ConnectivityError(f"{host}:{port} cannot be trusted: its certificate is not accepted")

    request = SourceRequest(market="BTC-USDT", url="https://api.example/p", interval_s=INTERVAL_S)
    names = scripted_names(answers={"api.example": [["8.8.8.8"]]})

    async with open_custom_api(Settings(), make_context(connect=connect, request=request, resolve=names)) as source:
        assert "certificate is not accepted" in (await source.receive()).doubt


async def test_F64_name_that_rebinds_is_no_answer(make_context: Any, scripted_names: Any) -> None:
    """A name that leads to link-local the second time is not followed, and the price before grows older."""
    sent_to: list[str] = []

    async def connect(host: str, port: int, *, tls: bool) -> Any:
        assert not tls  # it comes after the address was checked, for the name
        sent_to.append(host)
        raise ConnectivityError(f"{host}:{port} refused the connection")

    request = SourceRequest(market="BTC-USDT", url="https://rebind.example/p", interval_s=INTERVAL_S)
    names = scripted_names(answers={"rebind.example": [["8.8.8.8"], ["169.254.169.254"]]})

    async with open_custom_api(Settings(), make_context(connect=connect, request=request, resolve=names)) as source:
        assert "refused the connection" in (await source.receive()).doubt
        assert "must not lead to 169.254.169.254" in (await source.receive()).doubt

    assert sent_to == ["8.8.8.8"]


async def test_S12_address_is_checked_again_when_it_is_opened(make_context: Any) -> None:
    """Whoever opens the source with an address that the configuration would refuse is refused too."""
    for url in (None, "http://127.0.0.1/p", "https://user:pass@api.example/", "https://xn--0.example/"):
        context = make_context(request=SourceRequest(market="BTC-USDT", url=url))

        with pytest.raises(PluginError, match="price_source_custom_api"):
            async with open_custom_api(Settings(), context):
                pass


async def test_question_is_a_plain_get(respx_mock: respx.MockRouter) -> None:
    """What is sent is the address and nothing about us: no cookie that was set before, no referer, no body."""
    answers = [httpx.Response(200, text="5", headers={"set-cookie": "id=1"}), httpx.Response(200, text="6")]
    route = respx_mock.get("https://api.example/p").mock(side_effect=answers)
    settings = Settings()

    async with httpx.AsyncClient(transport=httpx.MockTransport(respx_mock.async_handler)) as client:
        source = CustomApi(client, "https://api.example/p", settings, LoopClock(), interval_s=1.0)
        assert [(await source.receive()).price, (await source.receive()).price] == [5, 6]

    assert route.call_count == 2
    assert all(not call.request.content for call in route.calls)
    assert all("cookie" not in call.request.headers for call in route.calls)
