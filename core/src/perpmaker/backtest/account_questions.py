"""What a live bot asks of its account by itself: everything each half minute, its money after what has moved it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from perpmaker.backtest.account_desk import AccountDesk
from perpmaker.backtest.agenda import Agenda, Turn
from perpmaker.backtest.columns import NS
from perpmaker.execution.action import Ask
from perpmaker.model.event import Event, FundingPaid, Resynced
from perpmaker.model.reading import AccountReported
from perpmaker.model.working_order import WorkingOrder
from perpmaker.runtime.account_watch import ACCOUNT_RETRY_S, moves_money
from perpmaker.runtime.account_watch import SETTLE_S as ACCOUNT_SETTLE_S
from perpmaker.runtime.income_reader import INCOME_RETRY_S
from perpmaker.runtime.income_reader import SETTLE_S as INCOME_SETTLE_S
from perpmaker.runtime.venue_side import CHECK_S

_CHECK_NS: Final = round(CHECK_S * NS)


@attrs.define(kw_only=True)
class AccountQuestions:
    """Asks at the times at which `perpmaker.runtime` would; an answer comes after `lag_ns`.

    `seconds` turns a time into that of the engine's clock, `working` are the orders that are believed to be live.
    """

    desk: AccountDesk
    agenda: Agenda
    lag_ns: Callable[[], int]
    seconds: Callable[[int], float]
    working: Callable[[], Sequence[WorkingOrder]]
    _account_ready_ns: int = 0
    _income_ready_ns: int = 0
    _awaits_account: bool = False
    _awaits_income: bool = False
    _is_read: bool = False

    def begin(self, now_ns: int) -> None:
        """Ask for everything every half minute from now on."""
        self.agenda.put(now_ns + _CHECK_NS, Turn.QUESTION, self._check)

    def resync(self, now_ns: int) -> None:
        """Ask for everything."""
        self._answer(now_ns, self.desk.read(self.seconds(now_ns), self.working()))

    def ask(self, question: Ask, now_ns: int) -> None:
        """Ask what became of an order."""
        self._answer(now_ns, self.desk.ask(question, self.seconds(now_ns)))

    def see(self, event: Event, now_ns: int) -> None:
        """Ask for the money of the account after what has moved it, as often as a live bot does."""
        self._is_read = self._is_read or isinstance(event, Resynced)

        if self._is_read and not self._awaits_account and moves_money(event):
            self._awaits_account = True
            at_ns = max(now_ns, self._account_ready_ns) + round(ACCOUNT_SETTLE_S * NS)
            self.agenda.put(at_ns, Turn.QUESTION, self._read_account)

        if not self._awaits_income and isinstance(event, (Resynced, FundingPaid)):
            self._awaits_income = True
            at_ns = max(now_ns, self._income_ready_ns) + round(INCOME_SETTLE_S * NS)
            self.agenda.put(at_ns, Turn.QUESTION, self._read_income)

    def _check(self, now_ns: int) -> Sequence[Event]:
        self.resync(now_ns)
        self.begin(now_ns)

        return ()

    def _read_account(self, now_ns: int) -> Sequence[Event]:
        self._awaits_account = False
        self._account_ready_ns = now_ns + round(ACCOUNT_RETRY_S * NS)
        self._answer(now_ns, AccountReported(account=self.desk.account(self.seconds(now_ns))))

        return ()

    def _read_income(self, now_ns: int) -> Sequence[Event]:
        self._awaits_income = False
        self._income_ready_ns = now_ns + round(INCOME_RETRY_S * NS)
        answer = self.desk.income(self.seconds(now_ns))

        if answer is not None:
            self._answer(now_ns, answer)

        return ()

    def _answer(self, now_ns: int, event: Event) -> None:
        self.agenda.tell(now_ns + self.lag_ns(), Turn.ANSWER, (event,))
