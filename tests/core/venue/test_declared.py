"""A venue that is a table: what its requests look like, what its streams say, and how it grows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
import msgspec
import pytest

from perpmaker import venue as kit
from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, SandboxAccess
from perpmaker.errors import AuthenticationError
from perpmaker.model.event import Channel
from perpmaker.model.order import Side
from perpmaker.model.refusal import RefusalReason
from perpmaker.testing.view import make_instrument

from .fathom.connector import FATHOM
from .ore import CREDENTIALS

pytestmark = pytest.mark.anyio
MARKET = make_instrument()


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Heartbeats are of seconds."""
    return virtual_time


def sign(keys: kit.Credentials, said: tuple[str, str, str], at_ms: int) -> Mapping[str, str]:
    """Show what is signed."""
    return {"Key": keys.api_key, "Signed": "|".join((*said, str(at_ms)))}


def endpoint(method: str, access: kit.Access = kit.Access.SIGNED) -> kit.Endpoint[object]:
    """An endpoint that costs nothing."""
    return kit.Endpoint(method=method, path="/x", cost={}, access=access, parse=kit.parser(object))


def http(credentials: kit.Credentials | None = CREDENTIALS, safe: str = "") -> kit.JsonHttp:
    """The protocol of a venue that signs in headers."""
    return kit.JsonHttp(
        venue="Ore",
        clock=attrs.evolve(endpoint("GET"), parse=kit.parser(int)),
        read_failure=lambda _status, _body: None,
        credentials=credentials,
        sign=sign,
        table="ore",
        safe=safe,
    )


def test_what_is_signed_is_what_is_sent() -> None:
    """A question by its query, percent-encoded, a command by its body."""
    question = http().encode(endpoint("GET"), {"a": "x y,", "b": 1}, 5)
    assert question.target == b"/x?a=x%20y%2C&b=1"
    assert dict(question.headers)[b"Signed"] == b"GET|/x?a=x%20y%2C&b=1||5"
    assert http(safe=",").encode(endpoint("GET"), {"a": ","}, 5).target == b"/x?a=,"

    command = http().encode(endpoint("POST"), {"a": 1}, 5)
    assert (command.target, command.body) == (b"/x", b'{"a":1}')
    assert dict(command.headers)[b"Signed"] == b'POST|/x|{"a":1}|5'
    assert dict(command.headers)[b"Content-Type"] == b"application/json"


def test_without_a_key_only_what_is_public_can_be_asked() -> None:
    """And it is not signed where there is one."""
    public = endpoint("GET", kit.Access.PUBLIC)

    for credentials in (None, CREDENTIALS):
        assert b"Signed" not in dict(http(credentials).encode(public, {}, 5).headers)

    with pytest.raises(AuthenticationError, match=r"set api_key and api_secret in \[ore\]"):
        http(None).encode(endpoint("GET"), {}, 5)


class Frame(msgspec.Struct):
    """A message of a stream."""

    topic: str
    row: Any = None


def describe(**changes: Any) -> kit.Stream:
    """A stream of marks and trades."""

    def mark(row: Any, _: object) -> kit.MarkChanged:
        return kit.MarkChanged(mark=row, index=None, funding_rate=None, next_funding_ms=0, venue_ms=1)

    def trade(row: Any, _: object) -> kit.Traded:
        return kit.Traded(ticks=row, lots=1, taker=Side.BUY, venue_ms=1)

    parts: dict[str, Any] = {
        "path": "/s",
        "frame": Frame,
        "topic": lambda frame: frame.topic or None,
        "data": lambda frame: msgspec.json.encode(frame.row),
        "topics": {"mark": (int, mark), "trade": (int, trade)},
        "channels": frozenset({Channel.MARK, Channel.TRADES}),
    }

    return kit.Stream(**{**parts, **changes})


@attrs.define
class Script:
    """A connection that brings these frames, and then ends."""

    frames: Sequence[tuple[str, object]]
    at: int = 0

    async def receive(self) -> str:
        """The next one."""
        if self.at == len(self.frames):
            raise kit.StreamEndedError("over")

        topic, row = self.frames[self.at]
        self.at += 1

        return json.dumps({"topic": topic, "row": row})

    async def send(self, message: str | bytes) -> None:
        """Nothing is to be sent."""
        raise AssertionError(message)


def spec_of(stream: kit.Stream) -> kit.StreamSpec[kit.Event]:
    """What the table stands for."""
    access: Any = kit.VenueAccess(connect=None, url="wss://x", client=Client())  # type: ignore[arg-type]  # nothing is opened
    spec: kit.StreamSpec[kit.Event] = stream.feed(access, MARKET).opener.args[0]  # type: ignore[attr-defined]  # a partial

    return spec


@attrs.frozen
class Client:
    """As much of a client as a description looks at."""

    venue: str = "Ore"
    clock: Any = attrs.field(factory=LoopClock)


async def heard(
    stream: kit.Stream, *frames: tuple[str, object]
) -> tuple[list[object], kit.TranslatingReceiver[kit.Event]]:
    """What a stream says until it ends."""
    receiver = kit.begin_receiving(spec_of(stream), Script(frames), LoopClock())
    events: list[object] = []

    with suppress(kit.StreamEndedError):
        while True:
            events += await receiver.receive()

    return events, receiver


async def test_a_mark_proves_the_trades_of_its_own_stream() -> None:
    """And those of no other stream."""
    events, _ = await heard(describe(), ("mark", 5))
    assert [type(event) for event in events] == [kit.MarkChanged, kit.FeedAlive]
    assert events[1] == kit.FeedAlive(channel=Channel.TRADES)

    events, _ = await heard(describe(channels=frozenset({Channel.MARK})), ("mark", 5))
    assert [type(event) for event in events] == [kit.MarkChanged]


async def test_a_topic_of_nobody_is_counted_and_one_of_another_market_passed_over() -> None:
    """Neither ends the stream."""
    events, receiver = await heard(describe(), ("news", 1), ("", 1), ("trade", 7))
    assert [type(event) for event in events] == [kit.Traded]
    assert dict(receiver.tolerance.unknown) == {"news": 1}
    assert receiver.tolerance.malformed == 0


async def test_only_a_stream_of_the_account_ends_with_what_cannot_be_read() -> None:
    """It may have been a fill; of a market's stream some may be bad."""
    assert spec_of(describe()).most_malformed == 5
    assert spec_of(describe(channels=frozenset({Channel.ACCOUNT}))).most_malformed == 0


def test_a_no_with_a_status_of_the_server_proves_nothing_and_a_page_is_no_answer() -> None:
    """As little as a proxy's page."""
    read = FATHOM._protocol(None).read_failure  # what the table becomes
    body = b'{"code":1,"text":"late"}'

    assert (failure := read(400, body)) is not None
    assert (failure.reason, failure.code) == (RefusalReason.TIMESTAMP, "1")
    assert (failure := read(502, body)) is not None
    assert (failure.reason, failure.text) == (None, "late")
    assert read(502, b"<html>") is None
    assert read(200, b"[]") is None
    assert read(200, b"{}") is None


def test_an_environment_without_an_address_asks_for_one() -> None:
    """A venue may have no testnet: then its addresses have to be written."""
    settings = attrs.evolve(FATHOM, testnet=None).settings
    asked = settings(environment=kit.Environment.TESTNET, api_key="env:A", api_secret="env:B")  # a reference

    assert dict(asked.faults()) == dict.fromkeys(
        ("rest_url", "stream_url"), "is needed: Fathom has no address of its own for testnet"
    )
    assert list(settings().faults()) == []
    here = attrs.evolve(asked, rest_url="http://127.0.0.1:1", stream_url="ws://127.0.0.1:1")
    assert list(here.faults()) == []
    assert here.address(kit.Environment.TESTNET, None).rest == "http://127.0.0.1:1"


class Switched(kit.DeclaredConnector):
    """A connector whose venue has a switch."""

    switch_takes = "everything"

    async def arm(self, instrument: object, seconds: float) -> None:
        """Start the countdown."""

    async def disarm(self, instrument: object) -> None:
        """Stop it."""


async def test_a_table_may_name_a_class_that_can_do_more() -> None:
    """It is made in place of the kit's own, and has what that has."""
    unused: Any = None
    context = ConnectorContext(
        clock=LoopClock(),
        connect=unused,
        signers=unused,
        environment=kit.Environment.SANDBOX,
        sandbox=SandboxAccess(url="http://127.0.0.1:1", api_key="KEY", api_secret="NOT_A_SECRET_of_a_venue"),
    )
    more = attrs.evolve(FATHOM, connector=Switched)

    async with more.open(more.settings(), context) as connector, FATHOM.open(FATHOM.settings(), context) as plain:
        assert isinstance(connector, kit.DeadManSwitch)
        assert isinstance(connector, kit.IdScheme)
        assert not isinstance(plain, kit.DeadManSwitch)
        assert (plain.name, plain.venue, plain.caps_resting_exits) == ("fathom", "Fathom", False)
