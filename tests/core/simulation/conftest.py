from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import attrs
import pytest

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionSide, Side
from perpmaker.simulation.event import SimulationEvent
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest, SimulatedOrder, TimeInForce
from perpmaker.simulation.rules import MARKETS
from perpmaker.simulation.script import ScriptedMarket

START_MS = 1_767_225_600_000


@attrs.define
class Stage:
    """A scripted market around 100, tick 0.1 and lot 1, with an account; prices in ticks, amounts in lots."""

    exchange: Exchange
    market: ScriptedMarket
    events: list[SimulationEvent]
    now_ms: int = START_MS

    def place(
        self,
        side: Side,
        ticks: int | None,
        lots: int,
        *,
        force: TimeInForce = TimeInForce.GTC,
        reduce_only: bool = False,
        position_side: PositionSide = PositionSide.NET,
        client_id: str = "",
        account: str = "a",
    ) -> SimulatedOrder:
        """Place an order of an account."""
        instrument = self.exchange.instrument
        request = OrderRequest(
            side=side,
            amount=instrument.amount(lots),
            price=None if ticks is None else instrument.price(ticks),
            time_in_force=force,
            reduce_only=reduce_only,
            position_side=position_side,
            client_id=client_id,
        )

        return self.exchange.place(account, request, self.now_ms)

    def order(self, placed: SimulatedOrder) -> SimulatedOrder:
        """The order as it is now."""
        order = self.exchange.order(placed.account, order_id=placed.order_id)
        assert order is not None

        return order

    def show(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Show other people's orders."""
        self.market.set_ladder(bids, asks)
        self.settle()

    def take(self, side: Side, lots: int, limit_ticks: int | None = None) -> None:
        """Somebody takes."""
        self.market.take(side, lots, limit_ticks)
        self.settle()

    def mark(self, price: str) -> None:
        """Jump the mark price."""
        self.market.set_mark(Decimal(price))
        self.settle()

    def settle(self) -> None:
        """Let the exchange do what the script says."""
        self.exchange.advance(self.now_ms)

    def lots(self, position_side: PositionSide = PositionSide.NET, account: str = "a") -> int:
        """The lots of a position."""
        positions = self.exchange.account(account).positions

        return next(position.lots for position in positions if position.side is position_side)


def small_instrument(**changes: object) -> Instrument:
    """BTC-USDT with tick 0.1 and lot 1, and these changes."""
    rules = MARKETS["BTC-USDT"].instrument
    small = attrs.evolve(
        rules,
        tick=Decimal("0.1"),
        lot=Decimal(1),
        min_amount=Decimal(1),
        max_amount=Decimal(100_000),
        max_market_amount=Decimal(50_000),
        min_notional=Decimal(5),
        max_price=Decimal(100_000),
        band_up=Decimal(2),
        band_down=Decimal("0.5"),
    )

    return attrs.evolve(small, **changes)  # type: ignore[arg-type]  # fields by name


def build_stage(*, balance: str = "1000000", funding_rate: str = "0.0001", **changes: object) -> Stage:
    """A stage with two accounts, a and b, and these changes of the market's rules."""
    market = ScriptedMarket(
        bids=[(999, 10), (998, 20), (997, 30)],
        asks=[(1001, 10), (1002, 20), (1003, 30)],
        mark=Decimal(100),
        funding_rate=Decimal(funding_rate),
    )
    exchange = Exchange(small_instrument(**changes), market, start_ms=START_MS)
    events: list[SimulationEvent] = []
    exchange.subscribe(events.append)

    for account in ("a", "b"):
        exchange.open_account(account, Decimal(balance))

    return Stage(exchange, market, events)


@pytest.fixture
def set_stage() -> Callable[..., Stage]:
    """Build stages with other rules."""
    return build_stage


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    """The usual stage."""
    return set_stage()


@pytest.fixture(scope="session")
def make_stage() -> Callable[..., Stage]:
    """The same for property tests, which may only use fixtures that last."""
    return build_stage
