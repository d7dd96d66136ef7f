"""A result made step by step, against sums made by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.backtest.builder import COLUMNS, ResultBuilder
from perpmaker.backtest.result import MarketFacts, Result, Whose, decode_result
from perpmaker.errors import PayloadError
from perpmaker.execution.action import Amend, Place
from perpmaker.ledger.entries import AccountEntry, FillEntry, IncomeEntry, MarkoutEntry
from perpmaker.model.event import OrderCancelled
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.order import CancelCause, NewOrder, OrderKind, OrderType, PositionSide, Side, Slot
from perpmaker.model.position import Position

T0 = 1_767_268_800_000  # 2026-01-01T12:00:00Z
WHOSE = Whose(
    kind="backtest",
    name="btc",
    environment="backtest",
    connector="venue",
    market=MarketFacts(market="BTC-USDT", base="BTC", quote="USDT"),
)


def builder() -> ResultBuilder:
    """One whose tick is 0.5 and whose lot is 0.1."""
    made = ResultBuilder(WHOSE, tick=Decimal("0.5"), lot=Decimal("0.1"))
    made.begin_run(T0, "r1")

    return made


def order(client_id: str, side: Side, ticks: int, lots: int = 20, level: int = 0) -> NewOrder:
    """A quote."""
    slot = Slot(OrderKind.QUOTE, side, level)

    return NewOrder(client_id=client_id, slot=slot, lots=lots, ticks=ticks, type=OrderType.POST_ONLY)


def fill(trade_id: str, side: Side, price: str, at_s: int, **changes: Any) -> FillEntry:
    """An execution of 2, with a fee of 0.1 USDT."""
    plain: dict[str, Any] = {
        "client_id": f"pm-{trade_id}",
        "position_side": PositionSide.NET,
        "amount": Decimal(2),
        "fee": Decimal("0.1"),
        "fee_asset": "USDT",
        "maker": True,
        "realized": None,
        "own_profit": Decimal(0),
        "ours": True,
        "what": OrderKind.QUOTE,
    }

    return FillEntry(
        trade_id=trade_id, side=side, price=Decimal(price), venue_ms=T0 + at_s * 1000, **{**plain, **changes}
    )


def cancelled(client_id: str) -> OrderCancelled:
    """A cancel that was asked for."""
    return OrderCancelled(client_id=client_id, cause=CancelCause.REQUESTED, venue_ms=T0)


def traded() -> ResultBuilder:
    """Buy 2 at 100 (middle 100.5), see it fall to 98, sell at 103 (middle 102.5), be charged 0.3 of funding."""
    made = builder()
    made.mode(T0, "run")
    made.look(T0, bid=200, ask=202, reference=Decimal("100.5"), mark=Decimal("100.5"))
    made.step(T0, actions=[Place(order=order("pm-1", Side.BUY, 200)), Place(order=order("pm-2", Side.SELL, 206))])
    made.step(T0 + 10_000, entries=[fill("1", Side.BUY, "100", 10, mid=Decimal("100.5"))])
    made.look(T0 + 20_000, bid=195, ask=197, reference=Decimal(98), mark=Decimal(98))
    made.book(T0 + 20_000, [MarkoutEntry(trade_id="1", side=Side.BUY, after_s=10, mid=Decimal(98), venue_ms=T0)])
    funding = IncomeRecord(
        kind=IncomeKind.FUNDING, word="FUNDING_FEE", income_id="7", asset="USDT", amount=Decimal("-0.3"),
        venue_ms=T0 + 25_000, symbol="BTCUSDT",
    )  # fmt: skip
    made.book(T0 + 25_000, [IncomeEntry(record=funding)])
    made.look(T0 + 30_000, bid=204, ask=206, reference=Decimal("102.5"), mark=Decimal("102.5"))
    sold = fill("2", Side.SELL, "103", 30, mid=Decimal("102.5"), own_profit=Decimal(6))
    made.step(T0 + 30_000, entries=[sold])
    made.end_run(T0 + 40_000)

    return made


def test_the_result_is_what_the_ledgers_rules_make_of_it() -> None:
    """Spread 1 + 1, inventory 4, fees -0.2, funding -0.3: 5.5; the worst moment is -4.4 after 25 s."""
    result = traded().result(T0 + 40_000)
    assert (result.pnl.spread, result.pnl.inventory, result.pnl.fees, result.pnl.funding) == (
        Decimal(2), Decimal(4), Decimal("-0.2"), Decimal("-0.3"),
    )  # fmt: skip
    assert result.pnl.total == Decimal("5.5")
    assert result.money.result == Decimal("5.5")
    assert result.money.volume == Decimal(406)
    assert result.worst is not None
    assert (result.worst.at_ms - T0, result.worst.value) == (25_000, Decimal("-4.4"))
    assert result.drawdown is not None
    assert result.drawdown.amount == Decimal("5.3"), "from +0.9 (bought below the middle, fee paid) to -4.4"
    assert result.drawdown.recovered_ms == T0 + 30_000
    assert result.largest_position is not None
    assert result.largest_position.value == 2
    assert [(one.line, one.amount) for one in result.payments] == [("funding", Decimal("-0.3"))]
    assert (result.began_ms, result.ended_ms, result.runs[0].ended_ms) == (T0, T0 + 40_000, T0 + 40_000)


def test_the_curve_has_money_prices_and_our_quotes_at_each_time() -> None:
    """Ticks are prices there; the last row is how it ended."""
    curve = traded().result(T0 + 40_000).curve
    assert set(curve.columns) == set(COLUMNS)
    at = dict(zip(curve.at_ms, zip(*(curve.columns[name] for name in COLUMNS), strict=True), strict=True))
    total, spread, _, fees, _, position, *_, own_bid, own_ask = at[T0 + 10_000]
    assert (total, spread, fees, position) == (Decimal("0.9"), 1, Decimal("-0.1"), 2)
    assert (own_bid, own_ask) == (None, Decimal(103)), "the bid is filled"
    assert curve.columns["bid"][0] == Decimal(100)
    assert curve.columns["total"][-1] == Decimal("5.5")
    assert curve.columns["own_ask"][-1] is None


def test_fills_say_their_level_and_what_they_were_worth_later() -> None:
    """Level and markout of the bid; the markout that is not known is none, and no nought."""
    bought, sold = traded().result(T0 + 40_000).fills
    assert (bought.what, bought.level, bought.markout_10s, bought.markout_1s) == ("quote", 0, Decimal(-4), None)
    assert (sold.side, sold.profit, sold.fee) == ("sell", Decimal(6), Decimal("0.1"))
    (markout,) = traded().result(T0 + 40_000).markouts
    assert (markout.what, markout.after_s, markout.amount, markout.at_fill, markout.bp) == (
        "quote", 10, Decimal(-4), Decimal(1), Decimal(-200),
    )  # fmt: skip


def test_quotes_are_counted_by_level_until_their_end() -> None:
    """Filled in parts, cancelled, refused, amended and left over: each once, and the time that they rested."""
    made = builder()
    first, second = order("pm-1", Side.BUY, 200), order("pm-2", Side.BUY, 199, level=1)
    made.step(T0, actions=[Place(order=first), Place(order=second)])
    made.step(T0 + 1_000, entries=[fill("1", Side.BUY, "100", 1, amount=Decimal("0.5"))])
    made.step(T0 + 2_000, entries=[fill("1", Side.BUY, "100", 1, amount=Decimal("0.5"))])
    moved = order("pm-2", Side.BUY, 198, level=1)
    made.step(T0 + 3_000, actions=[Amend(order=moved, before=second, venue_id=None, number=1)])
    made.step(T0 + 4_000, [cancelled("pm-1"), cancelled("pm-1")])
    result = made.result(T0 + 10_000)
    one, two = result.levels
    assert (one.level, one.placed, one.filled, one.cancelled, one.unresolved) == ("buy 0", 1, 1, 1, 0)
    assert (one.amount_placed, one.amount_filled, one.rested_s) == (Decimal(2), Decimal("0.5"), 4.0)
    assert (two.level, two.amended, two.unresolved, two.rested_s) == ("buy 1", 1, 1, 10.0)
    assert (result.quoting.bids_s, result.quoting.none_s) == (10.0, 0.0)
    assert result.curve.columns["own_bid"][-1] == Decimal(99)


def test_time_in_modes_ends_with_the_run_and_not_with_the_next_one() -> None:
    """A run that was killed lasted until its last word, and the time between two runs is in no mode."""
    made = builder()
    made.mode(T0, "run")
    made.mode(T0 + 4_000, "halt", "loss limit")
    made.step(T0 + 5_000, notices=["halted"])
    made.begin_run(T0 + 60_000, "r2")
    made.mode(T0 + 60_000, "run")
    result = made.result(T0 + 62_000)
    assert [(one.mode, one.seconds, one.times) for one in result.modes] == [("run", 6.0, 2), ("halt", 1.0, 1)]
    assert [(one.mode, one.reason) for one in result.mode_changes] == [("run", ""), ("halt", "loss limit"), ("run", "")]
    assert [run.ended_ms for run in result.runs] == [None, None]
    assert [one.text for one in result.told] == ["halted"]
    assert result.quoting.total_s == 7.0


def test_what_was_before_the_window_is_not_of_the_result() -> None:
    """From 15 s on: bought before at a profit of 1 that was open then; funding and the sale are of the window."""
    made = builder()
    made.look(T0, mark=Decimal("100.5"))
    made.step(T0, actions=[Place(order=order("pm-2", Side.SELL, 206))])
    made.step(T0 + 10_000, entries=[fill("1", Side.BUY, "100", 10, mid=Decimal("100.5"))])
    made.count_from(T0 + 15_000)
    sold = fill("2", Side.SELL, "103", 30, mid=Decimal("102.5"), own_profit=Decimal(6))
    made.step(T0 + 30_000, entries=[sold])
    result = made.result(T0 + 40_000)
    assert (result.pnl.unrealized_before, result.pnl.total) == (Decimal(1), Decimal("4.9"))
    assert (result.money.fills, result.began_ms) == (1, T0 + 15_000)
    assert [one.level for one in result.fills] == [0]
    assert [(one.level, one.filled, one.rested_s) for one in result.levels] == [("sell 0", 1, 15.0)]


def test_the_position_that_it_began_with_counts_from_there() -> None:
    """A reading tells of 3 at 90 with 30 of open profit: later moves count, these 30 do not."""
    made = builder()
    held = Position(side=PositionSide.NET, amount=Decimal(3), entry=Decimal(90))
    made.book(T0, [AccountEntry(at_ms=T0, wallets=(), positions=(held,), mark=Decimal(100), unrealized=Decimal(30))])
    made.look(T0 + 1_000, mark=Decimal(101))
    result = made.result(T0 + 2_000)
    assert (result.pnl.unrealized_pnl, result.pnl.total) == (Decimal(33), Decimal(3))
    assert result.curve.columns["total"][0] == 0


def test_memory_is_bounded_and_sums_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,000 fills some are left out and said; fees, volume and markouts have all of them, and stops are kept."""
    monkeypatch.setattr("perpmaker.backtest.fills.MOST", 300)
    made = builder()

    for number in range(1_000):
        side, is_stop = (Side.BUY, Side.SELL)[number % 2], number % 200 == 199
        what = OrderKind.STOP_LOSS if is_stop else OrderKind.QUOTE
        one = fill(str(number), side, "100", number, what=what)
        made.step(T0 + number * 1000, entries=[one], notices=["filled"])
        made.book(
            T0 + number * 1000,
            [MarkoutEntry(trade_id=str(number), side=side, after_s=1, mid=Decimal(101), venue_ms=T0)],
        )

    result = made.result(T0 + 1_000_000)
    assert result.money.fills == 1_000
    assert result.money.fees == 100
    assert len(result.fills) <= 300
    assert len(result.fills) + result.fills_left_out == 1_000
    assert sum(one.what == "stop_loss" for one in result.fills) == 5
    assert sum(one.fills for one in result.markouts) == 1_000
    assert len(result.told) + result.told_left_out == 1_000
    assert len(result.curve.at_ms) <= 1_200


def test_a_result_comes_back_from_its_file_as_it_was() -> None:
    """To the last digit, all of it."""
    result = traded().result(T0 + 40_000, ["the file is cut"])
    assert decode_result(result.as_json()) == result


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not json", "it is not JSON"),
        (b"[1]", "it is no result of perpmaker"),
        (b'{"format":"perpmaker result","version":9}', "a newer perpmaker has written it (version 9, known 1)"),
        (b'{"format":"perpmaker result","version":1}', "it is damaged: Object missing required field"),
    ],
)
def test_what_is_no_result_is_refused_with_the_reason(content: bytes, words: str) -> None:
    """A file of something else, of a later version, or half a file."""
    with pytest.raises(PayloadError) as caught:
        decode_result(content)

    assert words in str(caught.value)


def test_an_empty_run_is_a_result_too() -> None:
    """Nothing was told: everything is nought, and nothing fails."""
    result: Result = ResultBuilder(WHOSE, tick=Decimal(1), lot=Decimal(1)).result(T0)
    assert (result.seconds, result.pnl.total, result.fills, result.drawdown) == (0, 0, (), None)
    assert decode_result(result.as_json()) == result
