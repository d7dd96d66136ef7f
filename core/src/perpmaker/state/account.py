"""The account: positions, balances, and sums of what is ours; each fill is booked once."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

import attrs

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, PositionMode, PositionSide, Side
from perpmaker.model.position import Balance, Position, VenueSettings
from perpmaker.state.position import TrackedPosition
from perpmaker.state.step import Step
from perpmaker.state.venue_clock import VenueClock

ZERO = Decimal(0)

REMEMBERED = 20_000
"""Ids of fills that are remembered, so that what is told twice is booked once."""

UNCLAIMED = 64
"""Fills of orders that are not known for ours that are kept, because one may turn out to be."""


@attrs.frozen
class BookedFill:
    """A fill that was booked: what it realised by our own book, and whether it is ours."""

    fill: Fill
    profit: Decimal
    ours: bool


@attrs.define
class Totals:
    """Sums over a run, exact: fees by asset (positive: paid), the venue's realised profit, volume in quote asset."""

    fills: int = 0
    volume: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: dict[str, Decimal] = attrs.field(factory=dict)


def without(totals: Totals, fills: Iterable[Fill]) -> Totals:
    """The sums as they would be without these fills of ours, each counted once."""
    left = Totals(
        fills=totals.fills,
        volume=totals.volume,
        realized_pnl=totals.realized_pnl,
        fees=dict(totals.fees),
    )

    for fill in {(fill.trade_id, fill.side): fill for fill in fills}.values():
        left.fills -= 1
        left.volume -= fill.price * fill.amount
        left.realized_pnl -= fill.realized_pnl or ZERO
        left.fees[fill.fee_asset] = left.fees.get(fill.fee_asset, ZERO) - fill.fee

    return left


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
        self.elsewhere = ZERO
        """What other markets of the account that this process trades may come to hold, in quote asset."""

        self.elsewhere_unread: tuple[str, ...] = ()
        """Those of which that is not known yet."""

        self._trades: dict[Hashable, Decimal | None] = {}
        """Fills that are known: None for ours, of others what they realised by our own book."""

        self._unclaimed: deque[Fill] = deque(maxlen=UNCLAIMED)
        self.news: deque[BookedFill] = deque(maxlen=REMEMBERED)
        """Fills in the order in which they were booked, until the ledger takes them."""

        self._now: Mapping[PositionSide, Position] = MappingProxyType({})

    @property
    def positions(self) -> dict[PositionSide, Position]:
        """The positions as known now, in a mapping that is the caller's."""
        return {side: tracked.now for side, tracked in self.tracked.items()}

    def now(self) -> Mapping[PositionSide, Position]:
        """The positions as known now, in the same mapping as before while none has changed."""
        known = self._now

        for side, tracked in self.tracked.items():
            if known.get(side) is not tracked.now:
                self._now = MappingProxyType(self.positions)
                break

        return self._now

    def held(self, instrument: Instrument) -> frozenset[PositionSide]:
        """The positions that an order could close."""
        return frozenset(side for side, one in self.now().items() if not instrument.is_dust(one.amount))

    def fill(self, fill: Fill, *, ours: bool, now: float = 0.0, is_history: bool = False) -> bool:
        """Apply a fill to its position and, when it is ours, to the totals; False when it was booked before.

        `is_history`: a reading brought it, so that it may be older than what is known.
        A trade between two orders of the account is two fills of one trade id, one on each side.
        """
        if (fill.trade_id, fill.side) in self._trades:
            return False

        tracked = self.tracked.get(fill.position_side)
        profit = ZERO

        if tracked is not None:
            step = Step(fill.venue_ms, fill.side.sign * fill.amount, fill.price, now)
            profit = _profit(tracked.now, step)
            tracked.fill(step, is_history=is_history)

        self._know(fill, None if ours else profit)
        self.news.append(BookedFill(fill, profit, ours))

        if ours:
            self._count(fill, profit)
        else:
            self._unclaimed.append(fill)

        return True

    def claim(self, fill: Fill) -> bool:
        """A fill is ours that was taken for somebody else's: its position has it already. False for every other one.

        A venue may tell of an order that it made of a stop of ours before it tells whose it is.
        """
        profit = self._trades.get((fill.trade_id, fill.side))

        if profit is None:
            return False

        self._know(fill, None)
        self._count(fill, profit)
        self.news.append(BookedFill(fill, profit, ours=True))
        self._unclaimed = deque((one for one in self._unclaimed if one.trade_id != fill.trade_id), UNCLAIMED)

        return True

    def unclaimed(self, side: Side, position_side: PositionSide, since_ms: int) -> Decimal:
        """How much orders that are not known for ours have executed since a venue time, on a side of a position."""
        return sum(
            (
                one.amount
                for one in self._unclaimed
                if one.side is side and one.position_side is position_side and one.venue_ms >= since_ms
            ),
            ZERO,
        )

    def _know(self, fill: Fill, profit: Decimal | None) -> None:
        """Remember a fill; the oldest are forgotten, long after they could be told again."""
        self._trades[fill.trade_id, fill.side] = profit

        if len(self._trades) > REMEMBERED:
            del self._trades[next(iter(self._trades))]

    def _count(self, fill: Fill, profit: Decimal) -> None:
        totals = self.totals
        totals.fills += 1
        totals.volume += fill.price * fill.amount
        totals.realized_pnl += profit if fill.realized_pnl is None else fill.realized_pnl
        totals.fees[fill.fee_asset] = totals.fees.get(fill.fee_asset, ZERO) + fill.fee

    def balance(self, balance: Balance) -> None:
        """Take the venue's word on one asset, unless a newer one is known."""
        known = self.balances.get(balance.asset)

        if known is None or balance.venue_ms >= known.venue_ms:
            self.balances[balance.asset] = balance

    def report(self, position: Position, now: float, *, is_doubtful: bool = False) -> None:
        """Take the venue's word on a position; sides that this mode does not have are ignored.

        `is_doubtful`: its own date lies ahead of the venue's clock.
        """
        tracked = self.tracked.get(position.side)

        if tracked is not None:
            tracked.report(position, now, is_doubtful=is_doubtful)

    def read(self, account: AccountSnapshot, read_ms: int, now: float, began_at: float | None = None) -> None:
        """Take the account as it was read, from `began_at` on; one without a beginning was read this moment."""
        for position in account.positions:
            tracked = self.tracked.get(position.side)

            if tracked is not None:
                tracked.resync(position, read_ms, now, began_at)

        for balance in account.assets:
            self.balance(balance)

    def redate(self, clock: VenueClock, now: float) -> None:
        """The venue's clock was measured: what is dated ahead of it counts from now."""
        venue_ms, latest_ms = clock.ms(now), clock.latest_ms(now)

        if venue_ms is None or latest_ms is None:
            return

        for tracked in self.tracked.values():
            tracked.redate(venue_ms, latest_ms)

        for asset, balance in self.balances.items():
            if balance.venue_ms > latest_ms:
                self.balances[asset] = attrs.evolve(balance, venue_ms=venue_ms)

    def unproven(self, now: float) -> frozenset[PositionSide]:
        """The positions that one word of the venue alone tells of, for as long as they may be read once more."""
        return frozenset(side for side, tracked in self.tracked.items() if tracked.is_unproven(now))

    @property
    def shrunk(self) -> frozenset[PositionSide]:
        """The positions that one reading shows to be smaller than our fills make them."""
        return frozenset(side for side, tracked in self.tracked.items() if tracked.shrunk is not None)

    def begin(self) -> None:
        """Take what is known now for where it begins: what was there before anybody looked is no change."""
        for tracked in self.tracked.values():
            tracked.begin()

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


def _profit(position: Position, step: Step) -> Decimal:
    """What a fill realises by our own book: the part that shrinks the position, against its entry, where known."""
    if position.amount == 0 or position.entry <= 0 or (position.amount > 0) == (step.amount > 0):
        return ZERO

    closed = min(abs(position.amount), abs(step.amount))

    return closed * (step.price - position.entry) * (1 if position.amount > 0 else -1)
