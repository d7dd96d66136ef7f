"""How orders ended, by slot: what strategies, exits and pauses go by."""

from __future__ import annotations

from perpmaker.model.order import OrderKind, Refusal, Side, Slot
from perpmaker.state.record import Record
from perpmaker.state.view import End, SlotEnd


class Endings:
    """The last end of each slot; when a quote of each side was last filled completely, and where the last one was."""

    def __init__(self) -> None:
        self.by_slot: dict[Slot, SlotEnd] = {}
        self.quote_filled_at: dict[Side, float] = {}
        self.last_own_trade: int | None = None
        self._news: list[tuple[Slot, SlotEnd]] = []

    def write(self, record: Record, end: End, now: float, *, refusal: Refusal | None = None) -> None:
        """An order ended in this way."""
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
        )
        self.by_slot[working.slot] = ended
        self._news.append((working.slot, ended))

        if end is End.FILLED and working.slot.kind is OrderKind.QUOTE:
            self.quote_filled_at[working.slot.side] = now
            self.last_own_trade = working.order.ticks

    def take_news(self) -> list[tuple[Slot, SlotEnd]]:
        """Hand out, once, what ended since this was asked last."""
        news, self._news = self._news, []

        return news
