"""Payloads of the algo service, which keeps conditional orders, under the same rules as `messages`."""
# ruff: noqa: N815  # the venue's own words

from __future__ import annotations

import attrs

from perpmaker.connector.payload import Id, Millis, Number


@attrs.frozen(kw_only=True)
class AlgoOrder:
    """A conditional order of the algo service, from placing, cancelling, asking and listing alike.

    `actualOrderId` is the regular order it became, empty before; a cancel answers with the ids alone.
    """

    algoId: Id
    clientAlgoId: str
    symbol: str = ""
    side: str = ""
    positionSide: str = "BOTH"
    algoStatus: str = ""
    triggerPrice: Number = "0"
    quantity: Number | None = None
    actualOrderId: str | int | None = None
    actualQty: Number | None = None
    closePosition: bool = True
    workingType: str = ""
    updateTime: Millis = 0


@attrs.frozen(kw_only=True)
class AlgoUpdate:
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


@attrs.frozen(kw_only=True)
class ConditionalUpdate:
    """User event ALGO_UPDATE."""

    T: Millis
    o: AlgoUpdate
