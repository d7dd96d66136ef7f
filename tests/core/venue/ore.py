"""Ore Exchange, which does not exist: signed headers, a gateway that answers before the book, numbers as ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import AmendOrder, CancelOrder
from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import AuthenticationError, PayloadError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderReport, OrderStatus, OrderType, PositionSide, Side
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
    Limit,
    Parameters,
    RequestBudget,
    RestClient,
    ServerClock,
    Taken,
    Throttle,
)
from perpmaker.wire.exchange import Incoming, Outgoing

VENUE = "Ore Exchange"
SERVER_MS = 1_700_000_000_000
CREDENTIALS = Credentials(api_key="KEY", signer=make_signer(Secret("NOT_A_SECRET_of_a_venue_that_is_none")))

CALLS, ORDERS = Limit("calls", 60), Limit("orders", 10)
LIMITS = {CALLS: 100, ORDERS: 10}


@attrs.frozen(kw_only=True)
class Body:
    """Every answer of the venue."""

    code: int = 0
    text: str = ""
    ms: int | None = None
    rows: list[dict[str, Any]] | None = None


BODY = PayloadDecoder(Body)
REASONS = {
    1: RefusalReason.TIMESTAMP,
    2: RefusalReason.RATE_LIMIT,
    3: RefusalReason.AUTHENTICATION,
    4: RefusalReason.NOT_FOUND,
    5: RefusalReason.INSUFFICIENT_MARGIN,
    6: RefusalReason.BUSY,
    9: None,
}


def read_time(body: bytes) -> int:
    """The venue's time."""
    ms = BODY.decode(body).ms

    if ms is None:
        raise PayloadError("no time")

    return ms


CLOCK = Endpoint(method="GET", path="/time", cost={CALLS: 1}, access=Access.PUBLIC, urgent=True, parse=read_time)
RULES = Endpoint(method="GET", path="/rules", cost={CALLS: 1}, access=Access.PUBLIC, parse=BODY.decode)
WALLET = Endpoint(method="GET", path="/wallet", cost={CALLS: 1}, parse=BODY.decode)
KEY = Endpoint(method="POST", path="/key", cost={CALLS: 1}, access=Access.KEYED, parse=BODY.decode)
PLACE = Endpoint(method="POST", path="/orders", cost={CALLS: 0, ORDERS: 1}, once=True, parse=BODY.decode)
AMEND = Endpoint(method="PATCH", path="/orders", cost={CALLS: 0, ORDERS: 1}, once=True, parse=BODY.decode)
CANCEL = Endpoint(method="DELETE", path="/orders", cost={CALLS: 1}, parse=BODY.decode)


class OreHttp:
    """The venue's protocol: the time and a signature of time and body in headers."""

    venue = VENUE
    clock = CLOCK

    def __init__(self, credentials: Credentials | None = CREDENTIALS) -> None:
        self._credentials = credentials

    def encode(self, endpoint: Endpoint[object], parameters: Parameters, at_ms: int) -> Outgoing:
        """Parameters are the body."""
        body = json.dumps(parameters).encode() if parameters else b""
        headers: list[tuple[bytes, bytes]] = []

        if endpoint.access is not Access.PUBLIC:
            if self._credentials is None:
                raise AuthenticationError("set ore_key")

            headers.append((b"Ore-Key", self._credentials.api_key.encode()))

        if endpoint.access is Access.SIGNED and self._credentials is not None:
            signature = self._credentials.signer.sign(b"%d" % at_ms + body).hex().encode()
            headers += [(b"Ore-Time", b"%d" % at_ms), (b"Ore-Sign", signature)]

        return Outgoing(method=endpoint.method, target=endpoint.path.encode(), headers=headers, body=body)

    def read_failure(self, status: int, body: bytes) -> Failure | None:
        """Refusals come with status 200; above 500 nothing is certain."""
        try:
            said = BODY.decode(body)
        except PayloadError:
            return None

        if not said.code:
            return None

        reason = REASONS.get(said.code, RefusalReason.OTHER) if status < 500 else None

        return Failure(reason=reason, code=str(said.code), text=said.text, hint=" (is it on?)")

    def read_throttle(self, answer: Answer, headers: Mapping[str, str], server_ms: int) -> Throttle | None:
        """Until when to keep still, in the venue's time."""
        until = headers.get("ore-until")

        if until is None:
            return None

        kinds = frozenset(filter(None, [headers.get("ore-kind", "")]))

        return Throttle(seconds=(int(until) - server_ms) / 1000, kinds=kinds, is_ban=answer.status == 403)

    def read_usage(self, headers: Mapping[str, str]) -> Iterable[tuple[Limit, int]]:
        """One header."""
        return [(CALLS, int(headers["ore-used"]))] if "ore-used" in headers else []


class OreOrders:
    """The venue's words for orders: numbers as ids, batches of three, and a yes of its gateway alone."""

    most_placed = 3
    most_cancelled = 2

    def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Command:
        """The venue takes no order that it has not met by second 30."""
        return Command(PLACE, {"ids": [int(order.client_id) for order in orders], "at": instrument.symbol}, 30.0)

    def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Command:
        """Ids, prices and amounts."""
        rows = [[int(one.client_id), one.order.ticks, one.order.lots] for one in orders]

        return Command(AMEND, {"rows": rows, "at": instrument.symbol})

    def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Command:
        """Ids."""
        return Command(CANCEL, {"ids": [int(order.client_id) for order in orders], "at": instrument.symbol})

    def read(self, _: Instrument, body: bytes, _count: int) -> Sequence[Element] | None:
        """Rows, each of a kind."""
        rows = BODY.decode(body).rows

        return None if rows is None else [read_row(row) for row in rows]


def read_row(row: dict[str, Any]) -> Element:
    """An order, a yes, a no, or nothing."""
    if "no" in row:
        return Failure(reason=REASONS[row["no"]], code=str(row["no"]))

    if "yes" in row:
        client_id = row["yes"] and str(row["yes"])

        return Taken(client_id, venue_id=row.get("uid"), by_gateway=bool(row.get("gateway")))

    if "id" not in row:
        return None

    return OrderReport(
        client_id=str(row["id"]),
        venue_id=f"u{row['id']}",
        side=Side.BUY,
        position_side=PositionSide.NET,
        status=OrderStatus(row.get("status", "open")),
        raw_status=row.get("status", "open").upper(),
        ticks=row.get("ticks", 10),
        lots=row.get("lots", 5),
        filled_lots=0,
        reduce_only=False,
        type=OrderType.LIMIT,
        venue_ms=7,
    )


@attrs.define
class Venue:
    """The venue: what it answers by path, and what it was asked."""

    clock: Clock
    answers: dict[str, Any] = attrs.field(factory=dict)
    asked: list[Outgoing] = attrs.field(factory=list)

    async def __call__(self, request: Outgoing) -> Incoming:
        """Answer: a body, an `Incoming`, an error, a list of them one after the other, or what a function returns."""
        self.asked.append(request)
        path = request.target.decode()
        answer = self.answers.get(path, {"ms": SERVER_MS} if path == "/time" else {})

        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]

        if isinstance(answer, Callable):  # type: ignore[arg-type]  # it can be asked
            answer = answer(request)

        if isinstance(answer, Exception):
            raise answer

        return answer if isinstance(answer, Incoming) else said(answer)

    def paths(self) -> list[str]:
        """What was asked beside the time."""
        return [path for one in self.asked if (path := one.target.decode()) != "/time"]


def said(body: object, status: int = 200, **headers: str) -> Incoming:
    """An answer of the venue, or of something in between."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    return Incoming(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=raw)


def client_of(
    venue: Venue, credentials: Credentials | None = CREDENTIALS, server_clock: ServerClock | None = None
) -> RestClient:
    """A client of the venue that waits for its turn for a second."""
    return RestClient(
        venue,
        OreHttp(credentials),
        venue.clock,
        budget=RequestBudget(VENUE, LIMITS, venue.clock),
        place="ore.test:443",
        patience_s=1.0,
        server_clock=server_clock,
    )
