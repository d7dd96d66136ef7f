"""What the strategy's tests share: settings by the few keys that matter, and a market that takes every order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Side, Slot
from perpmaker.model.quote import Quote, Rule, Wanted
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.view import End, SlotEnd, View
from perpmaker.strategy.perpetual_market_making import PerpetualMarketMaking
from perpmaker.strategy.settings import StrategySettings
from perpmaker.testing.view import make_book, make_instrument, make_view, rest


def make_settings(**changes: Any) -> StrategySettings:
    """1 % spreads, 1 base, refreshed every 30 s; money and spreads as text or numbers (fractions, not percent)."""
    plain: dict[str, Any] = {
        "bid_spread": "0.01",
        "ask_spread": "0.01",
        "order_amount": "1",
        "order_refresh_time": 30.0,
        "filled_order_delay": 60.0,
    }
    plain.update(changes)
    decimal_keys = {field.name for field in attrs.fields(StrategySettings) if "Decimal" in str(field.type)} - {
        "order_override"
    }

    return StrategySettings(
        **{
            key: Decimal(str(value)) if key in decimal_keys and value is not None else value
            for key, value in plain.items()
        }
    )


class Desk:
    """A strategy in a market that accepts whatever is wanted at once; the view's fields are set by keyword."""

    def __init__(self, settings: StrategySettings, **view: Any) -> None:
        instrument: Instrument = view.setdefault("instrument", make_instrument())
        self.settings = settings
        self.strategy = PerpetualMarketMaking(settings, instrument)
        self.fields: dict[str, Any] = {"now": 1000.0, **view}
        self.orders: dict[Slot, WorkingOrder] = {}
        self.ended: dict[Slot, SlotEnd] = {}
        self.memory: object = None
        self.wanted = Wanted()

    @property
    def now(self) -> float:
        """The engine's clock."""
        return float(self.fields["now"])

    @property
    def view(self) -> View:
        """The view as it is now."""
        return make_view(**self.fields, orders=dict(self.orders), ended=dict(self.ended), memory=self.memory)

    def set(self, **changes: Any) -> Desk:
        """Change fields of the view from now on; `bid` and `ask` make a book of one level a side."""
        if "bid" in changes or "ask" in changes:
            changes["book"] = make_book(changes.pop("bid", None), changes.pop("ask", None))

        self.fields.update(changes)

        return self

    def look(self) -> Wanted:
        """Decide, remember, and leave the orders as they are."""
        self.wanted = self.strategy.decide(self.view)
        self.memory = self.wanted.memory

        return self.wanted

    def anew(self) -> Wanted:
        """What a strategy that was only just built would want in this view; nothing is remembered."""
        return PerpetualMarketMaking(self.settings, self.view.instrument).decide(self.view)

    def decide(self, after: float = 0.0, **changes: Any) -> Wanted:
        """Let time pass, change fields, decide, and have everything wanted rest, everything else gone."""
        self.set(**changes)
        self.fields["now"] = self.now + after
        wanted = self.look()
        placed = rest(wanted.quotes)
        self.orders = {
            slot: self.orders[slot] if slot in self.orders and is_same(self.orders[slot], quote) else placed[slot]
            for slot, quote in quotes_by_slot(wanted).items()
        }

        return wanted

    def end(self, slot: Slot, end: End, **fields: Any) -> None:
        """The order of a slot ended now, in this way."""
        order = self.orders.pop(slot)
        self.ended[slot] = SlotEnd(
            client_id=f"{order.client_id}-{self.now}",
            end=end,
            at=self.now,
            ticks=order.order.ticks,
            lots=order.order.lots,
            filled_lots=order.order.lots if end is End.FILLED else 0,
            **fields,
        )

        if end is End.FILLED:
            self.fields["quote_filled_at"] = {**self.fields.get("quote_filled_at", {}), slot.side: self.now}

    def mark(self, slot: Slot, **changes: Any) -> None:
        """Change what is believed of the order of a slot (its status, what is filled)."""
        self.orders[slot] = attrs.evolve(self.orders[slot], **changes)


def is_same(order: WorkingOrder, quote: Quote) -> bool:
    """Whether the order would be left alone for this quote."""
    new = order.order

    return (new.ticks, new.lots, new.generation) == (quote.ticks, quote.lots, quote.generation)


def quotes_by_slot(wanted: Wanted) -> dict[Slot, Quote]:
    """The wanted quotes by their slot."""
    return {quote.slot: quote for quote in wanted.quotes}


@pytest.fixture
def settings() -> Callable[..., StrategySettings]:
    """Make settings from the keys that matter."""
    return make_settings


@pytest.fixture
def desk() -> Callable[..., Desk]:
    """Make a desk: settings by key, the rest of the keywords being fields of the view."""
    names = {field.name for field in attrs.fields(StrategySettings)}

    def make(**given: Any) -> Desk:
        view = {key: value for key, value in given.items() if key not in names}

        if "bid" in view or "ask" in view:
            view["book"] = make_book(view.pop("bid", None), view.pop("ask", None))

        return Desk(make_settings(**{key: value for key, value in given.items() if key in names}), **view)

    return make


@pytest.fixture
def ticks() -> Callable[[Wanted, Side], list[int]]:
    """The prices in ticks of the wanted quotes of a side, from level 1 outward."""

    def read(wanted: Wanted, side: Side) -> list[int]:
        return [quote.ticks for quote in wanted.quotes if quote.slot.side is side]

    return read


@pytest.fixture
def deciding_rules() -> Callable[[Wanted], set[Rule]]:
    """The rules that decided about the withheld levels: the last of each chain."""

    def read(wanted: Wanted) -> set[Rule]:
        return {withheld.reasons[-1].rule for withheld in wanted.withheld}

    return read
