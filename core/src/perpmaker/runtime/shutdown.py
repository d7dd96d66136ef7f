"""The way to the end: flat if asked for, quotes cancelled, and the venue's own word that they are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import anyio
import attrs

from perpmaker.execution.action import Cancel
from perpmaker.execution.dispatch import Dispatcher
from perpmaker.model.event import Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, OrderReport, OrderType
from perpmaker.model.position import Position, open_positions
from perpmaker.model.working_order import WorkingOrder
from perpmaker.runtime.pauses import Pauses
from perpmaker.runtime.reconciliation import Reconciliation

PROOF_S = 10.0
FLATTEN_S = 30.0
HURRIED_S = 2.0
HURRIED_STOP_S = 1.0
DIRECT_AFTER_S = 1.0


_OF_TYPE = {OrderType.VENUE_STOP: OrderKind.VENUE_STOP, OrderType.VENUE_TARGET: OrderKind.VENUE_TARGET}


@attrs.frozen(kw_only=True)
class Closing:
    """How it ended: own quotes and exits still on the venue; `unproven` says what could not be proven, if anything.

    Among the `quotes` are targets that the venue does not cap: they may open a position as well.

    `account` is the account as it was read last; None when the venue did not answer any more. `listed`: the venue has
    told the open orders; where it has not, no `quotes` does not mean that there are none.
    """

    quotes: tuple[OrderReport, ...] = ()
    exits: tuple[OrderReport, ...] = ()
    unproven: str | None = None
    account: Resynced | None = None
    listed: bool = True


@attrs.define(kw_only=True)
class Shutdown:
    """Ends a bot cleanly. `working` are the orders that the trader believes live, `kind_of` tells ours by client id.

    `settled`: the trader knows that it ends, and the stops that are left on the venue for a position rest there.
    Targets are taken off like quotes where the venue does not cap them at the position (`caps_resting_exits`).
    """

    reconciliation: Reconciliation
    dispatcher: Dispatcher
    working: Callable[[], Sequence[WorkingOrder]]
    kind_of: Callable[[str], OrderKind | None]
    settled: Callable[[], bool] = lambda: True
    caps_resting_exits: bool = True
    close: bool = attrs.field(default=False, init=False)
    requested: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _hurried_at: float | None = attrs.field(default=None, init=False)
    _was_cancelled: bool = attrs.field(default=False, init=False)

    def request(self, *, close: bool) -> None:
        """Latch the wish to end; the second time it means: at once."""
        if self.requested.is_set():
            self._hurried_at = self.reconciliation.clock.now()
        else:
            self.close = close
            self.requested.set()

    async def carry_out(self) -> Closing:
        """Wait until flat (if asked for), then until the venue shows no own quote and none can appear any more.

        Whether it is flat is judged by the last reading: a quote may be filled after this, or the close come through.
        """
        if self.close:
            await self._flatten()

        return await self._prove()

    async def read_at_last(self, closing: Closing, since_ms: int) -> Closing:
        """The same ending with the account as it was read last, and the exits that are left by that reading.

        It is read until two answers in a row agree, so that no execution falls between the lines, and until no exit
        is left of a position that was closed meanwhile: the trader still runs, and takes them off.
        """
        account = await self._read_twice(since_ms)

        if account is None:
            return closing

        _, exits = self._ours(account.orders)

        return attrs.evolve(closing, exits=exits, account=account)

    async def _read_twice(self, since_ms: int) -> Resynced | None:
        before: Resynced | None = None
        pause = Pauses()

        with anyio.move_on_after(PROOF_S / 2):
            while True:
                try:
                    now = await self.reconciliation.read((), since_ms)
                except Exception:  # noqa: BLE001  # the declared seam to plugins: what cannot be read is read again
                    await pause.wait()
                    continue

                if before is not None and _money(before) == _money(now) and not self._is_left_over(now):
                    return now

                before = now
                await pause.wait()

        return before

    def _is_left_over(self, account: Resynced) -> bool:
        """Whether an exit of ours rests although its position is gone."""
        held = {position.side for position in self._held(account.positions)}

        _, exits = self._ours(account.orders)

        return any(report.position_side not in held for report in exits)

    def _held(self, positions: Iterable[Position]) -> list[Position]:
        return open_positions(positions, self.reconciliation.instrument)

    def _ours(self, reports: Iterable[OrderReport]) -> tuple[tuple[OrderReport, ...], tuple[OrderReport, ...]]:
        """Orders of ours that must go, and the exits that may stay."""
        ours = [(report, kind) for report in reports if (kind := self._kind_of(report)) is not None]
        quotes = tuple(report for report, kind in ours if not self._may_stay(kind))

        return quotes, tuple(report for report, kind in ours if self._may_stay(kind))

    def _may_stay(self, kind: OrderKind) -> bool:
        """Whether an order of this kind may be left on the venue."""
        return kind.may_stay(caps_resting_exits=self.caps_resting_exits)

    @property
    def is_hurried(self) -> bool:
        """Whether somebody has asked for the end a second time."""
        return self._hurried_at is not None

    def waits_until(self, began_at: float, wait_s: float) -> float:
        """Until when to wait for what is under way: a second at most once somebody is in a hurry."""
        until = began_at + wait_s

        return until if self._hurried_at is None else min(until, max(began_at, self._hurried_at) + HURRIED_STOP_S)

    async def sweep(self, fence_s: float | None = None) -> str | None:
        """Take own quotes off directly, without the trader: for when it is the one that failed.

        What it believed does not change any more, so the venue's word counts alone, once the last order that may have
        been under way can no longer arrive (after `fence_s`, the connector's where None). The answer says what could
        not be proven, None when nothing is left.
        """
        closing = Closing(unproven="the venue did not list the open orders", listed=False)
        fence_s = self.reconciliation.connector.fence_s if fence_s is None else fence_s

        with anyio.CancelScope(shield=True), anyio.move_on_after(PROOF_S + fence_s):
            self.working, self.settled = tuple, lambda: True
            self._hurried_at = self.reconciliation.clock.now()
            await self._prove()
            await anyio.sleep(fence_s)
            closing = await self._prove()

        return closing.unproven

    async def _flatten(self) -> None:
        """Wait for every position to be closed; not when it takes too long, or somebody is in a hurry."""
        pause = Pauses()

        with anyio.move_on_after(FLATTEN_S):
            while self._hurried_at is None:
                try:
                    positions = (await self.reconciliation.account()).positions
                except Exception:  # noqa: BLE001, S110  # the same
                    pass
                else:
                    if not self._held(positions):
                        return

                await pause.wait()

    async def _prove(self) -> Closing:
        """Look at the venue until it shows no own quote and no order of ours is still unsettled."""
        clock = self.reconciliation.clock
        began_at = clock.now()
        closing = Closing(unproven="the venue did not list the open orders", listed=False)
        pause = Pauses()

        while (left_s := self._deadline(began_at) - clock.now()) > 0:
            try:
                with anyio.fail_after(left_s):
                    reports = await self.reconciliation.open_orders()
            except Exception:  # noqa: BLE001  # the declared seam to plugins: what cannot be read is read again
                await pause.wait()
                continue

            closing = self._judge(reports)

            if closing.unproven is None and self.settled():
                return closing

            if closing.quotes and (self._hurried_at is not None or clock.now() - began_at >= DIRECT_AFTER_S):
                await self._cancel(closing.quotes)

            await pause.wait()

        return closing

    def _deadline(self, began_at: float) -> float:
        """Until when to look: `PROOF_S` from the beginning, `HURRIED_S` from the moment somebody is in a hurry."""
        deadline = began_at + PROOF_S

        return deadline if self._hurried_at is None else min(deadline, max(began_at, self._hurried_at) + HURRIED_S)

    def _judge(self, reports: Sequence[OrderReport]) -> Closing:
        """What the list of open orders and the trader's own unsettled orders say."""
        quotes, exits = self._ours(reports)
        unsettled = [order.client_id for order in self.working() if not self._may_stay(order.slot.kind)]
        unproven = None

        if quotes:
            kinds = {self._kind_of(quote) for quote in quotes}
            what = "quotes" if kinds == {OrderKind.QUOTE} else "orders that may open a position"
            unproven = f"{len(quotes)} {what} are still on the venue: {', '.join(quote.client_id for quote in quotes)}"
        elif unsettled:
            unproven = f"it is not known what became of {', '.join(unsettled)}"

        return Closing(quotes=quotes, exits=exits, unproven=unproven)

    def _kind_of(self, report: OrderReport) -> OrderKind | None:
        """What an order of ours is for; a stop is one whether or not anybody knows why it was sent.

        The stop that a position itself has is among them: it has no id, and is gone with the position.
        """
        if report.of_position:
            return OrderKind.VENUE_STOP

        kind = self.kind_of(report.client_id)

        return kind if kind is None else _OF_TYPE.get(report.type, kind)

    async def _cancel(self, quotes: Sequence[OrderReport]) -> None:
        """Cancel on our own account; what comes of it shows in the next list.

        Together the first time, and then each by itself, so that none that the venue chokes on keeps the others.
        """
        actions = [Cancel(client_id=quote.client_id, venue_id=quote.venue_id, kind=OrderKind.QUOTE) for quote in quotes]
        batches = [[action] for action in actions] if self._was_cancelled else [actions]
        self._was_cancelled = True

        with anyio.move_on_after(HURRIED_S):
            async with anyio.create_task_group() as group:
                for batch in batches:
                    group.start_soon(self.dispatcher.dispatch, batch)


def exit_left(order: OrderReport, instrument: Instrument) -> str:
    """A closing order that was left on the venue, in words."""
    at = "an unknown price" if order.ticks is None else f"{instrument.price(order.ticks):f}"

    if order.type is OrderType.VENUE_STOP:
        return f"a stop that the venue fires: {order.side.value} all at {at}"

    if order.type is OrderType.VENUE_TARGET:
        return f"a target that the venue fires: {order.side.value} all at {at}"

    return f"a closing order: {order.side.value} {order.left(instrument.lot):f} at {at}"


def _money(account: Resynced) -> tuple[object, ...]:
    """What has to be the same in two answers, so that nothing happened in between."""
    return account.fills, [(position.side, position.amount, position.entry) for position in account.positions]
