"""What the trader was given, batch by batch, as rows of the journal keep it: compressed, and read back exactly.

A row holds the batches since the row of inputs before it, and stands before the row of the step that the last of them
led to. Where nothing was decided for long there is a row of them by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from perpmaker.journal.words import WORDS
from perpmaker.model.event import BookChanged, Event, Traded
from perpmaker.model.order import NewOrder, Side

INPUTS: Final = "inputs"
"""Kind of these rows."""

START: Final = "start"
"""Kind of the row that tells with what the trader of a run began."""

LEVEL: Final = 1
"""How hard a row is compressed: more takes five times as long, and saves a tenth."""

DICTIONARY: Final = (
    b"account\xa6assets\xa6wallet\xa9available\xa5asset\xa4USDT\xa9positions\xa6amount\xa5entry\xabliquidation"
    b"\xa6orders\xa8finished\xa5fills\xa8began_at\xa8asked_ms\xb3clock_uncertainty_s\xa8position\xa7balance"
    b"\xa6report\xa9client_id\xa8venue_id\xa6status\xa4open\xa9cancelled\xa6filled\xaafilled_lots\xa4lots\xa5ticks"
    b"\xa4side\xa3buy\xa4sell\xadposition_side\xa3net\xa4type\xa9post_only\xa5limit\xabreduce_only\xa7trigger"
    b"\xa4fill\xa8trade_id\xa5price\xa3fee\xa9fee_asset\xa5maker\xacrealized_pnl\xa9by_stream\xaaby_gateway"
    b"\xa8fence_at\xa5cause\xa9requested\xa6detail\xa7refusal\xa6reason\xa7settings\xa7channel\xa4mark\xa5index"
    b"\xacfunding_rate\xafnext_funding_ms\xa5asked\xc2\xabMarkChanged\xa9FeedAlive\xacOrderAccepted"
    b"\xb0ReferenceChanged\xa3bid\xa3ask\xa4last\xa5doubt\xa2at\xa8venue_ms\xa0\xc0\xc2\xc3\x90\x91\x92\x93"
)
"""What is in most rows: a row of few batches is compressed as well as a long one. A part of the format."""

_CLASSES: Final = {word: kind for kind, word in WORDS.items()}
_CHANGED, _TRADED = "b", "t"
"""Short words, with the values of the fields behind them, for what nearly all inputs are."""

_ENCODER = msgspec.msgpack.Encoder()


class Batch(NamedTuple):  # one is made for every message: attrs takes ten times as long for a frozen class
    """What one call of the trader was given: the events at `at`, by the engine's clock.

    `asked` is what it asked of client ids and was answered: kind, id, answer, as far as the answer was new. `learned`
    are names of stops that readings had taught it before, `interrupted` is why a plugin was interrupted meanwhile.
    `sends`: what was decided is to be sent; at the end of a run nothing is any more.
    """

    at: float
    events: Sequence[Event]
    asked: Sequence[tuple[str, str, Any]] = ()
    learned: Sequence[tuple[str, str]] = ()
    interrupted: Sequence[str] = ()
    sends: bool = True


def encode_batches(batches: Iterable[Batch]) -> bytes:
    """Encode batches for a row. TypeError or KeyError for events that are none."""
    content = [[batch.at, [_content(event) for event in batch.events], *_rest(batch)] for batch in batches]
    compressor = zlib.compressobj(LEVEL, wbits=-15, zdict=DICTIONARY)

    return compressor.compress(_ENCODER.encode(content)) + compressor.flush()


def decode_batches(payload: bytes) -> list[Batch]:
    """Decode the batches of a row. ValueError for what is none, or is of a version with other words."""
    decompressor = zlib.decompressobj(wbits=-15, zdict=DICTIONARY)

    try:
        content = msgspec.msgpack.decode(decompressor.decompress(payload) + decompressor.flush())

        return [_batch(*parts) for parts in content]
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the inputs cannot be read ({error})") from error


def _rest(batch: Batch) -> list[Any]:
    """What few batches have; nothing for all others."""
    rest = [batch.asked, batch.learned, batch.interrupted]

    return [*rest, batch.sends] if any(rest) or not batch.sends else []


def _content(event: Event) -> list[Any]:
    match event:
        case BookChanged(bids=bids, asks=asks, venue_ms=venue_ms):
            return [_CHANGED, bids, asks, venue_ms]
        case Traded(ticks=ticks, lots=lots, taker=taker, venue_ms=venue_ms):
            return [_TRADED, ticks, lots, taker is Side.BUY, venue_ms]
        case _:
            return [WORDS[type(event)], event]


def _batch(at: float, events: list[list[Any]], *rest: Any) -> Batch:  # noqa: ANN401  # as it was decoded
    asked, learned, interrupted, sends = rest or ((), (), (), True)

    return Batch(
        at=at,
        events=tuple(_event(*parts) for parts in events),
        asked=tuple((kind, client_id, _answer(kind, answer)) for kind, client_id, answer in asked),
        learned=tuple((venue_id, client_id) for venue_id, client_id in learned),
        interrupted=tuple(interrupted),
        sends=sends,
    )


def _event(word: str, *values: Any) -> Event:  # noqa: ANN401  # as it was decoded
    if word == _CHANGED:
        bids, asks, venue_ms = values

        return BookChanged(bids=_levels(bids), asks=_levels(asks), venue_ms=venue_ms)

    if word == _TRADED:
        ticks, lots, is_bought, venue_ms = values

        return Traded(ticks=ticks, lots=lots, taker=Side.BUY if is_bought else Side.SELL, venue_ms=venue_ms)

    event: Event = msgspec.convert(values[0], _CLASSES[word])

    return event


def _levels(found: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple((ticks, lots) for ticks, lots in found)


INTENT: Final = "intent"
"""The kind of an answer about what an order was meant for; every other answer is yes or no."""


def _answer(kind: str, answer: Any) -> Any:  # noqa: ANN401  # as it was decoded
    return msgspec.convert(answer, NewOrder) if kind == INTENT and answer is not None else answer
