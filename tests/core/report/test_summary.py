from __future__ import annotations

import json
from decimal import Decimal

import attrs

from perpmaker.ledger.ledger import Ledger
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import FundingPaid, Resynced
from perpmaker.model.order import OrderKind, OrderReport, OrderStatus, OrderType, PositionSide, Side
from perpmaker.model.position import Position
from perpmaker.report.money import money_of
from perpmaker.report.summary import UNKNOWN, RunFacts, Summary, render, summarise, unrealized
from perpmaker.runtime.order_stats import OrderStats
from perpmaker.runtime.shutdown import Closing
from perpmaker.simulation.rules import MARKETS
from perpmaker.state.account import Totals

INSTRUMENT = MARKETS["BTC-USDT"].instrument
LONG = Position(side=PositionSide.LONG, amount=Decimal("0.02"), entry=Decimal(60_000))
SHORT = Position(side=PositionSide.SHORT, amount=Decimal("-0.01"), entry=Decimal(61_000))


def funded(amount: str) -> Ledger:
    """The ledger of a run in which funding was settled once."""
    ledger = Ledger("BTCUSDT", began_ms=0)
    paid = FundingPaid(asset="USDT", amount=Decimal(amount), venue_ms=1, funding_id="1")
    ledger.fold([paid], now=1.0)

    return ledger


READ = Resynced(
    began_at=0.0,
    orders=(),
    finished=(),
    fills=(),
    account=AccountSnapshot(positions=(LONG, SHORT), assets=(), available=Decimal(0)),
    venue_ms=1,
)


def summary() -> Summary:
    """A run that began when there were fills of an earlier one."""
    count = OrderStats(kind_of=lambda _: None)
    count.placed[OrderKind.QUOTE] = 12
    count.placed[OrderKind.TAKE_PROFIT] = 3
    count.cancels = 7
    count.amends = 40
    before = Totals(fills=1, volume=Decimal(600), realized_pnl=Decimal("0.5"), fees={"USDT": Decimal("0.12")})
    totals = Totals(
        fills=5,
        volume=Decimal("3000.5000"),
        realized_pnl=Decimal("1.70"),
        fees={"USDT": Decimal("0.7201"), "BNB": Decimal("0.001")},
    )
    return summarise(
        environment="sandbox",
        instrument=INSTRUMENT,
        seconds=60.00049,
        count=count,
        totals=totals,
        before=before,
        ledger=funded("-0.06"),
        closing=Closing(account=READ),
        positions=(LONG, SHORT),
        mark=Decimal(60_500),
        facts=RunFacts(account="main", run_id="r1", stop_reason="signal", journal="/home/me/state/journal.sqlite3"),
    )


def test_sums_are_those_of_the_run_alone_and_exact() -> None:
    """What was there before the run is taken off; positions of both sides are summed at the mark price."""
    assert summary() == Summary(
        environment="sandbox",
        market="BTC-USDT",
        seconds=60.0,
        quotes_placed=12,
        cancels=7,
        amends=40,
        fills=4,
        volume=Decimal("2400.5"),
        fees=Decimal("0.6001"),
        funding=Decimal("-0.06"),
        realized_pnl=Decimal("1.20"),
        unrealized_pnl=Decimal(15),
        position=Decimal("0.01"),
        open_orders_left=0,
        exits_left=0,
        take_profits_placed=3,
        stops_placed=0,
        venue_stops_placed=0,
        asset="USDT",
        result=Decimal("15.5399"),
        fees_by_asset={"USDT": Decimal("0.6001"), "BNB": Decimal("0.001")},
        funding_by_asset={"USDT": Decimal("-0.06")},
        result_by_asset={"USDT": Decimal("15.5399"), "BNB": Decimal("-0.001")},
        account="main",
        run_id="r1",
        stop_reason="signal",
        halted=None,
        journal="/home/me/state/journal.sqlite3",
        unproven=None,
    )


def test_stops_that_waited_on_the_venue_are_no_stop_losses() -> None:
    """A person reads how often a stop has fired, and beside it how many were kept there."""
    for stops, words in [(0, ""), (1, ", 1 stop kept on the venue"), (2, ", 2 stops kept on the venue")]:
        page = render(attrs.evolve(summary(), stops_placed=1, venue_stops_placed=stops), INSTRUMENT, [])
        assert f"exits placed    3 profit taking, 1 stop loss{words}\n" in page


def test_json_is_one_line_with_the_documented_keys_and_money_as_text() -> None:
    """No exponent, no idle zeros, and a program reads back exactly what was summed."""
    tiny = attrs.evolve(summary(), fees=Decimal("0E-8"), funding=Decimal("1E-9"), volume=Decimal("1.2E+3"))
    text = tiny.as_json()
    values = json.loads(text)

    assert "\n" not in text
    assert list(values) == [field.name for field in attrs.fields(Summary)]
    assert (values["fees"], values["funding"], values["volume"]) == ("0", "0.000000001", "1200")
    assert values["realized_pnl"] == "1.2"
    assert values["quotes_placed"] == 12


def test_the_page_fits_80_columns_and_shows_money_with_its_asset() -> None:
    """Fees in another asset than the quote's are shown beside, never added up."""
    page = render(summary(), INSTRUMENT, (LONG, SHORT))

    assert page.startswith("sandbox BTC-USDT: 60 s\n")
    assert "  fees            0.6001 USDT, 0.001 BNB\n" in page
    assert "  result          15.5399 USDT, -0.001 BNB\n" in page
    assert "  position        long 0.02 BTC, short -0.01 BTC\n" in page
    assert max(map(len, page.splitlines())) <= 80


def test_money_that_rounds_to_nothing_has_no_sign() -> None:
    """A billionth lost is not shown as minus zero."""
    page = render(attrs.evolve(summary(), funding_by_asset={"USDT": Decimal("-1E-10")}), INSTRUMENT, ())

    assert "  funding         0.00 USDT\n" in page


def test_a_long_and_a_short_position_of_one_size_are_two_positions_and_not_flat() -> None:
    """Their sum is nothing, which is what the JSON object has to say; a person is told of both."""
    short = attrs.evolve(SHORT, amount=Decimal("-0.02"))
    page = render(attrs.evolve(summary(), position=Decimal(0)), INSTRUMENT, (LONG, short))

    assert "  position        long 0.02 BTC, short -0.02 BTC\n" in page
    assert "  position        flat\n" in render(summary(), INSTRUMENT, (Position(side=PositionSide.NET),))


def test_closing_orders_that_are_left_on_the_venue_are_named() -> None:
    """With their side and their price; a stop closes all, what is not filled yet of a target counts."""
    stop = OrderReport(
        client_id="pm-1",
        venue_id="9",
        side=Side.SELL,
        position_side=PositionSide.NET,
        status=OrderStatus.OPEN,
        raw_status="NEW",
        ticks=590_000,
        lots=0,
        filled_lots=0,
        reduce_only=True,
        type=OrderType.VENUE_STOP,
        venue_ms=1,
    )
    target = attrs.evolve(stop, type=OrderType.LIMIT, lots=20, filled_lots=5, ticks=610_000)
    page = render(summary(), INSTRUMENT, (LONG,), (target, stop), "perpmaker run my.toml")

    assert page.endswith(
        "\n                  a closing order: sell 0.015 at 61000.0"
        "\n                  a stop that the venue fires: sell all at 59000.0"
        "\n  stopped by      signal"
        "\n  journal         /home/me/state/journal.sqlite3"
        "\n  next            perpmaker run my.toml"
    )
    assert max(map(len, page.splitlines())) <= 80


def test_without_a_mark_price_nothing_is_unrealised() -> None:
    """A figure is never made up."""
    assert unrealized((LONG,), None) == 0
    assert unrealized((Position(side=PositionSide.NET),), Decimal(60_000)) == 0


def test_fees_in_other_assets_are_those_of_the_run_alone() -> None:
    """What an earlier run paid in BNB is not this one's, and an asset without fees is not named."""
    before = Totals(fees={"BNB": Decimal("0.01"), "FDUSD": Decimal(1)})
    totals = Totals(fees={"USDT": Decimal(3), "BNB": Decimal("0.03"), "FDUSD": Decimal(1)})
    money = money_of(totals, before, Ledger("BTCUSDT", began_ms=0))

    assert money.result("USDT", Decimal(0)) == {"USDT": Decimal(-3), "BNB": Decimal("-0.02")}


def test_quotes_that_were_moved_are_told_beside_those_that_were_placed() -> None:
    """Where the venue moves orders a refresh places none."""
    for amends, words in [(0, "12 (7 cancelled)"), (40, "12 (7 cancelled, 40 times moved)")]:
        page = render(attrs.evolve(summary(), amends=amends), INSTRUMENT, [])
        assert f"quotes placed   {words}\n" in page


def test_B7_exits_that_are_unknown_are_not_listed() -> None:
    """What was seen there before is no answer to what is left."""
    told = OrderReport(
        client_id="pm-a-1",
        venue_id="1",
        side=Side.SELL,
        position_side=PositionSide.NET,
        status=OrderStatus.OPEN,
        raw_status="NEW",
        ticks=600_000,
        lots=10,
        filled_lots=0,
        reduce_only=True,
        type=OrderType.POST_ONLY,
        venue_ms=0,
    )
    assert "closing order" in render(attrs.evolve(summary(), exits_left=1), INSTRUMENT, (), (told,))
    page = render(attrs.evolve(summary(), exits_left=UNKNOWN), INSTRUMENT, (), (told,))
    assert "0 quotes, exits unknown" in page
    assert "closing order" not in page
