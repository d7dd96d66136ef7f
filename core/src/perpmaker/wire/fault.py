"""Faults that a server commits on purpose: lost, late, wrong and broken answers, and streams that misbehave.

A fault says what it matches (method, path prefix, text, the how-manieth) and what it does:

========== =============================== =====================================================================
act        `arg`                           what happens
========== =============================== =====================================================================
drop       none                            before: the app never sees it; after: it does, but its answer is lost;
                                           the connection stays open and silent. WS: the message is not sent
delay      seconds                         before: the app sees it late, even when the client is gone by then;
                                           after: its answer is late. WS: this message and what follows are late
status     a status or a `Reply`           another answer, instead of asking the app or instead of its answer
body       text or a `Reply`               the answer with another body, or a cut, trickling or endless one
close      WS: a close code                the connection is closed; now: every open WebSocket of that path is
reset      none                            the same, with a TCP reset
duplicate  none                            WS: the message is sent twice
swap       none                            WS: the message is sent after the one that follows it
========== =============================== =====================================================================

The method `WS` stands for messages that the server sends on a WebSocket; its handshake is a plain GET.
`drop` with `times=None` makes a stream, or with `contains` one channel of it, silent while pings are answered.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import anyio
import attrs
import h11
import msgspec

from perpmaker.errors import PayloadError
from perpmaker.wire.websocket import WireWebSocket

Act: TypeAlias = Literal["drop", "delay", "status", "body", "close", "reset", "duplicate", "swap"]
When: TypeAlias = Literal["before", "after", "now"]

MESSAGE = "WS"
"""The method under which messages on WebSockets are matched."""

METHODS = ("GET", "POST", "PUT", "DELETE", MESSAGE)
"""The methods that a fault may be about: those of venues' requests, and that of messages."""

_ONLY_MESSAGES = ("duplicate", "swap")
_ONLY_REQUESTS = ("status",)
_LONGEST_DELAY_S = 86_400
_STATUSES = range(200, 600)
_CLOSE_CODES = range(1000, 5000)


@attrs.frozen(kw_only=True)
class Reply:
    """An answer gone wrong; what is None stays as the app said it (status 200 and no body where it was not asked)."""

    status: int | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: str | None = None
    cut_at: int | None = None
    """Send only so many bytes of the body that was announced, then close."""

    trickle_s: float | None = None
    """Send the body byte by byte with so many seconds in between."""

    endless: bool = False
    """Repeat the body for as long as the client listens."""


@attrs.frozen(kw_only=True)
class Fault:
    """What to match, and what to do then. Fires from the `nth` match on (counted from 1), `times` times (None: ever).

    `path` is a prefix; `contains` is looked for in query, body or message; `chance` is the share of matches, drawn
    from the plan's seed. ValueError when act and argument do not go together.
    """

    act: Act
    when: When = "before"
    arg: int | float | str | Reply | None = None
    method: str | None = None
    path: str = "/"
    contains: str | None = None
    nth: int = 1
    times: int | None = 1
    chance: float = 1.0

    def __attrs_post_init__(self) -> None:
        """Refuse what could never happen, instead of waiting for it in silence."""
        message = self.method == MESSAGE

        if self.method is not None and self.method not in METHODS:
            raise ValueError(f"no request has the method {self.method!r}: it is one of {', '.join(METHODS)}")

        if self.when == "now" and self.act not in ("close", "reset"):
            raise ValueError(f"only close and reset happen now, not {self.act}")

        if self.when != "now" and self.act in (_ONLY_REQUESTS if message else _ONLY_MESSAGES):
            raise ValueError(f"{self.act} does not go with the method {self.method or 'of a request'}")

        if message and self.when == "after":
            raise ValueError(f"a message has no after: {self.act} happens before it is sent")

        if not isinstance(self.arg, _ARGUMENTS[self.act]):
            raise ValueError(f"{self.act} does not take {self.arg!r}")  # noqa: TRY004  # one kind of error for a fault

        if not self._has_sane_number():
            raise ValueError(f"{self.act} cannot be {self.arg!r}")

        if self.nth < 1 or (self.times is not None and self.times < 1) or not 0 < self.chance <= 1:
            raise ValueError("nth and times count from 1, and chance is a share above 0 and up to 1")

        if isinstance(self.arg, Reply):
            _check_reply(self.arg)

    def _has_sane_number(self) -> bool:
        """Whether the number that it was given, if any, is one that a server can commit."""
        number = self.arg.status if isinstance(self.arg, Reply) else self.arg

        if self.act == "delay" and isinstance(number, (int, float)):
            return 0 <= number <= _LONGEST_DELAY_S

        if self.act == "close":
            return number is None or number in _CLOSE_CODES

        return self.act not in ("status", "body") or not isinstance(number, int) or number in _STATUSES

    def matches(self, when: When, method: str, path: str, text: str) -> bool:
        """Whether it is about this request or message; requests and messages never match each other."""
        about_messages = self.method == MESSAGE
        return (
            self.when == when
            and about_messages == (method == MESSAGE)
            and self.method in (None, method)
            and path.startswith(self.path)
            and (self.contains is None or self.contains in text)
        )


def _check_reply(reply: Reply) -> None:
    """ValueError for an answer that no server can send."""
    try:
        h11.Response(status_code=200, headers=list(reply.headers.items()), reason=b"")
    except (h11.LocalProtocolError, UnicodeError) as error:
        raise ValueError(f"no server can send these headers: {error}") from None

    if reply.cut_at is not None and reply.cut_at < 0:
        raise ValueError(f"a body cannot be cut at {reply.cut_at}")

    if reply.trickle_s is not None and not 0 <= reply.trickle_s <= _LONGEST_DELAY_S:
        raise ValueError(f"a body cannot trickle with {reply.trickle_s} s between its bytes")


_ARGUMENTS: dict[str, tuple[type, ...]] = {
    "drop": (type(None),),
    "delay": (int, float),
    "status": (int, Reply),
    "body": (str, Reply),
    "close": (int, type(None)),
    "reset": (type(None),),
    "duplicate": (type(None),),
    "swap": (type(None),),
}

_MATCH = ("method", "path", "contains", "nth", "times", "chance")
_DO = ("when", "act", "arg")
_REPLY = frozenset(field.name for field in attrs.fields(Reply))


def parse_fault(data: bytes) -> Fault:
    """Read `{"match": {"method", "path", "contains", "nth", "times", "chance"}, "do": {"when", "act", "arg"}}`.

    PayloadError names what is not understood; a fault that is misspelt must not match everything.
    """
    try:
        raw = msgspec.json.decode(data, type=dict[str, dict[str, Any]])
        strange = [f"$.{part}" for part in raw if part not in ("match", "do")]
        match, do = raw.get("match", {}), raw.get("do", {})
        strange += [f"$.match.{key}" for key in match if key not in _MATCH]
        strange += [f"$.do.{key}" for key in do if key not in _DO]
        answer = do.get("arg")
        strange += [f"$.do.arg.{key}" for key in (answer if isinstance(answer, dict) else ()) if key not in _REPLY]
        if strange:
            raise PayloadError("not a part of a fault", path=", ".join(strange))

        return msgspec.convert({**match, **do}, Fault)
    except (msgspec.MsgspecError, ValueError) as error:
        raise PayloadError(f"not a fault: {error}") from error


@attrs.define
class _Armed:
    fault: Fault
    seen: int = 0
    fired: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.fired >= self.fault.times

    def fires(self, chances: random.Random) -> bool:
        self.seen += 1
        if self.spent or self.seen < self.fault.nth or chances.random() >= self.fault.chance:
            return False

        self.fired += 1
        return True


class FaultPlan:
    """The faults of one server, to be changed at any time; `fired` lists what happened, in order.

    What begins with one of `spared` suffers none: from there the faults themselves are ruled.
    """

    def __init__(self, *faults: Fault, seed: int = 0) -> None:
        self._armed: list[_Armed] = []
        self._sockets: list[tuple[str, WireWebSocket]] = []
        self._chances = random.Random(seed)  # noqa: S311  # chance here is to be repeatable, not secret
        self.fired: list[Fault] = []
        self.spared: tuple[str, ...] = ()
        for fault in faults:
            self.add(fault)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that can still fire."""
        return tuple(armed.fault for armed in self._armed if not armed.spent)

    def add(self, fault: Fault) -> Fault:
        """Arm a fault; those that happen now need `inject`."""
        if fault.when == "now":
            raise ValueError("what happens now is injected, not added: await plan.inject(fault)")

        self._armed.append(_Armed(fault))
        return fault

    async def inject(self, fault: Fault) -> None:
        """Arm a fault, or commit it on every open WebSocket of its path when it happens now."""
        if fault.when != "now":
            self.add(fault)
            return

        self.fired.append(fault)
        for socket in [socket for path, socket in self._sockets if path.startswith(fault.path)]:
            await _end(socket, fault)

    def clear(self) -> None:
        """Disarm everything; what fired stays listed."""
        self._armed.clear()

    def take(self, when: When, method: str, path: str, text: str) -> list[Fault]:
        """The faults that fire for this request or message, in the order they were added; each match counts."""
        if path.startswith(self.spared):
            return []

        fired = [
            armed.fault
            for armed in self._armed
            if armed.fault.matches(when, method, path, text) and armed.fires(self._chances)
        ]
        self.fired += fired

        return fired

    def wrap(self, socket: WireWebSocket, path: str) -> FaultySocket:
        """A WebSocket whose outgoing messages suffer this plan's faults; `release` it in the end."""
        self._sockets.append((path, socket))
        return FaultySocket(self, socket, path)

    def release(self, socket: WireWebSocket) -> None:
        """Forget a WebSocket that is closed."""
        self._sockets = [each for each in self._sockets if each[1] is not socket]


class FaultySocket:
    """A `WebSocket` of a server that treats what is sent as its plan says."""

    def __init__(self, plan: FaultPlan, socket: WireWebSocket, path: str) -> None:
        self._plan = plan
        self._socket = socket
        self._path = path
        self._held: list[str | bytes] = []

    async def receive(self) -> str | bytes:
        """The next message of the client."""
        return await self._socket.receive()

    async def send(self, message: str | bytes) -> None:
        """Send a message, or what is left of it."""
        text = message if isinstance(message, str) else message.decode("latin-1")
        copies = [message]
        for fault in self._plan.take("before", MESSAGE, self._path, text):
            copies = await self._suffer(fault, copies)

        held, self._held = (self._held, []) if copies else ([], self._held)
        for copy in (*copies, *held):
            await self._socket.send(copy)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order."""
        await self._socket.close(code, reason)

    async def _suffer(self, fault: Fault, copies: list[str | bytes]) -> list[str | bytes]:
        """What is to be sent instead."""
        if fault.act == "drop":
            return []

        if fault.act == "duplicate":
            return copies * 2

        if fault.act == "swap":
            self._held += copies
            return []

        if fault.act == "body":
            return [fault.arg] if isinstance(fault.arg, str) else copies

        if fault.act == "delay" and isinstance(fault.arg, int | float):
            await anyio.sleep(fault.arg)
        elif fault.act in ("close", "reset"):
            await _end(self._socket, fault)

        return copies


async def _end(socket: WireWebSocket, fault: Fault) -> None:
    if fault.act == "reset":
        await socket.reset()
    else:
        await socket.close(fault.arg if isinstance(fault.arg, int) else 1011, "fault")
