"""The lines of a recording that are the recorder's own: what market it is of, where it has a gap, how it ended.

Each is a JSON object with the key `perpmaker`, which no message of a venue has.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from perpmaker.model.instrument import Instrument

VERSION: Final = 1
_MARK: Final = b'{"perpmaker":'
_KEY: Final = "perpmaker"


class MarketNote(msgspec.Struct, frozen=True, kw_only=True, tag_field=_KEY, tag="market"):
    """Of which market the lines after it are: the first line of each file, and told again when its rules change.

    Fees and leverage tiers are those of everybody, since nobody's key was used. `clock_ahead_ms` is by how much the
    venue's clock was ahead of the one that times the lines, give or take `clock_uncertain_ms`; None where it was not
    measured. `part` counts the files of one recording from 1.
    """

    version: int = VERSION
    connector: str
    environment: str
    instrument: Instrument
    recorder: str = ""
    part: int = 1
    clock_ahead_ms: int | None = None
    clock_uncertain_ms: int | None = None
    mark: Decimal | None = None
    index: Decimal | None = None
    funding_rate: Decimal | None = None
    next_funding_ms: int | None = None


class GapNote(msgspec.Struct, frozen=True, kw_only=True, tag_field=_KEY, tag="gap"):
    """That messages of these channels are missing, and why. Where the book is among them, it is lost from here on."""

    channels: tuple[str, ...]
    reason: str = ""


class ReconnectNote(msgspec.Struct, frozen=True, kw_only=True, tag_field=_KEY, tag="reconnect"):
    """That messages of these channels come again, after so many milliseconds without a connection."""

    channels: tuple[str, ...]
    after_ms: int = 0


class EndNote(msgspec.Struct, frozen=True, kw_only=True, tag_field=_KEY, tag="end"):
    """That a file ends here, and is whole: why, and what the recording holds so far."""

    reason: str = ""
    messages: int = 0
    gaps: int = 0


Note: TypeAlias = MarketNote | GapNote | ReconnectNote | EndNote

_NOTE: msgspec.json.Decoder[Note] = msgspec.json.Decoder(Note)


def encode_note(note: Note) -> bytes:
    """Write a note as the JSON of its line."""
    return msgspec.json.encode(note)


def is_note(text: bytes) -> bool:
    """Return whether the JSON of a line is a recorder's own."""
    return text.startswith(_MARK)


def parse_note(text: bytes) -> Note | None:
    """Parse a note; None for one of a kind that only a later version knows. ValueError, with words, for none."""
    try:
        note = _NOTE.decode(text)
    except msgspec.ValidationError as error:
        if "Invalid value" in str(error) and f"$.{_KEY}" in str(error):
            return None

        raise ValueError(f"it is no line of a recorder ({error})") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"it is no line of a recorder ({error})") from None

    if isinstance(note, MarketNote) and not (note.instrument.tick > 0 and note.instrument.lot > 0):
        raise ValueError("it is no line of a recorder (a tick and a lot are above 0)")

    return note
