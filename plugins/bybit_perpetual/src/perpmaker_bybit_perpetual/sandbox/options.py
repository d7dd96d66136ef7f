"""What can be set about this venue's behaviour, besides what can be set of every venue.

Where no document says what the venue does, there is an option, and both answers can be served.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import attrs
from attrs import validators

from perpmaker.venue.sandbox import natural


def _amount(_options: object, field: attrs.Attribute[str], value: object) -> None:
    try:
        is_fit = value == "" or Decimal(str(value)) > 0
    except InvalidOperation:
        is_fit = False

    if not is_fit:
        raise ValueError(f"{field.name} must be an amount as text, or empty, not {value!r}")


def _flag(*, default: bool) -> Any:  # noqa: ANN401  # what attrs returns
    return attrs.field(default=default, validator=validators.instance_of(bool))


def _word(default: str, *others: str) -> Any:  # noqa: ANN401  # what attrs returns
    return attrs.field(default=default, validator=validators.in_((default, *others)))


@attrs.frozen(kw_only=True)
class Options:
    """The venue's own options.

    Args:
        post_only_status: what a post-only order ends as that would have taken.
        crossing_amend: what becomes of a post-only order that is moved to where it would take.
        remainder_status: what an IOC or market order ends as of which a part was filled.
        post_only_takes_stop: whether a post-only order may carry a stop.
        fill_stop_replaces: whether the stop of a filled order takes the place of one that the position has already.
        refuses_stop_beside_target: whether a position takes no stop while reduce-only orders for all of it rest.
        stop_keeps_id: whether the stop of a position keeps its order id when its level is changed.
        stop_trades_with_own: whether the stop of a position trades with resting orders of the same account, or cancels
            them.
        cuts_oldest: which of several reduce-only orders is cut first when the position becomes smaller.
        stops_count: whether the stop of a position is one of the ten conditional orders that a market takes.
        stop_after_fill_ms: for so long after a position was opened it takes no stop, as if it were flat.
        has_dcp: whether the account has disconnect protection.
        switch_takes_stops: whether disconnect protection cancels conditional orders too.
        rejects_out_of_band: whether orders beyond the price band are refused, and not moved to its edge.
        smp_type: the account's self-match setting, for orders that do not say it: 0 trades, 1 cancels the maker, 2 the
            taker, 3 both.
        batch_most: orders of one batch.
        orders_per_s: the limit of each kind of command in a second.
        market_maximum: the largest market order that is taken, where it is less than the rules say; empty: as they say.
        splits_closing: whether a market order that only reduces may be larger than that.
        lists_stops: whether open orders that are asked for without a filter have conditional ones among them.
        ended_hides_ms: an order that has ended is found by no question for so long.
        locks_moving: whether an order that is being changed is neither changed nor cancelled meanwhile.
        position_late_ms: a position says that it was updated so long after the fill that did it.
        lean_flat_rows: whether the row of a flat position lacks what is only of interest while it is open.
        page_overlap: rows of a page that the next page repeats.
        bad_topic_voids: whether one topic that there is not voids its whole request.
        book_restart_ms: the book service restarts (`u` = 1) each so often; 0: never.
        restart_is_empty: whether both sides of the book are empty at first after a restart.
        withdrawals: whether the key may withdraw.
        read_only: whether the key may only read.
        ip_restricted: whether the key is bound to an address.
    """

    post_only_status: str = _word("Cancelled", "Rejected")
    crossing_amend: str = _word("cancels", "refuses")
    remainder_status: str = _word("Cancelled", "Rejected")
    post_only_takes_stop: bool = _flag(default=True)
    fill_stop_replaces: bool = _flag(default=True)
    refuses_stop_beside_target: bool = _flag(default=False)
    stop_keeps_id: bool = _flag(default=True)
    stop_trades_with_own: bool = _flag(default=True)
    cuts_oldest: bool = _flag(default=False)
    stops_count: bool = _flag(default=False)
    stop_after_fill_ms: int = attrs.field(default=0, validator=natural)
    has_dcp: bool = _flag(default=False)
    switch_takes_stops: bool = _flag(default=False)
    rejects_out_of_band: bool = _flag(default=False)
    smp_type: str = _word("0", "1", "2", "3")
    batch_most: int = attrs.field(default=20, validator=natural)
    orders_per_s: int = attrs.field(default=10, validator=natural)
    market_maximum: str = attrs.field(default="", validator=_amount)
    splits_closing: bool = _flag(default=False)
    lists_stops: bool = _flag(default=True)
    ended_hides_ms: int = attrs.field(default=0, validator=natural)
    locks_moving: bool = _flag(default=False)
    position_late_ms: int = attrs.field(default=4, validator=natural)
    lean_flat_rows: bool = _flag(default=False)
    page_overlap: int = attrs.field(default=0, validator=natural)
    bad_topic_voids: bool = _flag(default=True)
    book_restart_ms: int = attrs.field(default=0, validator=natural)
    restart_is_empty: bool = _flag(default=False)
    withdrawals: bool = _flag(default=False)
    read_only: bool = _flag(default=False)
    ip_restricted: bool = _flag(default=True)
