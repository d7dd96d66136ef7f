"""Events of the account's stream, read as far as they are ours: the market first, then the rows, each by itself.

The stream tells of every market and of everybody's orders on the account. What is not about this market is not looked
into; what is, and is not ours, may be anything.
"""
# the venue's own words

from __future__ import annotations

from typing import Any

import attrs
import msgspec

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.venue import Message, RowReader
from perpmaker_binance_perpetual.rest import Head, Rows, is_own
from perpmaker_binance_perpetual.user_messages import (
    AccountChange,
    AccountUpdate,
    BalanceUpdate,
    CalledPosition,
    MarginCall,
    PositionUpdate,
)

_NO_ROWS = msgspec.Raw(b"[]")


@attrs.frozen(kw_only=True)
class Whose:
    """What tells whose an event is: s the market, c or caid the client id of the order."""

    s: Any = None
    c: Any = None
    caid: Any = None


@attrs.frozen(kw_only=True)
class _Owned:
    """An event about an order, or about what a market is set to."""

    o: Whose = attrs.field(factory=Whose)
    ac: Whose = attrs.field(factory=Whose)


@attrs.frozen(kw_only=True)
class _Change:
    """`a` of ACCOUNT_UPDATE, its rows undecoded."""

    m: Any = None
    B: msgspec.Raw = _NO_ROWS
    P: msgspec.Raw = _NO_ROWS
    S: Any = None


@attrs.frozen(kw_only=True)
class _Update:
    """User event ACCOUNT_UPDATE."""

    a: _Change
    T: Any = None


@attrs.frozen(kw_only=True)
class _Call:
    """User event MARGIN_CALL."""

    E: Any = 0
    p: msgspec.Raw = _NO_ROWS


_OWNED = PayloadDecoder(_Owned)
_UPDATE = PayloadDecoder(_Update)
_CALL = PayloadDecoder(_Call)
_BALANCE = PayloadDecoder(BalanceUpdate)
_POSITION = PayloadDecoder(PositionUpdate)
_CALLED = PayloadDecoder(CalledPosition)
_MARKET = PayloadDecoder(Whose)
_ROWS = PayloadDecoder(Rows)
_LATEST_MS = 2**53


@attrs.frozen
class UserRows:
    """Reads events about one market; `reader` counts what is left out."""

    symbol: str
    reader: RowReader[Head]

    def is_ours(self, message: Message) -> bool:
        """Whether an event about an order or about settings is about this market, or says so of an order of ours."""
        whose = _owned(message)
        market = whose.o.s if whose.o.s is not None else whose.ac.s

        return market == self.symbol or (not isinstance(market, str) and _is_own(whose))

    def is_own_order(self, message: Message) -> bool:
        """Whether an event about an order says that it is one of ours."""
        return _is_own(_owned(message))

    def account_update(self, message: Message) -> AccountUpdate | None:
        """ACCOUNT_UPDATE with the rows that are about this market; of assets, those that can be read.

        None for one without a date that is not about this market; PayloadError when it is.
        """
        update = _UPDATE.decode(message)
        change, market = update.a, update.a.S
        mine = [row for row in self._rows(change.P) if _market(row) == self.symbol]

        if not _is_time(update.T):
            if mine or market == self.symbol:
                raise PayloadError(f"{update.T!r:.40} is no time", path="$.T")

            self.reader.skipped["ACCOUNT_UPDATE"] += 1

            return None

        return AccountUpdate(
            T=int(update.T),
            a=AccountChange(
                m=change.m if isinstance(change.m, str) else "",
                B=list(self.reader.read(self._rows(change.B), _BALANCE.decode, "assets")),
                P=[_POSITION.decode(bytes(row)) for row in mine],
                S=market if isinstance(market, str) else None,
            ),
        )

    def margin_call(self, message: Message) -> MarginCall | None:
        """MARGIN_CALL with the rows that can be read; None where there are some, and none of them can be."""
        call = _CALL.decode(message)
        called = self._rows(call.p)
        rows = list(self.reader.read(called, _CALLED.decode, "margin calls"))

        if called and not rows:
            return None

        return MarginCall(E=int(call.E) if _is_time(call.E) else 0, p=rows)

    def _rows(self, rows: msgspec.Raw) -> list[msgspec.Raw]:
        """The rows of a list, undecoded; none where there is no list."""
        try:
            return _ROWS.decode(bytes(rows))
        except PayloadError:
            self.reader.skipped["lists"] += 1

            return []


def _owned(message: Message) -> _Owned:
    try:
        return _OWNED.decode(message)
    except PayloadError:
        return _Owned()


def _is_own(whose: _Owned) -> bool:
    return is_own(whose.o.c) or is_own(whose.o.caid)


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LATEST_MS


def _market(row: msgspec.Raw) -> object:
    try:
        return _MARKET.decode(bytes(row)).s
    except PayloadError:
        return None
