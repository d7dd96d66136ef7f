"""The book of a capture: levels to ticks and lots, and the venue's rules of continuity, of futures and of spot.

Futures: the `pu` of each difference is the `u` of the one before it. Spot: its `U` is that `u` plus one. Differences
are joined to the snapshot where they meet it; those before it are skipped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from perpmaker.model.event import BookChanged, BookLost, BookSnapshot
from perpmaker.model.instrument import Instrument
from perpmaker.simulation.recording_message import DepthUpdate, Level, Snapshot

_MEMO_SIZE = 65_536
_LONGEST_NUMBER = 40
_LONGEST_WAIT = 6_000  # differences that wait for a snapshot, ten minutes of them: a whole capture may have none


class Steps:
    """Prices and amounts of one market to ticks and lots; ValueError for what is no multiple of its steps."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._ticks: dict[str, int] = {}
        self._lots: dict[str, int] = {}

    def ticks(self, price: str) -> int:
        """A price; the same few thousand come again and again, so they are remembered."""
        known = self._ticks.get(price)

        if known is not None:
            return known

        return _keep(self._ticks, price, self._instrument.exact_ticks(parse_number(price)))

    def lots(self, amount: str) -> int:
        """An amount, which may be 0."""
        known = self._lots.get(amount)

        if known is not None:
            return known

        number = parse_number(amount)

        if number < 0:
            raise ValueError(f"an amount of {amount}")

        return _keep(self._lots, amount, self._instrument.exact_lots(number))

    def levels(self, levels: Sequence[Level]) -> tuple[tuple[int, int], ...]:
        """Levels, in their order."""
        ticks, lots = self._ticks, self._lots

        try:
            return tuple([(ticks[price], lots[amount]) for price, amount in levels])
        except KeyError:
            return tuple([(self.ticks(price), self.lots(amount)) for price, amount in levels])


def parse_number(text: str) -> Decimal:
    """A finite Decimal of sane length; ValueError otherwise."""
    try:
        number = Decimal(text) if len(text) <= _LONGEST_NUMBER else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")

    if not number.is_finite() or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise ValueError(f"{text[:_LONGEST_NUMBER]!a} is no number")

    return number


def _keep(memo: dict[str, int], text: str, value: int) -> int:
    if len(memo) >= _MEMO_SIZE:
        memo.clear()

    memo[text] = value

    return value


class BookSync:
    """Joins differences to a snapshot and watches that none is missing."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._pending: deque[DepthUpdate] = deque(maxlen=_LONGEST_WAIT)
        self._snapshot: Snapshot | None = None
        self._spare: Snapshot | None = None
        self._last: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether the book is known now."""
        return self._last is not None

    def restore(self, snapshot: Snapshot) -> Sequence[BookSnapshot | BookChanged | BookLost]:
        """Take a snapshot; one that is not needed is kept, for the gap before it may only show after it."""
        if self.is_live:
            self._spare = snapshot
            return ()

        self._snapshot = snapshot

        return self._join()

    def offer(self, update: DepthUpdate) -> Sequence[BookSnapshot | BookChanged | BookLost]:
        """Take the next difference. After a gap the book is lost until the next snapshot."""
        if self._last is None:
            self._pending.append(update)

            return () if self._snapshot is None else self._join()

        expected = update.U - 1 if update.pu is None else update.pu

        if expected != self._last:
            reason = f"differences are missing: update {self._last} is followed by one that comes after {expected}"
            self._last = None
            self._pending.append(update)

            return (BookLost(reason=reason), *self._join_spare(update))

        self._last = update.u

        return (self._change(update),)

    def _join_spare(self, update: DepthUpdate) -> Sequence[BookSnapshot | BookChanged | BookLost]:
        """Go on from the newest snapshot, where the difference after a gap goes on from it."""
        spare, self._spare = self._spare, None

        if spare is None or not _meets(update, spare.lastUpdateId):
            return ()

        self._snapshot = spare

        return self._join()

    def _join(self) -> Sequence[BookSnapshot | BookChanged | BookLost]:
        snapshot = self._snapshot

        if snapshot is None:
            return ()

        at = snapshot.lastUpdateId

        while self._pending and _is_before(self._pending[0], at):
            self._pending.popleft()

        if not self._pending:
            return ()

        first, self._snapshot = self._pending[0], None

        if not _meets(first, at):
            reason = f"the depth snapshot ends with update {at}, and the differences after it begin at {first.U} only"

            return (BookLost(reason=reason),)

        rest, self._last = list(self._pending)[1:], first.u
        self._pending.clear()
        whole = BookSnapshot(
            bids=self._steps.levels(snapshot.bids), asks=self._steps.levels(snapshot.asks), venue_ms=snapshot.T
        )

        return (whole, self._change(first), *(event for update in rest for event in self.offer(update)))

    def _change(self, update: DepthUpdate) -> BookChanged:
        at_ms = update.E if update.T is None else update.T

        return BookChanged(self._steps.levels(update.b), self._steps.levels(update.a), at_ms)


def _meets(update: DepthUpdate, at: int) -> bool:
    """Whether nothing is missing between a snapshot and a difference."""
    return at + 1 >= update.U or (update.pu is not None and update.pu <= at)


def _is_before(update: DepthUpdate, at: int) -> bool:
    """Whether a difference is wholly in a snapshot; in futures the one that ends with it is applied again."""
    return update.u <= at if update.pu is None else update.u < at
