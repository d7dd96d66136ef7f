"""Fathom's HTTP protocol: what can be asked, how it is signed, and what its codes mean."""

from __future__ import annotations

import json
from functools import partial
from urllib.parse import urlencode

from perpmaker import PayloadError
from perpmaker import venue as kit

from .messages import Account, Market, Order, Said
from .settings import VENUE

WINDOW_S = 2.0  # after its time, in which the venue takes a request and its book a command
LIMITS = {kit.Limit("calls", 1.0): 50}
_WORDS = ("timestamp", "authentication", "rate_limit", "not_found", "insufficient_margin", "filter")
REASONS = dict(enumerate(map(kit.RefusalReason, (*_WORDS, "post_only_would_take", "price_band")), 1))

_ask = partial(kit.Endpoint, method="GET", cost=dict.fromkeys(LIMITS, 1), urgent=True)
_tell = partial(kit.Endpoint, method="POST", cost=dict.fromkeys(LIMITS, 1), parse=kit.parser(object))
TIME = _ask(path="/v1/time", parse=kit.parser(int), access=kit.Access.PUBLIC)
MARKETS = _ask(path="/v1/markets", parse=kit.parser(list[Market]), access=kit.Access.PUBLIC)
ORDER, ACCOUNT = _ask(path="/v1/order", parse=kit.parser(Order)), _ask(path="/v1/account", parse=kit.parser(Account))
ORDERS, FILLS = (_ask(path=path, parse=kit.parser(kit.Rows)) for path in ("/v1/orders", "/v1/fills"))
PLACE, CANCEL, LEVERAGE = _tell(path="/v1/orders", once=True), _tell(path="/v1/cancels"), _tell(path="/v1/leverage")


def failure_of(code: int, text: str) -> kit.Failure | None:
    """Return the venue's no; None where it said none."""
    return kit.Failure(reason=REASONS.get(code, kit.RefusalReason.OTHER), code=str(code), text=text) if code else None


def sign(keys: kit.Credentials, message: str, at_ms: int) -> dict[str, str]:
    """Sign method, target and body of a request, or a word of the stream, with the time: HMAC-SHA256."""
    signature = keys.sign(f"{message}{at_ms}".encode())

    return {"Fathom-Key": keys.api_key, "Fathom-Time": str(at_ms), "Fathom-Sign": signature}


class FathomHttp:
    """Fathom's protocol; see `HttpDialect`. Without keys nothing is signed, and the venue refuses it."""

    venue = VENUE
    clock = TIME

    def __init__(self, keys: kit.Credentials | None) -> None:
        self._keys = keys

    def encode(self, endpoint: kit.Endpoint[object], parameters: kit.Parameters, at_ms: int) -> kit.Outgoing:
        """Write questions as a query and commands as JSON."""
        is_question, method = endpoint.method == "GET", endpoint.method
        target = f"{endpoint.path}?{urlencode(parameters)}" if is_question else endpoint.path
        body = "" if is_question else json.dumps(parameters)
        signed = {} if self._keys is None else sign(self._keys, f"{method}{target}{body}", at_ms)
        headers = [(name.encode(), text.encode()) for name, text in signed.items()]

        return kit.Outgoing(method=method, target=target.encode(), headers=headers, body=body.encode())

    def read_failure(self, status: int, body: bytes) -> kit.Failure | None:
        """Read code and text; with a status of 500 or more they prove nothing."""
        try:
            said = kit.parser(Said)(body)
        except PayloadError:
            return None

        return kit.Failure(reason=None, text=said.text) if status >= 500 else failure_of(said.code, said.text)
