"""The other end of a control socket: a command that asks a running bot, and waits no longer than it says."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import closing
from time import monotonic
from typing import Any

from perpmaker.control.address import connect_to
from perpmaker.control.card import Card, socket_path
from perpmaker.control.protocol import DEADLINE_S, MOST_ANSWER, decode_line, encode_line
from perpmaker.errors import BotRefusedError, BotUnansweredError, ExitCode, PayloadError
from perpmaker.journal.state_dir import StateDir

_CHUNK = 65_536


def ask(home: StateDir, card: Card, command: str, within_s: float = DEADLINE_S, **words: object) -> dict[str, Any]:
    """Send one command to a running bot, and return its answer.

    Raises:
        BotUnansweredError: no answer came in time, or none that can be read.
        BotRefusedError: it has answered that it does not do that.
    """
    try:
        with closing(connect_to(socket_path(home, card.id), within_s)) as connected:
            connected.sendall(encode_line({"command": command, **words}))
            answer = decode_line(_read(connected, monotonic() + within_s))
    except (OSError, PayloadError) as error:
        raise BotUnansweredError(_unanswered(card, within_s, error)) from error

    if answer.get("ok") is not True:
        raise BotRefusedError(str(answer.get("error", "it does not say why")), _code(answer))

    return answer


def _read(connected: socket.socket, until: float) -> bytes:
    """All up to the end of the line."""
    received = bytearray()

    while b"\n" not in received:
        left_s = until - monotonic()

        if left_s <= 0:
            raise TimeoutError("timed out")

        connected.settimeout(left_s)
        more = connected.recv(_CHUNK)

        if not more:
            raise ConnectionResetError("it has hung up")

        received += more

        if len(received) > MOST_ANSWER:
            raise ConnectionResetError("its answer does not end")

    return bytes(received.partition(b"\n")[0])


def _unanswered(card: Card, within_s: float, error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return (
            f"{card.name} (pid {card.pid}) runs and does not answer within {within_s:g} s. If it hangs: "
            f"perpmaker panic {card.name}"
        )

    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)

    return f"{card.name} (pid {card.pid}) did not answer: {words}"


def _code(answer: Mapping[str, Any]) -> ExitCode:
    return next((code for code in ExitCode if code.value == answer.get("code")), ExitCode.BUG)
