"""The webhook: what is posted, and that nothing that anybody is told has its address in it."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import respx

from perpmaker import ConfigurationError, Happening, ObserverContext
from perpmaker.secret import References
from perpmaker_observers.courier import UndeliveredError
from perpmaker_observers.settings import WebhookSettings
from perpmaker_observers.webhook import Webhook, open_webhook

TOKEN = "T0KENofAwebhook/B00000000/XYZXYZXYZXYZXYZXYZXYZXYZ"
URL = f"https://hooks.moon.example/services/{TOKEN}"
FILL = Happening(
    kind="fill",
    text='quote: bought 0.01 at 60000.1, fee 0.12 USDT "\\',
    facts={"price": Decimal("60000.10"), "maker": True, "realized_pnl": None},
    at_ms=1_767_225_600_123,
    bot="btc",
    environment="live",
    venue="moon",
    market="BTC-USDT",
    account="7",
)


@respx.mock
def test_without_a_template_all_of_it_is_posted_as_json() -> None:
    """With the time, the bot and every figure; money as text."""
    route = respx.post(URL).respond(204)
    Webhook(URL, None, "bearer-token").send(FILL)
    request = route.calls.last.request
    assert json.loads(request.content) == {
        "at": "2026-01-01T00:00:00.123Z",
        "kind": "fill",
        "text": FILL.text,
        "bot": "btc",
        "environment": "live",
        "venue": "moon",
        "market": "BTC-USDT",
        "account": "7",
        "price": "60000.10",
        "maker": True,
        "realized_pnl": None,
    }
    assert request.headers["Authorization"] == "Bearer bearer-token"
    assert request.headers["Content-Type"] == "application/json"


@respx.mock
def test_a_template_is_filled_in_and_stays_json() -> None:
    """Quotes, backslashes and line breaks of a text are escaped; a template that is no JSON gets plain text."""
    route = respx.post(URL).respond(200)
    Webhook(URL, '{"content": "{bot} {kind}: {text} {realized_pnl}", "n": {price}}', None).send(FILL)
    assert json.loads(route.calls.last.request.content) == {"content": f"btc fill: {FILL.text} ", "n": 60000.1}

    several = attrs.evolve(FILL, text="one\ntwo")
    Webhook(URL, "{kind}: {text}", None).send(several)
    assert route.calls.last.request.content == b"fill: one\ntwo"
    assert route.calls.last.request.headers["Content-Type"].startswith("text/plain")


def test_a_template_that_cannot_work_is_refused_with_the_file() -> None:
    """A name that nothing has, and JSON that is none."""
    faults = lambda template: list(WebhookSettings(url="env:X", template=template).faults())  # noqa: E731  # one word
    assert faults("{text} {pnl}") == [
        ("template", "names what nothing is called: {pnl}; docs/plugins.md lists the names")
    ]
    assert "is not JSON" in faults('{"text": {text}')[0][1]
    assert faults('{"text": "{text}"}') == faults("{text}") == []


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        (400, True),
        (503, False),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (404, True),
                (408, False),
                (429, False),
            )
        ),
    ],
)
@respx.mock
def test_an_answer_says_whether_to_try_again(status: int, is_final: bool) -> None:
    """Its body is not looked at, and a redirection is not followed."""
    respx.post(URL).respond(status, headers={"Retry-After": "7"}, text=f"no such hook: {URL}")

    with pytest.raises(UndeliveredError) as raised:
        Webhook(URL, None, None).send(FILL)

    assert str(raised.value) == f"its address answered HTTP {status}"
    assert (raised.value.is_final, raised.value.wait_s) == (is_final, 7.0)


@respx.mock
def test_nothing_that_goes_wrong_names_the_address(caplog: pytest.LogCaptureFixture) -> None:
    """Errors of every kind, and what the library logs of each request, are without it."""
    caplog.set_level(logging.DEBUG)
    Webhook(URL, None, None)
    context = ObserverContext(secrets=References(Path(), {"HOOK": URL}), tell=lambda _: None)
    open_webhook(WebhookSettings(url="env:HOOK"), context).close()

    for error in (httpx.ConnectError(f"no route to {URL}"), httpx.ReadTimeout(URL), httpx.ProtocolError(URL)):
        respx.post(URL).mock(side_effect=error)

        with pytest.raises(UndeliveredError) as raised:
            Webhook(URL, None, None).send(FILL)

        assert raised.value.__cause__ is None
        assert "XYZ" not in str(raised.value)

    assert "XYZ" not in caplog.text


@pytest.mark.parametrize("address", ["http://hooks.moon.example/T0KEN", "T0KEN", "ftp://x/T0KEN"])
def test_an_address_that_would_show_its_secret_on_the_way_is_refused(address: str) -> None:
    """Only https, or this machine; the words show nothing of it."""
    context = ObserverContext(secrets=References(Path(), {"HOOK": address}), tell=lambda _: None)

    with pytest.raises(ConfigurationError) as refused:
        open_webhook(WebhookSettings(url="env:HOOK"), context)

    assert "https://" in str(refused.value)
    assert "T0KEN" not in str(refused.value)


@pytest.fixture
def posted() -> Iterator[tuple[str, list[Any]]]:
    """A server on loopback that keeps what is posted to it."""
    bodies: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
        server.shutdown()


def test_a_halt_is_posted(posted: tuple[str, list[Any]]) -> None:
    """Through the observer as the core has it; what was not chosen is not posted."""
    url, bodies = posted
    context = ObserverContext(secrets=References(Path(), {"HOOK": url}), tell=lambda _: None)
    observer = open_webhook(WebhookSettings(url="env:HOOK", events=("halt",)), context)
    observer.observe(FILL)
    observer.observe(attrs.evolve(FILL, kind="halt", text="HALT: margin call"))
    until = time.monotonic() + 300

    while not bodies and time.monotonic() < until:
        time.sleep(0.005)

    observer.close()
    assert [body["text"] for body in bodies] == ["HALT: margin call"]
