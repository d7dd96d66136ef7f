"""Commands about orders: sent by a fresh height, stateful ones at the chain's pace, and never what is not meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import Enum, unique
from typing import TypeVar

import anyio
import attrs

from perpmaker import Instrument, NewOrder, OrderType, PayloadError, VenueError
from perpmaker.venue import (
    Accepted,
    AmendOrder,
    CancelOrder,
    Event,
    OrderClient,
    OrderReported,
    Outcome,
    Refusal,
    RefusalReason,
    Rejected,
    RestClient,
    Unknown,
)

from . import rest
from .chain import SLACK
from .order_words import ShortTermWords, StatefulWords
from .orders import Writer, is_stateful
from .own_orders import OwnOrder
from .questions import OrderQuestions
from .stateful_pace import MOST, MOST_LONG, StatefulPace
from .translate import ended

_MOST_TARGETS, _MOST_PAIRS = 10, 14
"""How many of the longer span may be used up before no target is placed, and before stops are single orders."""

_TOO_FAST, _PUT_OFF = "clob:5001", 20
"""The chain's word for too many of them, and blocks for which no target is tried then."""

_TURN_S = 2.0
_AFTER_STOPS_S = 0.02
"""Seconds for which a target lets a stop of the same moment go first."""

_BEHIND = "the Indexer is blocks behind the node: what it shows is old, and nothing is quoted"

Asked = TypeVar("Asked", NewOrder, AmendOrder, CancelOrder)


@unique
class Needs(Enum):
    """What has to be fresh when a command is sent. A cancel names its order's own end, also while the chain stands."""

    NOTHING = 0
    HEIGHT = 1
    PRICE = 2


@attrs.define(kw_only=True)
class Commands:
    """Places, amends, cancels and renews orders of one subaccount.

    `ready` sees that the account may trade, and that what a command needs is fresh. `old_one_stays`: a probe has seen
    that a replacement which is refused as post-only leaves the old order where it was.
    """

    node: RestClient
    writer: Writer
    questions: OrderQuestions
    pace: StatefulPace
    ready: Callable[[Instrument, Needs], Awaitable[None]]
    old_one_stays: bool = False
    _short: OrderClient = attrs.field(init=False)
    _stateful: OrderClient = attrs.field(init=False)
    _words: ShortTermWords = attrs.field(init=False)
    _pairs: StatefulWords = attrs.field(init=False)
    _has_room: bool = attrs.field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self._words = ShortTermWords(self.writer)
        self._short = OrderClient(self.node, self._words)
        self._pairs = StatefulWords(self.writer)
        self._stateful = OrderClient(self.node, self._pairs)

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send new orders: targets are kept by the chain, all others end at a height."""
        needs = Needs.PRICE if any(order.ticks is None for order in orders) else Needs.HEIGHT

        return await self._each(instrument, orders, self._place, is_stateful, needs=needs)

    async def place_stops(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send stops, each as two conditional orders in one transaction."""
        return await self._each(instrument, orders, self._place_stop, lambda _: True, needs=Needs.PRICE)

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take orders off by what is known of them: short-term ones in one message, others in one transaction."""
        for order in orders:
            await self._learn(instrument, order)

        return await self._each(
            instrument, orders, self._cancel, lambda one: not self._is_short(one.client_id), needs=Needs.NOTHING
        )

    async def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        """Replace quotes; what is on its way out is not brought back."""
        return await self._each(instrument, orders, self._amend, lambda _: False)

    async def renew(self, instrument: Instrument, orders: Sequence[OwnOrder]) -> Sequence[Event]:
        """Send the next version of quotes, and the cancels of spent stops; return what was taken off by that."""
        over: list[Event] = []

        async with anyio.create_task_group() as tasks:
            for own in orders:
                tasks.start_soon(self._renew, instrument, own, over)

        return over

    # --- each kind ----------------------------------------------------------------------------------------------------

    async def _each(
        self,
        instrument: Instrument,
        orders: Sequence[Asked],
        send: Callable[[Instrument, Sequence[Asked], bool], Awaitable[Sequence[Outcome]]],
        is_stateful_one: Callable[[Asked], bool],
        *,
        needs: Needs = Needs.HEIGHT,
    ) -> Sequence[Outcome]:
        """Send what ends at a height and what does not side by side; outcomes in the order of the call."""
        try:
            await self.ready(instrument, needs)
        except (VenueError, PayloadError) as error:
            return [_refused(order.client_id, RefusalReason.BUSY, f"nothing was sent: {error}") for order in orders]

        kinds = {kind: [one for one in orders if is_stateful_one(one) is kind] for kind in (True, False)}
        found: dict[str, Outcome] = {}

        async def run(kind: bool, some: Sequence[Asked]) -> None:  # a key of the table above
            found.update((outcome.client_id, outcome) for outcome in await send(instrument, some, kind))

        async with anyio.create_task_group() as tasks:
            for kind, some in kinds.items():
                if some:
                    tasks.start_soon(run, kind, some)

        return [found[order.client_id] for order in orders]

    async def _place(self, instrument: Instrument, orders: Sequence[NewOrder], kept: bool) -> Sequence[Outcome]:
        if kept:
            await anyio.sleep(_AFTER_STOPS_S)

            return [await self._in_turn(instrument, order, 1, _MOST_TARGETS) for order in orders]

        if self.writer.blocks.is_behind and not any(order.slot.kind.is_exit for order in orders):
            return [_refused(order.client_id, RefusalReason.BUSY, _BEHIND) for order in orders]

        return self._settled(await self._short.place(instrument, orders))

    async def _place_stop(self, instrument: Instrument, orders: Sequence[NewOrder], _: bool) -> Sequence[Outcome]:
        """Send stops; one whose trigger is reached is refused, because the chain would fire it at once."""
        late = [order for order in orders if self.writer.would_trigger(instrument, order)]
        words = "the oracle's price is beyond the trigger"
        refused: list[Outcome] = [_refused(one.client_id, RefusalReason.WOULD_TRIGGER, words) for one in late]
        outcomes: list[Outcome] = []

        for order in orders:
            if order in late:
                continue

            is_stop = order.type is OrderType.VENUE_STOP
            self._pairs.are_pairs = is_stop and self._has_room and self.pace.admits(MOST, _MOST_PAIRS)
            outcome = await self._in_turn(instrument, order, 1 + self._pairs.are_pairs, MOST_LONG)
            # The equity allows so many stateful orders: where it does not allow two, one is tried from then on.
            self._has_room &= not _is_refused(outcome, RefusalReason.TOO_MANY_ORDERS)
            outcomes.append(outcome)

        return [*refused, *outcomes]

    async def _in_turn(self, instrument: Instrument, order: NewOrder, count: int, most: int) -> Outcome:
        """Send an order the chain keeps, when a block takes so many placements; a refusal where none does in time."""
        is_put_off = order.type is not OrderType.VENUE_STOP and self.pace.is_full

        if is_put_off or not await self._has_turn(count, most):
            text = "the chain takes no more stateful orders of this owner now"

            return _refused(order.client_id, RefusalReason.RATE_LIMIT, text, self.pace.wait_s(most))

        turn = self.pace.spend(count)
        (outcome,) = self._settled(await self._stateful.place(instrument, [order]))
        turn.is_answered = not isinstance(outcome, Unknown)

        if isinstance(outcome, Rejected) and outcome.refusal.code == _TOO_FAST:
            self.pace.full_until = self.writer.blocks.height + _PUT_OFF

        return outcome

    async def _has_turn(self, count: int, most: int) -> bool:
        """Wait for a block that takes so many placements. Without a stream the node tells the height."""
        blocks, pace = self.writer.blocks, self.pace
        until = blocks.block_s * 3 + _TURN_S

        with anyio.move_on_after(until), suppress(VenueError, PayloadError):
            if blocks.age_s > blocks.block_s * SLACK:
                await blocks.ask_node()

            while not pace.admits(count, most):
                await blocks.pass_height(blocks.height, patience_s=until)

        return pace.admits(count, most)

    async def _cancel(self, instrument: Instrument, orders: Sequence[CancelOrder], kept: bool) -> Sequence[Outcome]:
        found: list[Outcome] = []
        known: list[CancelOrder] = []

        for order in orders:
            live = [own for own in self.writer.own.of(order.client_id) if not own.is_over]

            if not live:
                found.append(_refused(order.client_id, RefusalReason.NOT_FOUND, "there is no such order"))
            elif not kept and self.writer.blocks.shown > live[0].ends_at + 1:
                report = ended(live[0], instrument, self.writer.now_ms(), by_venue=False)
                found.append(Accepted(client_id=order.client_id, report=report))
            else:
                known.append(order)

        if not known:
            return found

        outcomes = await (self._stateful if kept else self._short).cancel(instrument, known)

        if kept and any(_is_refused(one, RefusalReason.NOT_FOUND) for one in outcomes):
            outcomes = await self._cancel_singly(instrument, known)

        return [*found, *outcomes]

    async def _cancel_singly(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take each order off by itself: one that was gone has kept the others in the transaction from going."""
        outcomes: list[Outcome] = []

        for order in orders:
            answers = [await self._cancel_one(instrument, own) for own in self.writer.own.of(order.client_id)]
            outcomes.append(min(answers, key=_is_left))

        return outcomes

    async def _cancel_one(self, instrument: Instrument, own: OwnOrder) -> Outcome:
        message = self.writer.cancel(instrument, own)

        try:
            answer = await self.node.send(rest.TELL, {"messages": (message,)}, urgent=True)
        except VenueError as error:
            return _refused(own.client_id, RefusalReason.BUSY, str(error))

        if answer.refusal is not None:
            return Rejected(client_id=own.client_id, refusal=answer.refusal)

        return Accepted(client_id=own.client_id, by_gateway=True)

    async def _amend(self, instrument: Instrument, orders: Sequence[AmendOrder], _: bool) -> Sequence[Outcome]:
        blocks, life, own_orders = self.writer.blocks, self.writer.life, self.writer.own
        outcomes: list[Outcome] = []
        due: list[AmendOrder] = []

        for order in orders:
            own = own_orders.first(order.client_id)

            if own is None or own.is_over or own.is_leaving or own.ends_at < blocks.height:
                outcomes.append(_refused(order.client_id, RefusalReason.NOT_FOUND, "the order is on its way out"))
            elif blocks.is_behind:
                outcomes.append(_refused(order.client_id, RefusalReason.BUSY, _BEHIND))
            elif own.next_end(blocks.expected, life) is None:
                words = "the order has to end first: the chain would forget what it has filled"
                outcomes.append(_refused(order.client_id, RefusalReason.OTHER, words))
            else:
                due.append(order)

        before = {one.client_id: attrs.evolve(one) for order in due for one in own_orders.of(order.client_id)}

        for outcome in await self._short.amend(instrument, due) if due else ():
            outcomes.append(outcome)
            own = own_orders.first(outcome.client_id)

            if isinstance(outcome, Rejected) and own is not None:
                own.ticks, own.lots = before[own.client_id].ticks, before[own.client_id].lots

        return outcomes

    async def _renew(self, instrument: Instrument, own: OwnOrder, over: list[Event]) -> None:
        if own.is_twin:
            await self._cancel_one(instrument, own)
            own.is_leaving = False  # until a block has taken it off, it is tried again
            return

        command = self._words.renew(instrument, own, own)

        try:
            answer = await self.node.send(command.endpoint, command.parameters)
        except VenueError:
            return  # the next block tries again

        refusal = answer.refusal

        if refusal is not None and refusal.reason is RefusalReason.POST_ONLY_WOULD_TAKE and not self.old_one_stays:
            own.is_over = True  # the version that rested is gone with it
            now_ms = self.writer.now_ms()
            over.append(OrderReported(report=ended(own, instrument, now_ms, by_venue=True), by_stream=True))

    # --- parts --------------------------------------------------------------------------------------------------------

    def _settled(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        for outcome in outcomes:
            if isinstance(outcome, Rejected):
                self.writer.own.refused(outcome.client_id)

        return outcomes

    def _is_short(self, client_id: str) -> bool:
        return all(own.is_short for own in self.writer.own.of(client_id))

    async def _learn(self, instrument: Instrument, order: CancelOrder) -> None:
        """Ask for an order of an earlier run: a cancel has to name its kind and its end."""
        if self.writer.own.of(order.client_id):
            return

        try:
            await self.questions.fetch_order(instrument, order.client_id, order.venue_id)
        except (VenueError, PayloadError):
            return


def _refused(client_id: str, reason: RefusalReason, text: str, retry_after_s: float = 0.0) -> Rejected:
    return Rejected(client_id=client_id, refusal=Refusal(reason=reason, text=text, retry_after_s=retry_after_s))


def _is_left(outcome: Outcome) -> int:
    """Rank the answers about the two orders of a stop: it is taken off once nothing of it may be left."""
    if _is_refused(outcome, RefusalReason.NOT_FOUND):
        return 2

    return int(isinstance(outcome, Accepted))


def _is_refused(outcome: Outcome, reason: RefusalReason) -> bool:
    return isinstance(outcome, Rejected) and outcome.refusal.reason is reason
