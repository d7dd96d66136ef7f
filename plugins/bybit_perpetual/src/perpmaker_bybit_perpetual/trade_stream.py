"""The trade socket: commands about orders by messages, while it is up; by REST otherwise. The outcomes are the same.

Nothing is kept for a connection that is not there: what was sent when it broke is unknown, what was not goes by REST or
is decided anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import anyio
import attrs
import msgspec

from perpmaker import ConnectivityError, RefusedError
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.signing import encode_body, socket_login
from perpmaker_bybit_perpetual.streams import HEARTBEAT, STREAM_NAME, StreamAccess, read_reply

PATH: Final = "/v5/trade"
LOGIN_MS: Final = 10_000
"""Milliseconds for which the message that authenticates a socket is valid."""

_QUOTE_WAIT_S = 0.25
"""Seconds: a quote that would wait longer for its turn is stale by then, and is not sent."""

_OPERATIONS = {
    endpoint.path: endpoint.path.removeprefix("/v5/").replace("/", ".")
    for endpoint in (
        rest.PLACE,
        rest.PLACE_BATCH,
        rest.AMEND,
        rest.AMEND_BATCH,
        rest.CANCEL,
        rest.CANCEL_BATCH,
    )
}
"""What the socket takes, by the path that REST has for it."""


class _Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What tells which command a message answers, and the headers that it would have over HTTP."""

    reqId: str = ""  # noqa: N815  # the venue's own word
    op: Any = ""
    header: dict[str, Any] = {}


_REPLY = kit.PayloadDecoder(_Reply)


@attrs.define
class _Waiting:
    """A command that was sent, and its answer once it is there."""

    signed_at: float
    answered: anyio.Event = attrs.field(factory=anyio.Event)
    answer: kit.Answer | None = None


@attrs.define(kw_only=True)
class OrderSender:
    """Sends commands about orders; see `CommandSender`.

    `deadline_s`: for each whole command; `recv_window_ms`: how long the venue takes it after it was signed.
    """

    access: StreamAccess
    deadline_s: float
    recv_window_ms: int
    _messages: kit.Messages | None = attrs.field(default=None, init=False)
    _waiting: dict[str, _Waiting] = attrs.field(factory=dict, init=False)
    _numbers: count[int] = attrs.field(factory=lambda: count(1), init=False)

    @property
    def venue(self) -> str:
        """The venue's name, for people."""
        return self.access.client.venue

    @property
    def is_up(self) -> bool:
        """Whether commands go over the socket now."""
        return self._messages is not None

    async def send(
        self, endpoint: kit.Endpoint[object], parameters: kit.Parameters, *, urgent: bool = False
    ) -> kit.Answer:
        """Send a command whichever way is open; errors as of `RestClient.send`."""
        client, operation = self.access.client, _OPERATIONS.get(endpoint.path)

        if self._messages is None or operation is None or not client.server_clock.known:
            return await client.send(endpoint, parameters, urgent=urgent)

        urgent = urgent or endpoint.urgent
        patience_s = _QUOTE_WAIT_S if endpoint.once and not urgent else self.deadline_s
        await client.budget.admit(endpoint.cost, urgent=urgent, patience_s=patience_s)

        if self._messages is None:  # it broke while the command waited for its turn
            raise kit.NotSentError("the trade socket has closed before the command was sent")

        answer = await self._exchange(self._messages, operation, parameters)
        is_late = answer.failure is not None and answer.failure.reason is kit.RefusalReason.TIMESTAMP

        if is_late and not endpoint.once:
            return await client.send(endpoint, parameters, urgent=urgent)

        return answer

    async def _exchange(self, messages: kit.Messages, operation: str, parameters: kit.Parameters) -> kit.Answer:
        """Send one message and wait for what answers it."""
        client = self.access.client
        waiting, number = _Waiting(client.clock.now()), str(next(self._numbers))
        stamp = {
            "X-BAPI-TIMESTAMP": str(client.server_clock.ms(waiting.signed_at)),
            "X-BAPI-RECV-WINDOW": str(self.recv_window_ms),
        }
        self._waiting[number] = waiting

        try:
            with anyio.fail_after(self.deadline_s):
                await messages.send(
                    encode_body({"reqId": number, "header": stamp, "op": operation, "args": [dict(parameters)]})
                )
                await waiting.answered.wait()
        except TimeoutError:
            raise kit.LateAnswerError("the trade socket did not answer in time", signed_at=waiting.signed_at) from None
        except ConnectivityError as error:
            raise kit.LostAnswerError(f"the trade socket broke: {error}", signed_at=waiting.signed_at) from None
        finally:
            self._waiting.pop(number, None)

        if waiting.answer is None:
            raise kit.LostAnswerError("the trade socket closed without an answer", signed_at=waiting.signed_at)

        return waiting.answer

    def translate(self, message: kit.Message) -> Sequence[kit.Event]:
        """Hand an answer to whoever waits for it; the socket tells no events."""
        reply = _REPLY.decode(message)
        waiting = self._waiting.get(reply.reqId)

        if waiting is not None:
            headers = {name.lower(): str(value) for name, value in reply.header.items()}
            body = message.encode() if isinstance(message, str) else message
            incoming = kit.Incoming(status=200, headers=headers, body=body)
            waiting.answer = self.access.client.learn(incoming, waiting.signed_at)
            waiting.answered.set()

        return ()

    def up(self, messages: kit.Messages) -> None:
        """Send over this connection from now on."""
        self._messages = messages

    def down(self) -> None:
        """Send over no connection any more; nobody waits for an answer that cannot come."""
        self._messages = None

        for waiting in self._waiting.values():
            waiting.answered.set()


@attrs.frozen(kw_only=True)
class TradeFeed:
    """The trade socket as a feed: it keeps no channel alive, and while it is lost commands go by REST."""

    sender: OrderSender
    credentials: kit.Credentials = attrs.field(repr=False)
    channels: frozenset[kit.Channel] = frozenset()
    stall_s: float | None = 60.0
    """Seconds; the answers to heartbeats come every 20."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[kit.EventReceiver]:
        """Connect and authenticate; commands go over the socket from then on."""
        access = self.sender.access

        try:
            async with kit.open_stream(self._spec(), access.connect, access.client.clock) as receiver:
                try:
                    yield receiver
                finally:
                    self.sender.down()
        except RefusedError as error:  # there is another way: no reason to stop
            raise ConnectivityError(f"the trade socket is refused: {error}") from None

    def _spec(self) -> kit.StreamSpec[kit.Event]:
        access, credentials = self.sender.access, self.credentials

        async def url() -> str:
            await access.client.now_ms()

            return f"{access.url}{PATH}"

        def begin(messages: kit.Messages) -> kit.Translation[kit.Event]:
            self.sender.up(messages)

            return kit.Translation(translate=self.sender.translate)

        return kit.StreamSpec(
            name=STREAM_NAME,
            url=url,
            begin=begin,
            authenticate=lambda: login(access, credentials),
            read_reply=read_reply,
            heartbeat=HEARTBEAT,
        )


def login(access: StreamAccess, credentials: kit.Credentials) -> kit.StreamRequest:
    """The request that authenticates a socket now."""
    expires_ms = access.client.server_clock.ms() + LOGIN_MS

    return kit.StreamRequest(name="auth", message=socket_login(credentials, expires_ms))
