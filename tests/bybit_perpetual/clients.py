"""A venue that answers what a test lays down, and a client of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import attrs

from perpmaker.clock import LoopClock
from perpmaker.secret import Secret, make_signer
from perpmaker.venue import Credentials, Incoming, Outgoing, RequestBudget, RestClient
from perpmaker_bybit_perpetual.rest import BybitHttp, limits_of

from .payloads import NOW_MS, answer

Asked: TypeAlias = dict[str, Any]
KEYS = Credentials(api_key="TESTKEY", signer=make_signer(Secret("NOT_A_SECRET")))


@attrs.define
class Venue:
    """What it answers by path, a function of what was asked or a result; and what it was asked, in order."""

    answers: dict[str, Any] = attrs.field(factory=dict)
    asked: list[tuple[str, Asked]] = attrs.field(factory=list)
    signed: list[Outgoing] = attrs.field(factory=list)

    async def __call__(self, request: Outgoing) -> Incoming:
        """Answer one request."""
        path, _, query = request.target.decode().partition("?")
        said: Asked = dict(parse_qsl(query, keep_blank_values=True)) if not request.body else json.loads(request.body)
        self.signed.append(request)

        if path == "/v5/market/time":
            return Incoming(status=200, headers={}, body=answer({}))

        self.asked.append((path, said))
        result = self.answers.get(path, {"list": []})

        if isinstance(result, list):
            result = result.pop(0) if len(result) > 1 else result[0]

        if callable(result):
            result = result(said)

        if isinstance(result, Incoming):
            return result

        return Incoming(status=200, headers={}, body=result if isinstance(result, bytes) else answer(result))

    def paths(self) -> list[str]:
        """Where it was asked."""
        return [path for path, _ in self.asked]


def client_of(venue: Venue, *, orders_per_s: int = 10) -> RestClient:
    """A client of it whose requests wait a second for their turn."""
    clock = LoopClock()

    return RestClient(
        venue,
        BybitHttp(KEYS, 2000),
        clock,
        budget=RequestBudget("Bybit", limits_of(orders_per_s), clock),
        place="bybit.test:443",
        patience_s=1.0,
    )


def refused(code: int, text: str = "no", **further: Any) -> bytes:
    """The venue's no, which comes with HTTP 200."""
    return answer({}, retCode=code, retMsg=text, time=NOW_MS, **further)


Page: TypeAlias = Callable[[Asked], Any]
