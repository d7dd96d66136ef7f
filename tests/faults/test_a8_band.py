"""A8: the venue's one-sided price band around the mark price, and exits whose market is outside of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from perpmaker.exits.settings import ExitSettings
from perpmaker.report.preflight_checklist import _venue_band
from perpmaker.simulation.rejection import Rejection, RejectionError
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument
from perpmaker_binance_perpetual.sandbox.refusals import translate_rejection

KEYS: dict[str, object] = {
    "bid_spread": 1,
    "ask_spread": 1,
    "long_profit_taking_spread": 2,
    "short_profit_taking_spread": 2,
    "stop_loss_spread": 3,
    "venue_backstop": False,
    "order_refresh_time": 100,
}


def holding(amount: int = 1, **keys: object) -> Scenario:
    """A bot with a position at 100 (negative: short) in a market with a band of 5 %, its target resting, at 1 s."""
    rules = make_instrument(band_up=Decimal("1.05"), band_down=Decimal("0.95"))
    scenario = Scenario({**KEYS, **keys}, instrument=rules)
    scenario.by_hand("buy" if amount > 0 else "sell", abs(amount), at=100)
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


@pytest.mark.parametrize(
    ("amount", "book", "sent"),
    [
        (1, ("96.9", "97"), "place stop loss: sell 1 at 92.16"),
        (-1, ("103", "103.1"), "place stop loss: buy 1 at 108.14"),
    ],
    ids=["long", "short"],
)
def test_A8_the_limit_of_a_stop_is_moved_inside_the_band(amount: int, book: tuple[str, str], sent: str) -> None:
    """A buffer of 10 % with a band of 5 %: the first order is taken and executes at the market, in one round trip."""
    scenario = holding(amount, stop_loss_slippage_buffer=10)
    scenario.book(*book)
    scenario.advance(0.1)

    assert [what for _, what in scenario.sent("place stop loss")] == [sent]
    assert scenario.position() == "flat"


@pytest.mark.each_value
@pytest.mark.parametrize("order", ["market", "limit"])
@pytest.mark.parametrize(
    ("amount", "book", "marks", "resting"),
    [
        (1, ("94", "94.2"), ("100", "99.5", "98.9"), ["sell 1 at 95.05", "sell 1 at 94.58"]),
        (-1, ("106", "106.2"), ("100", "100.4", "101.2"), ["buy 1 at 104.94", "buy 1 at 105.36"]),
    ],
    ids=["long", "short"],
)
def test_A8_outside_of_the_band_a_limit_rests_inside_its_edge_and_follows(
    order: str, amount: int, book: tuple[str, str], marks: tuple[str, str, str], resting: list[str]
) -> None:
    """The market fell through the band: refused at market, a limit rests, moves with the mark, then market at once."""
    scenario = holding(amount, stop_loss_order=order)
    scenario.mark(marks[0])
    scenario.book(*book)
    scenario.advance(0.1)
    assert scenario.exits() == [f"stop loss: {resting[0]}"]

    scenario.advance(5)
    assert scenario.exits() == [f"stop loss: {resting[0]}"]
    scenario.mark(marks[1])
    scenario.advance(1.1)
    assert scenario.exits() == [f"stop loss: {resting[1]}"]
    before = len(scenario.sent("place stop loss"))
    scenario.mark(marks[2])
    scenario.advance(1.1)

    assert scenario.position() == "flat"
    assert [what for _, what in scenario.sent("place stop loss")[before:]] == [
        f"place stop loss: {'sell' if amount > 0 else 'buy'} 1 at market"
    ]


def test_A8_the_first_limit_is_there_20_ms_after_a_market_order_was_refused() -> None:
    """Not after the pauses of other refusals."""
    scenario = holding(stop_loss_order="market")
    scenario.mark("100")
    scenario.book(bid="94", ask="94.2")
    scenario.advance(0.1)
    sent = scenario.sent("place stop loss")

    assert [what.rpartition(" ")[2] for _, what in sent] == ["market", "95.05"]
    assert sent[1].at - sent[0].at <= 0.02


def test_A8_it_is_moved_at_most_once_a_second_and_never_for_market_after_three_moves() -> None:
    """A mark that changes ten times a second makes no storm, and following is no renewal."""
    scenario = holding(stop_loss_order="limit")
    scenario.mark("100")
    scenario.book(bid="90", ask="90.2")
    scenario.advance(0.1)
    began = len(scenario.sent("place stop loss"))

    for step in range(200):
        scenario.mark(Decimal("99.9") - Decimal(step) / 100)
        scenario.advance(0.1)

    placed = [what for _, what in scenario.sent("place stop loss")[began:]]
    assert 10 <= len(placed) <= 21
    assert not [what for what in placed if what.endswith("at market")]


def test_A8_an_alarm_every_ten_seconds_tells_the_loss() -> None:
    """Money first, and where the closing order rests."""
    scenario = holding(stop_loss_order="market")
    scenario.mark("100")
    scenario.book(bid="94", ask="94.2")
    scenario.advance(35)
    told = [line for line in scenario.notices if "price band" in line and "LOSS" in line]

    assert len(told) == 4
    assert told[0].startswith("6 USDT LOSS on long 1 BTC at 94")
    assert "95.05" in told[0]


def test_A8_a_market_order_that_was_cut_is_followed_in_the_same_step() -> None:
    """Part of it executed inside the band; for the rest a limit goes out with the next answer."""
    scenario = holding(stop_loss_order="market")
    scenario.mark("100")
    scenario.book(bids={"95.5": "0.4", "94": "1000"}, asks={"96": "1000"})
    scenario.advance(0.1)

    assert scenario.fills() == ["stop loss: 0.4 at 95.5"]
    assert scenario.exits() == ["stop loss: sell 0.6 at 95.05"]


def test_A8_a_close_by_a_persons_wish_follows_the_band_too() -> None:
    """stop(close=True) outside of the band: a limit inside the edge instead of a refusal every two seconds."""
    scenario = holding(stop_loss_order="market", stop_loss_spread=20)
    scenario.mark("100")
    scenario.book(bid="94", ask="94.2")
    scenario.stop(close=True)
    scenario.advance(0.5)
    assert scenario.exits() == ["close: sell 1 at 95.05"]

    scenario.mark("98")
    scenario.advance(1.5)
    assert scenario.position() == "flat"


def test_A8_a_target_outside_is_withheld_with_that_reason_and_placed_when_the_band_reaches_it() -> None:
    """It is never moved nearer, and nothing is sent that the venue would refuse."""
    rules = make_instrument(band_up=Decimal("1.05"), band_down=Decimal("0.95"))
    scenario = Scenario({**KEYS, "stop_loss_spread": 0}, instrument=rules)
    scenario.book(bid="99.9", ask="100.1")
    scenario.mark("110")
    scenario.by_hand("buy", 1, at=100)
    scenario.advance(5)
    assert (scenario.exits(), scenario.sent("place take profit")) == ([], [])
    assert scenario.why("take profit")[-1].startswith("price band")
    assert [line for line in scenario.notices if "its band around the mark ends at 104.5" in line]

    scenario.mark("104")
    scenario.advance(0.1)
    assert scenario.exits() == ["take profit: sell 1 at 102"]


def test_A8_a_target_that_the_market_has_passed_by_more_than_the_band_closes_at_market() -> None:
    """A target that the market has passed executes at once, also where its own price is not taken any more."""
    rules = make_instrument(band_up=Decimal("1.05"), band_down=Decimal("0.95"))
    scenario = Scenario({**KEYS, "stop_loss_spread": 0}, instrument=rules)
    scenario.by_hand("buy", 1, at=100, quiet=True)
    scenario.book(bid="120", ask="120.2")
    scenario.advance(1)

    assert scenario.position() == "flat"


def test_A8_without_a_fresh_mark_price_nothing_is_clamped() -> None:
    """What the band is now is not known: the order goes out as it would without one."""
    scenario = holding(stop_loss_slippage_buffer=10)
    scenario.silence("mark")
    scenario.advance(6)
    scenario.book(bid="96.9", ask="97")
    scenario.advance(0.02)

    assert scenario.sent("place stop loss")[0].what.endswith("at 87.21")


def test_A8_check_prints_the_band_against_stop_and_buffer() -> None:
    """A person sees before the start how far the stop's order may reach, and what is moved."""
    for stop, buffer, verdict in [("0.03", "0.005", "ok"), ("0.048", "0.005", "look"), ("0.03", "0.1", "bad")]:
        rules = make_instrument(band_up=Decimal("1.05"), band_down=Decimal("0.95"))
        exits = ExitSettings(stop_loss_spread=Decimal(stop), stop_loss_slippage_buffer=Decimal(buffer))
        (line,) = _venue_band(exits, rules)

        assert line.verdict.value == verdict
        assert "95 %" in line.found
        assert "105 %" in line.found


def test_A8_the_sandbox_refuses_a_market_order_outside_of_the_band_as_the_venue_does() -> None:
    """-4131, and not the code of a limit order."""
    denied = RejectionError(Rejection.MARKET_BAND, "best 94, bound 95")

    assert translate_rejection(denied, "POST", "/fapi/v1/order", make_instrument()).code == -4131
