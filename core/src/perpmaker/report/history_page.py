"""The history of a bot for a person, in at most 80 columns, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import attrs

from perpmaker.model.order import OrderKind
from perpmaker.report.history import DayHistory, History, MarkoutHistory
from perpmaker.report.history_rows import HistoryRow
from perpmaker.report.status import plain
from perpmaker.report.wrapping import wrapped

WIDTH = 80
LAST = 10
"""Lines of the newest that a page shows; all of them are in CSV and JSON."""

_WHAT = {kind.value: kind.words for kind in OrderKind}
_COLUMNS = tuple(field.name for field in attrs.fields(HistoryRow) if field.name != "venue_ms")


def as_csv(history: History) -> str:
    """Return a line with the names of the columns, and a line for each entry, oldest first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)

    for row in history.entries:
        writer.writerow([_cell(getattr(row, name)) for name in _COLUMNS])

    return text.getvalue()


def page(history: History, *, with_markouts: bool = False) -> str:
    """Return the page."""
    of = history.of
    span = (
        "nothing was booked yet" if of.since is None else f"{_moment(of.since)} to {_moment(of.until or of.since)} UTC"
    )
    head = [
        *_cut(f"{of.environment} {of.market} on {of.venue}, account {of.account} ({of.name})"),
        f"{span}, {of.runs} run{'s' if of.runs != 1 else ''}",
    ]
    parts = [head, list(_days(history.days)), list(_totals(history))]

    if with_markouts:
        parts.append(list(_markouts(history)))

    parts += [list(_newest(history)), [line for note in history.notes for line in wrapped("!! ", note)]]

    return "\n\n".join("\n".join(part) for part in parts if part)


# --- sums ------------------------------------------------------------------------------------------------------------


def _days(days: Sequence[DayHistory]) -> Iterator[str]:
    if not days:
        return

    yield f"{'day (UTC)':<11}{'asset':<6}{'fills':>6}{'realised':>15}{'fees':>13}{'funding':>13}{'result':>15}"

    for day in days:
        for number, asset in enumerate(day.result_by_asset):
            fills = str(day.fills) if number == 0 else ""
            cells = (day.realized_by_asset, day.fees_by_asset, day.funding_by_asset, day.result_by_asset)
            amounts = [_short(one.get(asset, Decimal(0))) for one in cells]
            widths = (15, 13, 13, 15)
            columns = "".join(f"{text:>{width}}" for text, width in zip(amounts, widths, strict=True))
            yield f"{day.day if number == 0 else '':<11}{asset[:5]:<6}{fills:>6}{columns}"


def _totals(history: History) -> Iterator[str]:
    quote = history.asset
    rows = [
        ("fills", f"{history.fills}, volume {money(history.volume)} {quote}"),
        ("realised PnL", _amounts(history.realized_by_asset)),
        ("fees", _amounts(history.fees_by_asset)),
        ("funding", _amounts(history.funding_by_asset)),
        ("liquidation", _amounts(history.liquidation_by_asset)),
        ("other", _amounts(history.other_by_asset)),
        ("result", _amounts(history.result_by_asset)),
        ("by hand", _amounts(history.by_hand_by_asset)),
        ("transfers", _amounts(history.transfers_by_asset)),
        *_split(history),
        *_wallets(history),
    ]

    for name, value in rows:
        if value:
            yield from wrapped(f"{name:<14}", value)


def _split(history: History) -> Iterator[tuple[str, str]]:
    """Where the result comes from, and what is not booked yet."""
    split, quote = history.pnl, history.asset

    if split.unrealized_pnl:
        yield "unrealised", f"{money(split.unrealized_pnl)} {quote} at the mark price, not in the result"

    if history.fills:
        inventory = "unknown: no mark price" if split.inventory is None else f"{money(split.inventory)} {quote}"
        told = f" ({split.unsplit_fills} fills without a middle of the book)" if split.unsplit_fills else ""
        yield "of which", f"spread {money(split.spread)} {quote}, inventory {inventory}{told}"


def _wallets(history: History) -> Iterator[tuple[str, str]]:
    for asset, wallet in history.wallet.items():
        change = wallet.closing - wallet.opening
        told = (
            "all of it booked" if not wallet.difference else f"{plain(wallet.difference)} {asset} of it not explained"
        )
        yield (
            f"wallet {asset}",
            f"{plain(wallet.opening)} to {plain(wallet.closing)}, {_signed(change)} {asset}: {told}",
        )


# --- markouts and lines ----------------------------------------------------------------------------------------------


def _markouts(history: History) -> Iterator[str]:
    if not history.markout:
        yield "no markouts: none of these fills was followed for a second"
        return

    quote = history.asset
    heads = f"{f'at once, {quote}':>19}{f'then, {quote}':>19}{'bp of volume':>14}"
    yield f"{'markout of':<14}{'after':>6}{'fills':>7}{heads}"

    for one in history.markout:
        yield _markout(one)


def _markout(one: MarkoutHistory) -> str:
    what = _WHAT.get(one.what, one.what)

    return (
        f"{what[:13]:<14}{f'{one.after_s} s':>6}{one.fills:>7}{_short(one.at_fill):>19}{_short(one.amount):>19}"
        f"{plain(one.bp):>14}"
    )


def _newest(history: History) -> Iterator[str]:
    rows = history.entries[-LAST:]

    if len(history.entries) > len(rows):
        yield f"the last {len(rows)} of {len(history.entries)} (all of them with --csv or --json)"

    for row in rows:
        yield from wrapped(f"{_moment(row.at)[5:]}  ", _words(row))


def _words(row: HistoryRow) -> str:
    if row.kind != "fill" or row.amount is None or row.price is None:
        return f"{row.kind:<10}{_signed(row.money)} {row.asset}"

    what = _WHAT.get(row.what, row.what) if row.own else "by hand"
    verb = "bought" if row.side == "buy" else "sold"
    won = f", {_signed(row.money)} {row.asset}" if row.money else ""

    return (
        f"{what:<10}{verb} {plain(row.amount)} at {plain(row.price)}{won}, fee {plain(row.fee or Decimal(0))} "
        f"{row.fee_asset}"
    )


# --- words -----------------------------------------------------------------------------------------------------------


def money(value: Decimal) -> str:
    """Money for people: eight decimals at most, never less than two."""
    text = f"{value:z.8f}".rstrip("0")
    whole, _, decimals = text.partition(".")

    return f"{whole}.{decimals:0<2}"


def _short(value: Decimal) -> str:
    """Money in a table: as many decimals as there is room for, at most eight."""
    text = money(value)

    return text if len(text) <= 12 else f"{value:z.4f}"  # noqa: PLR2004  # characters of a column


def _signed(value: Decimal) -> str:
    return f"{'+' if value >= 0 else ''}{money(value)}"


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{money(amount)} {asset}" for asset, amount in amounts.items())


def _moment(text: str) -> str:
    """A time without the letters of ISO 8601, to the second."""
    return text[:19].replace("T", " ")


def _cut(line: str) -> Iterable[str]:
    return (line,) if len(line) <= WIDTH else wrapped("", line)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case _:
            return str(value)
