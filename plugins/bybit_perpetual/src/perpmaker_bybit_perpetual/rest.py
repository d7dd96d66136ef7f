"""Bybit's REST endpoints: what they are called, what they cost, how they are signed, and what they answer.

Source: Bybit v5, "Rate Limit" and the page of each endpoint. Commands about orders are in `orders` and `stops`.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import attrs
import msgspec

from perpmaker import PayloadError
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import messages
from perpmaker_bybit_perpetual.messages import Envelope
from perpmaker_bybit_perpetual.refusals import read_failure, read_throttle
from perpmaker_bybit_perpetual.settings import NAME
from perpmaker_bybit_perpetual.signing import request_headers

T = TypeVar("T")

VENUE: Final = "Bybit"
LINEAR: Final = {"category": "linear"}

_ADDRESS = kit.Limit("address", 5)
_OF_ORDERS = tuple(
    kit.Limit(kind, 1) for kind in ("create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch")
)
_CREATE, _AMEND, _CANCEL, _CREATE_BATCH, _AMEND_BATCH, _CANCEL_BATCH = _OF_ORDERS
_STOP, _FEES, _LOG, _READS = (kit.Limit(kind, 1) for kind in ("trading-stop", "fee-rate", "transaction-log", "reads"))
_MOST_IN_BATCH = 10
"""The venue's pages say 20 and 10; a batch costs as many units of its limit as it has orders."""


def limits_of(orders_per_s: int) -> Mapping[kit.Limit, int]:
    """Return the documented limits, those of an account for commands about orders with `orders_per_s`."""
    return {_ADDRESS: 600, _STOP: 10, _FEES: 5, _LOG: 25, _READS: 50, **dict.fromkeys(_OF_ORDERS, orders_per_s)}


def largest_batch(orders_per_s: int) -> int:
    """Orders that a request may hold: no more than the part of the limit that quotes may use."""
    return max(1, min(_MOST_IN_BATCH, orders_per_s * 4 // 5))


def _result(shape: type[T]) -> Any:  # noqa: ANN401  # what reads the result of an answer
    parse, envelope = kit.parser(shape), kit.parser(Envelope)

    return lambda body: parse(bytes(envelope(body).result))


def _endpoint(method: str, path: str, shape: type[T], *limits: kit.Limit, **options: Any) -> kit.Endpoint[T]:  # noqa: ANN401  # those of Endpoint
    cost = {_ADDRESS: 1, **dict.fromkeys(limits, 1)}

    return kit.Endpoint(method=method, path=f"/v5{path}", cost=cost, **{"parse": _result(shape), **options})


def of_batch(endpoint: kit.Endpoint[object], orders: int) -> kit.Endpoint[object]:
    """The endpoint of a batch with so many orders, each of which counts."""
    cost = {limit: units if limit is _ADDRESS else orders for limit, units in endpoint.cost.items()}

    return attrs.evolve(endpoint, cost=cost)


_URGENT: dict[str, Any] = {"urgent": True}
_PUBLIC: dict[str, Any] = {"access": kit.Access.PUBLIC}
_ONCE: dict[str, Any] = {"once": True}


def _server_ms(body: bytes) -> int:
    return kit.parser(Envelope)(body).time


def _dated(body: bytes) -> tuple[int, messages.Listed]:
    """A list, and when it was made."""
    return _server_ms(body), _result(messages.Listed)(body)


TIME = _endpoint("GET", "/market/time", int, parse=_server_ms, **_PUBLIC, **_URGENT)
INSTRUMENTS = _endpoint("GET", "/market/instruments-info", messages.Listed, **_PUBLIC)
RISK_LIMIT = _endpoint("GET", "/market/risk-limit", messages.Listed, **_PUBLIC)
TICKERS = _endpoint("GET", "/market/tickers", tuple[int, messages.Listed], parse=_dated, **_PUBLIC, **_URGENT)
FEE_RATE = _endpoint("GET", "/account/fee-rate", messages.Listed, _FEES)
ACCOUNT_INFO = _endpoint("GET", "/account/info", messages.AccountInfo, _READS, **_URGENT)
USER_SETTINGS = _endpoint("GET", "/account/user-setting-config", messages.UserSettings, _READS)
WALLET = _endpoint("GET", "/account/wallet-balance", messages.Listed, _READS, **_URGENT)
TRANSACTION_LOG = _endpoint("GET", "/account/transaction-log", messages.Listed, _LOG)
KEY_INFO = _endpoint("GET", "/user/query-api", messages.KeyInfo)
POSITIONS = _endpoint("GET", "/position/list", messages.Listed, _READS, **_URGENT)
EXECUTIONS = _endpoint("GET", "/execution/list", messages.Listed, _READS, **_URGENT)
SET_LEVERAGE = _endpoint("POST", "/position/set-leverage", object)
SWITCH_MODE = _endpoint("POST", "/position/switch-mode", object)
SET_BAND_ACTION = _endpoint("POST", "/account/set-limit-px-action", object)
SET_PROTECTION = _endpoint("POST", "/order/disconnected-cancel-all", object, **_URGENT)
PROTECTION = _endpoint("GET", "/account/query-dcp-info", messages.Protections, **_URGENT)

PLACE = _endpoint("POST", "/order/create", object, _CREATE, **_ONCE)
PLACE_BATCH = _endpoint("POST", "/order/create-batch", object, _CREATE_BATCH, **_ONCE)
AMEND = _endpoint("POST", "/order/amend", object, _AMEND, **_ONCE)
AMEND_BATCH = _endpoint("POST", "/order/amend-batch", object, _AMEND_BATCH, **_ONCE)
CANCEL = _endpoint("POST", "/order/cancel", object, _CANCEL)
CANCEL_BATCH = _endpoint("POST", "/order/cancel-batch", object, _CANCEL_BATCH)
PLACE_STOP = _endpoint("POST", "/position/trading-stop", object, _STOP, **_ONCE, **_URGENT)
CANCEL_STOP = _endpoint("POST", "/position/trading-stop", object, _STOP, **_URGENT)
PLACE_CONDITIONAL = attrs.evolve(PLACE, urgent=True)
OPEN_ORDERS = _endpoint("GET", "/order/realtime", messages.Listed, _READS, **_URGENT)
ORDER_HISTORY = _endpoint("GET", "/order/history", messages.Listed, _READS, **_URGENT)


class BybitHttp(kit.JsonHttp):
    """Bybit's HTTP protocol. It says in words of its own how long it wants silence.

    Its headers speak of a limit without naming it, and commands count their own: what is used is not read.
    """

    read_throttle = staticmethod(read_throttle)

    def __init__(self, credentials: kit.Credentials | None, recv_window_ms: int) -> None:
        def sign(keys: kit.Credentials, said: tuple[str, str, str], at_ms: int) -> Mapping[str, str]:
            _, target, body = said
            payload = target.partition("?")[2] or body

            return request_headers(payload, keys, timestamp_ms=at_ms, recv_window_ms=recv_window_ms)

        super().__init__(
            venue=VENUE, clock=TIME, read_failure=read_failure, credentials=credentials, sign=sign, table=NAME
        )


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What tells whose a row is, asked for or streamed; of whatever type, since it may be anybody's."""

    symbol: Any = None
    coin: Any = None
    orderLinkId: Any = None  # noqa: N815  # the venue's own word
    stopOrderType: Any = None  # noqa: N815  # the same

    @property
    def is_own_order(self) -> bool:
        """Whether the row is about an order of ours, or about a position's stop, which nobody's id tells."""
        return kit.is_own_id(self.orderLinkId) or self.stopOrderType == "StopLoss"


def row_reader() -> kit.RowReader[Head]:
    """Begin to read lists of Bybit; the reader counts what it leaves out."""
    return kit.RowReader.of(Head, attrgetter("symbol"))


_DAY_MS = 24 * 3_600_000
_MOST_PAGES = 1000


def next_cursor(page: messages.Listed) -> str | None:
    """The cursor of the next page, which the venue writes as it stands in a URL; None after the last page."""
    return unquote(page.nextPageCursor or "") or None


async def read_pages(
    client: kit.RestClient, endpoint: kit.Endpoint[messages.Listed], parameters: kit.Parameters
) -> kit.Rows:
    """Read the rows of all pages; PayloadError where the venue repeats a cursor, so that they would never be whole."""
    rows: kit.Rows = []
    seen: set[str] = set()
    asked = dict(parameters)

    while True:
        page = await client.read(endpoint, asked)
        rows += page.rows
        cursor = next_cursor(page)

        if cursor is None:
            return rows

        if cursor in seen or len(seen) >= _MOST_PAGES:
            raise PayloadError(f"the pages of a list repeat themselves at {cursor!r:.60}")

        seen.add(cursor)
        asked["cursor"] = cursor


def history_span(since_ms: int, now_ms: int) -> kit.Span:
    """Divide a history into windows of less than a week, as the venue shows no more at once; it keeps two years."""
    return kit.Span(since_ms=since_ms, until_ms=now_ms, window_ms=7 * _DAY_MS, kept_ms=729 * _DAY_MS)
