"""Fathom's protocol over the simulated exchange: requests, sockets, what they hear, and the dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from perpmaker import Clock
from perpmaker.venue import sandbox as kit

from .venue import CODES, KEY, OTHER, REFUSALS, TIMESTAMP, UNKNOWN, WINDOW_MS, Row, Venue, refuse

KEYS = kit.TestKeys(api_key="TESTKEY_fathom", api_secret="NOT_A_SECRET_of_a_venue_that_is_none")
CHECKERS = {KEYS.api_key: kit.HmacChecker(KEYS.api_secret)}


def _order(venue: Venue, parameters: kit.RequestParameters) -> Row:
    order = venue.parts.account.order(order_id=None, client_id=parameters.text("client"))

    if order is None:
        raise refuse(UNKNOWN, "no such order", HTTPStatus.NOT_FOUND)

    return venue.order_row(order)


def _orders(venue: Venue, _: kit.RequestParameters) -> list[Row]:
    return [venue.order_row(order) for order in venue.parts.account.open_orders()]


def _fills(venue: Venue, parameters: kit.RequestParameters) -> list[Row]:
    since_ms = venue.parts.clock.exchange_ms(parameters.integer("since"))

    return [venue.execution_row(one) for one in venue.parts.account.executions(since_ms)]


def _account(venue: Venue, _: kit.RequestParameters) -> Row:
    parts = venue.parts

    return venue.account_row(parts.account.state(), parts.clock.now_ms() - parts.options.read_lag_ms)


def _leverage(venue: Venue, parameters: kit.RequestParameters) -> object:
    parts = venue.parts
    venue.exchange.set_leverage(parts.account.name, parameters.integer("leverage"), parts.clock.now_ms())

    return {}


def _endpoint(method: str, path: str, handle: Any, access: kit.Access = kit.Access.SIGNED) -> kit.ServedEndpoint[Venue]:
    return kit.ServedEndpoint(method=method, path=f"/v1/{path}", handle=handle, access=access, costs={"calls": 1})


ENDPOINTS = kit.EndpointTable(
    (
        _endpoint("GET", "time", lambda venue, _: venue.parts.clock.server_ms(), kit.Access.PUBLIC),
        _endpoint("GET", "markets", lambda venue, _: [venue.market_row()], kit.Access.PUBLIC),
        _endpoint("GET", "account", _account),
        _endpoint("GET", "order", _order),
        _endpoint("GET", "orders", _orders),
        _endpoint("GET", "fills", _fills),
        _endpoint("POST", "orders", Venue.place),
        _endpoint("POST", "cancels", Venue.cancel),
        _endpoint("POST", "leverage", _leverage),
    )
)


def check_signature(signed: Mapping[str, str], message: str, server_ms: int) -> kit.Window:
    """Check key, signature and time; the names are those of headers in lower case."""
    key, stamp = signed.get("fathom-key", ""), signed.get("fathom-time", "")
    checker = kit.find_checker(CHECKERS, key)

    if checker is None or not checker.accepts(f"{message}{stamp}".encode(), signed.get("fathom-sign", "")):
        raise refuse(KEY, "the signature is not that of the key", HTTPStatus.UNAUTHORIZED)

    window = kit.Window(timestamp_ms=int(stamp), length_ms=WINDOW_MS)

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
        except kit.RefusalError as refusal:
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

    def read(self, request: kit.Request) -> dict[str, str]:
        """Read a query or JSON; the time of a command goes with it to the book."""
        asked = json.loads(request.body) if request.body else {}

        return {
            **kit.form_values(request.query),
            **kit.json_values(asked),
            "_ms": request.headers.get("fathom-time", ""),
        }

    def authenticate(self, access: kit.Access, request: kit.Request, _: kit.RequestParameters) -> kit.Window | None:
        """Check the headers."""
        if access is kit.Access.PUBLIC:
            return None

        target = f"{request.path}?{request.query}" if request.query else request.path
        message = f"{request.method}{target}{request.body.decode()}"

        return check_signature(request.headers, message, self._venue.parts.clock.server_ms())

    def open_session(self, request: kit.Request) -> FathomSession | None:
        """Open the one stream."""
        return FathomSession(self._venue, self._streams) if request.path == "/v1/stream" else None

    def not_found(self, request: kit.Request) -> kit.RefusalError:
        """Refuse a path."""
        return refuse(OTHER, f"no {request.path}", HTTPStatus.NOT_FOUND)

    def too_late(self) -> kit.RefusalError:
        """Refuse a command whose window is over."""
        return refuse(TIMESTAMP, "the request is too old")

    def rejected(self, error: kit.RejectionError, _: kit.ServedEndpoint[Venue]) -> kit.RefusalError:
        """Refuse what the exchange rejects."""
        return refuse(CODES.get(error.rejection, OTHER), str(error))

    def answer(self, result: object) -> object:
        """Answer with nothing around it."""
        return result

    def refusal(self, error: kit.RefusalError) -> object:
        """Write code and text."""
        return {"code": error.code, "text": error.text}

    def headers(self, _: kit.ServedEndpoint[Venue]) -> Mapping[str, str]:
        """Show nothing besides."""
        return {}


class FathomStreams:
    """What the sockets hear: book changes ten times a second, the mark each second, and what happens at once."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._clock = venue.parts.clock
        self._changes = kit.BookChanges(venue.exchange.depth(1).update_id)
        self._rhythms = kit.Rhythms(self._clock.now_ms())
        self._rhythms.add(venue.parts.options.rhythm_ms, self._publish_changes)
        self._rhythms.add(1000, partial(self._publish, "market", self._mark))
        self.tick = self._rhythms.tick
        venue.exchange.subscribe(self._note)

    def snapshot(self) -> Row:
        """Return the book as of what has been published, which is first brought up to now."""
        self._publish_changes()

        return self._venue.book_row()

    def _note(self, event: kit.SimulationEvent) -> None:
        venue, own = self._venue, self._venue.parts.account.name

        match event:
            case kit.LevelsChanged():
                self._changes.note(event)
            case kit.TradePrinted():
                terms = (venue.notation.price(event.ticks), venue.notation.amount(event.lots), event.taker.value)
                row = dict(zip(("price", "amount", "taker"), terms, strict=True))
                row |= {"ms": self._clock.shown_ms(event.now_ms)}
                self._publish("market", lambda: {"topic": "trades", "row": row})
            case kit.OrderChanged(account=account) if account == own:
                if event.execution is not None:
                    venue.tell("fills", venue.execution_row(event.execution))

                venue.tell("orders", venue.order_row(event.order))
            case kit.AccountChanged(account=account) if account == own:
                if event.cause is kit.AccountCause.FUNDING:
                    shown_ms = self._clock.shown_ms(event.now_ms)
                    paid = kit.plain(event.transferred)
                    known = {"number": event.now_ms, "asset": venue.instrument.quote}
                    venue.tell("funding", {**known, "amount": paid, "ms": shown_ms})

                venue.tell("account", venue.account_row(event.state, event.now_ms))

    def _publish(self, stream: str, make: Any) -> None:
        self._venue.parts.hub.publish(stream, make)

    def _publish_changes(self) -> None:
        changes, levels = self._changes, self._venue.notation.levels

        if changes.newest_id != changes.previous_id:
            row: Row = {"last": changes.newest_id, "after": changes.previous_id}
            row |= {"bids": levels(changes.bids), "asks": levels(changes.asks)}
            row |= {"ms": self._clock.shown_ms(changes.changed_ms)}
            self._publish("book", lambda: {"row": row})
            changes.begin_next()

    def _mark(self) -> dict[str, object]:
        exchange = self._venue.exchange
        prices = {"mark": kit.plain(exchange.mark), "index": kit.plain(exchange.index)}
        charged_ms = self._clock.shown_ms(exchange.next_funding_ms)
        funding = {"rate": kit.plain(exchange.funding_rate), "charged_ms": charged_ms}

        return {"topic": "mark", "row": {**prices, **funding, "ms": self._clock.server_ms()}}


class FathomDialect:
    """The sandbox dialect of Fathom."""

    keys = KEYS

    def symbol(self, market: str) -> str:
        """Return the venue's name of a market, which is the market's."""
        return market

    def app(
        self, exchange: kit.Exchange, clock: Clock, options: dict[str, Any], latency: kit.Latency = kit.AT_ONCE
    ) -> kit.SandboxApp[Venue]:
        """Speak the protocol over this exchange; see `VenueOptions`."""
        common = kit.VenueOptions(**options)
        rules = kit.SocketRules(life_s=common.socket_life_s, idle_s=60)
        parts = kit.SandboxParts(exchange, clock, common, latency, rules)
        venue = Venue(parts)
        streams = FathomStreams(venue)
        protocol, counts = FathomProtocol(venue, streams), venue.counts

        return kit.SandboxApp(parts, venue, dialect=protocol, endpoints=ENDPOINTS, counts=counts, ticks=(streams.tick,))
