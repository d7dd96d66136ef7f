"""The margin that the chain demands, reckoned as it does: the Indexer tells equity and free collateral alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from perpmaker import PayloadError
from perpmaker.venue import Number, parse_decimal

from . import messages


def maintenance_of(rows: Iterable[messages.Position | None], ratios: Mapping[str, Number]) -> Decimal | None:
    """Return the maintenance margin of all positions of a subaccount; None where one of them cannot be reckoned."""
    total = Decimal(0)

    for row in rows:
        try:
            margin = None if row is None else _margin_of(row, ratios.get(row.market))
        except PayloadError:  # another market's, perhaps: what is ours was read before
            margin = None

        if margin is None:
            return None

        total += margin

    return total


def _margin_of(row: messages.Position, ratio: Number | None) -> Decimal | None:
    """Return size x oracle price x the market's ratio; the unrealised profit tells at which price it was reckoned."""
    if ratio is None or row.unrealized_pnl is None:
        return None

    size = abs(parse_decimal(row.size, path="$.size")) * (1 if row.side == "LONG" else -1)
    cost = size * parse_decimal(row.entry_price, path="$.entryPrice")
    notional = abs(cost + parse_decimal(row.unrealized_pnl, path="$.unrealizedPnl"))

    return notional * parse_decimal(ratio, path="$.maintenanceMarginFraction")
