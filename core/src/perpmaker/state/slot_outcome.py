"""How orders ended, by slot: what strategies, exits and pauses go by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from perpmaker.model.order import CancelCause, OrderKind, Side, Slot
from perpmaker.model.refusal import Refusal
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.tracked_order import TrackedOrder
from perpmaker.state.view import End, SlotEnd

_ENDS = {
    CancelCause.REQUESTED: End.REQUESTED,
    CancelCause.VENUE: End.VENUE,
    CancelCause.RULE: End.RULE,
    CancelCause.LIQUIDATION: End.LIQUIDATION,
    CancelCause.UNEXPLAINED: End.UNEXPLAINED,
}

_FILLED = End.FILLED


def ended_as(working: WorkingOrder, cause: CancelCause) -> End:
    """How an order ended: what we asked for is never taken for the venue's or a person's doing."""
    return End.REQUESTED if working.cancel_requested else _ENDS[cause]


class SlotOutcomes:
    """The last end of each slot; when a quote of each side, and a target, was last filled completely, and where.

    `last_own_trade`: the ticks of the last quote.
    """

    def __init__(self) -> None:
        self.by_slot: dict[Slot, SlotEnd] = {}
        self.quote_filled_at: dict[Side, float] = {}
        self.last_own_trade: int | None = None
        self.target_filled_at: float | None = None
        self._news: list[tuple[Slot, SlotEnd]] = []
        self._ended: Mapping[Slot, SlotEnd] = MappingProxyType({})
        self._filled_at: Mapping[Side, float] = MappingProxyType({})
        self._is_copied = False

    @property
    def has_news(self) -> bool:
        """Whether anything has ended since that was asked last."""
        return bool(self._news)

    @property
    def ended(self) -> Mapping[Slot, SlotEnd]:
        """The last end of each slot as it is now: a copy, the same one until another order ends."""
        if not self._is_copied:
            self._copy()

        return self._ended

    @property
    def filled_at(self) -> Mapping[Side, float]:
        """When a quote of each side was last filled completely: a copy, the same one until another order ends."""
        if not self._is_copied:
            self._copy()

        return self._filled_at

    def change(self) -> None:
        """Something is written that no order of this run has told."""
        self._is_copied = False

    def write(
        self, record: TrackedOrder, end: End, now: float, *, refusal: Refusal | None = None, detail: str = ""
    ) -> None:
        """An order ended in this way; `detail` is why the venue ended it."""
        record.end = end
        working = record.working
        order, slot = working.order, working.order.slot
        ended = SlotEnd(
            order.client_id,
            end,
            now,
            order.ticks,
            order.lots,
            working.filled_lots,
            refusal,
            working.triggered,
            detail,
            working.sent_at,
        )
        self.by_slot[slot] = ended
        self._news.append((slot, ended))
        self._is_copied = False

        if end is not _FILLED:
            return

        if slot.kind.is_quote:
            self.quote_filled_at[slot.side] = now
            self.last_own_trade = order.ticks
        elif slot.kind is OrderKind.TAKE_PROFIT:
            self.target_filled_at = now

    def take_news(self) -> list[tuple[Slot, SlotEnd]]:
        """Hand out, once, what ended since this was asked last."""
        news, self._news = self._news, []

        return news

    def _copy(self) -> None:
        self._ended = MappingProxyType(dict(self.by_slot))
        self._filled_at = MappingProxyType(dict(self.quote_filled_at))
        self._is_copied = True
