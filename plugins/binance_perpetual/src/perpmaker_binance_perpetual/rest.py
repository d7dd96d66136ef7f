"""Binance's REST endpoints: what they are called, what they cost, how they are signed, and what they answer.

Source: USDⓈ-M futures documentation; weights as documented there. Commands about orders are in `orders` and `stops`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

import attrs
import msgspec

from perpmaker import AuthenticationError
from perpmaker import venue as kit
from perpmaker_binance_perpetual import messages
from perpmaker_binance_perpetual.refusals import read_failure, read_throttle
from perpmaker_binance_perpetual.settings import NAME
from perpmaker_binance_perpetual.signing import encode_parameters, signed_query

T = TypeVar("T")

VENUE: Final = "Binance"
PAGE: Final = 1000
DEPTH_LEVELS: Final = 1000

_USER_AGENT = ((b"User-Agent", b"perpmaker"), (b"Accept-Encoding", b"gzip"))
"""Firewalls in front of a venue may turn away who does not say what he is."""

# --- limits -----------------------------------------------------------------------------------------------------------

_WEIGHT, _ORDERS_SHORT, _ORDERS_LONG = kit.Limit("REQUEST_WEIGHT", 60), kit.Limit("ORDERS", 10), kit.Limit("ORDERS", 60)
LIMITS = {_WEIGHT: 2400, _ORDERS_SHORT: 300, _ORDERS_LONG: 1200}
"""As documented; the published ones are adopted when they are read."""

_SECONDS = {"SECOND": 1, "MINUTE": 60}
_USAGE_HEADERS = {
    "x-mbx-used-weight-1m": _WEIGHT,
    "x-mbx-order-count-10s": _ORDERS_SHORT,
    "x-mbx-order-count-1m": _ORDERS_LONG,
}
_MOST_DIGITS = 9


def published_limits(rows: Iterable[messages.RateLimit]) -> Mapping[kit.Limit, int]:
    """Translate the limits that exchangeInfo publishes."""
    return {kit.Limit(row.rateLimitType, row.intervalNum * _SECONDS.get(row.interval, 0)): row.limit for row in rows}


# --- endpoints --------------------------------------------------------------------------------------------------------


def _endpoint(method: str, path: str, shape: type[T], weight: int = 1, **options: Any) -> kit.Endpoint[T]:  # noqa: ANN401  # those of Endpoint
    return kit.Endpoint(method=method, path=path, cost={_WEIGHT: weight}, parse=kit.parser(shape), **options)


def _new_order(method: str, path: str, weight: int, *, orders: int = 1, urgent: bool = False) -> kit.Endpoint[object]:
    """Describe a command that counts as new orders do. However few are in a batch, five are counted for ten seconds."""
    cost = {_WEIGHT: weight, _ORDERS_SHORT: orders, _ORDERS_LONG: 1}

    return kit.Endpoint(method=method, path=path, cost=cost, urgent=urgent, once=True, parse=kit.parser(object))


_URGENT: dict[str, Any] = {"urgent": True}
_PUBLIC: dict[str, Any] = {"access": kit.Access.PUBLIC}
_KEYED: dict[str, Any] = {"access": kit.Access.KEYED, "urgent": True}

TIME = kit.Endpoint(
    method="GET",
    path="/fapi/v1/time",
    cost={_WEIGHT: 1},
    access=kit.Access.PUBLIC,
    urgent=True,
    parse=lambda body: kit.parser(messages.ServerTime)(body).serverTime,
)
EXCHANGE_INFO = _endpoint("GET", "/fapi/v1/exchangeInfo", messages.ExchangeInfo, **_PUBLIC)
DEPTH = _endpoint("GET", "/fapi/v1/depth", messages.Depth, 20, recorded=True, **_PUBLIC)
FUNDING_INFO = _endpoint("GET", "/fapi/v1/fundingInfo", kit.Rows, 0, **_PUBLIC)
PREMIUM_INDEX = _endpoint("GET", "/fapi/v1/premiumIndex", messages.PremiumIndex, **_PUBLIC, **_URGENT)

LEVERAGE_BRACKET: kit.Endpoint[messages.Brackets | kit.Rows] = _endpoint(
    "GET", "/fapi/v1/leverageBracket", cast("Any", messages.Brackets | kit.Rows)
)
COMMISSION_RATE = _endpoint("GET", "/fapi/v1/commissionRate", messages.CommissionRate, 20)
ACCOUNT_CONFIG = _endpoint("GET", "/fapi/v1/accountConfig", messages.AccountConfig, 5)
ACCOUNT_CONFIG_URGENT = attrs.evolve(ACCOUNT_CONFIG, urgent=True)
SYMBOL_CONFIG: kit.Endpoint[messages.SymbolConfig | kit.Rows] = _endpoint(
    "GET", "/fapi/v1/symbolConfig", cast("Any", messages.SymbolConfig | kit.Rows), 5
)
KEY_RESTRICTIONS = _endpoint("GET", "/sapi/v1/account/apiRestrictions", messages.KeyRestrictions)
SET_LEVERAGE = _endpoint("POST", "/fapi/v1/leverage", object)
SET_MARGIN_TYPE = _endpoint("POST", "/fapi/v1/marginType", object)
SET_POSITION_MODE = _endpoint("POST", "/fapi/v1/positionSide/dual", object)
POSITION_RISK = _endpoint("GET", "/fapi/v3/positionRisk", kit.Rows, 5, **_URGENT)
ACCOUNT = _endpoint("GET", "/fapi/v3/account", messages.Account, 5, **_URGENT)
USER_TRADES = _endpoint("GET", "/fapi/v1/userTrades", kit.Rows, 5, **_URGENT)
ALL_ORDERS = _endpoint("GET", "/fapi/v1/allOrders", kit.Rows, 5, **_URGENT)
INCOME = _endpoint("GET", "/fapi/v1/income", kit.Rows, 30)

PLACE = _new_order("POST", "/fapi/v1/order", 0)
PLACE_BATCH = _new_order("POST", "/fapi/v1/batchOrders", 5, orders=5)
MODIFY = _new_order("PUT", "/fapi/v1/order", 1)
MODIFY_BATCH = _new_order("PUT", "/fapi/v1/batchOrders", 5, orders=5)
CANCEL = _endpoint("DELETE", "/fapi/v1/order", object)
CANCEL_BATCH = _endpoint("DELETE", "/fapi/v1/batchOrders", object)
ORDER = _endpoint("GET", "/fapi/v1/order", messages.Order, **_URGENT)
ORDER_NAME = _endpoint("GET", "/fapi/v1/order", messages.OrderName, **_URGENT)
OPEN_ORDERS = _endpoint("GET", "/fapi/v1/openOrders", kit.Rows, **_URGENT)
COUNTDOWN = _endpoint("POST", "/fapi/v1/countdownCancelAll", object, 10, **_URGENT)

PLACE_STOP = _new_order("POST", "/fapi/v1/algoOrder", 0, urgent=True)
CANCEL_STOP = _endpoint("DELETE", "/fapi/v1/algoOrder", object, **_URGENT)
STOP = _endpoint("GET", "/fapi/v1/algoOrder", messages.AlgoOrder, **_URGENT)
OPEN_STOPS = _endpoint("GET", "/fapi/v1/openAlgoOrders", kit.Rows, **_URGENT)

CREATE_LISTEN_KEY = _endpoint("POST", "/fapi/v1/listenKey", messages.ListenKey, **_KEYED)
RENEW_LISTEN_KEY = _endpoint("PUT", "/fapi/v1/listenKey", object, **_KEYED)


# --- protocol ---------------------------------------------------------------------------------------------------------


class BinanceHttp:
    """Binance's HTTP protocol; see `HttpDialect`. Without credentials only public requests can be written."""

    venue = VENUE
    clock = TIME
    read_failure = staticmethod(read_failure)
    read_throttle = staticmethod(read_throttle)

    def __init__(self, credentials: kit.Credentials | None, recv_window_ms: int) -> None:
        self._credentials = credentials
        self._recv_window_ms = recv_window_ms

    def encode(self, endpoint: kit.Endpoint[object], parameters: kit.Parameters, at_ms: int) -> kit.Outgoing:
        """Write everything into the query: what is signed is exactly what is sent."""
        headers: tuple[tuple[bytes, bytes], ...] = _USER_AGENT

        if endpoint.access is kit.Access.PUBLIC:
            query = encode_parameters(parameters)
        elif self._credentials is None:
            raise AuthenticationError(f"this call needs a key; set api_key and api_secret in [{NAME}]")
        else:
            headers = (*headers, (b"X-MBX-APIKEY", self._credentials.api_key.encode()))
            query = self._query(endpoint, parameters, self._credentials, at_ms)

        target = f"{endpoint.path}?{query}" if query else endpoint.path

        return kit.Outgoing(method=endpoint.method, target=target.encode("ascii"), headers=headers)

    def read_usage(self, headers: Mapping[str, str]) -> Iterable[tuple[kit.Limit, int]]:
        """Read what the headers say is used; nonsense is passed over."""
        said = ((limit, headers.get(name, "")) for name, limit in _USAGE_HEADERS.items())

        return ((limit, int(text)) for limit, text in said if _is_count(text))

    def _query(
        self, endpoint: kit.Endpoint[object], parameters: kit.Parameters, credentials: kit.Credentials, at_ms: int
    ) -> str:
        if endpoint.access is kit.Access.KEYED:
            return encode_parameters(parameters)

        return signed_query(parameters, credentials.signer, timestamp_ms=at_ms, recv_window_ms=self._recv_window_ms)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


# --- rows -------------------------------------------------------------------------------------------------------------


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What tells whose a row is, asked for or streamed; of whatever type, since it may be anybody's."""

    symbol: Any = None
    asset: Any = None
    clientOrderId: Any = None  # noqa: N815  # the venue's own word
    clientAlgoId: Any = None  # noqa: N815  # the same
    s: Any = None
    c: Any = None
    caid: Any = None

    @property
    def market(self) -> object:
        """The market, as either name of it says."""
        return self.s if self.symbol is None else self.symbol

    @property
    def is_own_order(self) -> bool:
        """Whether the row is about an order of ours."""
        return any(map(kit.is_own_id, (self.clientOrderId, self.clientAlgoId, self.c, self.caid)))


def row_reader() -> kit.RowReader[Head]:
    """Begin to read lists of Binance; the reader counts what it leaves out."""
    return kit.RowReader.of(Head, attrgetter("market"))


# --- histories --------------------------------------------------------------------------------------------------------

_DAY_MS = 24 * 3_600_000


def history_span(since_ms: int, now_ms: int) -> kit.Span:
    """Divide a history into weeks, as the venue shows no more at once; what is older than three months is gone."""
    return kit.Span(since_ms=since_ms, until_ms=now_ms, window_ms=7 * _DAY_MS, kept_ms=89 * _DAY_MS)
