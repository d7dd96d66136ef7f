"""The maintenance margin of a subaccount, which the Indexer does not tell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from perpmaker_dydx_perpetual import messages
from perpmaker_dydx_perpetual.margin import maintenance_of

RATIOS = {"BTC-USD": "0.012", "ETH-USD": "0.02"}


def position(**changes: Any) -> messages.Position:
    """A long position of 2 BTC from 100, at an oracle price of 110."""
    return messages.Position(
        **{
            "market": "BTC-USD",
            "side": "LONG",
            "status": "OPEN",
            "size": "2",
            "entry_price": "100",
            "unrealized_pnl": "20",
            **changes,
        }
    )


def test_each_position_counts_at_the_oracles_price_by_its_own_markets_ratio() -> None:
    """Long and short: the unrealised profit tells the price that the Indexer reckoned with."""
    short = position(market="ETH-USD", side="SHORT", size="-10", entry_price="50", unrealized_pnl="-100")
    assert maintenance_of([position()], RATIOS) == Decimal(220) * Decimal("0.012")
    assert maintenance_of([position(), short], RATIOS) == Decimal("2.64") + Decimal(600) * Decimal("0.02")
    assert maintenance_of([], RATIOS) == 0


def test_what_cannot_be_reckoned_is_not_told() -> None:
    """A row that was not read, a market that is not known, and a profit that is not there or no number."""
    wrong = (None, position(market="SOL-USD"), position(unrealized_pnl=None), position(unrealized_pnl="NaN"))

    for one in wrong:
        assert maintenance_of([position(), one], RATIOS) is None
