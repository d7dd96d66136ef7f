"""Whoever counts, books, watches and tells what happens to a bot; none of it has to be known before orders go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from perpmaker.decision.trader import Trader
from perpmaker.execution.action import Action
from perpmaker.model.event import Event
from perpmaker.runtime.account_exposure import MarketExposure
from perpmaker.runtime.activity_log import ActivityLog
from perpmaker.runtime.dead_man_switch import SwitchKeeper
from perpmaker.runtime.missed_activity import MissedActivity
from perpmaker.runtime.observers import Observers
from perpmaker.runtime.order_activity import OrderActivity
from perpmaker.runtime.order_stats import OrderStats
from perpmaker.runtime.watches import Watches
from perpmaker.state.account import Totals
from perpmaker.state.exposure import exposure


@attrs.define(kw_only=True)
class Onlookers:
    """Gives them what happened. `tell` is given the lines of the first readings."""

    trader: Trader
    count: OrderStats
    watches: Watches
    beginning: MissedActivity
    activity_log: ActivityLog
    order_activity: OrderActivity
    tell: Callable[[str], None]
    dead_man: SwitchKeeper | None = None
    exposure: MarketExposure | None = None

    @property
    def before(self) -> Totals:
        """The sums of what orders of earlier runs did, as far as it is in the account's."""
        return self.beginning.before

    def take_in(self, told: Sequence[Event]) -> None:
        """Count, and let the watches see."""
        self.count.fold(told)
        self.watches.see(told)

        if self.dead_man is not None:
            self.dead_man.see(told)

        trader = self.trader

        for line in self.beginning.lines(told, trader.state.account.totals, trader.keeper.ledger):
            self.tell(line)

    def say(self, observers: Observers, told: Sequence[Event], actions: Sequence[Action], now: float) -> None:
        """Tell other markets of the account and observers, where anything happened or was done."""
        if not (told or actions):
            return

        if self.exposure is not None:
            is_read = self.trader.trading_state.synchronised
            self.exposure.tell(exposure(self.trader.state), is_read=is_read)

        observers.say(self.activity_log.activities(told, actions, now))

        if observers.wants("refusal"):
            observers.say(self.order_activity.refusals(told))

        if observers.wants("quote"):
            observers.say(self.order_activity.quotes(actions))
