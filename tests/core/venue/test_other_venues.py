"""The kit in the words of venues of two other makes, as their protocol references in the house have them.

One signs headers, answers everything with HTTP 200 and a code, and acknowledges before its book. The other is a chain:
what is signed is the transaction itself, ids are numbers of 32 bits, and what may still appear goes by height.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import attrs
import msgspec
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import AmendOrder, CancelOrder
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, OrderType, Side, Slot
from perpmaker.model.outcome import Accepted, Outcome, Rejected, Unknown
from perpmaker.model.refusal import RefusalReason
from perpmaker.secret import Secret, make_signer
from perpmaker.venue import (
    Access,
    Answer,
    Command,
    Credentials,
    Element,
    Endpoint,
    Failure,
    HttpDialect,
    Limit,
    OrderClient,
    Parameters,
    RequestBudget,
    RestClient,
    ServerClock,
    Taken,
    Throttle,
)
from perpmaker.wire.exchange import Incoming, Outgoing

pytestmark = pytest.mark.anyio

AT_MS = 1767225600000
KEYS = Credentials(api_key="TESTKEY_bybit_0001", signer=make_signer(Secret("NOT_A_SECRET_bybit_test_0123456789")))


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Limits are of seconds."""
    return virtual_time


def order(client_id: str, number: int) -> NewOrder:
    """A quote."""
    return NewOrder(
        client_id=client_id, slot=Slot(OrderKind.QUOTE, Side.BUY, number), lots=5, ticks=10, type=OrderType.POST_ONLY
    )


@attrs.define
class Script:
    """An exchange that answers in turn, the last for ever, and keeps what it was asked."""

    answers: list[Incoming]
    asked: list[Outgoing] = attrs.field(factory=list)

    async def __call__(self, request: Outgoing) -> Incoming:
        """The next answer."""
        self.asked.append(request)

        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client_over(script: Script, dialect: HttpDialect, limits: Mapping[Limit, int]) -> RestClient:
    """A client whose venue's time is known."""
    clock = LoopClock()
    server_clock = ServerClock(clock)
    server_clock.observe(clock.now(), clock.now(), AT_MS)

    return RestClient(
        script,
        dialect,
        clock,
        budget=RequestBudget(dialect.venue, limits, clock),
        place="venue.test:443",
        patience_s=1.0,
        server_clock=server_clock,
    )


def said(body: object, status: int = 200, **headers: str) -> Incoming:
    """An answer."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}

    return Incoming(status=status, headers=names, body=json.dumps(body).encode())


# --- headers, HTTP 200, a gateway -------------------------------------------------------------------------------------

CALLS, CREATED = Limit("calls", 5), Limit("created", 1)


class Envelope(msgspec.Struct):
    """Every answer."""

    retCode: int  # noqa: N815  # the venue's own word
    retMsg: str = ""  # noqa: N815  # the same
    result: Any = None
    retExtInfo: Any = None  # noqa: N815  # the same
    time: int = 0


ENVELOPE = PayloadDecoder(Envelope)
REASONS: dict[int, RefusalReason | None] = {
    10002: RefusalReason.TIMESTAMP,
    10006: RefusalReason.RATE_LIMIT,
    10016: None,
    110007: RefusalReason.INSUFFICIENT_MARGIN,
    110072: None,
}


def failure_of(code: int, text: str) -> Failure | None:
    """The no that a code is."""
    return None if code == 0 else Failure(reason=REASONS.get(code, RefusalReason.OTHER), code=str(code), text=text)


class HeaderHttp:
    """Time, key, window and query or body are signed, and stand in headers."""

    venue = "the venue"
    clock = Endpoint(
        method="GET",
        path="/v5/market/time",
        cost={},
        access=Access.PUBLIC,
        parse=lambda body: ENVELOPE.decode(body).time,
    )

    def encode(self, endpoint: Endpoint[object], parameters: Parameters, at_ms: int) -> Outgoing:
        """A GET has a query, everything else a body."""
        query = urlencode(parameters) if endpoint.method == "GET" else ""
        body = b"" if endpoint.method == "GET" else json.dumps(parameters, separators=(",", ":")).encode()
        signed = f"{at_ms}{KEYS.api_key}5000{query}".encode() + body
        headers = ((b"X-Time", b"%d" % at_ms), (b"X-Sign", KEYS.signer.sign(signed).hex().encode()))
        target = f"{endpoint.path}?{query}" if query else endpoint.path

        return Outgoing(method=endpoint.method, target=target.encode(), headers=headers, body=body)

    def read_failure(self, status: int, body: bytes) -> Failure | None:
        """A code; a firewall's 403 is a ban."""
        try:
            said = ENVELOPE.decode(body)
        except PayloadError:
            return Failure(reason=RefusalReason.RATE_LIMIT) if status == 403 else None

        return failure_of(said.retCode, said.retMsg)

    def read_throttle(self, answer: Answer, headers: Mapping[str, str], server_ms: int) -> Throttle | None:
        """Until a moment, of the venue's own clock."""
        if answer.status == 403:
            return Throttle(seconds=600.0, is_ban=True)

        until = headers.get("limit-reset")

        return (
            None if until is None else Throttle(seconds=(int(until) - server_ms) / 1000, kinds=frozenset({"created"}))
        )

    def read_usage(self, _: Mapping[str, str]) -> Iterable[tuple[Limit, int]]:
        """None is told."""
        return ()


CREATE = Endpoint(method="POST", path="/v5/order/create-batch", cost={CALLS: 1}, once=True, parse=ENVELOPE.decode)
REMOVE = Endpoint(method="POST", path="/v5/order/cancel-batch", cost={CALLS: 1}, parse=ENVELOPE.decode)


class GatewayOrders:
    """Batches whose orders count one by one; results and refusals are in two lists."""

    most_placed = 20
    most_cancelled = 20

    def place(self, _: Instrument, orders: Sequence[NewOrder]) -> Command:
        """The cost is that of so many orders."""
        counted = attrs.evolve(CREATE, cost={CALLS: 1, CREATED: len(orders)})

        return Command(counted, {"request": [{"orderLinkId": one.client_id} for one in orders]})

    def amend(self, _: Instrument, orders: Sequence[AmendOrder]) -> Command:
        """As above."""
        return Command(CREATE, {"request": [{"orderLinkId": one.client_id} for one in orders]})

    def cancel(self, _: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """As above."""
        return Command(REMOVE, {"request": [{"orderLinkId": one.client_id} for one in orders]})

    def read(self, _: Instrument, body: bytes, _count: int) -> Sequence[Element] | None:
        """Each with its code."""
        answer = ENVELOPE.decode(body)
        pairs = zip(answer.result["list"], answer.retExtInfo["list"], strict=True)

        return [
            failure_of(code["code"], code["msg"]) or Taken(row["orderLinkId"], venue_id=row["orderId"], by_gateway=True)
            for row, code in pairs
        ]


@pytest.mark.parametrize(
    ("endpoint", "parameters", "signature"),
    [
        (
            Endpoint(method="GET", path="/x", cost={}, parse=ENVELOPE.decode),
            {"category": "linear", "symbol": "BTCUSDT"},
            b"c8f1541003fd3bb753632d3778f51a6f863792bb4d77c45f18bbdd73c3aaa234",
        ),
        (
            Endpoint(method="POST", path="/x", cost={}, parse=ENVELOPE.decode),
            {
                "category": "linear",
                "symbol": "BTCUSDT",
                "side": "Buy",
                "orderType": "Limit",
                "qty": "0.010",
                "price": "60000.0",
                "timeInForce": "PostOnly",
                "positionIdx": 0,
                "orderLinkId": "mm-0001_a",
            },
            b"6137de0bb2c477701541927d2c4b7787b8bbd66ddb5c0a416155365186f33d91",
        ),
    ],
    ids=["query", "body"],
)
async def test_signed_headers_are_those_of_the_reference(
    endpoint: Endpoint[Envelope], parameters: Parameters, signature: bytes
) -> None:
    """Its test vectors, through the whole client."""
    script = Script([said({"retCode": 0})])
    await client_over(script, HeaderHttp(), {}).read(endpoint, parameters)

    assert dict(script.asked[0].headers)[b"X-Sign"] == signature


async def test_a_gateway_answers_for_each_order_and_each_order_counts(instrument: Instrument) -> None:
    """Taken, refused, and unknown where an earlier attempt may have arrived; the eleventh order of a second waits."""
    lists = (
        [
            {"orderLinkId": "a", "orderId": "1"},
            {"orderLinkId": "b", "orderId": ""},
            {"orderLinkId": "c", "orderId": ""},
        ],
        [{"code": 0, "msg": ""}, {"code": 110007, "msg": "poor"}, {"code": 110072, "msg": "twice"}],
    )
    script = Script([said({"retCode": 0, "result": {"list": lists[0]}, "retExtInfo": {"list": lists[1]}})])
    client = OrderClient(client_over(script, HeaderHttp(), {CALLS: 600, CREATED: 12}), GatewayOrders())
    outcomes = await client.place(instrument, [order(name, place) for place, name in enumerate("abc")])
    spent = await client.place(instrument, [order(str(number), number) for number in range(7)])

    assert outcomes[0] == Accepted(client_id="a", venue_id="1", by_gateway=True)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Unknown]
    assert {type(outcome) for outcome in spent} == {Rejected}
    assert len(script.asked) == 1


async def test_a_throttle_in_a_body_of_status_200_is_obeyed(instrument: Instrument) -> None:
    """Creating waits until the moment that the header names; a firewall's 403 is a ban without words."""
    script = Script([said({"retCode": 10006, "retMsg": "Too many visits!"}, limit_reset=str(AT_MS + 900))])
    rest = client_over(script, HeaderHttp(), {CALLS: 600, CREATED: 12})
    client = OrderClient(rest, GatewayOrders())
    outcomes = [(await client.place(instrument, [order("a", 0)]))[0] for _ in range(2)]
    assert [reason_of(outcome) for outcome in outcomes] == [RefusalReason.RATE_LIMIT] * 2
    assert len(script.asked) == 1

    script.answers = [Incoming(status=403, headers={}, body=b"<html>access too frequent</html>")]
    outcomes = [(await client.cancel(instrument, [CancelOrder(client_id="a")]))[0] for _ in range(2)]
    assert [reason_of(outcome) for outcome in outcomes] == [RefusalReason.RATE_LIMIT] * 2
    assert len(script.asked) == 2


def reason_of(outcome: Outcome) -> RefusalReason | None:
    """Why an order was refused."""
    return outcome.refusal.reason if isinstance(outcome, Rejected) else None


# --- a chain ----------------------------------------------------------------------------------------------------------


class Broadcast(msgspec.Struct):
    """What the node says of a transaction."""

    code: int
    codespace: str = ""
    log: str = ""


class Rpc(msgspec.Struct):
    """An answer of JSON-RPC."""

    result: Broadcast | None = None
    error: dict[str, Any] | None = None


RPC = PayloadDecoder(Rpc)
CHAIN_REASONS = {("clob", 2003): RefusalReason.POST_ONLY_WOULD_TAKE, ("sdk", 19): None}
BROADCAST = Endpoint(method="POST", path="/", cost={}, access=Access.PUBLIC, once=True, parse=RPC.decode)


class NodeHttp:
    """Nothing of the request is signed: the transaction inside is."""

    venue = "the chain"
    clock = Endpoint(method="GET", path="/time", cost={}, access=Access.PUBLIC, parse=lambda _: AT_MS)

    def encode(self, endpoint: Endpoint[object], parameters: Parameters, _: int) -> Outgoing:
        """JSON-RPC."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": parameters}

        return Outgoing(method=endpoint.method, target=endpoint.path.encode(), body=json.dumps(call).encode())

    def read_failure(self, _: int, body: bytes) -> Failure | None:
        """By code space and code; an error of the node itself proves nothing."""
        try:
            said = RPC.decode(body)
        except PayloadError:
            return None

        if said.error is not None:
            return Failure(reason=None, text=str(said.error.get("message")))

        if said.result is None or said.result.code == 0:
            return None

        name = said.result.codespace, said.result.code
        reason = CHAIN_REASONS.get(name, RefusalReason.OTHER)

        return Failure(reason=reason, code="/".join(map(str, name)), text=said.result.log)

    def read_throttle(self, _: Answer, _headers: Mapping[str, str], _server_ms: int) -> Throttle | None:
        """A node wants no silence."""
        return None

    def read_usage(self, _: Mapping[str, str]) -> Iterable[tuple[Limit, int]]:
        """None is told."""
        return ()


@attrs.define
class ChainOrders:
    """One order a transaction, good until a height; many are taken off by one."""

    height: int
    passed_at: float
    """The engine's time at which the height that orders are good until will have passed."""

    most_placed = 1
    most_cancelled = 100

    def place(self, _: Instrument, orders: Sequence[NewOrder]) -> Command:
        """A placement."""
        return self._transaction({"place": int(orders[0].client_id), "until": self.height + 10})

    def amend(self, _: Instrument, orders: Sequence[AmendOrder]) -> Command:
        """A replacement under the same id."""
        return self._transaction({"place": int(orders[0].client_id), "until": self.height + 11})

    def cancel(self, _: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """All at once."""
        return self._transaction({"cancel": [int(one.client_id) for one in orders], "until": self.height + 11})

    def read(self, _: Instrument, body: bytes, count: int) -> Sequence[Element]:
        """A yes of the node, to all of it."""
        RPC.decode(body)

        return [Taken(by_gateway=True)] * count

    def _transaction(self, content: dict[str, Any]) -> Command:
        raw = json.dumps(content).encode()

        return Command(BROADCAST, {"tx": base64.b64encode(raw).decode()}, fence_at=self.passed_at)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said({"result": {"code": 0}}), Accepted),
        (said({"result": {"code": 2003, "codespace": "clob", "log": "crosses"}}), Rejected),
        (said({"result": {"code": 19, "codespace": "sdk", "log": "in the mempool already"}}), Unknown),
        (Incoming(status=502, headers={}, body=b"<html>"), Unknown),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in ((said({"error": {"code": -32603, "message": "mempool is full"}}, 500), Unknown),)
        ),
    ],
)
async def test_an_order_of_a_chain_may_appear_until_its_height_has_passed(
    instrument: Instrument, answer: Incoming, kind: type
) -> None:
    """Whatever was answered, the fence is the order's own, and not a window of the venue."""
    script = Script([answer])
    client = OrderClient(client_over(script, NodeHttp(), {}), ChainOrders(height=1_000_010, passed_at=77.0))
    first, second = await client.place(instrument, [order("123456789", 0), order("123456790", 1)])

    assert (type(first), type(second)) == (kind, kind)
    assert isinstance(first, Rejected) or first.fence_at == 77.0
    assert not isinstance(first, Accepted) or first.by_gateway
    assert len(script.asked) == 2


async def test_one_transaction_takes_many_orders_off(instrument: Instrument) -> None:
    """The node's yes counts for each."""
    script = Script([said({"result": {"code": 0}})])
    client = OrderClient(client_over(script, NodeHttp(), {}), ChainOrders(height=7, passed_at=9.0))
    outcomes = await client.cancel(instrument, [CancelOrder(client_id=str(number)) for number in range(100)])

    assert outcomes == [Accepted(client_id=str(number), by_gateway=True, fence_at=9.0) for number in range(100)]
    assert len(script.asked) == 1
