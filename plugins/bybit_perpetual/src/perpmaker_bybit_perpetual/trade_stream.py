"""The trade socket: commands about orders as messages, which are not signed one by one."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.signing import encode_body

PATH: Final = "/v5/trade"
SILENT_S = 50.0
"""Seconds; the answers to heartbeats come every 20."""

_COMMANDS = (rest.PLACE, rest.PLACE_BATCH, rest.AMEND, rest.AMEND_BATCH, rest.CANCEL, rest.CANCEL_BATCH)
_OPERATIONS = {one.path: one.path.removeprefix("/v5/").replace("/", ".") for one in _COMMANDS}
"""What the socket takes, by the path that REST has for it."""


class _Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What tells which command a message answers, and the headers that it would have over HTTP."""

    reqId: str | None = None  # noqa: N815  # the venue's own word
    header: dict[str, Any] | None = None


_REPLY = kit.PayloadDecoder(_Reply)


class TradeWords:
    """Bybit's words for commands on the trade socket; see `SocketWords`."""

    def __init__(self, recv_window_ms: int) -> None:
        self._window = str(recv_window_ms)

    def write(
        self, name: str, endpoint: kit.Endpoint[object], parameters: kit.Parameters, at_ms: int
    ) -> kit.Message | None:
        """Write a command; what only REST takes is left to it."""
        if (operation := _OPERATIONS.get(endpoint.path)) is None:
            return None

        stamp = {"X-BAPI-TIMESTAMP": str(at_ms), "X-BAPI-RECV-WINDOW": self._window}

        return encode_body({"reqId": name, "header": stamp, "op": operation, "args": [dict(parameters)]})

    def read(self, message: kit.Message) -> tuple[str, kit.Incoming]:
        """Read an answer: the message is the body, and its `header` what HTTP has as headers."""
        reply = _REPLY.decode(message)
        headers = {name.lower(): str(value) for name, value in (reply.header or {}).items()}
        body = message.encode() if isinstance(message, str) else message

        return reply.reqId or "", kit.Incoming(status=200, headers=headers, body=body)
