"""What a connector or a price source hands over, checked where it comes in: the model's own classes, finite numbers.

What is wrong raises TypeError or ValueError; whoever asked contains it, as everything else that a plugin raises. The
numbers of a reference are not looked at here: a price that is none is a doubt of that source, and no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar, get_args

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import (
    AccountReported,
    BalanceReported,
    Event,
    FundingPaid,
    MarkChanged,
    OrderFilled,
    PositionReported,
)
from perpmaker.model.order import Fill, OrderReport
from perpmaker.model.position import Balance, Position

_Facts = TypeVar("_Facts", Fill, OrderReport, Position, Balance)

_Answer = TypeVar("_Answer")

_EVENTS = frozenset(get_args(Event))

_NEEDED: dict[type, tuple[str, ...]] = {
    Fill: ("price", "amount", "fee"),
    Position: ("amount", "entry"),
    Balance: ("wallet",),
    AccountSnapshot: ("available", "order_margin", "bids", "asks"),
    FundingPaid: ("amount",),
    MarkChanged: ("mark",),
}
_OPTIONAL: dict[type, tuple[str, ...]] = {
    Fill: ("realized_pnl",),
    Position: ("liquidation", "isolated_margin"),
    Balance: ("available",),
    MarkChanged: ("index", "funding_rate"),
}
_INSIDE: dict[type, Callable[[Any], object]] = {
    OrderFilled: lambda event: event.fill,
    PositionReported: lambda event: event.position,
    BalanceReported: lambda event: event.balance,
    FundingPaid: lambda event: event,
    MarkChanged: lambda event: event,
}


def checked_events(events: Sequence[Event]) -> Sequence[Event]:
    """The events, when they are some."""
    for event in events:
        kind = type(event)

        if kind not in _EVENTS:
            raise TypeError(f"{kind.__name__} is no event")

        if isinstance(event, AccountReported):
            checked_account(event.account)
        elif kind in _INSIDE:
            _check(_INSIDE[kind](event))

    return events


def checked(kind: type[_Answer], answer: _Answer) -> _Answer:
    """An answer, when it is of the kind that was asked for."""
    if not isinstance(answer, kind):
        raise TypeError(f"{type(answer).__name__} is no {kind.__name__}")

    return answer


def checked_all(kind: type[_Facts], facts: Iterable[_Facts]) -> tuple[_Facts, ...]:
    """Facts about the account, when all of them are of that kind."""
    found = tuple(facts)

    for fact in found:
        _check(checked(kind, fact))

    return found


def checked_account(answer: AccountSnapshot) -> AccountSnapshot:
    """The account, when it is one and its figures are some."""
    _check(checked(AccountSnapshot, answer))
    checked_all(Position, answer.positions)
    checked_all(Balance, answer.assets)

    return answer


def _check(fact: object) -> None:
    kind = type(fact)
    numbers = [(name, getattr(fact, name)) for name in _NEEDED.get(kind, ())]
    given = ((name, getattr(fact, name)) for name in _OPTIONAL.get(kind, ()))
    numbers += [(name, number) for name, number in given if number is not None]

    for name, number in numbers:
        if not (isinstance(number, Decimal) and number.is_finite()):
            raise ValueError(f"{name} of a {kind.__name__} is {number!r}, no finite Decimal")
