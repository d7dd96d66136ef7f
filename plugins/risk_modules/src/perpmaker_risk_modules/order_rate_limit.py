"""`order_rate_limit`: so many orders in so many seconds, and no quote beyond them.

Every order that this run has sent counts, placed or amended, exits among them: that is what venues count. Exits are
never held back. A quote that rests already is no new order; one that would have to be sent is refused while the limit
is used up, so that what rested in its place goes.
"""

from __future__ import annotations

from typing import Annotated

import attrs

from perpmaker import Approved, Instrument, Quote, Range, Refused, Verdict, View, Wake

NAME = "order_rate_limit"


@attrs.frozen(kw_only=True)
class OrderRateLimitSettings:
    """The table [risk.order_rate_limit]: at most `max_orders` in `per_s` seconds, any of them."""

    max_orders: Annotated[int, Range(at_least=1)]
    per_s: Annotated[float, Range(at_least=1, at_most=3600)] = 60.0


class OrderRateLimit:
    """Refuses new quotes while the limit is used up."""

    def __init__(self, settings: OrderRateLimitSettings, _: Instrument) -> None:
        self._settings = settings
        most, seconds = settings.max_orders, settings.per_s
        self._reason = f"{most} orders in {seconds:g} s were sent, as many as max_orders = {most} allows"

    def review(self, view: View, quote: Quote) -> Verdict:
        """Approve what rests, and new quotes as long as there is room for them."""
        if _rests(view, quote):
            return Approved(quote=quote)

        sent = view.sent.count_after(view.now - self._settings.per_s)
        before = sum(not _rests(view, one) for one in view.approved.values())

        if sent + before < self._settings.max_orders:
            return Approved(quote=quote)

        return Refused(quote=quote, reason=self._reason)

    def wake(self, view: View) -> Wake:
        """Ask again when there is room for an order more."""
        counted = view.sent.newest(self._settings.max_orders)
        at = None if counted is None else counted + self._settings.per_s

        return Wake() if at is None or at <= view.now else Wake(at=at)


def _rests(view: View, quote: Quote) -> bool:
    """Whether the quote is the order that rests in its slot, so that approving it sends nothing."""
    order = view.orders.get(quote.slot)

    if order is None:
        return False

    rests = order.order

    return (rests.ticks, rests.lots, rests.generation) == (quote.ticks, quote.lots, quote.generation)
