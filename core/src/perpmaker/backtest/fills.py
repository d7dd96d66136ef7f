"""Keeps the fills of a run, thinned where there are very many, and sums what they were worth later."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.backtest.result import FillResult
from perpmaker.ledger.entries import FillEntry, MarkoutEntry
from perpmaker.ledger.markouts import HORIZONS_S
from perpmaker.ledger.sums import ZERO
from perpmaker.model.order import OrderKind, Slot
from perpmaker.report.history import MarkoutHistory, MarkoutSums
from perpmaker.report.history_rows import worth

MOST: Final = 4_000
"""Fills that are kept at most."""

REMEMBERED: Final = 20_000
"""Fills that are remembered: a repeated one is recognised, and markouts are added to the fill they belong to."""


class Fills:
    """Takes in executions and markouts."""

    def __init__(self) -> None:
        self.left_out = 0
        self._known: OrderedDict[str, FillEntry] = OrderedDict()
        self._kept: dict[str, FillResult] = {}
        self._sums: dict[tuple[str, int], MarkoutSums] = {}
        self._seen_marks: OrderedDict[str, None] = OrderedDict()

    def take(self, entry: FillEntry, slot: Slot | None) -> bool:
        """Take in an execution; False when it is known. `slot` is its order's, where that is remembered."""
        is_new = entry.key not in self._known
        known = self._kept.get(entry.key)
        self._known[entry.key] = entry
        fill = _fill(entry, slot)

        if is_new:
            self._kept[entry.key] = fill
        elif known is not None:
            self._kept[entry.key] = attrs.evolve(
                known, own=known.own or fill.own, what=fill.what or known.what, profit=fill.profit or known.profit
            )

        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

        if len(self._kept) > MOST:
            self._thin()

        return is_new

    def mark(self, entry: MarkoutEntry) -> None:
        """Take in the middle of the book some time after a fill."""
        fill = self._known.get(entry.fill_key)

        if fill is None or not fill.ours or entry.key in self._seen_marks:
            return

        self._seen_marks[entry.key] = None

        if len(self._seen_marks) > REMEMBERED:
            self._seen_marks.popitem(last=False)

        self._sums.setdefault((_what(fill) or "unknown", entry.after_s), MarkoutSums()).add(fill, entry.mid)
        kept = self._kept.get(entry.fill_key)

        if kept is not None:
            self._kept[entry.fill_key] = _marked(kept, entry.after_s, worth(fill, entry.mid))

    def kept(self) -> tuple[FillResult, ...]:
        """Return the fills that are kept, oldest first."""
        return tuple(sorted(self._kept.values(), key=lambda one: one.at_ms))

    def markouts(self) -> tuple[MarkoutHistory, ...]:
        """Return what fills of ours were worth later, by the kind of their orders."""
        return tuple(self._sums[key].history(*key) for key in sorted(self._sums))

    def _thin(self) -> None:
        """Leave out every second fill: of two neighbours the one that says less."""
        items = list(self._kept.items())
        kept = [max(items[at : at + 2], key=lambda item: _weight(item[1])) for at in range(0, len(items), 2)]
        self.left_out += len(items) - len(kept)
        self._kept = dict(kept)


def _marked(fill: FillResult, after_s: int, amount: Decimal) -> FillResult:
    """The fill with what it was worth so long after it."""
    first_s, second_s, third_s = HORIZONS_S

    return attrs.evolve(
        fill,
        markout_1s=amount if after_s == first_s else fill.markout_1s,
        markout_10s=amount if after_s == second_s else fill.markout_10s,
        markout_60s=amount if after_s == third_s else fill.markout_60s,
    )


def _weight(fill: FillResult) -> tuple[bool, bool, Decimal]:
    """How much a fill says: exits that nobody wanted first, then what moved the most money."""
    is_quote = fill.what in {OrderKind.QUOTE.value, OrderKind.TAKE_PROFIT.value}

    return not is_quote, fill.what != OrderKind.QUOTE.value, abs(fill.profit)


def _what(entry: FillEntry) -> str:
    return entry.forced or ("" if entry.what is None else entry.what.value)


def _fill(entry: FillEntry, slot: Slot | None) -> FillResult:
    is_quote = slot is not None and slot.kind.is_quote

    return FillResult(
        at_ms=entry.venue_ms,
        side=entry.side.value,
        position_side=entry.position_side.value,
        price=entry.price,
        amount=entry.amount,
        what=_what(entry) or ("" if slot is None or not entry.ours else slot.kind.value),
        level=slot.level if slot is not None and is_quote else None,
        fee=entry.fee,
        fee_asset=entry.fee_asset,
        maker=entry.maker,
        profit=entry.profit or ZERO,
        mid=entry.mid,
        own=entry.ours,
    )
