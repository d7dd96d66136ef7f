"""Orders of somebody else that rest on our market: never touched, and counted where what may fill is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from perpmaker.model.order import OrderReport, OrderStatus, OrderType


class ForeignOrders:
    """What is known of them, from readings and from the stream. `is_ours` tells own client ids."""

    def __init__(self, is_ours: Callable[[str], bool]) -> None:
        self.resting: tuple[OrderReport, ...] = ()
        self._is_ours = is_ours
        self._by_id: dict[str, OrderReport] = {}

    def listed(self, reports: Iterable[OrderReport]) -> None:
        """All open orders of the market, as they were read."""
        self._by_id = {report.client_id: report for report in reports if self._rests(report)}
        self.resting = tuple(self._by_id.values())

    def reported(self, report: OrderReport) -> None:
        """The venue's word on one order."""
        if not self._rests(report):
            self.gone(report.client_id)
            return

        self._by_id[report.client_id] = report
        self.resting = tuple(self._by_id.values())

    def gone(self, client_id: str) -> None:
        """An order is final."""
        if self._by_id.pop(client_id, None) is not None:
            self.resting = tuple(self._by_id.values())

    def _rests(self, report: OrderReport) -> bool:
        return (
            report.status is OrderStatus.OPEN
            and report.type is not OrderType.MARKET
            and not report.of_position
            and not self._is_ours(report.client_id)
        )
