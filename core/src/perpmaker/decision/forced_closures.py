"""The venue closes positions of the account by itself, or is about to: nothing is quoted until a person has looked.

Liquidation and deleveraging are told as what they are, whatever tells of them first: an order of the venue's own, an
execution of it, one of ours that it took off, a refusal, a margin call. What is left of a position keeps its exits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import attrs

from perpmaker.decision.notices import plain
from perpmaker.decision.trading_state import TradingState
from perpmaker.errors import ExitCode
from perpmaker.model.command_event import AmendRefused, CancelRefused, OrderRefused
from perpmaker.model.event import Event, OrderCancelled, OrderFilled, OrderReported, Resynced
from perpmaker.model.forced_closure import MarginCalled
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import CancelCause, Fill, OrderReport
from perpmaker.model.reading import AccountSeen
from perpmaker.model.refusal import RefusalReason

LIQUIDATION = "liquidation"

TELLING: frozenset[type] = frozenset(
    {
        AccountSeen,
        AmendRefused,
        CancelRefused,
        MarginCalled,
        OrderFilled,
        OrderRefused,
        OrderReported,
        Resynced,
    }
)
"""Events that can tell of it, beside a cancellation by it: nothing else is worth a look, of the market least of all."""


@attrs.define(kw_only=True)
class ForcedClosures:
    """Latches quotes off. `known` are executions that an earlier run has told of: a person has seen to those."""

    trading_state: TradingState
    instrument: Instrument
    known: Collection[str] = frozenset()
    _told: set[str] = attrs.field(factory=set, init=False)

    def judge(self, event: Event) -> Iterator[str]:
        """Take in what happened; a line for people of each kind of it, once."""
        for cause, text in self._signs(event):
            self.trading_state.halt(f"{cause}: {text}", ExitCode.HALTED)

            if cause not in self._told:
                self._told.add(cause)
                yield f"{cause.upper()}: {text}; quotes are off until a person has looked, what is left keeps its exits"

    def _signs(self, event: Event) -> Iterator[tuple[str, str]]:
        """Causes and words of what the event tells of it."""
        match event:
            case OrderFilled(fill=fill):
                yield from self._fills([fill])
            case OrderReported(report=report):
                yield from self._reports([report])
            case AccountSeen(orders=orders):
                yield from self._reports(orders)
            case Resynced(orders=orders, fills=fills):
                yield from self._reports(orders)
                yield from self._fills(fills)
            case OrderCancelled(cause=CancelCause.LIQUIDATION, client_id=client_id, detail=detail):
                yield detail or LIQUIDATION, f"the venue has taken off order {client_id}"
            case OrderRefused(refusal=refusal) | CancelRefused(refusal=refusal) | AmendRefused(refusal=refusal):
                if refusal.reason is RefusalReason.LIQUIDATION:
                    yield LIQUIDATION, f"the venue takes no order: {refusal.text} (code {refusal.code})"
            case MarginCalled(detail=detail):
                yield "margin call", detail

    def _fills(self, fills: Iterable[Fill]) -> Iterator[tuple[str, str]]:
        for fill in fills:
            if fill.forced and fill.trade_id not in self.known:
                what = f"{fill.side.value} {plain(fill.amount)} at {plain(fill.price)}"
                yield fill.forced, f"the venue has closed a position by itself: {what} (order {fill.client_id})"

    def _reports(self, reports: Iterable[OrderReport]) -> Iterator[tuple[str, str]]:
        for report in reports:
            if report.refusal is not None and report.refusal.reason is RefusalReason.LIQUIDATION:
                yield LIQUIDATION, f"the venue takes no order: {report.refusal.text} (code {report.refusal.code})"

            if report.forced and (report.status is None or not report.status.is_final):
                what = f"{report.side.value} {plain(report.left(self.instrument.lot))}"
                yield report.forced, f"the venue is closing a position by itself: {what} (order {report.client_id})"
