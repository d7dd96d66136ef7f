"""How orders ended, by slot: what strategies, exits and pauses go by."""

from __future__ import annotations

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

    def write(
        self, record: TrackedOrder, end: End, now: float, *, refusal: Refusal | None = None, detail: str = ""
    ) -> None:
        """An order ended in this way; `detail` is why the venue ended it."""
        record.end = end
        working = record.working
        ended = SlotEnd(
            client_id=working.client_id,
            end=end,
            at=now,
            ticks=working.order.ticks,
            lots=working.order.lots,
            filled_lots=working.filled_lots,
            refusal=refusal,
            triggered=working.triggered,
            detail=detail,
            sent_at=working.sent_at,
        )
        self.by_slot[working.slot] = ended
        self._news.append((working.slot, ended))

        if end is End.FILLED and working.slot.kind.is_quote:
            self.quote_filled_at[working.slot.side] = now
            self.last_own_trade = working.order.ticks
        elif end is End.FILLED and working.slot.kind is OrderKind.TAKE_PROFIT:
            self.target_filled_at = now

    def take_news(self) -> list[tuple[Slot, SlotEnd]]:
        """Hand out, once, what ended since this was asked last."""
        news, self._news = self._news, []

        return news
