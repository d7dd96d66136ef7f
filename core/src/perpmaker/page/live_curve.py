"""The curve of a running bot: what its journal has of the run, and then each status that it tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from perpmaker.backtest.builder import COLUMNS
from perpmaker.backtest.curve import Row, Thinning
from perpmaker.backtest.result import Curve
from perpmaker.ledger.sums import ZERO
from perpmaker.report.status import LevelStatus, Status

_MONEY: Final = ("total", "inventory")
_EARLY: Final = 600


class LiveCurve:
    """Takes in statuses. `number` changes when all of it is another one, so that who has drawn it begins again."""

    def __init__(self) -> None:
        self.number = 0
        self._thinning = Thinning(len(COLUMNS))
        self._early: list[tuple[int, Row]] | None = []
        self._newest_ms = 0

    def add(self, status: Status) -> tuple[int, Row] | None:
        """Take in how the bot stands, and return the row that it adds; None where it has not begun to trade."""
        if status.tick is None or status.pnl is None:
            return None

        at_ms = max(ms_of(status.at), self._newest_ms + 1)
        row = row_of(status)
        self._newest_ms = at_ms
        self._thinning.add(at_ms, row)

        if self._early is not None:
            self._early.append((at_ms, row))

            if len(self._early) > _EARLY:
                self._early = None

        return at_ms, row

    def begin_with(self, curve: Curve, opened: Decimal | None) -> None:
        """Put what the journal has before what was told; `opened` is the profit that was open when the run began."""
        if self._early is None:
            return

        early, self._early = self._early, None
        first_ms = early[0][0] if early else self._newest_ms + 1
        thinning = Thinning(len(COLUMNS))

        for index, at_ms in enumerate(curve.at_ms):
            if at_ms < first_ms:
                thinning.add(at_ms, tuple(_shifted(name, curve.columns[name][index], opened) for name in COLUMNS))

        for at_ms, row in early:
            thinning.add(at_ms, row)

        self._thinning = thinning
        self.number += 1

    def content(self) -> dict[str, Any]:
        """Return all of it, as JSON: times in seconds, and a list for each column."""
        rows = self._thinning.rows()

        return {
            "number": self.number,
            "x": [at_ms / 1000 for at_ms, _ in rows],
            "columns": {
                name: [None if row[index] is None else float(row[index] or 0) for _, row in rows]
                for index, name in enumerate(COLUMNS)
            },
        }


def row_of(status: Status) -> Row:
    """Return a status as a row of the curve."""
    pnl, quote = status.pnl, status.quote
    zero = ZERO if pnl is None else None

    return (
        zero if pnl is None else pnl.result,
        zero if pnl is None else pnl.spread,
        zero if pnl is None else pnl.inventory,
        zero if pnl is None else -pnl.fees_by_asset.get(quote, ZERO),
        zero if pnl is None else pnl.funding_by_asset.get(quote, ZERO),
        sum((position.amount for position in status.positions), ZERO),
        status.reference,
        status.mark,
        status.best_bid,
        status.best_ask,
        _best(status.quotes, "buy"),
        _best(status.quotes, "sell"),
    )


def ms_of(moment: str) -> int:
    """Return a moment of a status as milliseconds since 1970."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _best(quotes: Sequence[LevelStatus], side: str) -> Decimal | None:
    prices = [one.price for one in quotes if one.side == side and one.price is not None]

    return None if not prices else max(prices) if side == "buy" else min(prices)


def _shifted(name: str, value: Decimal | None, opened: Decimal | None) -> Decimal | None:
    """A status counts the profit that was open when the run began; the curve of a journal does not."""
    return value if value is None or opened is None or name not in _MONEY else value + opened
