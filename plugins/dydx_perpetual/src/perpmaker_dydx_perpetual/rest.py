"""The Indexer's REST and the nodes' JSON-RPC: what can be asked and told, and what their no means."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

import attrs

from perpmaker import AuthenticationError, PayloadError
from perpmaker.venue import (
    Access,
    Answer,
    Endpoint,
    Failure,
    JsonHttp,
    Limit,
    Outgoing,
    Parameters,
    RestClient,
    RowReader,
    Rows,
    Throttle,
    one_line,
    parse_retry_after,
    parser,
)

from . import messages, proto
from .refusals import ALREADY_SENT, CANCELLED_BEFORE, IN_MEMPOOL, reason_of, reason_of_error, reason_of_status
from .settings import VENUE
from .transactions import SHORT_TERM, BatchCancel, ChainMessage, UpdateLeverage, read_flags, write_transaction

if TYPE_CHECKING:
    from .credentials import Identity  # which asks through this

T = TypeVar("T")

PAGE: Final = 1000
_TOO_MANY, _SERVER_ERROR = 429, 500
_HEADERS = ((b"User-Agent", b"perpmaker"), (b"Accept-Encoding", b"gzip"))
_JSON = (*_HEADERS, (b"Content-Type", b"application/json"))

# --- limits -----------------------------------------------------------------------------------------------------------

INDEXER_LIMIT = Limit("requests", 10)
INDEXER_LIMITS = {INDEXER_LIMIT: 100}
"""Requests of one address (indexer/services/comlink, config)."""

NODE_LIMIT = Limit("transactions", 1)
"""Requests to a node; how many it takes is the settings' `node_rate`."""


def epoch_ms(text: str | None, path: str = "$") -> int:
    """Return the milliseconds of a time as the Indexer and the nodes write it."""
    try:
        return round(datetime.fromisoformat(text or "").timestamp() * 1000)
    except (ValueError, OverflowError):
        raise PayloadError(f"{text!r:.40} is no time", path=path) from None


# --- the Indexer ------------------------------------------------------------------------------------------------------

_ask = partial(Endpoint, method="GET", cost={INDEXER_LIMIT: 1}, access=Access.PUBLIC, urgent=True)


def _time(body: bytes) -> int:
    return epoch_ms(parser(messages.Time)(body).iso)


TIME: Endpoint[int] = _ask(path="/v4/time", parse=_time)
HEIGHT: Endpoint[messages.Height] = _ask(path="/v4/height", parse=parser(messages.Height))
MARKETS: Endpoint[messages.Markets] = _ask(path="/v4/perpetualMarkets", parse=parser(messages.Markets))
ORDER_BOOK: Endpoint[messages.Book] = _ask(
    path="/v4/orderbooks/perpetualMarket/{ticker}", parse=parser(messages.Book), recorded=True
)
ORDERS: Endpoint[Rows] = _ask(path="/v4/orders", parse=parser(Rows))
ORDER: Endpoint[messages.Order] = _ask(path="/v4/orders/{id}", parse=parser(messages.Order))
FILLS: Endpoint[messages.Fills] = _ask(path="/v4/fills", parse=parser(messages.Fills))
FUNDING: Endpoint[messages.FundingPayments] = _ask(path="/v4/fundingPayments", parse=parser(messages.FundingPayments))
TRANSFERS: Endpoint[messages.Transfers] = _ask(path="/v4/transfers", parse=parser(messages.Transfers))
SUBACCOUNT: Endpoint[messages.SubaccountAnswer] = _ask(
    path="/v4/addresses/{address}/subaccountNumber/{number}", parse=parser(messages.SubaccountAnswer)
)


def at(endpoint: Endpoint[T], **parts: object) -> Endpoint[T]:
    """Return an endpoint whose path names these things."""
    path = endpoint.path.format(**{name: quote(str(part), safe="") for name, part in parts.items()})

    return attrs.evolve(endpoint, path=path)


class IndexerHttp(JsonHttp):
    """The Indexer's HTTP protocol, which asks for no key; see `HttpDialect`."""

    def __init__(self) -> None:
        super().__init__(venue=f"{VENUE}'s Indexer", clock=TIME, read_failure=_read_failure, safe=",:")

    def read_throttle(self, answer: Answer, headers: Mapping[str, str], server_ms: int) -> Throttle | None:
        """Read for how long a 429 wants silence: in milliseconds, other than HTTP says."""
        if answer.status != _TOO_MANY:
            return None

        header = headers.get("retry-after", "")

        return Throttle(seconds=parse_retry_after(header, utc_ms=server_ms) / (1000 if header.isdigit() else 1))


def _read_failure(status: int, body: bytes) -> Failure | None:
    """Read the Indexer's own no, which has a list of errors."""
    try:
        refused = parser(messages.Refused)(body)
    except PayloadError:
        return None

    if not refused.errors:
        return None

    return Failure(reason=reason_of_status(status), code=str(status), text=one_line(refused.errors[0].msg))


def row_reader() -> RowReader[messages.Head]:
    """Begin to read lists of the Indexer; the reader counts what it leaves out."""
    return RowReader.of(messages.Head, lambda head: head.market if head.ticker is None else head.ticker)


# --- the nodes --------------------------------------------------------------------------------------------------------


def _of_status(body: bytes) -> messages.Status:
    return _result(body, messages.Status)


def _result(body: bytes, kind: type[T]) -> T:
    answer = parser(messages.RpcAnswer)(body)

    if answer.result == messages.NOTHING:
        raise PayloadError("an answer of JSON-RPC without a result")

    return parser(kind)(bytes(answer.result))


def _of_query(body: bytes) -> bytes:
    value = _result(body, messages.QueryResult).response.value or ""

    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise PayloadError("the answer of the chain's state is no base64") from None


def _of_time(body: bytes) -> int:
    return epoch_ms(_of_status(body).sync_info.latest_block_time)


_call = partial(Endpoint, method="POST", cost={NODE_LIMIT: 1})
STATUS: Endpoint[messages.Status] = _call(path="status", parse=_of_status, access=Access.PUBLIC, urgent=True)
QUERY: Endpoint[bytes] = _call(path="abci_query", parse=_of_query, access=Access.PUBLIC, urgent=True)
PLACE: Endpoint[object] = _call(path="broadcast_tx_sync", parse=parser(object), once=True)
TELL: Endpoint[object] = _call(path="broadcast_tx_sync", parse=parser(object))
"""The same for what may be sent again when its time was refused: cancels and settings."""

_BLOCK_TIME: Endpoint[int] = _call(path="status", parse=_of_time, access=Access.PUBLIC, urgent=True)


class NodeHttp:
    """The JSON-RPC of the nodes; see `HttpDialect`. The method stands where a path would be, all go to `/`.

    The parameters of a broadcast are `messages` of the chain, which are signed when they are sent, and `last_block`,
    the last one that may carry them, where they do not say that themselves.
    """

    venue = VENUE
    clock = _BLOCK_TIME

    def __init__(self, identity: Identity | None) -> None:
        self._identity = identity
        self._nonce = 0

    def encode(self, endpoint: Endpoint[object], parameters: Parameters, at_ms: int) -> Outgoing:
        """Write a call, and sign what is broadcast."""
        said: Mapping[str, object] = parameters

        if endpoint.access is Access.SIGNED:
            carried: Sequence[ChainMessage] = parameters["messages"]  # type: ignore[assignment]  # see the class
            last = int(str(parameters.get("last_block", 0)))
            said = {"tx": base64.b64encode(self._sign(carried, at_ms, last)).decode()}

        call = {"jsonrpc": "2.0", "id": 1, "method": endpoint.path, "params": said}

        return Outgoing(method="POST", target=b"/", headers=_JSON, body=json.dumps(call).encode())

    def read_failure(self, status: int, body: bytes) -> Failure | None:  # noqa: ARG002  # as all dialects
        """Read a no of the node, or of the chain's first check."""
        try:
            answer = parser(messages.RpcAnswer)(body)
            found = None if answer.result == messages.NOTHING else _checked(bytes(answer.result))
        except PayloadError:
            return None

        if answer.error is not None:
            text = one_line(f"{answer.error.message}: {answer.error.data}")

            return None if ALREADY_SENT in text else Failure(reason=reason_of_error(text), text=text)

        if found is None or found.code == 0:
            return None

        code, reason = reason_of(found.codespace, found.code)
        is_taken = code == IN_MEMPOOL or code in CANCELLED_BEFORE

        return None if is_taken else Failure(reason=reason, code=code, text=one_line(found.log))

    def _sign(self, carried: Sequence[ChainMessage], at_ms: int, last_block: int) -> bytes:
        identity = self._identity

        if identity is None:
            raise AuthenticationError("this call needs a key: set api_secret")

        return write_transaction(
            carried,
            public_key=identity.key.public_key,
            sequence=0 if all(map(_is_short_term, carried)) else self._next_nonce(at_ms),
            chain_id=identity.chain_id,
            account_number=identity.account_number,
            sign=identity.key.sign,
            authenticator=identity.authenticator,
            timeout_height=last_block,
        )

    def _next_nonce(self, at_ms: int) -> int:
        self._nonce = max(self._nonce + 1, at_ms)

        return self._nonce


def _checked(result: bytes) -> messages.Broadcast | messages.Queried | None:
    """Return the chain's word in a result; None where there is none, as in a status."""
    try:
        return parser(messages.Broadcast)(result)
    except PayloadError:
        pass

    try:
        return parser(messages.QueryResult)(result).response
    except PayloadError:
        return None


def _is_short_term(message: ChainMessage) -> bool:
    if isinstance(message, UpdateLeverage):
        return False

    return isinstance(message, BatchCancel) or read_flags(message) == SHORT_TERM


def was_taken(body: bytes) -> bool:
    """Whether a body is a node's yes to a transaction; PayloadError where it is no answer at all."""
    answer = parser(messages.RpcAnswer)(body)

    return answer.error is not None or _result(body, messages.Broadcast).code >= 0


async def query_chain(client: RestClient, path: str, asked: object, kind: type[T]) -> T | None:
    """Ask a node for the chain's state; None where there is nothing of that name."""
    parameters = {"path": path, "data": proto.encode(asked).hex(), "height": "0", "prove": False}
    found = await client.find(QUERY, parameters)

    return None if found is None else proto.decode(kind, found)
