"""A15: what the venue cancels or closes by itself, in three classes (rule 12), each told as what it is."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.execution.action import Cancel
from perpmaker.model.command_event import OrderRefused
from perpmaker.model.event import OrderCancelled, OrderFilled, OrderReported
from perpmaker.model.order import CancelCause, OrderKind, OrderStatus, PositionSide, Side
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.state.view import Mode
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.scene import Scene, of, placed
from perpmaker.testing.view import make_instrument
from perpmaker_binance_perpetual.account import translate_margin_call
from perpmaker_binance_perpetual.refusals import read_failure
from perpmaker_binance_perpetual.rest import row_reader
from perpmaker_binance_perpetual.translate import translate_order_update
from perpmaker_binance_perpetual.user_messages import MarginCall, OrderUpdate

INSTRUMENT = make_instrument(symbol="BTCUSDT", tick=Decimal("0.1"), lot=Decimal("0.001"))


def update(**fields: Any) -> OrderUpdate:  # the venue's words
    """`o` of an ORDER_TRADE_UPDATE of the market."""
    words: dict[str, Any] = {
        "s": "BTCUSDT", "c": "pm-bot-r1-1", "S": "SELL", "o": "LIMIT", "q": "0.010", "p": "99.0", "x": "NEW",
        "X": "NEW", "i": 7, "z": "0", "T": 5000,
    }  # fmt: skip

    return OrderUpdate(**{**words, **fields})


def holding() -> Scene:
    """A long of five lots with its target, and quotes."""
    scene = Scene().quoting()
    scene.tell(scene.fill("1", 5, 5))
    scene.tell(scene.accepted("3"), scene.accepted("4"))

    return scene


def live(scene: Scene, seconds: float) -> list[Any]:
    """Time passes while the book proves alive; what was sent."""
    until, actions = scene.now + seconds, []

    while scene.now < until:
        actions += scene.tell(scene.book()).actions
        actions += scene.wait(min(2.0, until - scene.now))

    return actions


def is_halted(scene: Scene) -> bool:
    """Whether quotes are off, all of them under way to be gone, until a person has looked."""
    left = [order for order in scene.trader.working() if order.slot.kind is OrderKind.QUOTE]

    return scene.last.mode is Mode.HALT and all(order.cancel_requested for order in left)


def test_A15_an_execution_of_the_venues_own_takes_all_quotes_off_and_is_told() -> None:
    """In part: what is left keeps a target of its size, and nothing is quoted any more."""
    for client_id, words in [
        ("autoclose-1700000000000000001", "LIQUIDATION"),
        ("adl_autoclose", "AUTO-DELEVERAGING"),
        ("settlement_autoclose-9", "SETTLEMENT"),
        ("delivery_autoclose-9", "DELIVERY"),
    ]:
        scene = holding()
        sold = update(
            c=client_id, o="LIQUIDATION", x="CALCULATED", X="FILLED", l="0.002", z="0.002", q="0.002", L="90", T=9999
        )
        told = scene.tell(*translate_order_update(sold, INSTRUMENT))

        assert is_halted(scene)
        assert any(line.startswith(f"{words}: the venue has closed a position by itself") for line in told.notices)
        assert not any("by hand" in line for line in told.notices)
        assert scene.amount == Decimal("0.003")
        scene.tell(scene.cancelled("4"), scene.cancelled("3"), scene.cancelled("2"))
        assert [str(order.slot) for order in scene.trader.working()] == ["target sell"]
        assert [order.order.lots for order in scene.trader.working()] == [3]
        scene.wait(120)
        assert is_halted(scene)


@pytest.mark.parametrize("kind", ["LIQUIDATION", "ADL"])
def test_A15_an_order_of_the_venues_own_counts_before_it_executes(kind: str) -> None:
    """It is only there, without a known client id, with nulls, and of an amount between two lots."""
    scene = holding()
    words = update(c="web_1", o=kind, q="0.00333", sp=None, cp=None, ot=None, rp=None, R=None, t=None)
    scene.tell(*translate_order_update(words, INSTRUMENT))

    assert is_halted(scene)


def test_A15_a_quote_of_ours_that_a_liquidation_took_off_is_no_persons_doing() -> None:
    """`er` 5: the venue clears the way for itself."""
    scene = holding()
    told = scene.tell(*translate_order_update(update(c="pm-bot-r1-2", x="EXPIRED", X="EXPIRED", er="5"), INSTRUMENT))

    assert is_halted(scene)
    assert any(line.startswith("LIQUIDATION") for line in told.notices)


@pytest.mark.each_value
@pytest.mark.parametrize(("code", "counts"), [(-2023, True), (-2019, False)], ids=["liquidation", "margin"])
@pytest.mark.parametrize("by_report", [False, True], ids=["answer", "report"])
def test_A15_a_refusal_for_liquidation_counts(code: int, *, counts: bool, by_report: bool) -> None:
    """-2023, whatever was sent, and by whatever it is told; no other refusal is one."""
    scene = Scene()
    scene.start()
    failure = read_failure(400, json.dumps({"code": code, "msg": "User in liquidation mode now."}).encode())
    refusal = failure and failure.refusal()
    assert refusal is not None
    report = attrs.evolve(scene.order_report("pm-bot-r1-1", OrderStatus.CANCELLED), refusal=refusal)
    scene.tell(OrderReported(report=report) if by_report else OrderRefused(client_id="pm-bot-r1-1", refusal=refusal))

    assert is_halted(scene) is counts


def test_A15_a_margin_call_takes_the_quotes_of_its_pool_off() -> None:
    """Of this market, or of any other that shares its margin; an isolated one of another market does not."""
    for rows, is_ours in [
        ([{"s": "BTCUSDT", "mt": "CROSSED"}], True),
        ([{"s": "ETHUSDT", "mt": "CROSSED"}], True),
        ([{"s": "ETHUSDT", "mt": "ISOLATED"}], False),
        ([{"s": "ETHUSDT", "mt": None}], True),
        ([], True),
    ]:
        scene = holding()
        call = PayloadDecoder(MarginCall).decode(json.dumps({"E": 5, "p": list(rows)}))
        scene.tell(*translate_margin_call(call, INSTRUMENT, None, row_reader()))

        assert is_halted(scene) is is_ours


def test_A15_a_liquidation_that_only_a_reading_tells_of_counts_and_one_told_before_does_not() -> None:
    """History of the time without a process; a person who resumed after it is not asked again."""
    for known in ((), ("t1003",)):
        scene = Scene(known_trades=frozenset(known))
        scene.ms = 1002
        forced = attrs.evolve(scene.fill("9", 5, 5, Side.SELL).fill, client_id="autoclose-1", forced="liquidation")
        scene.start(fills=(forced,))

        assert (scene.last.mode is Mode.HALT) is (known == ())


def test_A15_a_position_liquidated_on_the_simulated_venue_is_called_so() -> None:
    """Leverage 20, and the mark goes past the liquidation price: no quote afterwards."""
    s = Scenario({"leverage": 20, "order_amount": 90, "long_profit_taking_spread": 5, "sandbox": {"balance": 500}})
    s.book(bid="99.9", ask="100.1")
    s.advance(1)
    s.fill("buy 0")
    s.advance(1)
    s.book(bid="93", ask="93.2")
    s.advance(120)

    assert s.position() == "flat"
    assert any(line.startswith("LIQUIDATION: ") for line in s.notices)
    assert (s.mode[:4], s.quotes()) == ("halt", [])


def test_A15_in_hedge_mode_a_deleveraged_leg_takes_the_others_quotes_off_as_well() -> None:
    """One leg alone is no hedge any more; its own exits are adapted, those of the other stay."""
    s = Scenario({"position_mode": "Hedge", "long_profit_taking_spread": 2, "short_profit_taking_spread": 2})
    s.book(bid="99.9", ask="100.1")
    s.advance(1)
    s.fill("buy 0")
    s.advance(0.1)
    assert s.quotes()
    forced = OrderReported(
        report=attrs.evolve(
            Scene().order_report("adl_autoclose", OrderStatus.OPEN),
            forced="auto-deleveraging",
            side=Side.SELL,
            position_side=PositionSide.LONG,
        ),
        by_stream=True,
    )
    s._event_queue.append(forced)  # the simulated venue deleverages nobody
    s.advance(0.5)

    assert (s.mode[:4], s.quotes()) == ("halt", [])
    assert s.exits() == ["take profit long: sell 1 at 101.9"]


# --- class (b) and class (a) -----------------------------------------------------------------------------------------


def test_A15_what_no_price_cures_pauses_its_level_for_a_minute_and_is_told() -> None:
    """Self-match prevention, reduce-only, delisting: the other level is quoted on."""
    for words in [
        {"x": "EXPIRED", "X": "EXPIRED_IN_MATCH", "er": "1"},
        {"x": "EXPIRED", "X": "EXPIRED_IN_MATCH"},
        {"x": "EXPIRED", "X": "EXPIRED", "er": 4},
        {"x": "EXPIRED", "X": "EXPIRED", "er": "7"},
    ]:
        scene = Scene().quoting()
        told = scene.tell(*translate_order_update(update(S="BUY", **words), INSTRUMENT))

        assert placed(told.actions) == []
        assert any("quote buy 0 was taken off by the venue (" in line for line in told.notices)
        assert placed(live(scene, 58)) == []
        assert placed(live(scene, 4)) == ["quote buy 0"]
        assert not of([action for decision in scene.decisions for action in decision.actions], Cancel)


def test_A15_it_is_the_same_when_only_an_answer_tells_of_it() -> None:
    """The order is asked for, and its status says that self-match prevention ended it."""
    scene = Scene().quoting()
    report = attrs.evolve(
        scene.report("1", OrderStatus.CANCELLED).report, ended_by_venue=True, ended_by_rule="self-match prevention"
    )
    told = scene.tell(OrderReported(report=report))

    assert placed(told.actions) == []
    assert any("(self-match prevention)" in line for line in told.notices)


def test_A15_post_only_goes_again_at_once_then_ever_slower_at_most_six_times_a_minute() -> None:
    """Class (a): each one ends in the moment in which it comes."""
    scene = Scene().quoting()
    times = 0

    while scene.now < 60:
        level = [order for order in scene.trader.working() if order.slot.side is Side.BUY]

        for order in level:
            times += 1
            gone = OrderCancelled(client_id=order.client_id, cause=CancelCause.VENUE, venue_ms=scene.ms)
            scene.tell(gone)

        live(scene, 0.25)

    assert 5 <= times - 1 <= 6


def test_A15_an_exit_that_a_rule_took_off_goes_again_at_once() -> None:
    """A target knocked out by self-match prevention or the countdown leaves no position without it."""
    scene = holding()
    gone = OrderCancelled(client_id="pm-bot-r1-3", cause=CancelCause.RULE, detail="countdown", venue_ms=scene.ms)

    assert placed(scene.tell(gone).actions) == ["target sell"]


def test_A15_a_fill_by_force_is_still_a_fill() -> None:
    """The whole position: every exit goes, nothing is quoted, and what was refused by it stays told once."""
    scene = holding()
    theirs = attrs.evolve(scene.fill("1", 5, 5, Side.SELL).fill, client_id="autoclose-1", forced="liquidation")
    told = scene.tell(OrderFilled(fill=theirs))
    refused = Refusal(reason=RefusalReason.LIQUIDATION, code="-2023", text="in liquidation")
    again = scene.tell(OrderRefused(client_id="pm-bot-r1-4", refusal=refused))

    assert scene.amount == 0
    assert {action.kind for action in of(told.actions, Cancel)} >= {OrderKind.TAKE_PROFIT}
    assert [line for line in again.notices if "LIQUIDATION" in line] == []
