"""One client's connection to the Indexer's WebSocket: what it is subscribed to, and the frames around what it hears."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import anyio
import msgspec

from perpmaker_dydx_perpetual.sandbox.channels import (
    ACCOUNT,
    BATCH,
    BOOK,
    HEIGHT,
    MARKETS,
    SINGLE,
    TRADES,
    VERSIONS,
    stream_of,
)
from perpmaker_dydx_perpetual.sandbox.records import Row

MOST: Final = {BOOK: 32, TRADES: 32, MARKETS: 32, ACCOUNT: 256, HEIGHT: 1}
ATTEMPTS_PER_S: Final = 2
WITHOUT_ID: Final = (MARKETS, HEIGHT)
UNREADABLE: Final = "Invalid message: could not parse"

Key: TypeAlias = tuple[str, str]


class IndexerSession:
    """A connection.

    Args:
        name: the connection's.
        contents: returns what a subscription begins with; None for an id that the channel does not have.
        now_ms: the time.
        lag_s: between what a subscription begins with and the first that it hears.
        resubscribe_ms: within which a channel that was left cannot be subscribed again.
    """

    def __init__(
        self,
        name: str,
        contents: Callable[[str, str], Row | None],
        now_ms: Callable[[], int],
        *,
        lag_s: float,
        resubscribe_ms: int,
    ) -> None:
        self._name = name
        self._contents = contents
        self._now_ms = now_ms
        self._lag_s = lag_s
        self._resubscribe_ms = resubscribe_ms
        self._said = -1
        self._streams: dict[str, Key] = {}
        self._subscribed: dict[Key, str] = {}
        self._left_ms: dict[Key, int] = {}
        self._attempts: dict[Key, deque[int]] = {}

    def greet(self) -> Sequence[object]:
        """Say that the connection stands."""
        return (self._frame("connected"),)

    def hears(self, stream: str) -> bool:
        """Whether it was subscribed."""
        return stream in self._streams

    def frame(self, stream: str, kind: str, payload: str) -> str | None:
        """Put the frame around contents."""
        del kind
        channel, id_ = self._streams[stream]
        is_batched = stream.startswith("batch")
        contents = msgspec.Raw(payload.encode())

        if is_batched:
            contents = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])["batch"]

        named = {} if channel == MARKETS else {"id": id_}
        frame = self._frame(BATCH if is_batched else SINGLE, **named, channel=channel)

        return msgspec.json.encode({**frame, "version": VERSIONS[channel], "contents": contents}).decode()

    def obey(self, message: str | bytes) -> Any:  # noqa: ANN401  # answers, or what will be answers
        """Obey a message."""
        try:
            asked = msgspec.json.decode(message, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            return (self._error(UNREADABLE),)

        kind, channel = asked.get("type"), asked.get("channel")

        match kind:
            case "ping":
                return ()
            case "subscribe" | "unsubscribe" if channel in MOST:
                key = (str(channel), self._id_of(str(channel), asked))

                return self._subscribe(key, asked) if kind == "subscribe" else self._unsubscribe(key)
            case "subscribe" | "unsubscribe":
                return (self._error(f"Invalid channel: {channel}"),)
            case None:
                return (self._error("Invalid message: type is required"),)
            case _:
                return (self._error(f"Invalid message type: {kind}"),)

    def _id_of(self, channel: str, asked: dict[str, Any]) -> str:
        """Return the id; channels without one make a subscription that hears nothing of any that is sent."""
        return str(asked.get("id") or (HEIGHT if channel == HEIGHT else ""))

    def _subscribe(self, key: Key, asked: dict[str, Any]) -> Any:  # noqa: ANN401  # see `obey`
        channel, id_ = key
        fault = self._fault(key)

        if fault is not None:
            return (self._error(fault, channel=channel, id=id_),)

        contents = self._contents(channel, id_)

        if contents is None:
            return (self._error(f"Invalid subscription id for channel: ({channel}-{id_})", channel=channel, id=id_),)

        stream = stream_of(channel, id_, is_batched=asked.get("batched") is True)
        named = {} if channel == MARKETS and not id_ else {"id": id_}
        frame = {**self._frame("subscribed", channel=channel, **named), "contents": contents}

        if self._lag_s:
            return self._join_later(key, stream, frame)

        self._join(key, stream)

        return (frame,)

    async def _join_later(self, key: Key, stream: str, frame: Row) -> Sequence[object]:
        await anyio.sleep(self._lag_s)
        self._join(key, stream)

        return (frame,)

    def _join(self, key: Key, stream: str) -> None:
        self._subscribed[key] = stream
        self._streams[stream] = key

    def _fault(self, key: Key) -> str | None:
        channel, id_ = key
        now_ms = self._now_ms()
        attempts = self._attempts.setdefault(key, deque(maxlen=ATTEMPTS_PER_S))
        is_often = len(attempts) == ATTEMPTS_PER_S and now_ms - attempts[0] < 1000  # noqa: PLR2004  # a second
        attempts.append(now_ms)

        if channel not in WITHOUT_ID and not id_:
            return "Invalid id: undefined"

        if is_often:
            return "Rate limited"

        if key in self._subscribed:
            return f"Invalid subscribe message: already subscribed ({channel}-{id_})"

        if now_ms - self._left_ms.get(key, -self._resubscribe_ms) < self._resubscribe_ms:
            return f"Internal error, could not fetch data for subscription: {channel}."

        if sum(known == channel for known, _ in self._subscribed) >= MOST[channel]:
            return f"Per-connection subscription limit reached for {channel} (limit={MOST[channel]})."

        return None

    def _unsubscribe(self, key: Key) -> Sequence[object]:
        channel, id_ = key
        stream = self._subscribed.pop(key, None)
        self._left_ms[key] = self._now_ms()

        if stream is not None:
            del self._streams[stream]

        return (self._frame("unsubscribed", channel=channel, id=id_),)

    def _error(self, text: str, **about: str) -> Row:
        return self._frame("error", message=text, **about)

    def _frame(self, kind: str, **about: object) -> Row:
        self._said += 1

        return {"type": kind, "connection_id": self._name, "message_id": self._said, **about}
