"""What the tests of exits share: a long of 1 at 100 with a target at 1 % and a stop at 3 %, and its venue."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.exits.exits import Exits
from perpmaker.exits.settings import ExitSettings
from perpmaker.model.order import OrderStatus, Slot
from perpmaker.model.quote import StopLoss, TakeProfit, WantedExits
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import End, SlotEnd, View
from perpmaker.testing.view import make_book, make_instrument, make_position, make_view, rest

PLAIN: dict[str, Any] = {
    "long_profit_taking_spread": Decimal("0.01"),
    "short_profit_taking_spread": Decimal("0.01"),
    "stop_loss_spread": Decimal("0.03"),
}


class Venue:
    """Exits against a venue that does what it is told only when the test says so."""

    def __init__(
        self, settings: ExitSettings, *, quotes_continue: bool = False, venue_stops: bool = False, **view: Any
    ) -> None:
        self.exits = Exits(settings, make_instrument(), quotes_continue=quotes_continue, venue_stops=venue_stops)
        self.fields: dict[str, Any] = {"now": 1000.0, "positions": make_position("1"), **view}
        self.orders: dict[Slot, WorkingOrder] = {}
        self.ended: dict[Slot, SlotEnd] = {}
        self.memory: object = None
        self.wanted = WantedExits()
        self.count = 0

    @property
    def now(self) -> float:
        """The engine's clock."""
        return float(self.fields["now"])

    @property
    def view(self) -> View:
        """The view as it is now."""
        return make_view(**self.fields, orders=dict(self.orders), ended=dict(self.ended), exit_memory=self.memory)

    def decide(self, after: float = 0.0, **changes: Any) -> WantedExits:
        """Let time pass, change fields (`bid` and `ask` make a book), and decide."""
        if "bid" in changes or "ask" in changes:
            changes["book"] = make_book(changes.pop("bid", None), changes.pop("ask", None))

        self.fields.update(changes)
        self.fields["now"] = self.now + after
        self.wanted = self.exits.decide(self.view)
        self.memory = self.wanted.memory

        return self.wanted

    def accept(self, status: OrderStatus = OrderStatus.OPEN) -> None:
        """Everything wanted rests (or is in the status given), everything else is gone."""
        self.orders = rest(self.wanted.exits, status)

    def end(self, slot: Slot, end: End) -> None:
        """The order of a slot (wanted at least) ended now, in this way."""
        self.count += 1
        self.orders.pop(slot, None)
        self.ended[slot] = SlotEnd(
            client_id=f"pm-test-{self.count}", end=end, at=self.now, ticks=None, lots=1, filled_lots=0
        )


@pytest.fixture
def venue() -> Callable[..., Venue]:
    """Make a venue: settings by key, the other keywords being fields of the view."""
    names = {field.name for field in attrs.fields(ExitSettings)}

    def make(**given: Any) -> Venue:
        view = {key: value for key, value in given.items() if key not in names}
        if "bid" in view or "ask" in view:
            view["book"] = make_book(view.pop("bid", None), view.pop("ask", None))

        return Venue(ExitSettings(**{**PLAIN, **{key: value for key, value in given.items() if key in names}}), **view)

    return make


@pytest.fixture
def targets() -> Callable[[WantedExits], list[tuple[int, int]]]:
    """(ticks, lots) of the wanted targets."""

    def read(wanted: WantedExits) -> list[tuple[int, int]]:
        return [(one.ticks, one.lots) for one in wanted.exits if isinstance(one, TakeProfit)]

    return read


@pytest.fixture
def stops() -> Callable[[WantedExits], list[tuple[int | None, int]]]:
    """(ticks, lots) of the wanted stop orders; ticks None is at market."""

    def read(wanted: WantedExits) -> list[tuple[int | None, int]]:
        return [(one.ticks, one.lots) for one in wanted.exits if isinstance(one, StopLoss)]

    return read
