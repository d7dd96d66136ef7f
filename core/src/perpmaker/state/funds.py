"""What quotes may take margin from: the venue's own word on the account, and what has happened since.

The wallet says nothing about it: other markets bind it, other assets stand behind it, credits are in no wallet. So:
what was available when the venue was asked, plus what it binds for the orders of ours that rested then, less the margin
of what was executed since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal

from perpmaker.model.account import AccountFacts, AccountSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.model.margin import bound_notional, quote_cost
from perpmaker.model.order import OrderReport, PositionSide, Side
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import CAPITAL_MAX_AGE_S

_KEPT_S = 2 * CAPITAL_MAX_AGE_S
_ZERO = Decimal(0)


class Funds:
    """Keeps the newest snapshot and the margin of fills after it."""

    def __init__(self, leverage: int) -> None:
        self.snapshot: AccountSnapshot | None = None
        self.facts = AccountFacts()
        self._leverage = leverage
        self._returned = _ZERO
        self._fills: deque[tuple[float, Decimal]] = deque()
        self.capital: Decimal | None = None
        """What quotes may take margin from, in quote asset, those that rest included; None until the venue told."""

    def read(
        self,
        snapshot: AccountSnapshot,
        instrument: Instrument,
        ours: Iterable[WorkingOrder],
        foreign: Iterable[OrderReport],
        mark: Decimal | None = None,
    ) -> None:
        """Take the venue's word, unless a newer one is known. `ours` and `foreign` are the orders that rest."""
        if self.snapshot is not None and snapshot.asked_at < self.snapshot.asked_at:
            return

        self.snapshot = snapshot
        self._returned = snapshot.order_margin * _share(snapshot, instrument, ours, foreign)
        self.facts = AccountFacts(
            equity=snapshot.equity,
            initial_margin=snapshot.initial_margin,
            maintenance_margin=snapshot.maintenance_margin,
            quote_margin=self._returned,
            mark=mark,
            asked_at=snapshot.asked_at,
        )

        while self._fills and self._fills[0][0] < snapshot.asked_at:
            self._fills.popleft()

        self._reckon()

    def filled(
        self,
        instrument: Instrument,
        before: Mapping[PositionSide, Decimal],
        after: Mapping[PositionSide, Decimal],
        price: Decimal,
        now: float,
    ) -> None:
        """Count the margin of what a fill has added to a position: it is gone before the venue is asked again."""
        added = sum((abs(amount) - abs(before[side]) for side, amount in after.items()), _ZERO)

        while self._fills and self._fills[0][0] < now - _KEPT_S:
            self._fills.popleft()

        if added > 0:
            self._fills.append((now, quote_cost(instrument, self._leverage, added * price)))

        self._reckon()

    def _reckon(self) -> None:
        """The capital, which changes with what the venue says and with fills alone."""
        if self.snapshot is not None:
            spent = sum((margin for _, margin in self._fills), _ZERO)
            self.capital = max(_ZERO, self.snapshot.available + self._returned - spent)

    def age_s(self, now: float) -> float:
        """Seconds since the venue was asked; 0 while it never was."""
        return 0.0 if self.snapshot is None else now - self.snapshot.asked_at

    def next_at(self, now: float) -> float | None:
        """When the venue's word becomes too old; None when it is already, or was never heard."""
        if self.snapshot is None or self.age_s(now) > CAPITAL_MAX_AGE_S:
            return None

        return self.snapshot.asked_at + CAPITAL_MAX_AGE_S


def _share(
    snapshot: AccountSnapshot, instrument: Instrument, ours: Iterable[WorkingOrder], foreign: Iterable[OrderReport]
) -> Decimal:
    """Our share of the margin that the venue binds for the open orders of the market.

    All of it where nobody else has an order there. Else by notional, reckoned as the cost of quotes is.
    """
    if not any(not report.type.is_conditional for report in foreign):
        return Decimal(1)

    unit, kind = instrument.tick * instrument.lot, instrument.order_margin
    mine = dict.fromkeys(Side, 0)

    for order in ours:
        if not order.order.type.is_conditional:
            mine[order.slot.side] += order.highest_ticks * order.remaining_lots

    own = bound_notional(kind, mine[Side.BUY] * unit, mine[Side.SELL] * unit)
    whole = bound_notional(kind, snapshot.bids, snapshot.asks)

    return min(Decimal(1), own / whole) if whole > 0 else _ZERO
