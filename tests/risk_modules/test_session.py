"""`exposure_limit` in whole sessions with `when_in_position = "continue"`: the venue's own books never pass the cap."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import anyio
import attrs
import pytest

from perpmaker.model.order import PositionSide, Side
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.event import SimulationEvent
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.order import OrderRequest
from perpmaker.testing.session import open_session
from perpmaker.testing.virtual import virtual_backend

FILE = Path(__file__).parents[1] / "practice.toml"
CONTINUE = (
    'when_in_position="continue"',
    "order_levels=3",
    "order_level_spread=0.02",
    "filled_order_delay=0",
    "order_refresh_time=2",
    "long_profit_taking_spread=0.2",
    "short_profit_taking_spread=0.2",
    "risk.exposure_limit.max_position=0.015",
)
CAP = 15


@attrs.define
class Watch:
    """Adds up, at every event of the venue, what each position could come to if everything that rests filled.

    `held` is the most that was held, `worst` the most that could have come of it, in lots; `quoted` counts events at
    which quotes rested beside a position.
    """

    exchange: Exchange
    worst: int = 0
    held: int = 0
    quoted: int = 0

    def look(self, _: SimulationEvent) -> None:
        """Note the worst of either direction."""
        positions = {one.side: one.lots for one in self.exchange.account(ACCOUNT).positions}
        sides = dict.fromkeys(Side, 0)
        holds = False

        for order in self.exchange.open_orders(ACCOUNT):
            place = PositionSide.LONG if order.side is Side.BUY else PositionSide.SHORT

            if not order.reduce_only and order.position_side in {PositionSide.NET, place}:
                sides[order.side] += order.lots - order.filled_lots

        for side, lots in sides.items():
            place = PositionSide.LONG if side is Side.BUY else PositionSide.SHORT
            held = max(0, side.sign * positions.get(place, positions.get(PositionSide.NET, 0)))
            self.worst = max(self.worst, held + lots)
            self.held = max(self.held, held)
            holds = holds or held > 0

        self.quoted += holds and any(sides.values())


@pytest.mark.parametrize(("mode", "seed"), [pytest.param("One-way", 1, marks=pytest.mark.full), ("Hedge", 2)])
def test_no_session_passes_the_cap(mode: str, seed: int) -> None:
    """Quoting goes on in both directions while a position is held, and position plus resting quotes keep the cap."""

    async def scenario() -> Watch:
        async with open_session(FILE, *CONTINUE, f'position_mode="{mode}"', seed=seed) as session:
            watch = Watch(session.sandbox.exchange)
            session.sandbox.exchange.subscribe(watch.look)
            await session.run(45)

            assert not session.sandbox.oracle.violations

            return watch

    name, options = virtual_backend()
    watch = anyio.run(scenario, backend=name, backend_options=options)
    assert 0 < watch.held <= watch.worst <= CAP
    assert watch.quoted > 0


def test_F51_a_persons_order_on_the_same_market_takes_room_from_the_quotes() -> None:
    """A bid of 0.01 by hand under a cap of 0.015: our bids keep to what is left, and have it back when it is gone."""

    async def scenario() -> None:
        far = ("bid_spread=2", "ask_spread=2", "risk.exposure_limit.max_position=0.015")

        async with open_session(FILE, *far, seed=1) as session, anyio.create_task_group() as group:
            exchange, instrument = session.sandbox.exchange, session.bot.instrument

            def bids() -> list[int]:
                orders = [one for one in exchange.open_orders(ACCOUNT) if one.client_id in session.open_quotes()]
                return [one.lots for one in orders if one.side is Side.BUY]

            group.start_soon(session.bot.run)
            await anyio.sleep(3)
            assert bids() == [10]
            price = instrument.price(instrument.ticks_down(exchange.mark * Decimal("0.9")))
            theirs = OrderRequest(side=Side.BUY, amount=Decimal("0.01"), price=price, client_id="web-1")

            with session.sandbox.oracle.person():
                exchange.place(ACCOUNT, theirs, session.clock.utc_ms())

            await anyio.sleep(8)
            assert bids() == [5]

            with session.sandbox.oracle.person():
                exchange.cancel(ACCOUNT, client_id="web-1", now_ms=session.clock.utc_ms())

            await anyio.sleep(8)
            assert bids() == [10]
            assert not session.sandbox.oracle.violations
            group.cancel_scope.cancel()

    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)
