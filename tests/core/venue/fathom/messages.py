"""What Fathom says: rows are lists, in which each place has its meaning."""

from __future__ import annotations

import msgspec

Market = tuple[str, str, str, bool, int, dict[str, str]]  # name, base, quote, is open, leverage, rules of `Instrument`
Order = tuple[int, int, int, str, str, str, str, str, str, int, int, str]
"""Tag, id, the venue's number (0: never was), side, type, state, price, amount, filled, time, code and text of a no."""
Execution = tuple[int, int, int, int, str, str, str, str, str, bool, str, int]
"""Tag, id, the order's number, its own, side, price, amount, fee, asset of the fee, whether maker, profit, time."""
Account = tuple[str, str, str, str, int, int, str, str, str, str]
"""Asset, wallet, position, entry, time, leverage, what is free, what orders bind, notional of bids, of asks."""
Levels = tuple[tuple[str, str], ...]
Book = tuple[int, int, Levels, Levels, int]  # number, that which it follows (-1: a snapshot), bids, asks, time
Mark = tuple[str, str, str, int, int]  # mark, index, funding rate, when that is charged, time
Trade = tuple[int, str, str, str, int]  # number, price, amount, the taker's side, time
Funding = tuple[int, str, str, int]  # number, asset, amount, time


class Said(msgspec.Struct):
    """A no (code 0 is none); or, on the stream, a reply to the request of that name, or data of a topic."""

    code: int = 0
    text: str = ""
    reply: str = ""
    topic: str = ""
    market: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
