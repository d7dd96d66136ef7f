"""What Fathom says. Fields that are of no use here are not named, and passed over."""

from __future__ import annotations

from typing import Any

import msgspec


class Said(msgspec.Struct):
    """A no (code 0 is none); or, on the stream, a reply to the request of that name, or data of a topic."""

    code: int = 0
    text: str = ""
    reply: str = ""
    topic: str = ""
    market: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")


def _shape(name: str, texts: str, numbers: str, **others: Any) -> Any:  # a class that is made here
    fields = [(one, str) for one in texts.split()] + [(one, int) for one in numbers.split()]

    return msgspec.defstruct(name, [*fields, *others.items()])


_LEVELS = tuple[tuple[str, str], ...]
Market = _shape("Market", "market base quote", "leverage", is_open=bool, rules=dict[str, Any])
Order = _shape("Order", "market side type state price amount filled forced text", "tag id order ms code")
Execution = _shape("Fill", "market side price amount fee asset profit forced", "tag id order ms trade", is_maker=bool)
Account = _shape("Account", "asset wallet position entry free bound bids asks", "ms leverage")
Book = _shape("Book", "", "last after ms", bids=_LEVELS, asks=_LEVELS)  # after -1 comes a snapshot
Mark = _shape("Mark", "mark index rate", "charged_ms ms")
Trade = _shape("Trade", "price amount taker", "ms")
Funding = _shape("Funding", "asset amount", "number ms")
