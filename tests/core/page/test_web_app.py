"""What the page of running bots answers, and to whom."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any

import anyio
import httpx
import pytest
from tests.core.page.bots import ScriptedBots, card, status

pytest.importorskip("starlette", reason="the extra web is not installed")

from perpmaker.page.assets import digest
from perpmaker.page.watch import Watch
from perpmaker.page.web_app import web_app
from perpmaker.report.status import as_plain

pytestmark = pytest.mark.anyio
TOKEN = "t0ken-of-this-test"
HOME = "http://127.0.0.1:8747"
HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(1)>"'


@pytest.fixture
def anyio_backend(virtual_time: Any) -> Any:
    """Virtual time."""
    return virtual_time


@asynccontextmanager
async def served(bots: ScriptedBots | None = None) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    """The application with a client of it."""
    source = ScriptedBots() if bots is None else bots
    watch = Watch(source)
    app = web_app(watch, TOKEN, 8747)

    async with (
        anyio.create_task_group() as group,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HOME) as client,
    ):
        group.start_soon(watch.run)
        await anyio.sleep(0.01)
        yield app, client
        group.cancel_scope.cancel()


async def test_only_who_knows_the_token_is_answered() -> None:
    """Every address without it, or with another one, leads nowhere, and says nothing of what there is."""
    async with served() as (_, client):
        assert (await client.get(f"/{TOKEN}/")).status_code == 200

        for path in ("/", "/status", "/events", f"/{TOKEN}", "/wrong/", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/status",
                     "/wrong/events", "/wrong/history/1", f"/?token={TOKEN}", f"/%00{TOKEN}/", "/ä/"):  # fmt: skip
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert TOKEN not in answer.text

        assert (await client.get("/wrong/")).text == (await client.get("/wrong/history/1")).text


async def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By `hmac.compare_digest`, on bytes, for every address."""
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append((one, other)) or real(one, other))

    async with served() as (_, client):
        for path in ("/no/", "/no/status", "/no/history/1", "/no/events"):
            assert (await client.get(path)).status_code == 404

    assert compared == [(b"no", TOKEN.encode())] * 4


async def test_a_name_from_elsewhere_is_refused() -> None:
    """DNS rebinding: this machine under a foreign name, or asked by a foreign page, also with the token."""
    async with served() as (_, client):
        for path in ("", "status", "events", "history/1"):
            for headers in (
                {"host": "evil.example:8747"}, {"host": "127.0.0.1.evil.example:8747"}, {"host": "127.0.0.1:9"},
                {"host": ""}, {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "https://127.0.0.1:8747"},
            ):  # fmt: skip
                answer = await client.get(f"/{TOKEN}/{path}", headers=headers)
                assert answer.status_code == 403, (path, headers)

        for host in ("localhost:8747", "[::1]:8747", "127.0.0.1:8747"):
            assert (await client.get(f"/{TOKEN}/", headers={"host": host})).status_code == 200

        assert (await client.get(f"/{TOKEN}/status", headers={"origin": HOME})).status_code == 200


async def test_nothing_can_be_changed_and_no_other_site_may_read() -> None:
    """Reading alone is answered; no CORS; nothing is kept, framed, or sent on as a referrer."""
    async with served() as (_, client):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            for path in ("", "status", "events", "history/1"):
                assert (await client.request(method, f"/{TOKEN}/{path}")).status_code == 404, method

        for path in ("", "status"):
            headers = (await client.get(f"/{TOKEN}/{path}", headers={"origin": HOME})).headers
            assert not [name for name in headers if name.startswith("access-control")]
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "set-cookie" not in headers


async def test_the_page_loads_nothing_and_its_policy_allows_nothing() -> None:
    """Scripts and style by their hashes, connections to itself alone, small, and without the token."""
    async with served() as (_, client):
        answer = await client.get(f"/{TOKEN}/")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    assert len(scripts) == 3
    assert all(digest(script) in policy for script in scripts)
    addresses: list[str] = []

    class Parsed(HTMLParser):
        def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
            addresses.extend(value or "" for name, value in attrs if name in {"href", "src", "action"})

    Parsed().feed(answer.text)
    assert all(one.startswith(("#", "data:")) for one in addresses)
    assert not re.search(r"https?://(?!github|www\.w3\.org)", answer.text.replace("http-equiv", ""))
    assert "innerHTML" not in answer.text.partition("uPlot=function")[2].partition("</script>")[2]
    assert TOKEN not in answer.text
    assert len(answer.content) < 120_000


async def test_status_and_history_are_those_of_the_bots() -> None:
    """What the page shows is out of the same statuses that the command prints."""
    bots, one = ScriptedBots(), card()
    bots.start(one, lambda: status(one))

    async with served(bots) as (_, client):
        assert (await client.get(f"/{TOKEN}/status")).json() == [as_plain(status(one))]
        history = (await client.get(f"/{TOKEN}/history/{one.id}")).json()
        assert history["columns"]["total"] == [1.3274]

        for bot in ("nobody", "..", "%2e%2e%2fstatus", HOSTILE):
            answer = await client.get(f"/{TOKEN}/history/{bot}")
            assert answer.status_code == 404
            assert "script" not in answer.text


class Stream:
    """The page's stream, asked for as a server asks: what is sent, until the page hangs up."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.begun: MutableMapping[str, Any] = {}
        self.hang_up = anyio.Event()

    async def receive(self) -> dict[str, str]:
        """Nothing, until the page is gone."""
        await self.hang_up.wait()

        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take what is answered."""
        if message["type"] == "http.response.start":
            self.begun = message
        elif message.get("body"):
            self.sent.append(message["body"])

    def told(self) -> list[Any]:
        """The events."""
        return [json.loads(one.removeprefix(b"data: ")) for one in self.sent if one.startswith(b"data: ")]


async def test_the_stream_tells_each_second_and_ends_with_the_page() -> None:
    """Server-sent events of how bots stand; a bot with a hostile name is text in JSON and nothing else."""
    bots, one = ScriptedBots(), card(name=HOSTILE)
    bots.start(one, lambda: status(one, name=HOSTILE))
    stream = Stream()
    scope = {
        "type": "http", "method": "GET", "path": f"/{TOKEN}/events", "raw_path": f"/{TOKEN}/events".encode(),
        "query_string": b"", "headers": [(b"host", b"127.0.0.1:8747")], "http_version": "1.1", "root_path": "",
        "scheme": "http", "asgi": {"version": "3.0", "spec_version": "2.3"},
    }  # fmt: skip

    async with served(bots) as (app, _), anyio.create_task_group() as group:
        group.start_soon(app, scope, stream.receive, stream.send)
        await anyio.sleep(3.5)
        headers = dict(stream.begun["headers"])
        assert headers[b"content-type"].startswith(b"text/event-stream")
        told = stream.told()
        assert len(told) in {4, 5}
        assert told[-1]["bots"][0]["name"] == HOSTILE
        assert all(one.count(b"\n") == 2 for one in stream.sent)
        stream.hang_up.set()
        await anyio.sleep(0.1)
        bots.looked_at.clear()
        await anyio.sleep(4)
        assert len(bots.looked_at) <= 1, "nobody looks on"
