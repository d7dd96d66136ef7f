"""The pages of a status: within 80 columns and so many rows, with what matters most in them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.report.funding_cost import funding_status
from perpmaker.report.status import (
    EndStatus,
    LevelStatus,
    MarginStatus,
    NoticeStatus,
    PnlStatus,
    PositionStatus,
    ReasonStatus,
    Status,
)
from perpmaker.report.status_lists import funding_page, table, why_page
from perpmaker.report.status_page import status_page
from perpmaker.report.status_words import gain, span
from perpmaker.testing.view import make_position


def level(side: str, number: int, price: str | None, *reasons: str, **more: Any) -> LevelStatus:
    """A level of the ladder; withheld without a price."""
    return LevelStatus(
        level=f"{side} {number}",
        side=side,
        position_side="net",
        state="withheld" if price is None else "open",
        price=None if price is None else Decimal(price),
        amount=None if price is None else Decimal("0.010"),
        filled=None if price is None else Decimal(0),
        reasons=tuple(ReasonStatus(rule=rule, text=text) for rule, _, text in (one.partition(": ") for one in reasons)),
        **more,
    )


HELD = PositionStatus(
    side="net",
    amount=Decimal("-0.020"),
    entry=Decimal("60000.05"),
    notional=Decimal(1200),
    unrealized_pnl=Decimal("-1.5"),
    target=Decimal(59900),
    stop=Decimal(60600),
    stop_distance=Decimal("0.01"),
    stop_fired=False,
    venue_stop=Decimal(60750),
    liquidation=Decimal(70000),
    liquidation_distance=Decimal("0.1667"),
)
STATUS = Status(
    name="sandbox:BTC-USDT",
    environment="testnet",
    venue="binance_perpetual",
    market="BTC-USDT",
    account="8f3a",
    file="/home/me/sandbox.toml",
    pid=4711,
    run_id="abc",
    running=True,
    since="2026-11-30T22:00:00.000Z",
    at="2026-11-30T22:02:13.000Z",
    mode="run",
    mode_reason="",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.1"),
    reference=Decimal(60000),
    mark=Decimal("60000.0"),
    best_bid=Decimal("59999.9"),
    best_ask=Decimal("60000.1"),
    positions=(HELD,),
    margin=MarginStatus(
        available=Decimal(9000),
        equity=Decimal(10000),
        free_share=Decimal("0.9"),
        maintenance_ratio=Decimal("0.01"),
    ),
    quotes=(
        *(
            level("buy", number, str(59990 - number), f"spread: 0.{number}1 % below the reference")
            for number in range(4)
        ),
        *(level("sell", number, str(60010 + number), "spread: above", ahead=Decimal("1.25")) for number in range(1, 4)),
    ),
    withheld=(
        level("sell", 0, None, "reference: mid", "position held: a position is open", until="2026-11-30T22:02:33.000Z"),
    ),
    pnl=PnlStatus(
        asset="USDT",
        realized_pnl=Decimal(3),
        unrealized_pnl=Decimal("-1.5"),
        spread=Decimal("2.5"),
        inventory=Decimal(-1),
        fees_by_asset={"USDT": Decimal("0.25"), "BNB": Decimal("0.0012")},
        funding_by_asset={"USDT": Decimal("-0.1")},
        result=Decimal("1.15"),
        result_by_asset={"USDT": Decimal("1.15")},
    ),
    funding=funding_status(
        make_position("-0.020", "60000.05").values(),
        mark=Decimal(60000),
        rate=Decimal("0.0001"),
        interval_h=8,
        next_ms=1_000_000 + 7_500_000,
        now_ms=1_000_000,
        paid={"USDT": Decimal("-0.1")},
    ),
    notices=tuple(
        NoticeStatus(at=f"2026-11-30T22:02:{second:02}.000Z", text=f"quote: bought {second} {'x' * 70}")
        for second in range(10)
    ),
)


def test_the_page_says_where_it_trades_first_and_then_the_money() -> None:
    """Environment, mode, position with its ways out, result, margin, funding, ladder, what was told last."""
    page = status_page(STATUS)
    assert page[0] == "testnet binance_perpetual BTC-USDT  RUN  for 2 min 13 s"
    assert page[1] == "  sandbox:BTC-USDT, pid 4711, account 8f3a"
    assert page[2] == "  market    bid 59999.9  ask 60000.1  mark 60000.0  ref 60000.0"
    assert page[3] == "  position  -0.020 BTC at 60000.0, value 1200.00, unrealised -1.50 USDT"
    assert page[4] == "            target 59900.0, stop 60600.0 (1 % away), on the venue 60750.0"
    assert page[5] == "            liquidation 70000.0 (16.67 % away)"
    assert page[6].startswith("  PnL       +1.15 USDT: realised +3.00, open -1.50, fees 0.2500 USDT, 0.0012")
    assert page[8] == "            profit is spread +2.50, inventory -1.00"
    assert page[9] == "  margin    available 9000.00 USDT, free 90 % of 10000.00, maintenance 1 %"
    assert page[10] == "  funding   0.01 % each 8 h, next in 2 h 05 min, brings 0.3600 USDT a day"
    assert page[13] == "  sell 3      60013.0     0.010    ≤1.25  above"
    assert page[16] == "  sell 0            -         -        -  position held, 20 s: a position is op…"
    assert page[17] == "  buy 0       59990.0     0.010        -  0.01 % below the reference"
    assert max(map(len, page)) <= 80


EDGES = (1, 11, 12, 17, 18, 22, 23, 44)


@pytest.mark.parametrize(
    "rows", [*EDGES, *(pytest.param(rows, marks=pytest.mark.full) for rows in range(1, 45) if rows not in EDGES)]
)
def test_a_small_terminal_gets_what_is_nearest_to_money(rows: int) -> None:
    """Never more rows than there are; the money stays longest, then the levels next to the market."""
    page = status_page(STATUS, rows=rows)
    assert len(page) <= rows
    assert page == status_page(STATUS)[:rows] or rows > 11

    if 17 <= rows < 23:
        shown = [line.split("  ")[1].strip() for line in page if line.startswith(("  buy", "  sell"))]
        assert {"sell 0", "buy 0"} <= set(shown)
        assert "sell 3" not in shown
        assert any("levels further away" in line for line in page)

    if rows >= 18:
        assert page[-1].startswith("  22:02:09Z")


@pytest.mark.parametrize(
    "width",
    [
        1,
        79,
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                20,
                40,
            )
        ),
    ],
)
def test_a_narrow_terminal_gets_the_beginning_of_each_line(width: int) -> None:
    """No line is wider than the terminal, which would break it and draw it twice."""
    assert max(map(len, status_page(STATUS, width=width, rows=24))) == width


def test_what_is_grave_is_in_words() -> None:
    """A fired stop, a halt with its reason, a position without a stop, and an end that was not proven."""
    fired = attrs.evolve(HELD, stop_fired=True, stop=None, liquidation=None, venue_stop=None)
    halted = attrs.evolve(STATUS, positions=(fired,), mode="halt", mode_reason="the journal cannot be written")
    page = "\n".join(status_page(halted))
    assert "HALT" in page
    assert "halt: the journal cannot be written" in page
    assert "STOP FIRED, target 59900.0, no stop" in page
    assert "liquidation: the venue tells none" in page

    lacking = LevelStatus(
        level="target",
        side="buy",
        position_side="net",
        state="withheld",
        reasons=(ReasonStatus(rule="profit taking", text="outside of the venue's own price band"),),
    )
    page = "\n".join(status_page(attrs.evolve(STATUS, exits=(lacking,))))
    assert "no target now: outside of the venue's own price band" in page

    ended = EndStatus(at=STATUS.at, exit_code=5, stop_reason="signal", left="2 quotes", unproven="2 quotes are left")
    gone = "\n".join(status_page(attrs.evolve(STATUS, running=False, ended=ended)))
    assert "NOT RUNNING  as of 2026-11-30 22:02:13Z" in gone
    assert "ended by signal at 2026-11-30 22:02:13Z, exit code 5" in gone
    assert "left on the venue: 2 quotes\n  NOT PROVEN: 2 quotes are left" in gone

    killed = "\n".join(status_page(attrs.evolve(STATUS, running=False)))
    assert "it did not live to say how it ended: look at the venue" in killed


def test_a_bot_that_has_no_market_yet_says_what_it_waits_for() -> None:
    """Before the venue has answered, the last line that was told is all there is."""
    starting = Status(
        **{field.name: getattr(STATUS, field.name) for field in attrs.fields(Status)[:11]},
        mode="start",
        mode_reason="testnet: cannot be reached",
        notices=STATUS.notices[:1],
    )
    page = status_page(starting)
    assert page[0].endswith("START  for 2 min 13 s")
    assert "  start: testnet: cannot be reached" in page


def test_the_funding_page_says_who_pays_and_what_it_comes_to() -> None:
    """A short receives at a positive rate: nothing has to be earned for it."""
    page = [*funding_page(STATUS)]
    assert "  rate          0.01 % each 8 h: longs pay shorts" in page
    assert "  a day         it receives 0.3600 USDT" in page
    assert "  break-even    0.00 USDT of profit a day, a target of 0.00 for safety" in page

    long = funding_status(
        make_position("0.020", "60000").values(),
        mark=Decimal(60000),
        rate=Decimal("0.0001"),
        interval_h=4,
        next_ms=None,
        now_ms=0,
        paid={},
    )
    assert (long.cost_next, long.cost_a_day, long.break_even_a_day) == (
        Decimal("0.12"),
        Decimal("0.72"),
        Decimal("0.72"),
    )
    assert long.min_daily_profit_target == Decimal("1.08")
    page = [*funding_page(attrs.evolve(STATUS, funding=long))]
    assert "  a day         it pays 0.7200 USDT" in page
    assert "  break-even    0.7200 USDT of profit a day, a target of 1.08 for safety" in page
    assert max(map(len, page)) <= 80

    nobody = attrs.evolve(STATUS, funding=attrs.evolve(long, rate=None))
    assert [*funding_page(nobody)][-1] == "  the venue tells no funding rate"


def test_why_shows_the_whole_chain_of_each_level() -> None:
    """What the page has no room for."""
    page = [*why_page(STATUS, [STATUS.withheld[0], STATUS.quotes[4]])]
    assert page[0] == "sandbox:BTC-USDT  RUN  at 2026-11-30 22:02:13Z"
    assert page[2:5] == [
        "sell 0  withheld for another 20 s",
        "  reference: mid",
        "  position held: a position is open",
    ]
    assert page[6] == "sell 1  open: sell 0.010 at 60011.0, at most 1.25 ahead in the queue"


def test_several_bots_are_a_table_with_what_is_to_be_said_of_each() -> None:
    """Environment first; one that does not quote says why, one that is gone says how."""
    idle = attrs.evolve(STATUS, name="eth:ETH-USDT", positions=(), no_quotes="filled delay: so many seconds")
    ended = EndStatus(at=STATUS.at, exit_code=0, stop_reason="stop", left="0 quotes, 0 exits, flat")
    lines = [*table([STATUS, idle, attrs.evolve(idle, running=False, ended=ended)])]
    assert lines == [
        "        BOT                   PID  MODE           PNL  POSITION",
        "testnet sandbox:BTC-USDT     4711  RUN          +1.15  -0.020",
        "testnet eth:ETH-USDT         4711  RUN          +1.15  flat",
        "        no quotes: filled delay: so many seconds",
        "testnet eth:ETH-USDT            -  ended        +1.15  flat",
        "        ended at 2026-11-30 22:02:13Z, exit code 0: 0 quotes, 0 exits, flat",
    ]


def test_words_for_times_and_money() -> None:
    """The two largest units of a time; a sign before what is won or lost."""
    assert [span(seconds) for seconds in (0, 41.9, 133, 7_500, 273_600)] == [
        "0 s",
        "41 s",
        "2 min 13 s",
        "2 h 05 min",
        "3 d 4 h",
    ]
    assert [gain(Decimal(value)) for value in ("1.5", "-2", "0", "-0.00001")] == ["+1.50", "-2.00", "+0.00", "+0.0000"]
