"""The book from its difference stream: levels to ticks and lots, and the venue's rules of continuity. Pure.

Source: Binance USDⓈ-M futures, "How to manage a local order book correctly". Update ids are not contiguous there; the
`pu` of each message names the `u` of the one before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal

from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker_binance_perpetual.messages import Depth, DepthUpdate, Level
from perpmaker_binance_perpetual.translate import exact_ticks, shown_lots

Levels = tuple[tuple[int, int], ...]

_MEMO_SIZE = 65_536
_MOST_PLACES = 10
_MOST_DIGITS = 18
_MOST_PENDING = 1_000
_REMEMBERED = 100
"""Messages of ten seconds: for a tenth of that two connections bring the same."""


class LevelTranslator:
    """Price levels of one market to (ticks, lots); PayloadError for a price that is no multiple of its tick.

    What is displayed includes other people's orders, which may be between two lots: whole lots are counted.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._ticks = _Steps(instrument.tick, lambda text: exact_ticks(instrument, text, "$.price"))
        self._lots = _Steps(instrument.lot, lambda text: shown_lots(instrument, text, "$.quantity"))

    def translate(self, levels: Sequence[Level]) -> Levels:
        """The levels in the order given."""
        ticks, lots = self._ticks, self._lots

        return tuple([(ticks[price], lots[quantity]) for price, quantity in levels])


class _Steps(dict[str, int]):
    """Texts and the whole number of steps that each stands for, remembered when first asked for.

    In a lively market nine of ten texts have been there before, and a lookup costs a hundredth of Decimal's
    arithmetic. Plain digits that are new are counted in integers; `exact` judges everything else.
    """

    def __init__(self, step: Decimal, exact: Callable[[str], int]) -> None:
        super().__init__()
        self._exact = exact
        scaled = {places: step.scaleb(places) for places in range(_MOST_PLACES)}
        self._step_by_places = {places: int(size) for places, size in scaled.items() if size == int(size)}

    def __missing__(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        step = self._step_by_places.get(len(fraction))
        count, rest = 0, 0

        if step is not None and len(digits) <= _MOST_DIGITS and digits.isascii() and digits.isdigit():
            count, rest = divmod(int(digits), step)

        if rest or not count:
            count = self._exact(text)

        if len(self) >= _MEMO_SIZE:
            self.clear()

        self[text] = count

        return count


class BookSync:
    """Decides which messages may be applied to which snapshot; knows no book, only sequence numbers.

    Feed it every message (`offer`) and, while `wants_snapshot`, a snapshot taken after the stream was open
    (`restore`). What comes back is what the core folds.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._levels = LevelTranslator(instrument)
        self._pending: deque[DepthUpdate] = deque(maxlen=_MOST_PENDING)
        self._snapshot: tuple[int, BookSnapshot] | None = None
        self._last: int | None = None
        self._applied: deque[int] = deque(maxlen=_REMEMBERED)

    @property
    def wants_snapshot(self) -> bool:
        """Whether nothing can be done without a new snapshot."""
        return self._last is None and self._snapshot is None

    def offer(self, update: DepthUpdate) -> Sequence[MarketEvent]:
        """Take the stream's next message."""
        if self._last is None:
            self._pending.append(update)

            return self._start()

        if update.pu != self._last:
            if update.u in self._applied:
                return ()  # the connection before this one has brought it

            reason = f"a gap in the book stream: after update {self._last} came one that follows {update.pu}"
            self._last = None
            self._pending.append(update)

            return (BookLost(reason=reason),)

        translate = self._levels.translate
        changed = BookChanged(translate(update.b), translate(update.a), update.T)
        self._last = update.u
        self._applied.append(update.u)

        return (changed,)

    def restore(self, snapshot: Depth) -> Sequence[MarketEvent]:
        """Take a snapshot; nothing is live before a message has been seen that continues it."""
        whole = BookSnapshot(
            bids=self._levels.translate(snapshot.bids),
            asks=self._levels.translate(snapshot.asks),
            venue_ms=snapshot.T,
        )
        self._snapshot = snapshot.lastUpdateId, whole

        return self._start()

    def _start(self) -> Sequence[MarketEvent]:
        """Join snapshot and messages where they meet.

        The first message applied must reach back to the snapshot. Asking `U <= lastUpdateId`, as the venue's page
        does, would also turn away a snapshot that falls between two messages; `pu` closes that hole exactly.
        """
        if self._snapshot is None:
            return ()

        pending = self._pending
        wanted, whole = self._snapshot

        while pending and pending[0].u < wanted:
            pending.popleft()

        if not pending:
            return ()

        self._snapshot = None

        if pending[0].pu > wanted and wanted < pending[0].U:
            return ()  # older than what is left of the stream: another one is wanted

        return self._replay(whole)

    def _replay(self, whole: BookSnapshot) -> Sequence[MarketEvent]:
        events: list[MarketEvent] = [whole]
        pending, self._pending = self._pending, deque(maxlen=_MOST_PENDING)
        self._last = pending[0].pu

        for update in pending:
            events.extend(self.offer(update))

        return events
