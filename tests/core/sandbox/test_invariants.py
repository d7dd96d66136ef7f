from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.model.order import PositionMode, Side
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.sandbox.invariants import Invariants
from perpmaker.simulation.event import AccountCause, AccountChanged
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import ConditionalRequest, OrderRequest, TimeInForce
from perpmaker.simulation.rules import MARKETS
from perpmaker.simulation.script import ScriptedMarket


@pytest.fixture
def watched() -> tuple[Exchange, Invariants]:
    """A scripted exchange around 60000 with an account, and its oracle."""
    market = ScriptedMarket(bids=[(599_990, 1000)], asks=[(600_010, 1000)], mark=Decimal(60_000))
    exchange = Exchange(MARKETS["BTC-USDT"].instrument, market, start_ms=0)
    oracle = Invariants(exchange)
    exchange.open_account("a", Decimal(10_000))

    return exchange, oracle


def place(
    exchange: Exchange,
    side: Side,
    price: str | None,
    client_id: str,
    *,
    amount: str = "0.010",
    reduce_only: bool = False,
    now_ms: int = 0,
    force: TimeInForce = TimeInForce.GTC,
) -> None:
    """Place an order of account a."""
    request = OrderRequest(
        side=side,
        amount=Decimal(amount),
        price=None if price is None else Decimal(price),
        reduce_only=reduce_only,
        client_id=client_id,
        time_in_force=force,
    )
    exchange.place("a", request, now_ms)


def broken(oracle: Invariants) -> list[str]:
    """The invariants that did not hold."""
    return [violation.invariant for violation in oracle.violations]


def test_honest_exchange_and_bot_break_nothing(watched: tuple[Exchange, Invariants]) -> None:
    """A round trip with a resting quote, a fill and a target is fine, and everything was looked at."""
    exchange, oracle = watched
    place(exchange, Side.BUY, "59990", "pm-1", force=TimeInForce.POST_ONLY)
    place(exchange, Side.BUY, "60001", "by-hand")
    place(exchange, Side.SELL, "59999", "pm-2", reduce_only=True)
    exchange.cancel("a", client_id="pm-1", now_ms=0)

    assert broken(oracle) == []
    assert {"I10", "I19", "I23", "book", "position", "reduce_only"} <= set(oracle.evaluated)


def test_i1_two_live_orders_of_one_slot(watched: tuple[Exchange, Invariants]) -> None:
    """A second order of a slot while the first still rests is found, an order of another slot is not."""
    exchange, oracle = watched
    oracle.expect("a").slots = {"pm-1": "quote buy 0", "pm-2": "quote buy 0", "pm-3": "quote buy 1"}

    for client_id in ("pm-1", "pm-3"):
        place(exchange, Side.BUY, "59990", client_id)

    assert broken(oracle) == []
    place(exchange, Side.BUY, "59990", "pm-2")
    assert broken(oracle) == ["I1"]


def test_i4_position_left_unprotected(watched: tuple[Exchange, Invariants]) -> None:
    """A position without closing orders is measured, and found once it stands longer than it may."""
    exchange, oracle = watched
    place(exchange, Side.BUY, "60001", "pm-1")
    place(exchange, Side.SELL, "60100", "pm-2", amount="0.009", reduce_only=True, now_ms=1_000)
    assert oracle.longest_unprotected_s("a") == 1

    place(exchange, Side.SELL, "60100", "pm-3", amount="0.001", reduce_only=True, now_ms=3_000)
    assert oracle.longest_unprotected_s("a") == 3
    assert broken(oracle) == []

    oracle.expect("a").protect_s = 2
    exchange.cancel("a", client_id="pm-2", now_ms=4_000)
    place(exchange, Side.BUY, "59000", "pm-4", now_ms=7_000)
    assert broken(oracle) == ["I4"]


def test_i7_more_exposure_than_allowed(watched: tuple[Exchange, Invariants]) -> None:
    """Position and the worst that open orders can do are counted together."""
    exchange, oracle = watched
    oracle.expect("a").max_lots = 25
    place(exchange, Side.BUY, "60001", "pm-1")
    place(exchange, Side.BUY, "59990", "pm-2")
    assert broken(oracle) == []

    place(exchange, Side.BUY, "59980", "pm-3")
    assert broken(oracle) == ["I7"]


def test_i10_wallet_that_does_not_add_up(watched: tuple[Exchange, Invariants]) -> None:
    """A wallet that is off by the smallest digit is found."""
    exchange, oracle = watched
    told = AccountChanged(account="a", cause=AccountCause.ORDER, state=exchange.account("a"), now_ms=0)
    oracle._see(told)
    assert broken(oracle) == []

    crumb = AccountChanged(
        account="a", cause=AccountCause.FUNDING, state=told.state, transferred=Decimal("0.00000001"), now_ms=0
    )
    oracle._see(crumb)
    assert broken(oracle) == ["I10"]


def test_i19_market_order_that_opens(watched: tuple[Exchange, Invariants]) -> None:
    """Our own market order may only close; a person's may do as it likes."""
    exchange, oracle = watched
    place(exchange, Side.BUY, None, "by-hand")
    place(exchange, Side.SELL, None, "pm-1", reduce_only=True)
    assert broken(oracle) == []

    place(exchange, Side.BUY, None, "pm-2")
    assert broken(oracle) == ["I19"]


def test_i19_where_no_order_can_be_told_to_reduce_its_amount_decides(watched: tuple[Exchange, Invariants]) -> None:
    """A market order of no more than the position, against it, can do nothing else."""
    exchange, oracle = watched
    oracle.expect("a").has_reduce_only = False
    place(exchange, Side.BUY, None, "by-hand")
    place(exchange, Side.SELL, None, "pm-1", amount="0.009")
    assert broken(oracle) == []

    place(exchange, Side.SELL, None, "pm-2", amount="0.002")
    assert broken(oracle) == ["I19"]


def test_what_is_ours_may_be_told_by_other_ids_than_those_of_text(watched: tuple[Exchange, Invariants]) -> None:
    """A venue without room for text has numbers; everybody else's order is foreign."""
    exchange, oracle = watched
    oracle.expect("a").is_own = lambda client_id: client_id.startswith("7-")

    for client_id in ("7-1", "pm-1"):
        place(exchange, Side.BUY, "59990", client_id)
        exchange.cancel("a", client_id=client_id, now_ms=0)

    assert broken(oracle) == ["I23"]


def test_i20_order_under_other_settings(watched: tuple[Exchange, Invariants]) -> None:
    """An order accepted while the account is not set as configured is found."""
    exchange, oracle = watched
    oracle.expect("a").settings = VenueSettings(
        leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.CROSS
    )
    exchange.set_leverage("a", 3, 0)
    place(exchange, Side.BUY, "59990", "pm-1")
    assert broken(oracle) == []

    exchange.set_leverage("a", 4, 0)
    place(exchange, Side.BUY, "59990", "pm-2")
    assert broken(oracle) == ["I20"]


def test_i21_exposure_added_while_reducing(watched: tuple[Exchange, Invariants]) -> None:
    """While only reducing, closing orders are fine and anything that may enlarge or flip is not."""
    exchange, oracle = watched
    place(exchange, Side.BUY, "60001", "pm-1")
    oracle.expect("a").reducing = True
    place(exchange, Side.SELL, "60100", "pm-2", amount="0.005")
    place(exchange, Side.SELL, "60100", "pm-3", amount="0.005", reduce_only=True)
    assert broken(oracle) == []

    place(exchange, Side.SELL, "60100", "pm-4", amount="0.011")
    place(exchange, Side.BUY, "59990", "pm-5")
    assert broken(oracle) == ["I21", "I21"]


def test_i23_foreign_order_cancelled(watched: tuple[Exchange, Invariants]) -> None:
    """A bot that cancels what is not its own is found, a person who does it is not."""
    exchange, oracle = watched

    for client_id in ("by-hand-1", "by-hand-2"):
        place(exchange, Side.BUY, "59990", client_id)

    with oracle.person():
        exchange.cancel("a", client_id="by-hand-1", now_ms=0)

    assert broken(oracle) == []
    exchange.cancel("a", client_id="by-hand-2", now_ms=0)
    assert broken(oracle) == ["I23"]


def test_i4_a_waiting_order_of_the_positions_size_protects_it(watched: tuple[Exchange, Invariants]) -> None:
    """One that is smaller, of the other side or not only reducing does not."""
    exchange, oracle = watched
    oracle.expect("a").protect_s = 0
    stops: list[dict[str, Any]] = [{"amount": Decimal("0.009")}, {"side": Side.BUY}, {"reduce_only": False}, {}]

    for change in stops:
        known = {"side": Side.SELL, "amount": Decimal("0.010"), "reduce_only": True, **change}
        exchange.place_conditional("a", ConditionalRequest(trigger=Decimal(59000), held=True, **known), 0)

    place(exchange, Side.BUY, "60001", "pm-1")
    place(exchange, Side.BUY, "59990", "pm-2", now_ms=1000)
    assert broken(oracle) == []

    exchange.cancel_conditional("a", conditional_id=exchange.conditional_orders("a")[-1].conditional_id, now_ms=1000)
    exchange.cancel("a", client_id="pm-2", now_ms=1000)
    place(exchange, Side.BUY, "59990", "pm-3", now_ms=2000)
    assert set(broken(oracle)) == {"I4"}
