"""What is asked of the venue beside orders: settings, rules, money and its history, and a price when none comes."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Event
from perpmaker.model.instrument import Instrument
from perpmaker.runtime.account_setup import SettingsWatch
from perpmaker.runtime.account_watch import AccountWatch
from perpmaker.runtime.income_reader import IncomeReader
from perpmaker.runtime.price_reader import PriceReader
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.rules_watch import RulesWatch
from perpmaker.runtime.tasks import Tasks


@attrs.frozen(kw_only=True)
class Watches:
    """All of them, each with what it looks at; `see` gives them what happened."""

    settings: SettingsWatch
    rules: RulesWatch
    account: AccountWatch
    income: IncomeReader
    prices: PriceReader

    def see(self, events: Sequence[Event]) -> None:
        """Take in what happened: it may call for a question."""
        self.settings.see(events)
        self.rules.see(events)
        self.account.see(events)
        self.income.see(events)

    def start(self, tasks: Tasks) -> None:
        """Begin with those that watch by themselves."""
        tasks.start_soon(self.rules.run)
        tasks.start_soon(self.account.run)
        tasks.start_soon(self.income.run)


def make_watches(
    connector: DerivativeConnector,
    instrument: Instrument,
    *,
    reconciliation: Reconciliation,
    clock: Clock,
    gate: Gate,
    emit: Emit,
    since_ms: int,
) -> Watches:
    """The watches of a market; `since_ms` is the venue's time from which on its income history is not known."""
    return Watches(
        settings=SettingsWatch(connector=connector, instrument=instrument, gate=gate, emit=emit),
        rules=RulesWatch(connector=connector, instrument=instrument, gate=gate, emit=emit),
        account=AccountWatch(reconciliation=reconciliation, gate=gate, emit=emit),
        income=IncomeReader(
            connector=connector, instrument=instrument, clock=clock, gate=gate, emit=emit, since_ms=since_ms
        ),
        prices=PriceReader(connector=connector, instrument=instrument, gate=gate, emit=emit),
    )
