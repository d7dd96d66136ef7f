"""The account's stream: orders, fills, positions and USDC, and what the height of the chain makes of our orders.

Two pipelines feed it, which overtake each other: what a node has seen, and what a block has settled. What a block has
ended stays ended, whatever is told afterwards of the same version of an order.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence

import attrs

from perpmaker import Instrument, OrderReport, PositionSide
from perpmaker.venue import (
    BalanceReported,
    Channel,
    Chore,
    Event,
    FeedAlive,
    OrderFilled,
    OrderReported,
    OrderStatus,
    PositionReported,
    RecurringChore,
    StreamSpec,
    parser,
)

from . import messages
from .account import AccountQuestions
from .chain import BlockClock
from .own_orders import MOST_BLOCKS, OwnOrder, OwnOrders
from .streams import BLOCKS, SUBACCOUNTS, Read, StreamAccess
from .translate import (
    REPLACED,
    USDC,
    adopt,
    ended,
    is_ours,
    reason_of,
    translate_asset,
    translate_order,
    translate_position,
)

_CLOCK_S = 240.0
_NODE_S = 5.0
_CLOSED = "REDUCE_ONLY_RESIZE"

Renew = Callable[[Sequence[OwnOrder]], Awaitable[Sequence[Event]]]
"""Sends new versions of quotes and the cancels of spent stops; returns what the chain has refused for good."""


def account_stream(
    access: StreamAccess, instrument: Instrument, asked: AccountQuestions, life: int, renew: Renew
) -> StreamSpec[Event]:
    """Describe the account's stream. What cannot be understood ends it: it may have been a fill."""
    identity, client = asked.identity, access.client

    def begin() -> tuple[Read, Sequence[Chore[Event]]]:
        asked.begin_hearing(instrument)
        translator = AccountTranslator(instrument, asked, access.blocks, client.server_clock.ms)
        renewal = RenewalChore(asked.own, access.blocks, life, renew)

        chores = (
            renewal,
            RecurringChore(access.blocks.ask_node, client.clock, every_s=_NODE_S, retry_s=_NODE_S, patience_s=0.5),
            RecurringChore(client.measure_clock, client.clock, every_s=_CLOCK_S),
        )

        return translator.read, chores

    return access.describe({SUBACCOUNTS: f"{identity.owner}/{identity.subaccount}"}, begin, most_malformed=0)


class RenewalChore:
    """Renews quotes of which half the life is over, once a block."""

    def __init__(self, own: OwnOrders, blocks: BlockClock, life: int, renew: Renew) -> None:
        self._own, self._blocks, self._life, self._renew = own, blocks, life, renew
        self._done = 0

    @property
    def due_at(self) -> float:
        """At once where the newest block makes a renewal due, unless the chain stands or the Indexer is behind."""
        height = self._blocks.height

        if height <= self._done or not self._blocks.is_fresh or self._blocks.is_behind:
            return math.inf

        is_due = self._own.to_renew(height, self._life) or self._own.spent_twins()

        return -math.inf if is_due else math.inf

    async def run(self) -> Sequence[Event]:
        """Renew."""
        self._done = height = self._blocks.height

        return await self._renew([*self._own.to_renew(height, self._life), *self._own.spent_twins()])


class AccountTranslator:
    """Translates the account's messages: of this market, and of orders that are ours."""

    def __init__(
        self, instrument: Instrument, asked: AccountQuestions, blocks: BlockClock, now_ms: Callable[[], int]
    ) -> None:
        self._instrument = instrument
        self._asked = asked
        self._own = asked.own
        self._blocks = blocks
        self._now_ms = now_ms

    def read(self, channel: str, contents: Sequence[bytes], is_first: bool) -> Sequence[Event]:  # as Read
        """Read one channel's contents."""
        if channel == BLOCKS:
            return [FeedAlive(channel=Channel.ACCOUNT), *map(self._reported, self._past())]

        if channel != SUBACCOUNTS:
            return ()

        return [event for one in contents for event in self._update(one, is_first=is_first)]

    def _past(self) -> Iterable[OrderReport]:
        """Yield the ends of orders whose height is past."""
        for order in self._own.settle(self._blocks.heard):
            yield ended(order, self._instrument, self._now_ms(), by_venue=not order.is_leaving)

    def _update(self, body: bytes, *, is_first: bool) -> Iterable[Event]:
        said = parser(messages.SubaccountUpdate)(body)
        reader, symbol = self._asked.reader, self._instrument.symbol
        read = reader.read
        height = said.block_height
        at_ms = self._now_ms()
        fills = list(read(said.fills, parser(messages.Fill), "fills", market=symbol, is_needed=is_ours))
        fills.sort(key=lambda row: row.created_at_height)
        booked = [self._asked.fill_of(row) for row in fills]
        self._asked.entry(self._instrument).fold(booked)

        for fill in booked:
            yield OrderFilled(fill=fill)

        for row in read(said.orders, parser(messages.Order), "orders", market=symbol, is_needed=is_ours):
            yield from self._order(row, at_ms)

        if is_first:  # what the beginning says of positions is read anew by whoever reconnects
            return

        positions = read(
            said.perpetual_positions,
            parser(messages.Position),
            "positions",
            market=symbol,
            is_needed=lambda _: True,
        )
        block_ms = max([fill.venue_ms for fill in booked], default=self._blocks.time_of(height) or at_ms)

        for position in positions:
            yield self._position(position, block_ms)

        # Whatever moved it, the account is read again: for fills elsewhere and for transfers nothing else says so.
        for asset in read(said.asset_positions, parser(messages.Asset), "assets"):
            if asset.symbol == USDC:
                balance = self._asked.balance(translate_asset(asset, block_ms), self._instrument)
                yield BalanceReported(balance=balance)

    def _position(self, row: messages.Position, at_ms: int) -> PositionReported:
        shown = translate_position(row, None, at_ms)
        entry = self._asked.entry(self._instrument).price(shown.amount)

        if not shown.amount:
            self._own.flat()

        return PositionReported(position=attrs.evolve(shown, side=PositionSide.NET, entry=entry or shown.entry))

    # --- orders -------------------------------------------------------------------------------------------------------

    def _order(self, row: messages.Order, at_ms: int) -> Iterable[Event]:
        own = adopt(row, self._instrument, self._own)

        if own is None:
            if row.side is not None:  # a removal that says little, of somebody else's order
                yield self._reported(translate_order(row, self._instrument, None, at_ms))

            return

        if own.is_over or reason_of(row) == REPLACED or _is_older(row, own):
            return

        report = take(row, own, self._own, self._instrument, at_ms)

        if report is None or report.status is OrderStatus.CANCELLING:
            return

        told = (report.status, report.ticks, report.lots, report.filled_lots, report.triggered)

        if own.told != told:
            own.told = told
            yield self._reported(report)

    def _reported(self, report: OrderReport) -> OrderReported:
        return OrderReported(report=report, by_stream=True)


def take(
    row: messages.Order, own: OwnOrder, orders: OwnOrders, instrument: Instrument, at_ms: int
) -> OrderReport | None:
    """Take in what the Indexer says of an order of ours; its report, None for what is no news of a stop as a whole."""
    report = translate_order(row, instrument, own, at_ms)
    status = report.status
    own.is_over = status in {OrderStatus.FILLED, OrderStatus.CANCELLED}
    own.is_leaving |= status is OrderStatus.CANCELLING
    own.is_triggered |= report.triggered and status is not OrderStatus.CANCELLED
    own.has_closed |= status is OrderStatus.FILLED or (own.is_over and reason_of(row) == _CLOSED)
    own.filled = max(own.filled, instrument.amount(report.filled_lots))

    if own.filled and not own.fill_height and own.is_short:  # filled while nobody listened: it is not known when
        own.fill_height = own.ends_at - MOST_BLOCKS

    twin = orders.twin(own)

    return report if twin is None else _of_stop(report, own, twin)


def _of_stop(report: OrderReport, own: OwnOrder, twin: OwnOrder) -> OrderReport | None:
    """Return what one order of a stop says of the stop: it is there as long as one of both is."""
    if own.is_twin and not own.is_over:
        return None

    is_triggered = own.is_triggered or twin.is_triggered

    if own.is_over and not twin.is_over and not own.has_closed and not (own.is_leaving or twin.is_leaving):
        return attrs.evolve(
            report, status=OrderStatus.OPEN, triggered=True, ended_by_venue=False, ended_by_rule="", refusal=None
        )

    if own.is_twin and not twin.is_over:
        return None

    status = OrderStatus.FILLED if own.has_closed or twin.has_closed else report.status

    return attrs.evolve(report, status=status, triggered=is_triggered, refusal=None)


def _is_older(row: messages.Order, own: OwnOrder) -> bool:
    """Whether a message is about a version of an order that has been replaced since."""
    return own.is_short and row.good_til_block is not None and row.good_til_block < own.ends_at and _is_best_effort(row)


def _is_best_effort(row: messages.Order) -> bool:
    return row.status.startswith("BEST_EFFORT")
