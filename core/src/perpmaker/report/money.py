"""The money of a run by asset: what a summary and the live line add up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from perpmaker.ledger.assets import added, negated, without_idle
from perpmaker.ledger.ledger import Ledger
from perpmaker.state.account import Totals


@attrs.frozen(kw_only=True)
class RunMoney:
    """Sums of one run. `fees` are positive when paid.

    `funding` and `liquidation` are signed from our side.
    """

    realized_pnl: Decimal = Decimal(0)
    fees: Mapping[str, Decimal] = attrs.field(factory=dict)
    funding: Mapping[str, Decimal] = attrs.field(factory=dict)
    liquidation: Mapping[str, Decimal] = attrs.field(factory=dict)

    def result(self, quote: str, unrealized: Decimal) -> dict[str, Decimal]:
        """Return what the run has come to, by asset, the quote asset first: booked and not."""
        profit = {quote: self.realized_pnl + unrealized}

        return without_idle(added(profit, negated(self.fees), self.funding, self.liquidation), keep=(quote,))


def money_of(totals: Totals, before: Totals, ledger: Ledger) -> RunMoney:
    """Return the sums of the run alone: `before` is what of `totals` orders of earlier runs did."""
    return RunMoney(
        realized_pnl=totals.realized_pnl - before.realized_pnl + ledger.rounding,
        fees=added(totals.fees, negated(before.fees)),
        funding=ledger.funding.by_asset,
        liquidation=ledger.liquidation_by_asset,
    )
