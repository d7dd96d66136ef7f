"""`order_rate_limit`: what it counts, and what it holds back."""

from __future__ import annotations

from perpmaker import Approved, OrderKind, Quote, Refused, Side, Slot
from perpmaker.risk.review import review
from perpmaker.state.sent_orders import ReadOnlySent, SentOrders
from perpmaker.testing.scenario import Scenario
from perpmaker.testing.view import make_instrument, make_order, make_view
from perpmaker_risk_modules.order_rate_limit import OrderRateLimit, OrderRateLimitSettings

BID, ASK = Slot(OrderKind.QUOTE, Side.BUY), Slot(OrderKind.QUOTE, Side.SELL)


def sent_at(*times: float) -> ReadOnlySent:
    """Orders that were sent at these times."""
    sent = SentOrders()

    for at in times:
        sent.note(at)

    return ReadOnlySent(sent)


def make_quote(slot: Slot = BID) -> Quote:
    """A quote at 100.00."""
    return Quote(slot=slot, ticks=10_000, lots=1, generation=1)


MODULE = OrderRateLimit(OrderRateLimitSettings(max_orders=3, per_s=10.0), make_instrument())


def test_orders_within_the_time_use_up_the_limit() -> None:
    """An order exactly so long ago does not count any more."""
    assert MODULE.review(make_view(now=100.0, sent=sent_at(90.0, 95.0, 96.0)), make_quote()) == Approved(
        quote=make_quote()
    )
    refused = MODULE.review(make_view(now=100.0, sent=sent_at(90.1, 95.0, 96.0)), make_quote())
    assert isinstance(refused, Refused)
    assert refused.reason == "3 orders in 10 s were sent, as many as max_orders = 3 allows"


def test_quotes_of_the_same_decision_count() -> None:
    """One is left: the bid has it."""
    view = make_view(now=100.0, sent=sent_at(95.0, 96.0))
    reviewed = review(view, (make_quote(), make_quote(ASK)), [MODULE])
    assert [quote.slot for quote in reviewed.approved] == [BID]
    assert [refused.quote.slot for refused in reviewed.refused] == [ASK]


def test_what_rests_is_no_new_order() -> None:
    """It stays, and takes nothing of what is left."""
    orders = {BID: make_order(BID, 10_000, 1, generation=1)}
    used_up = make_view(now=100.0, sent=sent_at(95.0, 96.0, 97.0), orders=orders)
    assert isinstance(MODULE.review(used_up, make_quote()), Approved)

    left = make_view(now=100.0, sent=sent_at(95.0, 96.0), orders=orders)
    assert len(review(left, (make_quote(), make_quote(ASK)), [MODULE]).approved) == 2


def test_it_is_asked_again_when_there_is_room() -> None:
    """When the oldest of those that use it up is old enough."""
    assert MODULE.wake(make_view(now=100.0, sent=sent_at(91.0, 95.0, 96.0, 97.0))).at == 105.0
    assert MODULE.wake(make_view(now=100.0, sent=sent_at(95.0, 96.0))).at is None


def test_a_session_keeps_the_limit_and_says_why() -> None:
    """Four quotes a refresh of 2 s under a limit of 6 in 10 s: more are never sent, and the target always is."""
    scenario = Scenario(
        {
            "order_levels": 2,
            "order_refresh_time": 2,
            "order_refresh_tolerance_pct": -1,
            "long_profit_taking_spread": 1,
            "risk": {"order_rate_limit": {"max_orders": 6, "per_s": 10}},
        }
    )
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(40)
    times = [one.at for one in scenario.sent("place")]
    assert len(times) > 12
    assert all(sum(at - 10 < other <= at for other in times) <= 6 for at in times)
    assert "risk" in scenario.withheld().values()
    name = next(iter(scenario.withheld()))
    assert scenario.why(name)[-1] == (
        "risk: order_rate_limit: 6 orders in 10 s were sent, as many as max_orders = 6 allows"
    )

    while not scenario.quotes() or not scenario.quotes()[0].startswith("buy"):
        scenario.advance(0.5)

    scenario.fill("buy 0" if any(one.name == "buy 0" for one in scenario.orders()) else "buy 1")
    scenario.advance(0.1)
    assert any(text.startswith("take profit") for text in scenario.exits())
