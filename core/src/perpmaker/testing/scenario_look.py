"""What can be seen of a scenario: the venue's word, the bot's belief, its reasons, and what it sent when."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, TypeVar

from perpmaker.decision.decision import Decision
from perpmaker.decision.trader import Trader
from perpmaker.model.event import Event
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderKind, PositionSide, Side
from perpmaker.model.position import Position
from perpmaker.model.quote import Exit, Quote, Reason, Rule, Wanted, WantedExits, Withheld
from perpmaker.risk.interface import Refused
from perpmaker.simulation.order import ConditionalOrder, SimulatedOrder
from perpmaker.testing.scenario_venue import ACCOUNT, Venue
from perpmaker.testing.scenario_words import (
    FLAT,
    OpenOrder,
    Sent,
    name_of,
    plain,
    position_text,
    reason_text,
)

Net = Literal["net", "long", "short"]
_Order = TypeVar("_Order")


class Look:
    """The looks of a scenario. Everything is as of now; texts are short, so that a test can compare with them."""

    _trader: Trader

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._event_queue: list[Event] = []
        self._known: dict[str, NewOrder] = {}
        self._sent: list[Sent] = []
        self._wanted = Wanted()
        self._exits = WantedExits()
        self._refused: tuple[Refused, ...] = ()
        self._approved: tuple[Quote, ...] = ()
        self._mode = ""
        self.notices: list[str] = []

    @property
    def instrument(self) -> Instrument:
        """The market's rules."""
        return self._venue.instrument

    # --- the venue's word

    def orders(self) -> list[OpenOrder]:
        """Every order of the account that rests on the venue: bids before asks, each from the market outward."""
        found = [self._open_order(order) for order in self._venue.exchange.open_orders(ACCOUNT)]
        found += [self._open_stop(stop) for stop in self._venue.stops.waiting()]

        return sorted(found, key=lambda order: (order.side is Side.SELL, -order.side.sign * order.price))

    def quotes(self) -> list[str]:
        """The quotes that rest on the venue: `["buy 1 at 99.9", "sell 1 at 100.1"]`."""
        return [str(order) for order in self.orders() if order.kind is OrderKind.QUOTE]

    def exits(self) -> list[str]:
        """The exits that rest on the venue: `["venue stop: sell 1 at 97", "take profit: sell 1 at 101"]`."""
        return [str(order) for order in self.orders() if order.kind.is_exit]

    def position(self, side: Net | None = None) -> str:
        """The position on the venue: `long 1 at 99.9`, `short 1 at 100.1`, `flat`; without a side all that is held."""
        return _held({one.side: one for one in self._venue.positions()}, side)

    @property
    def net(self) -> Decimal:
        """The signed net position on the venue, in base."""
        return sum((one.amount for one in self._venue.positions()), Decimal(0))

    def fills(self) -> list[str]:
        """Every execution of the bot's orders, oldest first: `["buy 0: 1 at 99.9"]`."""
        return [
            f"{self._name(fill.client_id)}: {plain(fill.amount)} at {plain(fill.price)}"
            for fill in self._venue.fills()
            if fill.client_id in self._known
        ]

    # --- the bot's belief

    @property
    def mode(self) -> str:
        """How much the bot may do, and why no more: `run`, `reduce: the book is stale`."""
        return self._mode

    def believed_orders(self) -> list[str]:
        """Orders that the bot takes for live, or for possibly live: `["buy 0: open", "sell 0: unknown"]`."""
        return [f"{name_of(order.slot)}: {order.status.value}" for order in self._trader.working()]

    def believed_position(self, side: Net | None = None) -> str:
        """The position that the bot goes by; without a side all of them."""
        return _held(self._trader.state.account.positions, side)

    # --- its reasons

    def why(self, name: str) -> list[str]:
        """The chain of reasons of a level placed or withheld, or of an exit: `["reference: mid (100)", ...]`."""
        return [reason_text(reason) for reason in self._chains().get(name, ())]

    def withheld(self) -> dict[str, str]:
        """The levels that are not quoted now, each with the rule that decides: `{"buy 0": "filled delay"}`."""
        withheld = {name_of(one.slot): one.reasons[-1].rule.value for one in self._wanted.withheld}
        refused = {name_of(one.quote.slot): Rule.RISK.value for one in self._refused}

        return {**withheld, **refused}

    def _chains(self) -> dict[str, tuple[Reason, ...]]:
        decided: tuple[Quote | Exit | Withheld, ...] = (
            *self._wanted.quotes,
            *self._approved,
            *self._wanted.withheld,
            *self._exits.exits,
            *self._exits.withheld,
        )
        chains = {name_of(one.slot): one.reasons for one in decided}
        refused = {
            name_of(one.quote.slot): (*one.quote.reasons, Reason(Rule.RISK, f"{one.module}: {one.reason}"))
            for one in self._refused
        }

        return {**chains, **refused}

    # --- what it sent

    def sent(self, *begins: str, since: float = 0.0) -> list[Sent]:
        """What the bot sent since then, each with its time: `[(0.01, "place buy 0: 1 at 99.9")]`.

        `begins`: only what begins with one of these texts; without any, orders, amends and cancels.
        """
        prefixes = begins or ("place", "amend", "cancel")

        return [one for one in self._sent if one.at >= since and one.what.startswith(prefixes)]

    # --- inside

    def _note(self, decision: Decision) -> None:
        self._mode = f"{decision.mode.value}: {decision.mode_reason}" if decision.mode_reason else decision.mode.value
        self.notices.extend(decision.notices)

        if decision.wanted is not None:
            self._wanted = decision.wanted
            self._refused = decision.refused
            self._approved = decision.quotes

        if decision.exits is not None:
            self._exits = decision.exits

    def _name(self, client_id: str) -> str:
        order = self._known.get(client_id)

        return client_id if order is None else name_of(order.slot)

    def _open_order(self, order: SimulatedOrder) -> OpenOrder:
        known = self._known.get(order.client_id)

        return OpenOrder(
            name=self._name(order.client_id),
            kind=OrderKind.FOREIGN if known is None else known.slot.kind,
            side=order.side,
            position_side=order.position_side,
            price=self.instrument.price(order.ticks or 0),
            amount=self.instrument.amount(order.remaining_lots),
            filled=self.instrument.amount(order.filled_lots),
            client_id=order.client_id,
        )

    def _open_stop(self, stop: ConditionalOrder) -> OpenOrder:
        """A stop that rests on the venue, for its lots or for the whole position; its price is the trigger."""
        position = next(one for one in self._venue.positions() if one.side is stop.position_side)
        known = self._known.get(stop.client_id)

        return OpenOrder(
            name=self._name(stop.client_id),
            kind=OrderKind.FOREIGN if known is None else known.slot.kind,
            side=stop.side,
            position_side=stop.position_side,
            price=self.instrument.price(stop.trigger_ticks),
            amount=abs(position.amount) if stop.lots is None else self.instrument.amount(stop.lots),
            filled=Decimal(0),
            client_id=stop.client_id,
        )

    def _resting(self, name: str) -> SimulatedOrder:
        """The order of this name that rests in the book; ValueError with those that do."""
        resting = {self._name(order.client_id): order for order in self._venue.exchange.open_orders(ACCOUNT)}

        return _named(name, resting)

    def _resting_or_stop(self, name: str) -> SimulatedOrder | ConditionalOrder:
        """The order or stop of this name that rests on the venue; ValueError with those that do."""
        resting: dict[str, SimulatedOrder | ConditionalOrder] = {
            self._name(order.client_id): order for order in self._venue.exchange.open_orders(ACCOUNT)
        }

        for stop in self._venue.stops.waiting():
            resting.setdefault(self._name(stop.client_id), stop)

        return _named(name, resting)


def _named(name: str, resting: Mapping[str, _Order]) -> _Order:
    if name not in resting:
        raise ValueError(f"no order {name!r} rests; there are: {', '.join(resting) or 'none'}")

    return resting[name]


def _held(positions: Mapping[PositionSide, Position], side: Net | None) -> str:
    """What is held on a side, or on all; ValueError for one that the mode does not have."""
    wanted = list(positions) if side is None else [PositionSide(side)]

    if not set(wanted) <= set(positions):
        mode = "One-way" if PositionSide.NET in positions else "Hedge"
        raise ValueError(f"{mode} mode has no {side} position: {', '.join(one.value for one in positions)}")

    texts = [position_text(positions[one].amount, positions[one].entry) for one in wanted]

    return ", ".join(text for text in texts if text != FLAT) or FLAT
