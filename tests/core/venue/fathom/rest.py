"""Fathom's HTTP protocol: what can be asked, how it is signed, and what its codes mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from perpmaker import PayloadError
from perpmaker.venue import Access, Answer, Credentials, Endpoint, Failure, Limit, Parameters, Throttle

from .beyond import exchange, order, payload
from .messages import Account, Execution, Market, Order, Said
from .settings import VENUE

WINDOW_S = 2.0
"""Seconds after its time in which the venue takes a request, and its book a command."""

CALLS = Limit("calls", 1.0)
LIMITS = {CALLS: 50}
_WORDS = ("timestamp", "authentication", "rate_limit", "not_found", "insufficient_margin", "filter")
REASONS = dict(enumerate(map(order.RefusalReason, (*_WORDS, "post_only_would_take", "price_band")), 1))

_decoder = payload.PayloadDecoder
_ask = partial(Endpoint, method="GET", cost={CALLS: 1}, urgent=True)
_tell = partial(Endpoint, method="POST", cost={CALLS: 1}, parse=_decoder(object).decode)
TIME = _ask(path="/v1/time", parse=_decoder(int).decode, access=Access.PUBLIC)
MARKETS = _ask(path="/v1/markets", parse=_decoder(list[Market]).decode, access=Access.PUBLIC)
ACCOUNT = _ask(path="/v1/account", parse=_decoder(Account).decode)
ORDER = _ask(path="/v1/order", parse=_decoder(Order).decode)
ORDERS = _ask(path="/v1/orders", parse=_decoder(list[Order]).decode)
FILLS = _ask(path="/v1/fills", parse=_decoder(list[Execution]).decode)
PLACE, CANCEL = _tell(path="/v1/orders", once=True), _tell(path="/v1/cancels")
LEVERAGE = _tell(path="/v1/leverage")
_SAID = _decoder(Said)


def failure_of(code: int, text: str) -> Failure | None:
    """Return the venue's no; None where it said none."""
    reason = REASONS.get(code, order.RefusalReason.OTHER)

    return Failure(reason=reason, code=str(code), text=text) if code else None


def sign(keys: Credentials | None, message: str, at_ms: int) -> dict[str, str]:
    """Sign method, target and body of a request, or a word of the stream, with the time: HMAC-SHA256."""
    if keys is None:
        return {}

    signature = keys.signer.sign(f"{message}{at_ms}".encode()).hex()

    return {"Fathom-Key": keys.api_key, "Fathom-Time": str(at_ms), "Fathom-Sign": signature}


class FathomHttp:
    """Fathom's protocol; see `HttpDialect`. Without keys nothing is signed, and the venue refuses it."""

    venue = VENUE
    clock = TIME

    def __init__(self, keys: Credentials | None) -> None:
        self._keys = keys

    def encode(self, endpoint: Endpoint[object], parameters: Parameters, at_ms: int) -> exchange.Outgoing:
        """Write questions as a query and commands as JSON."""
        is_question, method = endpoint.method == "GET", endpoint.method
        target = f"{endpoint.path}?{urlencode(parameters)}" if is_question else endpoint.path
        body = "" if is_question else json.dumps(parameters)
        signed = sign(self._keys, f"{method}{target}{body}", at_ms)
        headers = [(name.encode(), text.encode()) for name, text in signed.items()]

        return exchange.Outgoing(method=method, target=target.encode(), headers=headers, body=body.encode())

    def read_failure(self, status: int, body: bytes) -> Failure | None:
        """Read code and text; with a status of 500 or more they prove nothing."""
        try:
            said = _SAID.decode(body)
        except PayloadError:
            return None

        return Failure(reason=None, text=said.text) if status >= 500 else failure_of(said.code, said.text)

    def read_throttle(self, answer: Answer, headers: Mapping[str, str], server_ms: int) -> Throttle | None:  # noqa: ARG002
        """Wait for a second, with which its counts begin anew."""
        return Throttle(seconds=1.0) if answer.status == 429 else None

    def read_usage(self, headers: Mapping[str, str]) -> tuple[tuple[Limit, int], ...]:  # noqa: ARG002
        """Read nothing: it does not tell."""
        return ()
