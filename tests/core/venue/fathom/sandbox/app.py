"""Fathom's protocol over the simulated exchange: requests, sockets, what they hear, and the dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from perpmaker.clock import Clock
from perpmaker.sandbox.dialect import TestKeys
from perpmaker.sandbox.latency import AT_ONCE, Latency
from perpmaker.simulation.event import (
    AccountChanged,
    FundingSettled,
    LevelsChanged,
    OrderChanged,
    SimulationEvent,
    TradePrinted,
)
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.rejection import RejectionError
from perpmaker.venue.sandbox import (
    Access,
    BookChanges,
    EndpointTable,
    HmacChecker,
    RefusalError,
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
    plain,
)
from perpmaker.wire.server import Request

from .venue import CODES, KEY, OTHER, REFUSALS, TIMESTAMP, UNKNOWN, WINDOW_MS, Row, Venue, refuse

KEYS = TestKeys(api_key="TESTKEY_fathom", api_secret="NOT_A_SECRET_of_a_venue_that_is_none")
CHECKERS = {KEYS.api_key: HmacChecker(KEYS.api_secret)}


def _order(venue: Venue, parameters: RequestParameters) -> Row:
    order = venue.parts.account.order(order_id=None, client_id=parameters.text("client"))

    if order is None:
        raise refuse(UNKNOWN, "no such order", HTTPStatus.NOT_FOUND)

    return venue.order_row(order)


def _orders(venue: Venue, _: RequestParameters) -> list[Row]:
    return [venue.order_row(order) for order in venue.parts.account.open_orders()]


def _fills(venue: Venue, parameters: RequestParameters) -> list[Row]:
    since_ms = venue.parts.clock.exchange_ms(parameters.integer("since"))

    return [venue.execution_row(one) for one in venue.parts.account.executions(since_ms)]


def _account(venue: Venue, _: RequestParameters) -> Row:
    parts = venue.parts

    return venue.account_row(parts.account.state(), parts.clock.now_ms() - parts.options.read_lag_ms)


def _leverage(venue: Venue, parameters: RequestParameters) -> object:
    parts = venue.parts
    venue.exchange.set_leverage(parts.account.name, parameters.integer("leverage"), parts.clock.now_ms())

    return {}


def _endpoint(method: str, path: str, handle: Any, access: Access = Access.SIGNED) -> ServedEndpoint[Venue]:
    return ServedEndpoint(method=method, path=f"/v1/{path}", handle=handle, access=access, costs={"calls": 1})


ENDPOINTS = EndpointTable(
    (
        _endpoint("GET", "time", lambda venue, _: venue.parts.clock.server_ms(), Access.PUBLIC),
        _endpoint("GET", "markets", lambda venue, _: [venue.market_row()], Access.PUBLIC),
        _endpoint("GET", "account", _account),
        _endpoint("GET", "order", _order),
        _endpoint("GET", "orders", _orders),
        _endpoint("GET", "fills", _fills),
        _endpoint("POST", "orders", Venue.place),
        _endpoint("POST", "cancels", Venue.cancel),
        _endpoint("POST", "leverage", _leverage),
    )
)


def check_signature(signed: Mapping[str, str], message: str, server_ms: int) -> Window:
    """Check key, signature and time; the names are those of headers in lower case."""
    key, stamp = signed.get("fathom-key", ""), signed.get("fathom-time", "")
    checker = find_checker(CHECKERS, key)

    if checker is None or not checker.accepts(f"{message}{stamp}".encode(), signed.get("fathom-sign", "")):
        raise refuse(KEY, "the signature is not that of the key", HTTPStatus.UNAUTHORIZED)

    window = Window(timestamp_ms=int(stamp), length_ms=WINDOW_MS)

    if window.is_over(server_ms):
        raise refuse(TIMESTAMP, "the request is too old")

    return window


class FathomSession:
    """A socket: the account is for who has logged in."""

    def __init__(self, venue: Venue, streams: FathomStreams) -> None:
        self._venue = venue
        self._streams = streams
        self._joined: set[str] = set()
        self._is_known = False

    def hears(self, stream: str) -> bool:
        """Return whether the stream was joined."""
        return stream in self._joined

    def frame(self, stream: str, kind: str, payload: str) -> str:
        """Write the topic and the market around a row."""
        data = json.loads(payload)

        return json.dumps(_framed(data.get("topic", kind or stream), self._venue, data["row"]))

    def obey(self, message: str | bytes) -> Sequence[object]:
        """Obey an op."""
        asked = json.loads(message)
        op = asked["op"]

        if op == "ping":
            return ({"reply": "ping"},)

        if op == "login":
            return (self._log_in({name.lower(): str(value) for name, value in asked.items()}),)

        if op == "account" and not self._is_known:
            return ({"reply": op, "code": KEY, "text": "log in first"},)

        self._joined.add(op)

        if op != "book":
            return ({"reply": op},)

        return {"reply": op}, _framed("book", self._venue, self._streams.snapshot())

    def _log_in(self, signed: Mapping[str, str]) -> object:
        try:
            check_signature(signed, "login", self._venue.parts.clock.server_ms())
        except RefusalError as refusal:
            return {"reply": "login", "code": refusal.code, "text": refusal.text}

        self._is_known = True

        return {"reply": "login"}


def _framed(topic: str, venue: Venue, row: Row) -> dict[str, object]:
    return {"topic": topic, "market": venue.instrument.symbol, "data": row}


class FathomProtocol:
    """How requests are read and answers written; see `ProtocolDialect`."""

    parameter_refusals = REFUSALS

    def __init__(self, venue: Venue, streams: FathomStreams) -> None:
        self._venue = venue
        self._streams = streams

    def read(self, request: Request) -> dict[str, str]:
        """Read a query or JSON; the time of a command goes with it to the book."""
        values = form_values(request.query) if request.method == "GET" else json_values(json.loads(request.body))

        return {**values, "_ms": request.headers.get("fathom-time", "")}

    def authenticate(self, access: Access, request: Request, _: RequestParameters) -> Window | None:
        """Check the headers."""
        if access is Access.PUBLIC:
            return None

        target = f"{request.path}?{request.query}" if request.query else request.path
        message = f"{request.method}{target}{request.body.decode()}"

        return check_signature(request.headers, message, self._venue.parts.clock.server_ms())

    def open_session(self, request: Request) -> FathomSession | None:
        """Open the one stream."""
        return FathomSession(self._venue, self._streams) if request.path == "/v1/stream" else None

    def not_found(self, request: Request) -> RefusalError:
        """Refuse a path."""
        return refuse(OTHER, f"no {request.path}", HTTPStatus.NOT_FOUND)

    def too_late(self) -> RefusalError:
        """Refuse a command whose window is over."""
        return refuse(TIMESTAMP, "the request is too old")

    def rejected(self, error: RejectionError, _: ServedEndpoint[Venue]) -> RefusalError:
        """Refuse what the exchange rejects."""
        return refuse(CODES.get(error.rejection, OTHER), str(error))

    def answer(self, result: object) -> object:
        """Answer with nothing around it."""
        return result

    def refusal(self, error: RefusalError) -> object:
        """Write code and text."""
        return {"code": error.code, "text": error.text}

    def headers(self, _: ServedEndpoint[Venue]) -> Mapping[str, str]:
        """Show nothing besides."""
        return {}


class FathomStreams:
    """What the sockets hear: book changes ten times a second, the mark each second, and what happens at once."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._clock = venue.parts.clock
        self._changes = BookChanges(venue.exchange.depth(1).update_id)
        self._rhythms = Rhythms(self._clock.now_ms())
        self._rhythms.add(venue.parts.options.rhythm_ms, self._publish_changes)
        self._rhythms.add(1000, partial(self._publish, "market", self._mark))
        self.tick = self._rhythms.tick
        venue.exchange.subscribe(self._note)

    def snapshot(self) -> Row:
        """Return the book as of what has been published, which is first brought up to now."""
        self._publish_changes()

        return self._venue.book_row()

    def _note(self, event: SimulationEvent) -> None:
        venue, own = self._venue, self._venue.parts.account.name

        match event:
            case LevelsChanged():
                self._changes.note(event)
            case TradePrinted():
                terms = (venue.notation.price(event.ticks), venue.notation.amount(event.lots), event.taker.value)
                row = [event.trade_id, *terms, self._clock.shown_ms(event.now_ms)]
                self._publish("market", lambda: {"topic": "trades", "row": row})
            case OrderChanged(account=account) if account == own:
                if event.execution is not None:
                    venue.tell("fills", venue.execution_row(event.execution))

                venue.tell("orders", venue.order_row(event.order))
            case AccountChanged(account=account) if account == own:
                venue.tell("account", venue.account_row(event.state, event.now_ms))
            case FundingSettled(account=account) if account == own:
                row = [event.now_ms, venue.instrument.quote, plain(event.amount), self._clock.shown_ms(event.now_ms)]
                venue.tell("funding", row)

    def _publish(self, stream: str, make: Any) -> None:
        self._venue.parts.hub.publish(stream, make)

    def _publish_changes(self) -> None:
        changes, levels = self._changes, self._venue.notation.levels

        if changes.newest_id != changes.previous_id:
            sides = (levels(changes.bids), levels(changes.asks))
            row = [changes.newest_id, changes.previous_id, *sides, self._clock.shown_ms(changes.changed_ms)]
            self._publish("book", lambda: {"row": row})
            changes.begin_next()

    def _mark(self) -> dict[str, object]:
        exchange = self._venue.exchange
        prices = [plain(exchange.mark), plain(exchange.index), plain(exchange.funding_rate)]
        times = [self._clock.shown_ms(exchange.next_funding_ms), self._clock.server_ms()]

        return {"topic": "mark", "row": [*prices, *times]}


class FathomDialect:
    """The sandbox dialect of Fathom."""

    keys = KEYS

    def symbol(self, market: str) -> str:
        """Return the venue's name of a market, which is the market's."""
        return market

    def app(
        self, exchange: Exchange, clock: Clock, options: dict[str, Any], latency: Latency = AT_ONCE
    ) -> SandboxApp[Venue]:
        """Speak the protocol over this exchange; see `VenueOptions`."""
        common = VenueOptions(**options)
        parts = SandboxParts(exchange, clock, common, latency, SocketRules(life_s=common.socket_life_s, idle_s=60))
        venue = Venue(parts)
        streams = FathomStreams(venue)
        protocol, counts = FathomProtocol(venue, streams), venue.counts

        return SandboxApp(parts, venue, dialect=protocol, endpoints=ENDPOINTS, counts=counts, ticks=(streams.tick,))
