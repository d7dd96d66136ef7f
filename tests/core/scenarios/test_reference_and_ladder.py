"""Strategy, rules 1 to 3 and 5: the reference, the ladder around it, the price band, and no quote that takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument


def calm(**keys: object) -> Scenario:
    """A bot of these keys on a market around 100, its first quotes placed."""
    scenario = Scenario(keys)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


# --- 1. reference


def test_rule_1_quotes_stand_around_the_mid() -> None:
    """Without more words the reference is the middle of the traded book."""
    scenario = calm(bid_spread=0.5, ask_spread=0.3)

    assert scenario.quotes() == ["buy 1 at 99.5", "sell 1 at 100.3"]
    assert scenario.why("buy 0")[0] == "reference: mid (100)"


def test_rule_1_price_types() -> None:
    """The price type says which price of the book it is; without an own trade, the mid."""
    for price_type, quotes in [
        ("best_bid", ["buy 1 at 98.9", "sell 1 at 100.9"]),
        ("best_ask", ["buy 1 at 99.09", "sell 1 at 101.11"]),
        ("last_own_trade_price", ["buy 1 at 99", "sell 1 at 101"]),
    ]:
        assert calm(bid_spread=1, ask_spread=1, price_type=price_type).quotes() == quotes


def test_rule_1_last_price_waits_for_a_trade() -> None:
    """With last_price nothing is quoted before somebody has traded, and then around that price."""
    scenario = calm(bid_spread=1, ask_spread=1, price_type="last_price")
    assert scenario.withheld() == {"buy 0": "reference", "sell 0": "reference"}

    scenario.trade("sell", 1)
    scenario.advance(1.1)
    assert scenario.quotes() == ["buy 1 at 98.9", "sell 1 at 100.9"]


@pytest.mark.parametrize("end", ["silence", "disconnect"])
def test_rule_1_last_price_of_a_dead_stream_of_trades_is_stale(end: str) -> None:
    """The book lives on, and nobody knows what is traded: the quotes go when the stream is too old, or is lost."""
    scenario = calm(price_type="last_price", filled_order_delay=0)
    scenario.trade("sell", "0.1")
    scenario.advance(2)
    assert len(scenario.quotes()) == 2

    getattr(scenario, end)("trades")
    scenario.advance(9.9 if end == "silence" else 0)
    assert len(scenario.sent("cancel", since=2)) == (0 if end == "silence" else 2)
    scenario.advance(0.2)
    assert (scenario.quotes(), scenario.withheld()) == ([], {"buy 0": "stale", "sell 0": "stale"})

    scenario.restore("trades")
    scenario.advance(2)
    assert len(scenario.quotes()) == 2


def test_rule_1_last_own_trade_is_the_last_completely_filled_quote() -> None:
    """After a complete fill the price of that quote is the reference; a partial fill changes nothing."""
    scenario = calm(
        bid_spread=1,
        ask_spread=1,
        price_type="last_own_trade_price",
        filled_order_delay=0,
        long_profit_taking_spread=5,
    )
    scenario.fill("buy 0", "0.4")
    scenario.advance(0.1)
    assert scenario.why("buy 0")[0] == "reference: mid (100)"

    scenario.fill("buy 0")
    scenario.advance(0.1)
    scenario.fill("take profit")
    scenario.advance(1)
    assert scenario.quotes() == ["buy 1 at 98.01", "sell 1 at 99.99"]


def test_rule_1_own_orders_are_left_out_of_the_reference() -> None:
    """Quotes inside of the spread do not move the mid, however often they are looked at again."""
    scenario = calm(bid_spread=0.01, ask_spread=0.02)
    assert scenario.quotes() == ["buy 1 at 99.99", "sell 1 at 100.02"]

    scenario.advance(100)
    assert scenario.quotes() == ["buy 1 at 99.99", "sell 1 at 100.02"]
    assert len(scenario.sent()) == 2


def test_rule_1_own_orders_are_left_out_before_they_are_acknowledged() -> None:
    """In a thin book a bid that the venue shows and has not answered yet would move the mid to the ceiling."""
    scenario = Scenario({"price_ceiling": 104})
    scenario.delay("place buy", answers=1.5, stream=1.5)
    scenario.delay("place sell", requests=0.4, answers=1.1)
    scenario.book(bid="90", ask="110")
    scenario.advance(10)

    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]
    assert len(scenario.sent()) == 2


def test_rule_1_a_side_that_is_acknowledged_later_hangs_on_other_peoples_prices() -> None:
    """At a refresh the asks are placed first, and the bids while nobody has answered for them."""
    scenario = Scenario({"order_levels": 2, "order_refresh_time": 5, "order_refresh_tolerance_pct": -1})
    scenario.book(bid="90", ask="110")
    scenario.advance(1)
    before = scenario.quotes()
    scenario.delay(answers=1.5, stream=1.5)
    scenario.delay("cancel sell", answers=0.5, stream=1.5)
    scenario.advance(6.5)

    assert scenario.quotes() == before
    assert len(scenario.sent("place", since=5)) == 4


def test_rule_1_nothing_else_in_the_book_is_no_reference() -> None:
    """A side on which only own orders rest is empty: the quotes go, and nothing new is placed."""
    scenario = calm()
    scenario.book(bids={}, asks={})
    scenario.advance(1)

    assert scenario.quotes() == []
    assert scenario.withheld() == {"buy 0": "reference", "sell 0": "reference"}


def test_rule_1_one_sided_book_yields_no_quotes() -> None:
    """An empty side of the traded book pulls both sides at once, whatever the source."""
    scenario = calm()
    scenario.book(asks={})

    assert scenario.sent(since=1) == [(1.0, "cancel buy 0"), (1.0, "cancel sell 0")]


def test_rule_1_quotes_come_back_when_the_reference_has_been_good_for_a_second() -> None:
    """The first good price after a bad one is not trusted before a second has passed."""
    scenario = calm()
    scenario.book(asks={})
    scenario.advance(2)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(10)

    assert scenario.sent("place", since=1) == [(4.0, "place buy 0: 1 at 99.9"), (4.0, "place sell 0: 1 at 100.1")]


def test_rule_1_a_stale_book_pulls_quotes_at_its_age() -> None:
    """Nothing said for price_source_max_age: the quotes go at that moment, without any event."""
    scenario = calm(price_source_max_age=4)
    scenario.silence("book")
    scenario.advance(10)

    cancelled = scenario.sent("cancel")
    assert [what for _, what in cancelled] == ["cancel buy 0", "cancel sell 0"]
    assert cancelled[0].at == pytest.approx(5, abs=0.02)


def test_rule_1_a_quiet_book_is_not_stale() -> None:
    """Age is that of the feed, not of the last change: nothing moves for minutes, and the quotes rest."""
    scenario = calm()
    scenario.advance(300)

    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]


# --- 2. ladder


def test_rule_2_each_level_is_further_out_and_larger() -> None:
    """Level i: spread + i x order_level_spread, order_amount + i x order_level_amount."""
    scenario = calm(order_levels=3, order_level_spread=0.5, order_level_amount=0.5)

    assert scenario.quotes() == [
        *("buy 1 at 99.9", "buy 1.5 at 99.4", "buy 2 at 98.9"),
        *("sell 1 at 100.1", "sell 1.5 at 100.6", "sell 2 at 101.1"),
    ]


def test_rule_2_bids_round_down_and_asks_up() -> None:
    """Prices are rounded away from the market, amounts down, as the last step."""
    scenario = Scenario({"bid_spread": 0.333, "ask_spread": 0.333, "order_amount": 1.2345})
    scenario.book(bid="99.90", ask="100.11")
    scenario.advance(1)

    assert scenario.quotes() == ["buy 1.234 at 99.67", "sell 1.234 at 100.34"]


def test_rule_2_below_the_markets_minima_is_withheld_with_that_reason() -> None:
    """A level under the minimum notional is not sent, and its reason says so."""
    scenario = Scenario({"order_amount": 0.01}, instrument=make_instrument(min_notional=Decimal(5)))
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    assert scenario.withheld() == {"buy 0": "minimum notional", "sell 0": "minimum notional"}


def test_rule_2_a_level_that_shrinks_to_nothing_is_withheld() -> None:
    """A negative order_level_amount ends the ladder where no amount is left."""
    scenario = calm(order_levels=3, order_level_amount=-0.5)

    assert scenario.quotes() == ["buy 1 at 99.9", "buy 0.5 at 98.9", "sell 1 at 100.1", "sell 0.5 at 101.1"]
    assert scenario.withheld() == {"buy 2": "minimum amount", "sell 2": "minimum amount"}


def test_rule_2_margin_basis_multiplies_the_amounts_by_the_leverage() -> None:
    """order_amount_basis = margin reads the amounts as margin: exposure is order_amount x leverage."""
    assert calm(order_amount_basis="margin", leverage=5).quotes() == ["buy 5 at 99.9", "sell 5 at 100.1"]


def test_rule_2_override_replaces_the_ladder() -> None:
    """Rows of order_override are the levels, from the market outward, each with its own amount."""
    rows = {"far": ["buy", 2, 3], "near": ["buy", 1, 2], "up": ["sell", 1.5, 1]}

    assert calm(order_override=rows).quotes() == ["buy 2 at 99", "buy 3 at 98", "sell 1 at 101.5"]


# --- 3. price band


def test_rule_3_at_the_ceiling_no_bids() -> None:
    """Ceiling and floor act at once, in the middle of a refresh time; the other side stays."""
    scenario = calm(price_ceiling=101, price_floor=90, order_refresh_tolerance_pct=10)
    scenario.advance(1)
    scenario.book(bid="100.95", ask="101.05")

    assert scenario.sent(since=2) == [(2.0, "cancel buy 0")]
    assert scenario.withheld() == {"buy 0": "price band"}


def test_rule_3_at_the_floor_no_asks() -> None:
    """The mirror image, and after a second inside of the band the side is quoted again."""
    scenario = calm(bid_spread=5, ask_spread=5, price_floor=99)
    scenario.book(bid="98.9", ask="99.1")
    assert scenario.sent(since=1) == [(1.0, "cancel sell 0")]

    scenario.advance(1)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.9)
    assert scenario.quotes() == ["buy 1 at 95"]
    scenario.advance(0.2)
    assert scenario.quotes() == ["buy 1 at 95", "sell 1 at 105"]


# --- 5. no taking


def test_rule_5_a_quote_through_the_other_side_is_withheld() -> None:
    """A last trade above the book would put the bid at the best ask: withheld, until the market is away from it."""
    scenario = calm(price_type="last_price")
    scenario.trade("buy", 1)
    scenario.book(bid="99.8", ask="99.9")
    scenario.advance(1.1)
    assert (scenario.quotes(), scenario.withheld()) == (["sell 1 at 100.21"], {"buy 0": "no taking"})

    scenario.book(ask="100")
    assert scenario.sent(since=2) == [(2.1, "place buy 0: 1 at 99.99")]


def test_rule_5_a_post_only_refusal_never_becomes_a_taking_order() -> None:
    """The market comes through while the quote is on its way: the venue refuses it, and it is placed anew, away."""
    scenario = Scenario()
    scenario.delay("place", requests=0.2)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(0.1)
    scenario.book(bid="99.7", ask="99.8")
    scenario.advance(5)

    assert (scenario.position(), scenario.fills()) == ("flat", [])
    assert scenario.quotes()[0] == "buy 1 at 99.65"
