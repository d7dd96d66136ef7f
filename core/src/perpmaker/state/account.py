"""The account: positions, balances, and the sums that a summary shows; each fill and each funding is booked once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal

import attrs

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import FundingPaid
from perpmaker.model.order import Fill, PositionMode, PositionSide
from perpmaker.model.position import Balance, Position, VenueSettings
from perpmaker.state.position import Step, TrackedPosition

ZERO = Decimal(0)

REMEMBERED = 65_536
"""Ids of fills and of funding that are remembered, so that what is told twice is booked once."""


@attrs.define
class Totals:
    """Sums over a run, exact: fees and funding by asset, the venue's own realised profit, volume in quote asset.

    Fees count positive when paid; funding is signed from our side (negative: paid).
    """

    fills: int = 0
    volume: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: dict[str, Decimal] = attrs.field(factory=dict)
    funding: dict[str, Decimal] = attrs.field(factory=dict)


class Account:
    """Positions by side (one NET, or LONG and SHORT), balances by asset, and totals of what is ours."""

    def __init__(self, position_mode: PositionMode) -> None:
        sides = (
            (PositionSide.NET,) if position_mode is PositionMode.ONE_WAY else (PositionSide.LONG, PositionSide.SHORT)
        )
        self.tracked = {side: TrackedPosition(Position(side=side)) for side in sides}
        self.balances: dict[str, Balance] = {}
        self.settings: VenueSettings | None = None
        self.totals = Totals()
        self._trades: dict[Hashable, None] = {}
        self._fundings: dict[Hashable, None] = {}

    @property
    def positions(self) -> Mapping[PositionSide, Position]:
        """The positions as known now."""
        return {side: tracked.now for side, tracked in self.tracked.items()}

    def fill(self, fill: Fill, *, ours: bool) -> bool:
        """Apply a fill to its position and, when it is ours, to the totals; False when it was booked before.

        A trade between two orders of the account is two fills of one trade id, one on each side.
        """
        if not _is_new(self._trades, (fill.trade_id, fill.side)):
            return False

        tracked = self.tracked.get(fill.position_side)
        profit = ZERO

        if tracked is not None:
            step = Step(fill.venue_ms, fill.side.sign * fill.amount, fill.price)
            profit = _profit(tracked.now, step)
            tracked.fill(step)

        if ours:
            totals = self.totals
            totals.fills += 1
            totals.volume += fill.price * fill.amount
            totals.realized_pnl += profit if fill.realized_pnl is None else fill.realized_pnl
            totals.fees[fill.fee_asset] = totals.fees.get(fill.fee_asset, ZERO) + fill.fee

        return True

    def funded(self, event: FundingPaid) -> None:
        """Book funding, once by its id."""
        if not _is_new(self._fundings, event.funding_id):
            return

        funding = self.totals.funding
        funding[event.asset] = funding.get(event.asset, ZERO) + event.amount

    def balance(self, balance: Balance) -> None:
        """Take the venue's word on one asset, unless a newer one is known."""
        known = self.balances.get(balance.asset)

        if known is None or balance.venue_ms >= known.venue_ms:
            self.balances[balance.asset] = balance

    def report(self, position: Position, now: float) -> None:
        """Take the venue's word on a position; sides that this mode does not have are ignored."""
        tracked = self.tracked.get(position.side)

        if tracked is not None:
            tracked.report(position, now)

    def resync(self, account: AccountSnapshot, read_ms: int, now: float) -> None:
        """Take the answer to a resync."""
        for position in account.positions:
            tracked = self.tracked.get(position.side)

            if tracked is not None:
                tracked.resync(position, read_ms, now)

        for balance in account.assets:
            self.balance(balance)

    def begin(self) -> None:
        """Take what is known now for where it begins: what was there before anybody looked is no change."""
        for tracked in self.tracked.values():
            tracked.settle()

    def unrealized(self, mark: Decimal | None) -> Decimal | None:
        """Profit of the open positions at the mark price, in quote asset; None while mark or entry is not known."""
        total = ZERO

        for tracked in self.tracked.values():
            position = tracked.now

            if position.amount:
                if mark is None or position.entry <= 0:
                    return None

                total += position.amount * (mark - position.entry)

        return total


def _is_new(known: dict[Hashable, None], name: Hashable) -> bool:
    """Whether a name is seen for the first time; the oldest are forgotten, long after they could come again."""
    if name in known:
        return False

    known[name] = None

    if len(known) > REMEMBERED:
        del known[next(iter(known))]

    return True


def _profit(position: Position, step: Step) -> Decimal:
    """What a fill realises by our own book: the part that shrinks the position, against its entry, where known."""
    if position.amount == 0 or position.entry <= 0 or (position.amount > 0) == (step.amount > 0):
        return ZERO

    closed = min(abs(position.amount), abs(step.amount))

    return closed * (step.price - position.entry) * (1 if position.amount > 0 else -1)
