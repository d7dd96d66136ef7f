"""A whole sandbox of a made-up venue over the kit: JSON bodies, a signature in headers, a gateway, and op messages."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from http import HTTPStatus
from itertools import count
from typing import Any

import anyio
import attrs
import httpx
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.sandbox.latency import Latency
from perpmaker.simulation.event import LevelsChanged, OrderChanged, SimulationEvent
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest, OrderState, SimulatedOrder
from perpmaker.simulation.rejection import RejectionError
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.testing.network import open_server
from perpmaker.venue.sandbox import (
    Access,
    Bans,
    BookChanges,
    CountWindow,
    EndpointTable,
    HeldEvents,
    HmacChecker,
    Notation,
    ParameterRefusals,
    RefusalError,
    RequestCounts,
    RequestParameters,
    Rhythms,
    SandboxApp,
    SandboxParts,
    ServedEndpoint,
    SocketRules,
    VenueOptions,
    Window,
    find_checker,
    form_values,
    json_values,
)
from perpmaker.wire.http import open_client
from perpmaker.wire.server import Request
from perpmaker.wire.websocket import WebSocket, open_websocket

pytestmark = pytest.mark.anyio

CHECKERS = {"KEY": HmacChecker("SECRET")}
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
EPOCH_MS = 1_767_225_600_000
WINDOW_MS = 5000


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Commands are late, and sockets end after seconds."""
    return virtual_time


# --- the dialect -----------------------------------------------------------------------------------------------------


def refuse(code: int, text: str, status: int = 200) -> RefusalError:
    """Refuse in the body: the status is 200, as of everything that the venue itself answers."""
    return RefusalError(code, text, status=status)


REFUSALS = ParameterRefusals(
    missing=lambda name: refuse(10, f"{name} is missing"),
    empty=lambda name: refuse(11, f"{name} is empty"),
    malformed=lambda name, legal: refuse(12, f"{name} is not like {legal}"),
    unfit=lambda name: refuse(13, f"{name} cannot be that"),
    unread=lambda read, sent: refuse(14, f"{sent - read} too many"),
)


class Quarry:
    """What the endpoints and streams of the venue work on."""

    def __init__(self, parts: SandboxParts) -> None:
        self.parts = parts
        self.exchange = parts.exchange
        self.notation = Notation(parts.exchange.instrument)
        windows = {"calls": CountWindow(1000, 5, of_address=True), "orders": CountWindow(1000, 2)}
        bans = Bans(after=0, first_ms=10_000, longest_ms=10_000)
        self.counts = RequestCounts(parts.clock.server_ms, windows, self, bans=bans, enforced=True)

    def too_many(self, name: str, window: CountWindow, left_ms: int) -> RefusalError:
        """Refuse in the body, with the time in milliseconds."""
        return refuse(20, f"{window.limit} {name}, wait {left_ms}")

    def banned(self, until_ms: int, left_ms: int) -> RefusalError:
        """Refuse with a status."""
        return refuse(21, f"banned until {until_ms}, for {left_ms}", HTTPStatus.FORBIDDEN)

    def place(self, request: OrderRequest) -> SimulatedOrder:
        """Place an order of the account."""
        return self.exchange.place(self.parts.account.name, request, self.parts.clock.now_ms())

    def row(self, order: SimulatedOrder) -> dict[str, object]:
        """An order, as answers and events show it."""
        words = {"name": order.client_id, "state": order.state.value, "price": self.notation.price(order.ticks)}

        return {**words, "filled": self.notation.amount(order.filled_lots)}


def read_order(parameters: RequestParameters) -> OrderRequest:
    """A new order."""
    return OrderRequest(
        side=parameters.choice("side", SIDES),
        amount=parameters.decimal("amount"),
        price=parameters.optional_decimal("price"),
        client_id=parameters.text("name"),
    )


def place_by_gateway(quarry: Quarry, parameters: RequestParameters) -> object:
    """Answer that the order was taken; whether the exchange takes it is said on the socket alone."""
    request = read_order(parameters)

    def act() -> None:
        try:
            quarry.place(request)
        except RejectionError as error:
            refused = {"name": request.client_id, "state": "refused", "why": error.rejection.name}
            quarry.parts.hub.publish_own("orders", "order", refused)

    quarry.parts.commands.put(act)

    return {"taken": request.client_id}


def place_at_once(quarry: Quarry, parameters: RequestParameters) -> object:
    """Answer what has become of the order."""
    return quarry.row(quarry.place(read_order(parameters)))


def orders(quarry: Quarry, _: RequestParameters) -> object:
    """All orders."""
    return [quarry.row(order) for order in quarry.parts.account.orders()]


def ask(quarry: Quarry, parameters: RequestParameters) -> object:
    """One order, whose name stands in the path."""
    order = quarry.parts.account.order(order_id=None, client_id=parameters.text("name"))

    if order is None:
        raise refuse(5, "no such order")

    return quarry.row(order)


def place_many(quarry: Quarry, parameters: RequestParameters) -> object:
    """Several orders that stand as a list in the body."""
    each = [parameters.element("orders", order) for order in parameters.json_list("orders", most=2)]

    return [quarry.row(quarry.place(read_order(one))) for one in each]


_NAMES = frozenset({"side", "amount", "price", "name"})
_COSTS = {"calls": 1, "orders": 1}
ENDPOINTS = EndpointTable(
    (
        ServedEndpoint[Quarry](
            method="GET",
            path="/time",
            handle=lambda quarry, _: quarry.parts.clock.server_ms(),
            costs={"calls": lambda parameters: 3 if "long" in parameters else 1},
        ),
        ServedEndpoint(method="GET", path="/orders", handle=orders, access=Access.SIGNED, costs={"calls": 1}),
        ServedEndpoint(method="GET", path="/orders/{name}", handle=ask, access=Access.SIGNED, costs={"calls": 1}),
        ServedEndpoint(
            method="POST",
            path="/orders",
            handle=place_by_gateway,
            access=Access.SIGNED,
            parameters=_NAMES,
            costs=_COSTS,
            acknowledges=True,
        ),
        ServedEndpoint(
            method="POST",
            path="/orders/now",
            handle=place_at_once,
            access=Access.SIGNED,
            parameters=_NAMES,
            costs=_COSTS,
            matches=True,
        ),
        ServedEndpoint(method="POST", path="/orders/many", handle=place_many, access=Access.SIGNED, matches=True),
    )
)


def read_window(key: str, stamp: str, signed: str, signature: str, server_ms: int) -> Window:
    """Check a signature over time, key and what is signed."""
    checker = find_checker(CHECKERS, key)

    if checker is None or not checker.accepts(f"{stamp}{key}{signed}".encode(), signature):
        raise refuse(1, "who are you?", HTTPStatus.UNAUTHORIZED)

    window = Window(timestamp_ms=int(stamp), length_ms=WINDOW_MS)

    if window.is_over(server_ms):
        raise refuse(2, "too old")

    return window


class QuarrySession:
    """A socket: it greets, wants a login before orders, and takes orders itself."""

    def __init__(self, protocol: QuarryProtocol) -> None:
        self._protocol = protocol
        self._topics: set[str] = set()
        self._numbers = count(1)
        self._is_known = False

    def hears(self, stream: str) -> bool:
        """Whether it has joined; orders are for those who are known."""
        return stream in self._topics and (self._is_known or stream != "orders")

    def frame(self, stream: str, kind: str, payload: str) -> str | None:
        """The message with this socket's own number."""
        return f'{{"topic":"{stream}","kind":"{kind}","n":{next(self._numbers)},"data":{payload}}}'

    def obey(self, message: str | bytes) -> Sequence[object] | Awaitable[Sequence[object]]:
        """Obey an op message."""
        asked = json.loads(message)

        match asked["op"]:
            case "alive":
                return ()
            case "login":
                return [self._answer(lambda: self._log_in(asked))]
            case "join":
                self._topics |= set(asked["topics"])
                return [{"op": "join", "ok": True}, *({"topic": topic, "data": "begin"} for topic in asked["topics"])]
            case "order":
                return self._order(asked)

        return [{"ok": False, "why": "no such op"}]

    def _log_in(self, asked: Mapping[str, Any]) -> object:
        read_window(asked["key"], str(asked["ms"]), "login", asked["signature"], self._protocol.server_ms())
        self._is_known = True

        return {"op": "login", "ok": True}

    def _answer(self, make: Any) -> object:
        try:
            return make()
        except RefusalError as refusal:
            return self._protocol.refusal(refusal)

    def _order(self, asked: Mapping[str, Any]) -> Awaitable[Sequence[object]]:
        async def place() -> Sequence[object]:
            try:
                return [{"id": asked["id"], "data": await self._protocol.place(asked["order"])}]
            except RefusalError as refusal:
                return [{"id": asked["id"], **self._protocol.refusal(refusal)}]

        return place()


class QuarryProtocol:
    """How the venue reads requests and words answers."""

    parameter_refusals = REFUSALS

    def __init__(self, quarry: Quarry) -> None:
        self._quarry = quarry
        self.app: SandboxApp[Quarry] | None = None
        self.server_ms = quarry.parts.clock.server_ms

    async def place(self, order: Mapping[str, object]) -> object:
        """Place an order that came by a socket."""
        assert self.app is not None
        endpoint, _ = ENDPOINTS.find("POST", "/orders/now")
        assert endpoint is not None

        return await self.app.carry_out(endpoint, RequestParameters(json_values(order), REFUSALS), None)

    def read(self, request: Request) -> dict[str, str]:
        """Queries are forms, bodies JSON."""
        return form_values(request.query) if request.method == "GET" else json_values(json.loads(request.body))

    def authenticate(self, access: Access, request: Request, _: RequestParameters) -> Window | None:
        """Key, time and signature stand in headers."""
        if access is Access.PUBLIC:
            return None

        headers = {name: request.headers.get(name, "") for name in ("key", "ms", "signature")}

        if not headers["ms"].isdigit():
            raise refuse(1, "when?", HTTPStatus.UNAUTHORIZED)

        signed = request.query or request.body.decode()

        return read_window(headers["key"], headers["ms"], signed, headers["signature"], self.server_ms())

    def open_session(self, request: Request) -> QuarrySession | None:
        """There is one path."""
        return QuarrySession(self) if request.path == "/socket" else None

    def not_found(self, _: Request) -> RefusalError:
        """With a status."""
        return refuse(4, "nothing here", HTTPStatus.NOT_FOUND)

    def too_late(self) -> RefusalError:
        """As any window that is over."""
        return refuse(2, "too old")

    def rejected(self, error: RejectionError, _: ServedEndpoint[Quarry]) -> RefusalError:
        """The exchange's words."""
        return refuse(30, error.rejection.name)

    def answer(self, result: object) -> dict[str, object]:
        """An envelope with the time."""
        return {"ok": True, "data": result, "ms": self.server_ms()}

    def refusal(self, error: RefusalError) -> dict[str, object]:
        """The envelope with code and words."""
        return {"ok": False, "code": error.code, "why": error.text}

    def headers(self, _: ServedEndpoint[Quarry]) -> Mapping[str, str]:
        """What is left."""
        return {"Calls": str(self._quarry.counts.counted()["calls"])}


class QuarryStreams:
    """Changes of the book each half second, and what happens to orders."""

    def __init__(self, quarry: Quarry) -> None:
        self._quarry = quarry
        parts = quarry.parts
        self._changes = BookChanges(parts.exchange.depth(1).update_id)
        self._held = HeldEvents(self._send, parts.chance, parts.options.race_ms, parts.clock.now_ms)
        self._rhythms = Rhythms(parts.clock.now_ms())
        self._rhythms.add(500, self._publish)
        parts.exchange.subscribe(self._note)

    def tick(self, now_ms: int) -> None:
        """Do what is due."""
        self._held.tick(now_ms)
        self._rhythms.tick(now_ms)

    def _note(self, event: SimulationEvent) -> None:
        if isinstance(event, LevelsChanged):
            self._changes.note(event)
        elif isinstance(event, OrderChanged):
            self._held.put("order", self._quarry.row(event.order))

    def _publish(self) -> None:
        self._quarry.parts.hub.publish("book", self._message)
        self._changes.begin_next()

    def _message(self) -> dict[str, object] | None:
        levels = self._quarry.notation.levels

        if self._changes.newest_id == self._changes.previous_id:
            return None

        return {"bids": levels(self._changes.bids), "asks": levels(self._changes.asks)}

    def _send(self, kind: str, data: Mapping[str, object]) -> None:
        self._quarry.parts.hub.publish_own("orders", kind, data)


def make_app(exchange: Exchange, clock: LoopClock, options: VenueOptions, order_ms: int) -> SandboxApp[Quarry]:
    """The sandbox."""
    rules = SocketRules(life_s=600, messages_per_s=4, idle_s=20)
    parts = SandboxParts(exchange, clock, options, Latency(order_ms=order_ms), rules)
    quarry = Quarry(parts)
    protocol = QuarryProtocol(quarry)
    streams = QuarryStreams(quarry)
    protocol.app = SandboxApp(
        parts, quarry, dialect=protocol, endpoints=ENDPOINTS, counts=quarry.counts, ticks=[streams.tick]
    )

    return protocol.app


# --- who calls it ----------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Caller:
    """A client of the venue that signs by itself."""

    exchange: Exchange
    market: ScriptedMarket
    clock: LoopClock
    http: httpx.AsyncClient
    connect: Any
    url: str

    def sign(self, text: str, behind_ms: int = 0) -> dict[str, str]:
        """The headers of a signed request."""
        stamp = str(self.clock.utc_ms() - behind_ms)
        signature = hmac.new(b"SECRET", f"{stamp}KEY{text}".encode(), hashlib.sha256).hexdigest()

        return {"key": "KEY", "ms": stamp, "signature": signature}

    async def send(self, path: str, behind_ms: int = 0, **values: object) -> Any:
        """Send an order, and return the answer."""
        body = {"side": "buy", "amount": "1", "price": "99", "name": "a", **values}

        return await self.post(path, body, behind_ms)

    async def post(self, path: str, body: object, behind_ms: int = 0) -> Any:
        """Send a body, and return what stands in the answer."""
        text = json.dumps(body)
        response = await self.http.post(path, content=text, headers=self.sign(text, behind_ms))

        return content(response)

    async def get(self, path: str) -> httpx.Response:
        """Ask."""
        return await self.http.get(path, headers=self.sign(path.partition("?")[2]))

    @asynccontextmanager
    async def listen(self, path: str = "/socket") -> AsyncIterator[WebSocket]:
        """Open a socket."""
        async with open_websocket(self.connect, self.url + path) as socket:
            yield socket


def content(response: httpx.Response) -> Any:
    """What the envelope has, or the envelope that refuses."""
    envelope = response.json()

    return envelope["data"] if envelope["ok"] else envelope


async def hear(socket: WebSocket) -> Any:
    """The next message."""
    with anyio.fail_after(5):
        return json.loads(await socket.receive())


async def tell(socket: WebSocket, **message: object) -> Any:
    """Send an op message and return the answer."""
    await socket.send(json.dumps(message))

    return await hear(socket)


@asynccontextmanager
async def opened(instrument: Instrument, *, order_ms: int = 0, **options: Any) -> AsyncIterator[Caller]:
    """The venue, with a scripted market of bids from 99.5 down and asks from 100.5 up."""
    clock = LoopClock(EPOCH_MS)
    market = ScriptedMarket(
        bids=[(199 - level, 1000) for level in range(5)],
        asks=[(201 + level, 1000) for level in range(5)],
        mark=Decimal(100),
    )
    exchange = Exchange(instrument, market, start_ms=EPOCH_MS)
    exchange.open_account("main", Decimal(100_000))
    app = make_app(exchange, clock, VenueOptions(**options), order_ms)

    async with (
        open_server(app) as served,
        anyio.create_task_group() as tasks,
        open_client(served.connect, served.url) as http,
    ):
        tasks.start_soon(app.run)
        yield Caller(exchange, market, clock, http, served.connect, served.websocket_url)
        tasks.cancel_scope.cancel()


# --- tests -----------------------------------------------------------------------------------------------------------


async def test_a_public_question_needs_no_signature_and_shows_what_was_counted(instrument: Instrument) -> None:
    """Costs may depend on parameters, and a name that no endpoint lists is no fault where the venue does not look."""
    async with opened(instrument) as caller:
        short, long = await caller.http.get("/time"), await caller.http.get("/time?long=1&strange=2")

        assert content(short) == content(long) == EPOCH_MS
        assert (short.headers["Calls"], long.headers["Calls"]) == ("1", "4")


async def test_refusals_are_the_venue_s_own(instrument: Instrument) -> None:
    """RequestParameters, signature, path, and what the exchange rejects, each in the dialect's words."""
    async with opened(instrument) as caller:
        codes = [
            (await caller.send("/orders/now", side="up"))["code"],
            (await caller.send("/orders/now", extra=1))["code"],
            (await caller.send("/orders/now", price="99.3"))["why"],
            (await caller.send("/orders/now", behind_ms=5001))["code"],
        ]
        nowhere = await caller.http.get("/nowhere")
        unknown = await caller.http.get("/orders")

        assert codes == [13, 14, "TICK", 2]
        assert (nowhere.status_code, nowhere.json()["code"]) == (404, 4)
        assert (unknown.status_code, unknown.json()["code"]) == (401, 1)


async def test_a_parameter_may_stand_in_the_path_and_a_batch_in_the_body(instrument: Instrument) -> None:
    """Percent-encoded, and as a JSON list; a path that is an endpoint's own comes first."""
    async with opened(instrument) as caller:
        order = {"side": "buy", "amount": 1, "price": "99"}
        placed = await caller.post("/orders/many", {"orders": [{**order, "name": "x"}, {**order, "name": "a b"}]})

        assert [row["name"] for row in placed] == ["x", "a b"]
        assert content(await caller.get("/orders/a%20b")) == placed[1]
        assert content(await caller.get("/orders/y"))["code"] == 5
        assert (await caller.get("/orders/x/y")).status_code == 404


async def test_too_many_orders_are_refused_and_an_address_that_goes_on_is_banned(instrument: Instrument) -> None:
    """What is refused of the account is not counted; every request is counted of the address."""
    async with opened(instrument) as caller:
        answers = [await caller.send("/orders/now", name=str(number)) for number in range(3)]
        statuses = [(await caller.get("/orders")).status_code for _ in range(4)]

        assert [answer.get("code") for answer in answers] == [None, None, 20]
        assert statuses == [200, 200, 403, 403]
        assert len(caller.exchange.orders("main")) == 2

        await anyio.sleep(10)

        assert (await caller.get("/orders")).status_code == 200


async def test_a_gateway_answers_before_the_exchange_knows(instrument: Instrument) -> None:
    """The order is on the book after the latency; what the exchange rejects is said on the socket alone."""
    async with opened(instrument, order_ms=100) as caller, caller.listen() as socket:
        await tell(socket, op="login", **caller.sign("login"))
        await tell(socket, op="join", topics=["orders"])
        await hear(socket)

        assert await caller.send("/orders") == {"taken": "a"}
        assert not caller.exchange.orders("main")
        assert (await hear(socket))["data"] == {"name": "a", "state": "open", "price": "99.0", "filled": "0.00"}

        assert await caller.send("/orders", price="99.3") == {"taken": "a"}
        assert (await hear(socket))["data"] == {"name": "a", "state": "refused", "why": "TICK"}


async def test_a_command_that_comes_too_late_to_the_exchange_is_refused(instrument: Instrument) -> None:
    """Its window is looked at once more, where the option says so."""
    async with opened(instrument, order_ms=3000) as caller:
        assert (await caller.send("/orders/now", behind_ms=2500))["code"] == 2

    async with opened(instrument, order_ms=3000, checks_window_at_match=False) as caller:
        assert (await caller.send("/orders/now", behind_ms=2500))["state"] == OrderState.OPEN.value


async def test_queries_see_the_account_as_it_was(instrument: Instrument) -> None:
    """With a lag an order is first missing, then open, and filled a while after it was."""
    async with opened(instrument, read_lag_ms=1000) as caller:
        await caller.send("/orders/now", price="101")

        assert content(await caller.get("/orders")) == []

        await anyio.sleep(1)

        assert [row["state"] for row in content(await caller.get("/orders"))] == ["filled"]


async def test_messages_carry_the_socket_s_own_numbers_and_only_what_was_joined(instrument: Instrument) -> None:
    """The book in its rhythm, changes alone; orders for who has logged in."""
    async with opened(instrument) as caller, caller.listen() as socket:
        assert await tell(socket, op="join", topics=["orders", "book"]) == {"op": "join", "ok": True}
        assert [(await hear(socket))["data"] for _ in range(2)] == ["begin", "begin"]

        await caller.send("/orders/now", price="99.5")
        first = await hear(socket)

        assert first == {"topic": "book", "kind": "", "n": 1, "data": {"bids": [["99.5", "11.00"]], "asks": []}}

        assert (await tell(socket, op="login", key="KEY", ms=0, signature="0"))["code"] == 1
        await tell(socket, op="login", **caller.sign("login"))
        await anyio.sleep(1)
        await caller.send("/orders/now", name="b")

        assert [((await hear(socket))["topic"]) for _ in range(2)] == ["orders", "book"]


async def test_orders_of_a_socket_do_not_wait_for_each_other(instrument: Instrument) -> None:
    """Both are under way at once, counted and refused as any."""
    async with opened(instrument, order_ms=1000) as caller, caller.listen() as socket:
        order = {"side": "buy", "amount": 1, "price": "99"}
        begun = caller.clock.now()

        for number in (1, 2, 3):
            await socket.send(json.dumps({"op": "order", "id": number, "order": {**order, "name": str(number)}}))

        refused, *placed = [await hear(socket) for _ in range(3)]

        assert caller.clock.now() - begun == pytest.approx(1, abs=0.1)
        assert (refused["id"], refused["code"]) == (3, 20)
        assert {answer["data"]["name"] for answer in placed} == {"1", "2"}


@pytest.mark.parametrize("path", ["/socket", "/elsewhere"])
async def test_a_silent_client_and_a_path_that_is_none_are_closed(instrument: Instrument, path: str) -> None:
    """With the code of a rule that was broken; a heartbeat keeps a socket open."""
    async with opened(instrument) as caller, caller.listen(path) as socket:
        if path == "/socket":
            await anyio.sleep(15)
            await socket.send('{"op":"alive"}')
            await anyio.sleep(15)
            assert (await tell(socket, op="join", topics=[]))["ok"]
            await anyio.sleep(21)

        with pytest.raises(ConnectivityError, match="1008"):
            await hear(socket)


async def test_too_many_messages_within_a_second_end_a_socket(instrument: Instrument) -> None:
    """What was answered before is still sent."""
    async with opened(instrument) as caller, caller.listen() as socket:
        for _ in range(5):
            await socket.send('{"op":"dance"}')

        assert [(await hear(socket))["ok"] for _ in range(4)] == [False] * 4

        with pytest.raises(ConnectivityError, match="1008"):
            await hear(socket)


async def test_events_and_answers_overtake_each_other_by_chance(instrument: Instrument) -> None:
    """With `race_ms` an order's event comes now before its answer and now after it, and the seed decides."""
    firsts = set()

    for seed in range(6):
        async with opened(instrument, race_ms=200, seed=seed) as caller, caller.listen() as socket:
            await tell(socket, op="login", **caller.sign("login"))
            await tell(socket, op="join", topics=["orders"])
            await hear(socket)
            await socket.send(
                json.dumps({"op": "order", "id": 1, "order": {"side": "buy", "amount": 1, "price": "99", "name": "a"}})
            )
            firsts.add("topic" in await hear(socket))

    assert firsts == {True, False}


async def test_a_gateways_answer_is_held_back_by_chance_and_its_command_is_not(instrument: Instrument) -> None:
    """With `race_ms` the exchange may have the order long before the gateway's answer is heard."""
    waited = []

    for seed in range(4):
        async with opened(instrument, race_ms=200, seed=seed) as caller:
            begun = caller.clock.now()
            await caller.send("/orders")
            waited.append(caller.clock.now() - begun)
            (order,) = caller.exchange.orders(caller.exchange.accounts()[0])
            late_ms = caller.clock.utc_ms() - order.created_ms
            assert late_ms == pytest.approx(waited[-1] * 1000, abs=50)

    assert max(waited) > 0.05
    assert min(waited) < max(waited)
