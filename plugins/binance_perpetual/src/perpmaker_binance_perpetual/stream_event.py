"""What every streamed message of Binance says first: the name of its event."""

from __future__ import annotations

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.venue import Message, UnknownMessageError
from perpmaker_binance_perpetual.messages import StreamEvent

_STREAM_EVENT = PayloadDecoder(StreamEvent)
_SHUTDOWN = "serverShutdown"


def read_event(message: Message) -> str:
    """Read the name of a streamed event; ConnectivityError when it announces the server's end."""
    event = _STREAM_EVENT.decode(message).e
    name = event if isinstance(event, str) else ""

    if name == _SHUTDOWN:
        raise ConnectivityError("Binance announced that it will close this connection")

    return name


def explain(error: PayloadError, message: Message, expected: str) -> PayloadError:
    """Say why a message is not the expected event: it cannot be read, or it is an event of another kind."""
    try:
        name = read_event(message)
    except PayloadError:
        return error

    return error if name in {"", expected} else UnknownMessageError(name)
