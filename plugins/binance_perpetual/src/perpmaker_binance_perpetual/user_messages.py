"""What the account's stream says, under the same rules as `messages`."""
# the venue's own words

from __future__ import annotations

from typing import Any

import msgspec

from perpmaker.venue import Id, Millis, Number
from perpmaker_binance_perpetual.rest import Head

_NO_ROWS = msgspec.Raw(b"[]")


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """`o` of ORDER_TRADE_UPDATE: x what happened, X the status after it, l/L the last fill, z the sum of fills.

    `M` the number of an amend (with x=AMENDMENT), `n`/`N` fee and its asset (absent without a fee), `rp` the fill's
    realised profit, `er` why an order expired; of a triggered conditional order `ot` is the kind it was, `sp` its
    trigger, `cp` whether it closes the position. Of what the venue closes by force several of them may be null.
    """

    s: str
    c: str
    S: str
    o: str
    q: Number
    p: Number
    x: str
    X: str
    i: Id
    z: Number
    T: Millis
    f: str = "GTC"
    l: Number = "0"  # noqa: E741  # the venue's own word
    L: Number = "0"
    n: Number | None = None
    N: str | None = None
    t: Id | None = None
    m: bool = False
    R: bool | None = None
    ps: str = "BOTH"
    rp: Number | None = None
    er: Number | None = None
    ot: str | None = None
    sp: Number | None = None
    cp: bool | None = None
    M: str | int | None = None


class OrderTradeUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """User event ORDER_TRADE_UPDATE."""

    o: OrderUpdate


class AlgoUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """`o` of ALGO_UPDATE: caid and aid its ids, X the status, tp the trigger, ai the order it became, aq executed."""

    caid: str
    aid: Id
    s: str
    S: str
    X: str
    tp: Number = "0"
    ps: str = "BOTH"
    q: Number | None = None
    ai: str | int | None = None
    aq: Number | None = None
    cp: bool = True
    wt: str = ""


class ConditionalUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """User event ALGO_UPDATE."""

    T: Millis
    o: AlgoUpdate


class BalanceUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """`B` of ACCOUNT_UPDATE: wb wallet balance, bc its change other than profit and fees."""

    a: str
    wb: Number
    bc: Number = "0"


class PositionUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """`P` of ACCOUNT_UPDATE: pa signed amount, ep entry price, mt `cross` or `isolated`, iw isolated wallet."""

    s: str
    pa: Number
    ep: Number
    ps: str = "BOTH"
    mt: str = "cross"
    iw: Number = "0"


class AccountChange(msgspec.Struct, frozen=True, kw_only=True):
    """`a` of ACCOUNT_UPDATE: m the reason, S the market where the reason is funding; its rows are undecoded.

    `B` has `BalanceUpdate`, `P` has `PositionUpdate`.
    """

    m: Any = None
    B: msgspec.Raw = _NO_ROWS
    P: msgspec.Raw = _NO_ROWS
    S: Any = None


class AccountUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """User event ACCOUNT_UPDATE: what changed, nothing else. Without a date it may be about another market."""

    a: AccountChange
    T: Any = None


class CalledPosition(msgspec.Struct, frozen=True, kw_only=True):
    """`p` of MARGIN_CALL: s the market, mt whose margin it is, pa signed amount, mm the maintenance that it needs."""

    s: str = ""
    mt: str | None = None
    pa: Number | None = None
    mm: Number | None = None


class MarginCall(msgspec.Struct, frozen=True, kw_only=True):
    """User event MARGIN_CALL: `CalledPosition` that come near to liquidation, undecoded; E when it was sent."""

    E: Any = 0
    p: msgspec.Raw = _NO_ROWS


class LeverageChange(msgspec.Struct, frozen=True, kw_only=True):
    """`ac` of ACCOUNT_CONFIG_UPDATE."""

    s: str
    l: int  # noqa: E741  # the venue's own word


class AccountConfigUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """User event ACCOUNT_CONFIG_UPDATE: a leverage (ac) or the multi-assets mode (absent ac) was changed."""

    ac: LeverageChange | None = None


class OwnedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What tells whose an event is: about an order (o), or about what a market is set to (ac)."""

    o: Head | None = None
    ac: Head | None = None
