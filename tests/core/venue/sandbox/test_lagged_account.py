"""What queries see: the exchange as it is, as it was a while ago, and without the newest orders."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import (
    Cause,
    ConditionalRequest,
    ConditionalState,
    OrderRequest,
    OrderState,
    TriggerKind,
    TriggerPrice,
)
from perpmaker.simulation.rejection import RejectionError
from perpmaker.simulation.script import ScriptedMarket
from perpmaker.venue.sandbox import LaggedAccount, VenueOptions

LAG_MS = 1_000


@attrs.define
class Desk:
    """An exchange, its account as queries see it, and the time."""

    exchange: Exchange
    account: LaggedAccount
    ms: int = 10_000

    def place(self, price: str, client_id: str = "") -> int:
        """Place a buy of one, and return its id."""
        request = OrderRequest(side=Side.BUY, amount=Decimal(1), price=Decimal(price), client_id=client_id)

        return self.exchange.place("main", request, self.ms).order_id


def make_desk(instrument: Instrument, *, lag_ms: int = 0, hidden_for_ms: int = 0) -> Desk:
    """Bids at 99.5, asks at 100.5."""
    market = ScriptedMarket(bids=[(199, 1000)], asks=[(201, 1000)], mark=Decimal(100))
    exchange = Exchange(instrument, market, start_ms=10_000)
    exchange.open_account("main", Decimal(10_000))
    options = VenueOptions(read_lag_ms=lag_ms, hidden_for_ms=hidden_for_ms)
    desk = Desk(exchange, None)  # type: ignore[arg-type]  # it reads the desk's time
    desk.account = LaggedAccount(exchange, lambda: desk.ms, options)

    return desk


@pytest.mark.parametrize("lag_ms", [0, LAG_MS])
def test_an_order_is_open_and_then_cancelled_a_lag_later(instrument: Instrument, lag_ms: int) -> None:
    """By either id, in the list of all and of the open ones; what ended it is known."""
    desk = make_desk(instrument, lag_ms=lag_ms)
    order_id = desk.place("99", "a")
    desk.ms += lag_ms

    assert [order.order_id for order in desk.account.open_orders()] == [order_id]

    desk.exchange.cancel("main", order_id=order_id, now_ms=desk.ms)
    found = desk.account.order(order_id=None, client_id="a")

    assert found is not None
    assert found.state is (OrderState.OPEN if lag_ms else OrderState.CANCELLED)

    desk.ms += lag_ms

    assert [order.state for order in desk.account.orders()] == [OrderState.CANCELLED]
    assert desk.account.open_orders() == []
    assert desk.account.ending(order_id) is Cause.CANCELLED


def test_before_the_lag_has_passed_there_is_nothing_of_an_execution(instrument: Instrument) -> None:
    """Neither the order nor the position, the execution or its fee."""
    desk = make_desk(instrument, lag_ms=LAG_MS)
    order_id = desk.place("101")
    desk.ms += LAG_MS - 1

    assert desk.account.order(order_id=order_id, client_id=None) is None
    assert desk.account.orders() == []
    assert [position.lots for position in desk.account.state().positions] == [0]
    assert desk.account.executions(0) == []
    before = len(desk.account.income(0))

    desk.ms += 1

    assert [position.lots for position in desk.account.state().positions] == [100]
    assert [execution.order_id for execution in desk.account.executions(0)] == [order_id]
    assert len(desk.account.income(0)) > before


def test_a_new_order_may_hide(instrument: Instrument) -> None:
    """For as long as the option says, whatever happens to it."""
    desk = make_desk(instrument, hidden_for_ms=300)
    order_id = desk.place("99")
    desk.ms += 299

    assert desk.account.order(order_id=order_id, client_id=None) is None
    assert desk.account.open_orders() == []

    desk.ms += 1

    assert [order.order_id for order in desk.account.open_orders()] == [order_id]


@pytest.mark.parametrize("lag_ms", [0, LAG_MS])
def test_a_conditional_order_is_seen_with_the_same_lag(instrument: Instrument, lag_ms: int) -> None:
    """Waiting, and then cancelled."""
    desk = make_desk(instrument, lag_ms=lag_ms)
    request = ConditionalRequest(
        side=Side.SELL,
        trigger=Decimal(90),
        kind=TriggerKind.STOP,
        watch=TriggerPrice.MARK,
        amount=Decimal(1),
        client_id="s",
    )
    placed = desk.exchange.place_conditional("main", request, desk.ms)

    assert len(desk.account.waiting_conditionals()) == (0 if lag_ms else 1)

    desk.ms += lag_ms

    assert [order.client_id for order in desk.account.waiting_conditionals()] == ["s"]

    desk.exchange.cancel_conditional("main", conditional_id=placed.conditional_id, now_ms=desk.ms)
    desk.ms += lag_ms
    found = desk.account.conditional(conditional_id=None, client_id="s")

    assert found is not None
    assert found.state is ConditionalState.CANCELLED
    assert desk.account.conditional(conditional_id=None, client_id="t") is None


def test_an_exchange_without_accounts_rejects_every_question(instrument: Instrument) -> None:
    """The dialect refuses that as it refuses any rejection."""
    exchange = Exchange(instrument, ScriptedMarket(mark=Decimal(100)), start_ms=0)
    account = LaggedAccount(exchange, lambda: 0, VenueOptions())

    assert account.name == ""

    with pytest.raises(RejectionError):
        account.state()
