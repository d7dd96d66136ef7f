"""One line of a raw Binance capture: `<local timestamp> <json>`.

The timestamp is in microseconds or nanoseconds, told apart by its size. The JSON is a message of a combined stream,
`{"stream": ..., "data": ...}`, or an answer to `GET /depth` that stands bare. Payloads are in the venue's own words,
with only the fields that are used; those of spot and of futures differ in what they leave out.
"""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import attrs
import msgspec

Level: TypeAlias = tuple[str, str]
Id: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

_MICROSECONDS: Final = range(10**15, 10**17)
_NANOSECONDS: Final = range(10**18, 10**20)
_LONGEST_STAMP: Final = 20
_SHOWN: Final = 60
_TRUNCATED: Final = "truncated"  # msgspec's word for JSON that ends too early
_NOTHING: Final = msgspec.Raw(b"null")


@attrs.frozen(kw_only=True)
class Snapshot:
    """`GET /depth`: the whole book as of an update."""

    lastUpdateId: Id
    bids: list[Level]
    asks: list[Level]
    T: int = 0


@attrs.frozen(kw_only=True)
class DepthUpdate:
    """`<symbol>@depth`: absolute amounts. `pu` is the `u` before it, which only futures say; `T` likewise."""

    s: str
    U: Id
    u: Id
    b: list[Level]
    a: list[Level]
    E: int
    T: int | None = None
    pu: Id | None = None


@attrs.frozen(kw_only=True)
class Trade:
    """`<symbol>@trade`; `m`: the buyer's order rested. `X` other than MARKET is no trade of the market's own."""

    s: str
    p: str
    q: str
    m: bool
    T: int
    X: str = "MARKET"


@attrs.frozen(kw_only=True)
class MarkPrice:
    """`<symbol>@markPrice`: mark `p`, index `i`, funding rate `r`, to be settled at `T`."""

    s: str
    p: str
    i: str
    r: str
    T: int
    E: int


@attrs.frozen(kw_only=True)
class _Envelope:
    stream: str | None = None
    data: msgspec.Raw = _NOTHING
    lastUpdateId: Id | None = None


Message: TypeAlias = Snapshot | DepthUpdate | Trade | MarkPrice

_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_SNAPSHOT: Final = msgspec.json.Decoder(Snapshot)
_DEPTH: Final = msgspec.json.Decoder(DepthUpdate)
_TRADE: Final = msgspec.json.Decoder(Trade)
_MARK: Final = msgspec.json.Decoder(MarkPrice)


def parse_line(line: bytes) -> tuple[int, Message | None]:
    """The local time in nanoseconds and the message; None for a stream that makes no market (`@bookTicker`).

    ValueError, with words, for what is no line of a capture.
    """
    stamp, _, text = line.partition(b" ")
    nanoseconds = _nanoseconds(stamp)

    try:
        return nanoseconds, _message(text)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"its JSON is not a message of a Binance stream ({_first_line(error)})") from None


def is_cut_line(line: bytes) -> bool:
    """Whether a line is the beginning of one that its writer did not get to finish: it has no end, and no fault."""
    stamp, space, text = line.partition(b" ")

    if line.endswith(b"\n") or not stamp.isdigit() or len(stamp) > _LONGEST_STAMP:
        return False

    if not space or not text:
        return True

    try:
        _ENVELOPE.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        return text.startswith(b"{") and _TRUNCATED in str(error)

    return False


def _nanoseconds(stamp: bytes) -> int:
    if stamp.isdigit() and len(stamp) <= _LONGEST_STAMP:
        number = int(stamp)

        if number in _NANOSECONDS:
            return number

        if number in _MICROSECONDS:
            return number * 1000

    shown = ascii(stamp[:_SHOWN].decode(errors="replace"))
    raise ValueError(f"it does not begin with a time in micro- or nanoseconds, but with {shown}")


def _message(text: bytes) -> Message | None:
    envelope = _ENVELOPE.decode(text)

    if envelope.stream is None:
        if envelope.lastUpdateId is None:
            raise ValueError("neither a stream nor a depth snapshot")

        return _SNAPSHOT.decode(text)

    _, _, name = envelope.stream.partition("@")

    # "depth" and "depth@100ms" are differences, "depth5" and "depth20@100ms" are not.
    match name.partition("@")[0]:
        case "depth":
            return _DEPTH.decode(envelope.data)
        case "trade":
            return _TRADE.decode(envelope.data)
        case "markPrice":
            return _MARK.decode(envelope.data)

    return None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
