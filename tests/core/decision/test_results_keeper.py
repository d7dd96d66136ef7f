from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from perpmaker.decision.results_keeper import BESIDE_MS, UNCOVERED_S, ResultsKeeper
from perpmaker.ledger.entries import AccountEntry, FillEntry
from perpmaker.ledger.ledger import Ledger
from perpmaker.ledger.statement import DAY_MS
from perpmaker.model.event import IncomeReported, MarkChanged, Resynced
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import Position
from perpmaker.state.state import State
from perpmaker.testing.view import make_account, make_instrument

NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


class Desk:
    """A keeper on a market whose venue's clock shows noon at second 0; money is booked and read by hand."""

    def __init__(self, kept: Any = None, last: AccountEntry | None = None) -> None:
        self.state = State(
            make_instrument(), position_mode=PositionMode.ONE_WAY, leverage=1, fence_s=3.0, is_ours=lambda _: True
        )
        self.ledger = Ledger("BTCUSDT", 0, "USDT")
        self.keeper = ResultsKeeper(self.state, self.ledger)
        self.now = 0.0
        self.trades = 0

        if kept is not None:
            self.keeper.recall(kept, last)

    def read(self, equity: str = "1000", amount: str = "0", entry: str = "0", at: float | None = None) -> Any:
        """The account is read now, with this equity and position; what there is then."""
        self.now = self.now if at is None else at
        position = Position(side=PositionSide.NET, amount=Decimal(amount), entry=Decimal(entry))
        account = attrs.evolve(make_account(position), equity=Decimal(equity), asked_at=self.now)
        ms = NOON_MS + round(self.now * 1000)
        event = Resynced(began_at=self.now, orders=(), finished=(), fills=(), account=account, venue_ms=ms, asked_ms=ms)
        self.state.fold(event, self.now)
        self.keeper.fold(event)

        return self.see()

    def mark(self, price: str) -> None:
        """The mark price is this now."""
        event = MarkChanged(
            mark=Decimal(price), index=Decimal(price), funding_rate=Decimal(0), next_funding_ms=0, venue_ms=NOON_MS
        )
        self.state.fold(event, self.now)

    def book(self, profit: str) -> None:
        """A fill of ours realises so much, without a fee."""
        self.trades += 1
        entry = FillEntry(
            trade_id=str(self.trades),
            client_id="ours",
            side=Side.SELL,
            position_side=PositionSide.NET,
            price=Decimal(100),
            amount=Decimal(1),
            fee=Decimal(0),
            fee_asset="USDT",
            maker=True,
            realized=Decimal(profit),
            own_profit=Decimal(profit),
            venue_ms=NOON_MS,
            ours=True,
        )
        self.ledger.fill(entry)
        self.keeper.fold(
            MarkChanged(mark=Decimal(1), index=Decimal(1), funding_rate=Decimal(0), next_funding_ms=0, venue_ms=NOON_MS)
        )

    def history(self, at: float, *transfers: tuple[float, str]) -> Any:
        """The income history is read, with transfers (second, amount) in it; what there is then."""
        self.now = at
        records = tuple(
            IncomeRecord(
                kind=IncomeKind.TRANSFER,
                word="TRANSFER",
                income_id=str(second),
                asset="USDT",
                amount=Decimal(amount),
                venue_ms=NOON_MS + round(second * 1000),
            )
            for second, amount in transfers
        )
        event = IncomeReported(records=records, asked_at=at)
        self.ledger.fold([event], at)
        self.keeper.fold(event)
        self.ledger.take()

        return self.see()

    def see(self, at: float | None = None) -> Any:
        """What there is now."""
        self.now = self.now if at is None else at

        return self.keeper.see(self.now)


def test_the_day_is_counted_from_what_there_was_when_it_began() -> None:
    """Booked and unrealised at the first look, and again at 00:00 UTC, which is known as a moment."""
    desk = Desk()
    desk.mark("90")
    began = desk.read(amount="1", entry="100")
    assert (began.booked, began.day_began, began.day_ends_at) == (0, -10, 43_200.0)

    desk.book("5")
    later = desk.see(43_199.0)
    assert (later.booked, later.day_began) == (5, -10)
    desk.mark("80")
    midnight = desk.see(43_200.0)
    assert (midnight.booked, midnight.day_began) == (5, -15)
    assert midnight.day_ends_at == 43_200.0 + 86_400.0


def test_the_peak_is_the_highest_result_of_a_reading() -> None:
    """Not what was between two."""
    desk = Desk()
    desk.mark("100")
    assert desk.read(amount="1", entry="100").peak == 0
    desk.mark("110")
    assert desk.see(1.0).peak == 0
    assert desk.read(amount="1", entry="100", at=2.0).peak == 10
    desk.mark("90")
    assert desk.read(amount="1", entry="100", at=3.0).peak == 10


def test_a_restart_goes_on_with_what_was_counted() -> None:
    """What the ledger has recalled is in it already, what is booked after is added."""
    first = Desk()
    first.read()
    first.book("-7")
    first.see(1.0)
    second = Desk(first.keeper.kept)
    second.read()
    second.book("-2")
    now = second.see(1.0)
    assert (now.booked, now.day_began, now.peak) == (-9, 0, 0)


def test_a_day_that_came_while_no_run_was_there_began_with_what_the_last_one_left() -> None:
    """Its newest reading says what was unrealised."""
    first = Desk()
    first.mark("100")
    first.read(amount="1", entry="100")
    first.book("-7")
    first.see(1.0)
    left = AccountEntry(at_ms=NOON_MS, wallets=(), positions=(), mark=Decimal(99), unrealized=Decimal(-1))
    second = Desk(first.keeper.kept, left)
    second.mark("50")
    now = second.read(amount="1", entry="100", at=50_000.0)
    assert now.day_began == -8


def test_who_resumes_begins_anew_and_keeps_what_is_booked() -> None:
    """Day, peak and equity count from the next look."""
    desk = Desk()
    desk.read(at=1.0)
    desk.book("-7")
    desk.see(2.0)
    desk.keeper.begin_anew(123)
    now = desk.see(3.0)
    assert (now.booked, now.day_began, now.peak, now.equity_peak) == (-7, -7, -7, None)
    assert desk.keeper.kept.resumed_ms == 123


def test_a_reading_of_the_equity_counts_when_the_history_of_transfers_covers_it() -> None:
    """Not when it is read: a deposit would be a gain, and a withdrawal a loss."""
    desk = Desk()
    desk.read("1000", at=10.0)
    assert desk.history(60.0).equity_beside is None
    assert desk.history(70.0).equity_beside == 1000

    desk.read("1500", at=100.0)  # 500 came at second 95, as the history says later
    assert desk.history(101.0).equity_beside == 1000
    assert desk.history(161.0, (95.0, "500")).equity_beside == 1000
    assert desk.see().equity_peak == 1000

    desk.read("1400", at=200.0)  # 100 are lost elsewhere
    assert desk.history(261.0).equity_beside == 900


def test_a_reading_beside_a_transfer_does_not_count() -> None:
    """It may contain it or not; the next one does."""
    desk = Desk()
    desk.read("1000", at=10.0)
    desk.history(71.0)
    desk.read("1500", at=100.0)
    assert desk.history(161.0, (100.0 + BESIDE_MS / 1000, "500")).equity_beside == 1000
    desk.read("1500", at=162.0)
    assert desk.history(223.0).equity_beside == 1000


def test_without_a_history_a_reading_counts_after_a_while() -> None:
    """A venue that has none tells of no transfer either."""
    desk = Desk()
    desk.read("1000", at=10.0)
    assert desk.see(10.0 + UNCOVERED_S - 1).equity_beside is None
    found = desk.see(10.0 + UNCOVERED_S)
    assert (found.equity_beside, found.equity_day_began, found.equity_peak) == (1000, 1000, 1000)
    assert desk.keeper.kept.equity_day_began == 1000


def test_between_readings_the_account_moves_with_the_market() -> None:
    """What the reading showed beside the market's own result stays."""
    desk = Desk()
    desk.mark("100")
    desk.read("1000", amount="1", entry="90", at=10.0)
    found = desk.history(70.0)
    assert found.equity_beside == 990
    desk.mark("80")
    unrealized = desk.state.account.unrealized(desk.state.market.mark)
    assert found.equity_beside + found.booked + unrealized == 980


def test_nothing_is_known_before_account_clock_and_mark_are() -> None:
    """Then there is no loss."""
    desk = Desk()
    assert desk.see(1.0).day_began is None
    assert desk.read(amount="1", entry="100").day_began is None
    desk.mark("100")
    assert desk.see(2.0).day_began == 0
