"""What the tests of price sources share: contexts, and an address that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import Environment
from perpmaker.connector.price_source import SourceContext, SourceRequest
from perpmaker.errors import ConnectivityError
from perpmaker.secret import References
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.server import Request, Response
from perpmaker.wire.websocket import WebSocket


@attrs.define(kw_only=True)
class ScriptedApi:
    """Answers every request with the same response, after `work_s` seconds, and remembers what it was asked."""

    body: bytes = b"100"
    status: int = 200
    headers: dict[str, str] = attrs.field(factory=dict)
    work_s: float = 0.0
    asked: list[Request] = attrs.field(factory=list)
    asked_at: list[float] = attrs.field(factory=list)

    async def respond(self, request: Request) -> Response:
        """Answer."""
        self.asked.append(request)
        self.asked_at.append(anyio.current_time())
        await anyio.sleep(self.work_s)

        return Response(status=self.status, body=self.body, headers=self.headers)

    async def converse(self, _: Request, socket: WebSocket) -> None:
        """There are no WebSockets here."""
        await socket.close()


@attrs.define(kw_only=True)
class ScriptedNames:
    """A name service: each question takes the next of the answers of a name, and the last one for ever."""

    answers: dict[str, list[Sequence[str]]]
    asked: list[str] = attrs.field(factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer."""
        self.asked.append(host)
        answers = self.answers.get(host)

        if not answers:
            raise ConnectivityError(f"{host}:{port} cannot be reached: no DNS answer for {host}.")

        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def scripted_api() -> type[ScriptedApi]:
    """The class, because tests make their own."""
    return ScriptedApi


@pytest.fixture
def scripted_names() -> type[ScriptedNames]:
    """The class, because tests make their own."""
    return ScriptedNames


@pytest.fixture
def make_context() -> Callable[..., SourceContext]:
    """A context over a network in memory, without names; to be called inside the event loop."""

    def make(**changes: Any) -> SourceContext:
        plain: dict[str, Any] = {
            "clock": LoopClock(),
            "connect": MemoryNetwork().connect,
            "signers": References(Path(), environ={}),
            "environment": Environment.SANDBOX,
            "request": SourceRequest(market="BTC-USDT"),
            "resolve": ScriptedNames(answers={}),
        }

        return SourceContext(**{**plain, **changes})

    return make
