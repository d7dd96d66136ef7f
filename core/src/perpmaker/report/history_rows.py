"""What happened to the money of a bot, line by line: fills, funding, and whatever else was booked, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import attrs

from perpmaker.ledger.entries import FillEntry, IncomeEntry, LedgerEntry, MarkoutEntry
from perpmaker.ledger.markouts import HORIZONS_S
from perpmaker.ledger.statement import Statement
from perpmaker.ledger.sums import Amount, Line
from perpmaker.ledger.trades import Trade
from perpmaker.report.status import iso

NAMES = {
    Line.REALIZED: "profit",
    Line.FEES: "fee",
    Line.FUNDING: "funding",
    Line.LIQUIDATION: "liquidation",
    Line.OTHER: "other",
    Line.TRANSFERS: "transfer",
    Line.BY_HAND: "by hand",
}
"""What a line of the ledger that is no fill is called."""


@attrs.frozen(kw_only=True)
class HistoryRow:
    """One line. The field names are the columns of `--csv` and the keys of `entries` in JSON, and stay as they are.

    `kind` is `fill`, or what `NAMES` says. `what` is what an order was for, empty where that is not known. `money` is
    signed from our side and in `asset`: the realised profit of a fill, else the amount. `fee` is positive when paid.
    `mid` is the middle of the book at a fill, `markout_*s` what the fill was worth against the middle so long after
    it, in quote asset; None where it is not known. `own` is false for orders of somebody else.
    """

    at: str
    kind: str
    what: str = ""
    side: str = ""
    position_side: str = ""
    amount: Decimal | None = None
    price: Decimal | None = None
    maker: bool | None = None
    asset: str
    money: Decimal
    fee: Decimal | None = None
    fee_asset: str = ""
    mid: Decimal | None = None
    markout_1s: Decimal | None = None
    markout_10s: Decimal | None = None
    markout_60s: Decimal | None = None
    own: bool = True
    id: str = ""
    order: str = ""
    venue_ms: int = attrs.field(default=0, repr=False)


def history_rows(
    statement: Statement, entries: Iterable[LedgerEntry], quote: str, since_ms: int
) -> tuple[HistoryRow, ...]:
    """Return the lines since a time, oldest first."""
    mids = {(one.fill_key, one.after_s): one.mid for one in entries if isinstance(one, MarkoutEntry)}
    rows = [*_of_trades(statement.trades, mids, quote), *_of_others(statement)]

    return tuple(sorted((row for row in rows if row.venue_ms >= since_ms), key=lambda row: row.venue_ms))


def worth(fill: FillEntry, mid: Decimal) -> Decimal:
    """Return what a fill has won against a middle of the book, in quote asset."""
    return fill.side.sign * (mid - fill.price) * fill.amount


def _of_trades(trades: Iterable[Trade], mids: Mapping[tuple[str, int], Decimal], quote: str) -> Iterator[HistoryRow]:
    for trade in trades:
        if not trade.fills:
            yield from (_of_amount(amount, _first_id(trade)) for amount in trade.amounts())

        for fill in trade.fills.values():
            yield _of_fill(fill, trade if len(trade.fills) == 1 else None, mids, quote)


def _first_id(trade: Trade) -> str:
    return next((one.record.income_id for one in trade.rows.values()), "")


def _of_fill(fill: FillEntry, trade: Trade | None, mids: Mapping[tuple[str, int], Decimal], quote: str) -> HistoryRow:
    """A fill with its money as it is booked; of several fills under one id, as each was told."""
    profit, fee, fee_asset = fill.profit, fill.fee, fill.fee_asset

    if trade is not None:
        profit = sum((one.amount for one in trade.profits()), Decimal(0))
        paid = list(trade.fees())
        fee, fee_asset = -sum((one.amount for one in paid), Decimal(0)), paid[0].asset if paid else fee_asset

    known = {after_s: mids.get((fill.key, after_s)) for after_s in HORIZONS_S}
    marked = {f"markout_{after_s}s": None if mid is None else worth(fill, mid) for after_s, mid in known.items()}

    return HistoryRow(
        at=iso(fill.venue_ms),
        kind="fill",
        what=fill.forced or ("" if fill.what is None else fill.what.value),
        side=fill.side.value,
        position_side=fill.position_side.value,
        amount=fill.amount,
        price=fill.price,
        maker=fill.maker,
        asset=quote,
        money=profit,
        fee=fee,
        fee_asset=fee_asset,
        mid=fill.mid,
        own=fill.ours,
        id=fill.trade_id,
        order=fill.client_id,
        venue_ms=fill.venue_ms,
        **marked,
    )


def _of_others(statement: Statement) -> Iterator[HistoryRow]:
    for group in statement.others:
        for amount, entry in group:
            yield _of_amount(amount, entry.record.income_id if isinstance(entry, IncomeEntry) else entry.funding_id)


def _of_amount(amount: Amount, income_id: str) -> HistoryRow:
    return HistoryRow(
        at=iso(amount.venue_ms),
        kind=NAMES[amount.line],
        asset=amount.asset,
        money=amount.amount,
        own=amount.line is not Line.BY_HAND,
        id=income_id,
        venue_ms=amount.venue_ms,
    )
