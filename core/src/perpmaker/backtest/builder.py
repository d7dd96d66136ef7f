"""Builds the result of a run from its events, one by one, in constant memory: of a journal, or of a backtest.

::

    builder = ResultBuilder(whose, tick=instrument.tick, lot=instrument.lot)
    builder.begin_run(now_ms, "a1")

    for ...:
        builder.look(now_ms, bid=book.best_bid, ask=book.best_ask, reference=reference, mark=mark)
        builder.step(now_ms, events, decision.actions, decision.entries, decision.notices)
        builder.mode(now_ms, decision.mode.value, decision.mode_reason)

    builder.end_run(now_ms)
    result = builder.result(now_ms)

Money is booked by the ledger's own rules, out of its entries. Between them the result follows the mark price, where one
was told in the last minute, else the middle of the book.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import attrs

from perpmaker.backtest.curve import Thinning, column
from perpmaker.backtest.fills import Fills
from perpmaker.backtest.holding import Holding
from perpmaker.backtest.money import Money
from perpmaker.backtest.progress import Course, Falls
from perpmaker.backtest.quote_lives import QuoteLives
from perpmaker.backtest.result import Curve, Gap, Result, RunResult, Whose
from perpmaker.execution.action import Action, Amend, Place
from perpmaker.ledger.entries import AccountEntry, FillEntry, LedgerEntry, MarkoutEntry
from perpmaker.model.command_event import OrderRefused
from perpmaker.model.event import Event, OrderAmended, OrderCancelled, OrderReported, Resynced
from perpmaker.model.order import OrderReport, OrderStatus
from perpmaker.model.reading import AccountSeen

COLUMNS: Final = (
    "total",
    "spread",
    "inventory",
    "fees",
    "funding",
    "position",
    "reference",
    "mark",
    "bid",
    "ask",
    "own_bid",
    "own_ask",
)
"""Columns of the curve. The first five are in quote asset since the beginning, position in base, all else prices."""

FRESH_MS: Final = 60_000
"""Age up to which a mark price says what a position is worth."""

MOST_GAPS: Final = 500

_IN_TICKS: Final = frozenset({"bid", "ask", "own_bid", "own_ask"})


@attrs.define
class _Prices:
    """The newest prices: of the book in ticks, all else as told. `known` is one made of the book, or of a fill."""

    bid: int | None = None
    ask: int | None = None
    reference: Decimal | None = None
    mark: Decimal | None = None
    mark_ms: int = 0
    mid: Decimal | None = None


class ResultBuilder:
    """Takes in what happens, in the order of time. `tick` and `lot` are the market's steps of price and amount."""

    def __init__(self, whose: Whose, *, tick: Decimal, lot: Decimal) -> None:
        self.whose = whose
        self.opening_equity: Decimal | None = None
        """What the account was worth at the beginning, in quote asset, where that is known."""

        self.notes: list[str] = []
        """What a person should know before they believe the result."""

        self._tick = tick
        self._half_tick = tick / 2
        self._lives = QuoteLives(lot)
        self._holding = Holding()
        self._money = Money(whose.market.quote)
        self._fills = Fills()
        self._course = Course()
        self._falls = Falls()
        self._curve = Thinning(len(COLUMNS))
        self._prices = _Prices()
        self._runs: list[RunResult] = []
        self._gaps: list[Gap] = []
        self._began_ms: int | None = None
        self._counted_ms = 0

    # --- runs and time ----------------------------------------------------------------------------------------------

    def begin_run(self, at_ms: int, run: str) -> None:
        """Begin a run; one that is under way is taken for killed."""
        if self._runs and self._runs[-1].ended_ms is None:
            self._stop(self._counted_ms)

        self._runs.append(RunResult(run=run, began_ms=at_ms))
        self._begin(at_ms)
        self._lives.begin(at_ms)

    def end_run(self, at_ms: int) -> None:
        """End the run that is under way."""
        if self._runs and self._runs[-1].ended_ms is None:
            self._runs[-1] = attrs.evolve(self._runs[-1], ended_ms=at_ms)

        self._stop(at_ms)

    def count_from(self, at_ms: int) -> None:
        """Forget what has happened, but for what is held and what rests: only what follows is of the result."""
        price = self._price(at_ms)
        runs = [attrs.evolve(run) for run in self._runs[-1:] if run.ended_ms is None]
        unrealized = self._holding.unrealized(price)
        total = self._money.now(unrealized)[-1]

        if self.opening_equity is not None:
            self.opening_equity = None if total is None else self.opening_equity + total

        self._money.begin(unrealized)
        self._fills, self._falls, self._curve = Fills(), Falls(), Thinning(len(COLUMNS))
        self._course = self._course.fresh(at_ms)
        self._lives = self._lives.fresh(at_ms)
        self._runs, self._gaps, self._began_ms = runs, [], at_ms

    def rules(self, tick: Decimal, lot: Decimal) -> None:
        """Take in the market's steps of price and amount; prices in other ticks that are known by then are dropped."""
        if tick != self._tick:
            self._curve = self._curve.without({COLUMNS.index(name) for name in _IN_TICKS})
            self._prices.bid = self._prices.ask = None

        self._tick, self._half_tick, self._lives.lot = tick, tick / 2, lot

    def gap(self, from_ms: int, until_ms: int, reason: str) -> None:
        """Say that nothing is known of a time."""
        if len(self._gaps) < MOST_GAPS:
            self._gaps.append(Gap(from_ms=from_ms, until_ms=until_ms, reason=reason))

    # --- what happens -----------------------------------------------------------------------------------------------

    def look(
        self,
        at_ms: int,
        *,
        bid: int | None = None,
        ask: int | None = None,
        reference: Decimal | None = None,
        mark: Decimal | None = None,
    ) -> None:
        """Take in how the market stands: the best prices of others in ticks. None: not known now."""
        prices = self._prices
        prices.bid, prices.ask, prices.reference = bid, ask, reference

        if bid is not None and ask is not None:
            prices.mid = (bid + ask) * self._half_tick

        if mark is not None:
            prices.mark, prices.mark_ms = mark, at_ms

        self._draw(at_ms)

    def middle(self, at_ms: int, mid: Decimal) -> None:
        """Take in the middle of the book alone, as a fill tells it."""
        self._prices.mid = self._prices.reference = mid
        self._draw(at_ms)

    def step(
        self,
        at_ms: int,
        events: Iterable[Event] = (),
        actions: Iterable[Action] = (),
        entries: Iterable[LedgerEntry] = (),
        notices: Iterable[str] = (),
    ) -> None:
        """Take in what the trader was given and what it decided, and what its ledger has booked of that."""
        for event in events:
            self._hear(at_ms, event)

        self._book(at_ms, entries)

        for action in actions:
            if isinstance(action, Place):
                self._lives.place(at_ms, action.order)
            elif isinstance(action, Amend):
                self._lives.amend(at_ms, action.order)

        for text in notices:
            self._course.tell(at_ms, text)

        self._draw(at_ms)

    def book(self, at_ms: int, entries: Iterable[LedgerEntry]) -> None:
        """Take in what the ledger has booked."""
        self._book(at_ms, entries)
        self._draw(at_ms)

    def mode(self, at_ms: int, mode: str, reason: str = "") -> None:
        """Take in the mode that the bot is in from now on."""
        self._course.mode(at_ms, mode, reason)

    def tell(self, at_ms: int, text: str) -> None:
        """Take in a line that a person was told."""
        self._course.tell(at_ms, text)

    # --- what it comes to -------------------------------------------------------------------------------------------

    def result(self, at_ms: int, notes: Sequence[str] = ()) -> Result:
        """Return what it has come to up to now; more may follow."""
        began_ms = at_ms if self._began_ms is None else self._began_ms
        at_ms = max(at_ms, began_ms, self._counted_ms)

        if self._began_ms is not None:
            self._draw(at_ms)

        rows = self._curve.rows()
        unrealized = self._holding.unrealized(self._price(at_ms))
        kept = self._fills.kept()
        payments = self._money.payments(began_ms)
        told, changes = self._course.told, self._course.changes

        return Result(
            whose=self.whose,
            began_ms=began_ms,
            ended_ms=at_ms,
            runs=tuple(self._runs),
            gaps=tuple(self._gaps),
            money=self._money.history(),
            pnl=self._money.split(unrealized),
            opening_equity=self.opening_equity,
            days=self._money.days(),
            curve=Curve(
                at_ms=tuple(row_ms for row_ms, _ in rows),
                columns={
                    name: column(rows, number, self._tick if name in _IN_TICKS else None)
                    for number, name in enumerate(COLUMNS)
                },
            ),
            fills=kept,
            fills_left_out=self._fills.left_out,
            payments=payments.items,
            payments_left_out=payments.left_out,
            levels=self._lives.levels(at_ms),
            markouts=self._fills.markouts(),
            modes=self._course.modes(at_ms),
            mode_changes=tuple(changes.items),
            mode_changes_left_out=changes.left_out,
            quoting=self._lives.quoting(at_ms),
            drawdown=self._falls.drawdown,
            largest_position=self._falls.largest_position,
            best=self._falls.best,
            worst=self._falls.worst,
            told=tuple(told.items),
            told_left_out=told.left_out,
            notes=(*self.notes, *notes),
        )

    # --- inside -----------------------------------------------------------------------------------------------------

    def _begin(self, at_ms: int) -> None:
        if self._began_ms is None:
            self._began_ms = at_ms

    def _stop(self, at_ms: int) -> None:
        self._lives.end(at_ms)
        self._course.stop(at_ms)
        self._prices.bid = self._prices.ask = self._prices.reference = None
        self._draw(at_ms)

    def _book(self, at_ms: int, entries: Iterable[LedgerEntry]) -> None:
        for entry in entries:
            self._money.take(entry)

            if isinstance(entry, FillEntry):
                self._fill(at_ms, entry)
            elif isinstance(entry, MarkoutEntry):
                self._fills.mark(entry)
            elif isinstance(entry, AccountEntry):
                self._read(at_ms, entry)

    def _hear(self, at_ms: int, event: Event) -> None:
        match event:
            case OrderCancelled(client_id=client_id):
                self._lives.cancel(at_ms, client_id)
            case OrderRefused(client_id=client_id):
                self._lives.refuse(at_ms, client_id)
            case OrderReported(report=report):
                self._report(at_ms, report)
            case OrderAmended(client_id=client_id, ticks=ticks, lots=lots):
                order = self._lives.order(client_id)

                if order is not None and (order.ticks, order.lots) != (ticks, lots):
                    self._lives.move(at_ms, attrs.evolve(order, ticks=ticks, lots=lots))
            case Resynced() | AccountSeen():
                self._lives.keep_only(at_ms, {report.client_id for report in event.orders})
            case _:
                pass

    def _report(self, at_ms: int, report: OrderReport) -> None:
        if report.status is OrderStatus.REFUSED:
            self._lives.refuse(at_ms, report.client_id)
        elif report.status is OrderStatus.CANCELLED:
            self._lives.cancel(at_ms, report.client_id)

    def _fill(self, at_ms: int, entry: FillEntry) -> None:
        order = self._lives.order(entry.client_id)

        if self._fills.take(entry, None if order is None else order.slot):
            self._holding.fill(entry)
            self._lives.fill(at_ms, entry.client_id, entry.amount)

            if entry.mid is not None and self._prices.bid is None:
                self._prices.mid = self._prices.reference = entry.mid

    def _read(self, at_ms: int, entry: AccountEntry) -> None:
        self._holding.read(entry)

        if self.opening_equity is None and entry.unrealized is not None:
            wallet = (one.amount for one in entry.wallets if one.asset == self.whose.market.quote)
            self.opening_equity = sum(wallet, entry.unrealized)

        if entry.mark is not None:
            self._prices.mark, self._prices.mark_ms = entry.mark, at_ms

        self._money.open(entry.unrealized)

    def _price(self, at_ms: int) -> Decimal | None:
        prices = self._prices

        if prices.mark is not None and (prices.mid is None or at_ms - prices.mark_ms <= FRESH_MS):
            return prices.mark

        return prices.mid

    def _draw(self, at_ms: int) -> None:
        """Add what is so now to the curve."""
        if self._began_ms is None:
            return

        self._counted_ms = at_ms = max(at_ms, self._counted_ms, self._began_ms)
        prices, lives, position = self._prices, self._lives, self._holding.amount
        spread, inventory, fees, funding, total = self._money.now(self._holding.unrealized(self._price(at_ms)))
        self._falls.look(at_ms, total, position)
        self._curve.add(
            at_ms,
            (
                total,
                spread,
                inventory,
                fees,
                funding,
                position,
                prices.reference,
                prices.mark,
                prices.bid,
                prices.ask,
                lives.best_bid,
                lives.best_ask,
            ),
        )
