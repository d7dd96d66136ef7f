"""Entries as tests make them: short words for what a venue tells."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.ledger.entries import FillEntry, IncomeEntry
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import OrderKind, PositionSide, Side

NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z


class Entries:
    """Makes entries."""

    noon_ms = NOON_MS

    def fill(self, trade_id: str = "1", side: Side = Side.BUY, **changes: Any) -> FillEntry:
        """One execution of ours: 2 at 100, fee 0.1, the middle of the book at 100.5."""
        plain: dict[str, Any] = {
            "client_id": "pm-x-1",
            "position_side": PositionSide.NET,
            "price": Decimal(100),
            "amount": Decimal(2),
            "fee": Decimal("0.1"),
            "fee_asset": "USDT",
            "maker": True,
            "realized": Decimal(0),
            "own_profit": Decimal(0),
            "venue_ms": NOON_MS,
            "ours": True,
            "what": OrderKind.QUOTE,
            "mid": Decimal("100.5"),
        }

        return FillEntry(trade_id=trade_id, side=side, **{**plain, **changes})

    def row(self, kind: IncomeKind, amount: str, income_id: str = "1", **changes: Any) -> IncomeEntry:
        """A row of the income history, in USDT."""
        plain: dict[str, Any] = {"word": kind.name, "asset": "USDT", "venue_ms": NOON_MS, "symbol": "BTCUSDT"}

        return IncomeEntry(
            record=IncomeRecord(kind=kind, income_id=income_id, amount=Decimal(amount), **{**plain, **changes})
        )


@pytest.fixture
def entries() -> Entries:
    """The maker of entries."""
    return Entries()
