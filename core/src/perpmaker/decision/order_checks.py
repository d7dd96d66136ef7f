"""What has to be asked of the venue, and when: unknown outcomes, missing fills, contradictions, silence."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from math import inf
from typing import Final

from perpmaker.decision.missed_fill_detector import MissedFillDetector
from perpmaker.decision.notices import Notices, plain
from perpmaker.decision.reading_problem import ReadingProblem
from perpmaker.decision.trading_state import RESYNC_AGAIN_S, TradingState
from perpmaker.execution.action import Action, Ask, Cancel, Reconnect, Resync
from perpmaker.model.command_event import Command
from perpmaker.model.event import AccountUnread, Channel, Event, Traded
from perpmaker.model.order import Fill, OrderStatus, PositionSide, Side
from perpmaker.state.order_index import CUT_S
from perpmaker.state.state import State
from perpmaker.state.survey import Survey
from perpmaker.state.tracked_order import TrackedOrder

DOUBT_S = 2.0
"""How long fills may be missing, or fills and reports disagree, before everything is read again."""

CONFIRM_S = 3.0
"""How long the private stream may keep silent about an order that the venue's answer said was taken."""

ANSWER_S = 15.0
"""A command without any outcome after this long counts as unknown; dispatch always answers sooner."""

RECONNECT_AGAIN_S = 30.0

CHECKED: Final = frozenset({Traded, AccountUnread})
"""Events that are taken in here, beside what the state does."""

_IN_FLIGHT = {
    OrderStatus.PENDING: Command.PLACE,
    OrderStatus.CANCELLING: Command.CANCEL,
    OrderStatus.AMENDING: Command.AMEND,
}


class OrderChecks:
    """Finds what is overdue. `fence_s` is the venue's own deadline for a signed request, with its uncertainties."""

    def __init__(self, state: State, trading_state: TradingState, *, fence_s: float) -> None:
        self._state = state
        self._trading_state = trading_state
        self._fence_s = fence_s
        self._may_reconnect_at = -inf
        self._notices = Notices()
        self._missed_fills = MissedFillDetector(state)
        self._readings = ReadingProblem(state.account)
        self._kept_back: str | None = None
        self._unread: list[str] = []
        self._silences = 0
        self._dusty: set[PositionSide] = set()
        self._unpriced: set[PositionSide] = set()
        self._quiet_since = -1

    @property
    def version(self) -> int:
        """Grows whenever there is something new to look at the clock for."""
        return self._missed_fills.version + self._silences

    def fold(self, event: Event, now: float) -> None:
        """Take in what happened; the state has done so already."""
        if isinstance(event, Traded):
            self._missed_fills.fold(event, now)
        elif isinstance(event, AccountUnread):
            self._unread.append(event.reason)
            self._silences += 1

    def is_called_for(self, bid: int | None, ask: int | None) -> bool:
        """Whether other people's best bid and ask are news for what has to be asked."""
        return self._missed_fills.is_reached(bid, ask)

    @property
    def reach(self) -> tuple[float, float]:
        """The best ask, and the best bid, from which on that is so: where our highest buy and our lowest sell rest."""
        return self._missed_fills.reach

    def demand(self, now: float, *, cancel_unknown: bool) -> tuple[list[Action], list[str]]:
        """What to send now, and what to tell. `cancel_unknown`: unknown orders are cancelled as well as asked for."""
        actions: list[Action] = []
        orders = self._state.orders
        is_quiet = self._quiet_since == self._state.changes and not orders.gaps()
        notices = [] if is_quiet else [*self._unexplained(now), *self._by_hand(now), *self._dust(now)]
        self._missed_fills.demand(now)
        survey = orders.survey()

        if any(at + ANSWER_S <= now for at in survey.sent) or any(at <= now for at in survey.asks):
            actions.extend(self._look_at_orders(now, cancel_unknown=cancel_unknown))

        if not is_quiet or orders.lost or self._unread:
            for cause, reason in self._contradictions(now):
                notices.extend(self._notices.say(cause, reason, now))
                self._trading_state.require(reason, now)

        if survey.unshown or self._kept_back is not None:
            actions.extend(self._silence(now))

        if self._trading_state.is_resync_due(now):
            self._trading_state.asked_at = now
            actions.append(Resync(reason=self._trading_state.demand or ""))

        if (
            not is_quiet
            and not self._state.by_hand
            and all(one.is_quiet for one in self._state.account.tracked.values())
        ):
            self._quiet_since = self._state.changes

        return actions, notices

    def _look_at_orders(self, now: float, *, cancel_unknown: bool) -> Iterator[Action]:
        """Give up waiting for answers that are overdue, and ask about the orders whose time has come."""
        for record in self._state.orders.live.values():
            if record.working.status.is_in_flight:
                self._give_up_waiting(record, now)

            if record.ask_at is not None and record.ask_at <= now:
                yield from self._ask(record, now, cancel_unknown=cancel_unknown)

    def next_at(self, now: float) -> float | None:
        """When `demand` has something to do next, should nothing happen before."""
        survey = self._state.orders.outlook()
        first = self._first_rare(now, survey)

        for at in survey.sent:
            if now < at + ANSWER_S < first:
                first = at + ANSWER_S

        for at in survey.asks:
            if now < at < first:
                first = at

        return first if first < inf else None

    def _first_rare(self, now: float, survey: Survey) -> float:
        """The first of the moments of which there are none most of the time; infinite where there are none."""
        trading_state = self._trading_state
        moments = [*self._missed_fills.moments(), *survey.again]

        if survey.cuts:
            moments += [at + CUT_S for at in survey.cuts]

        if survey.unshown and trading_state.lost is None:
            moments += [max(at + CONFIRM_S, self._may_reconnect_at) for at in survey.unshown]

        if survey.gaps or not self._state.orders.finished.is_settled:
            gaps = self._state.orders.gaps()
            moments += [gap.gap_since + DOUBT_S for gap in gaps if gap.gap_since is not None]

        if self._quiet_since != self._state.changes:
            moments += self._readings.moments()

            for tracked in self._state.account.tracked.values():
                since = (tracked.doubt_since, tracked.external_since)
                moments += [at + DOUBT_S for at in since if at is not None]

        if trading_state.demand is not None and trading_state.asked_at is not None:
            moments.append(trading_state.asked_at + RESYNC_AGAIN_S)

        return min([moment for moment in moments if moment > now], default=inf) if moments else inf

    def _give_up_waiting(self, record: TrackedOrder, now: float) -> None:
        if record.working.changed_at + ANSWER_S <= now:
            command = _IN_FLIGHT[record.working.status]
            self._state.orders.version += 1
            record.doubt(command, fence_at=record.working.changed_at + self._fence_s, now=now)

    def _ask(self, record: TrackedOrder, now: float, *, cancel_unknown: bool) -> Iterator[Action]:
        working = record.working
        record.asked(now)
        self._state.orders.version += 1

        if cancel_unknown and working.status is OrderStatus.UNKNOWN and not working.slot.kind.is_exit:
            self._state.orders.cancel(working.client_id, now)
            yield Cancel(client_id=working.client_id, venue_id=working.venue_id, kind=working.slot.kind)

        yield Ask(client_id=working.client_id, venue_id=working.venue_id, kind=working.slot.kind)

    def _contradictions(self, now: float) -> Iterator[tuple[str, str]]:
        """Causes and words of what reading everything again has to settle; nothing new while that is awaited."""
        yield from self._without_entry()
        lost, self._state.orders.lost = self._state.orders.lost, []
        yield from (("lost", words) for words in lost)
        unread, self._unread = self._unread, []
        yield from (("unread", words) for words in unread)
        yield from self._readings.questions(now)

        if self._trading_state.demand is not None:
            return

        for gap in self._state.orders.gaps():
            if self._missed_fills.has_kept_back(gap, now):
                self._kept_back = f"the private stream did not tell of fills of order {gap.working.client_id}"
                yield "gap", self._kept_back
            elif gap.gap_since is not None and gap.gap_since + DOUBT_S <= now:
                yield "gap", f"fills of order {gap.working.client_id} are missing"

        for side, tracked in self._state.account.tracked.items():
            if tracked.doubt_since is not None and tracked.doubt_since + DOUBT_S <= now:
                tracked.doubt_since = now
                yield f"doubt {side.value}", f"the venue's report of the {side.value} position disagrees with its fills"

    def _without_entry(self) -> Iterator[tuple[str, str]]:
        """Positions that came without their entry price, once each: exits cannot be told from none."""
        for side, tracked in self._state.account.tracked.items():
            is_unpriced = tracked.now.amount != 0 and tracked.now.entry <= 0

            if is_unpriced and side not in self._unpriced:
                yield f"entry {side.value}", f"the {side.value} position came without its entry price"

            (self._unpriced.add if is_unpriced else self._unpriced.discard)(side)

    def _unexplained(self, now: float) -> Iterator[str]:
        awaited = {gap.working.slot.position_side for gap in self._state.orders.gaps()}

        for side, tracked in self._state.account.tracked.items():
            if side in awaited:  # the fills that explain it have been announced
                continue

            if tracked.external_since is not None and tracked.external_since + DOUBT_S <= now:
                change = tracked.explain()
                amount = tracked.now.amount
                text = f"the {side.value} position changed by {plain(change)} without a fill of ours; it is "
                text += f"{plain(amount)} now"
                yield from self._notices.say(f"external {side.value}", text, now)

    def _by_hand(self, now: float) -> Iterator[str]:
        """Each order that executed and that we did not send, in a line: what it traded since the last one."""
        fills, self._state.by_hand = self._state.by_hand, []
        orders: dict[tuple[str, Side, PositionSide], Fill] = {}

        for fill in fills:
            orders.setdefault((fill.client_id, fill.side, fill.position_side), fill)

        for (client_id, side, position_side), first in orders.items():
            parts = [
                fill
                for fill in fills
                if (fill.client_id, fill.side, fill.position_side) == (client_id, side, position_side)
            ]
            amount = sum((part.amount for part in parts), Decimal(0))
            price = sum((part.amount * part.price for part in parts), Decimal(0)) / amount
            left = self._state.account.positions.get(position_side)
            who = _who(first)
            text = f"{who}: {side.value} {plain(amount)} at {plain(round(price, 8))} (order {client_id})"
            text += "" if left is None else f"; the {position_side.value} position is {plain(left.amount)} now"
            yield from self._notices.say(f"{who} {side.value} {position_side.value}", text, now)

    def _dust(self, now: float) -> Iterator[str]:
        """What no order can close is told once, and again only when there was a position of size in between."""
        instrument = self._state.instrument

        for side, tracked in self._state.account.tracked.items():
            amount = tracked.now.amount
            is_dust = bool(amount) and instrument.is_dust(amount)

            if is_dust and side not in self._dusty:
                least = max(instrument.lot, instrument.min_amount)
                size = f"{plain(amount)}: the market's smallest order is {plain(least)}"
                text = f"dust: the {side.value} position is {size}; it stays, and quoting goes on"
                yield from self._notices.say(f"dust {side.value}", text, now)

            (self._dusty.add if is_dust else self._dusty.discard)(side)

    def _silence(self, now: float) -> Iterator[Action]:
        """The stream is dead: it never showed an order that was taken, by the answer, or it kept fills back."""
        kept_back, self._kept_back = self._kept_back, None

        if self._trading_state.lost is not None or now < self._may_reconnect_at:
            return

        if kept_back is not None:
            self._may_reconnect_at = now + RECONNECT_AGAIN_S
            yield Reconnect(channel=Channel.ACCOUNT.value, reason=kept_back)
            return

        for record in self._state.orders.live.values():
            accepted_at, working = record.accepted_at, record.working

            if accepted_at is not None and not working.confirmed and accepted_at + CONFIRM_S <= now:
                self._may_reconnect_at = now + RECONNECT_AGAIN_S
                reason = f"order {working.client_id} was accepted, and the private stream does not show it"
                yield Reconnect(channel=Channel.ACCOUNT.value, reason=reason)
                return


def _who(fill: Fill) -> str:
    """Whose order has executed, in words."""
    if fill.forced:
        return f"closed by the venue ({fill.forced})"

    return "closed by the position's stop on the venue" if fill.of_position else "traded by hand"
