"""What a connector or a price source hands over, checked where it comes in: the model's own classes, finite numbers.

What is wrong raises TypeError or ValueError; whoever asked contains it, as everything else that a plugin raises. The
numbers of a reference are not looked at here: a price that is none is a doubt of that source, and no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, TypeVar, get_args

from perpmaker.connector.abilities import KeyRights, VenueTime
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    BookSnapshot,
    Event,
    FeedAlive,
    MarkChanged,
    ReferenceChanged,
    Traded,
)
from perpmaker.model.income import IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, OrderReport
from perpmaker.model.outcome import Outcome
from perpmaker.model.position import Balance, Position, VenueSettings
from perpmaker.runtime.plugin_output_shapes import misfit

_Facts = TypeVar("_Facts", Fill, OrderReport, Position, Balance)

_Answer = TypeVar("_Answer")

_EVENTS = frozenset(get_args(Event))

_SEQUENCES = (tuple, list)  # asked first: an abstract class takes longer
_BOOKS = frozenset({BookSnapshot, BookChanged})
_CHECKED = _EVENTS - _BOOKS - {ReferenceChanged, Traded, FeedAlive, BookLost}


def checked_events(events: Sequence[Event]) -> Sequence[Event]:
    """The events, when they are some."""
    if type(events) not in _SEQUENCES and not isinstance(events, Sequence):
        raise TypeError(f"{type(events).__name__} is no sequence of events")

    for event in events:
        kind = type(event)

        if kind not in _EVENTS:
            raise TypeError(f"{kind.__name__} is no event")

        if kind in _BOOKS:
            _check_book(event)  # type: ignore[arg-type]  # by its kind
        elif kind in _CHECKED:
            _check(event)
        elif kind is Traded and type(event.ticks) is not int:  # type: ignore[union-attr]  # by its kind
            raise TypeError(f"ticks of a Traded is {event.ticks!r:.80}, no int")  # type: ignore[union-attr]  # the same

    return events


def checked(kind: type[_Answer], answer: _Answer) -> _Answer:
    """An answer, when it is of the kind that was asked for."""
    if not isinstance(answer, kind):
        words = getattr(kind, "__name__", "outcome of an order")
        raise TypeError(f"{type(answer).__name__} is no {words}")

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

    return answer


def checked_answers(kind: Any, answers: Iterable[_Answer]) -> tuple[_Answer, ...]:  # noqa: ANN401  # a class or a union of some
    """Values of the model, when all of them are of that kind and well made."""
    found = tuple(answers)

    for answer in found:
        _check(checked(kind, answer))

    return found


def _texts(answers: Iterable[Any]) -> tuple[str, ...]:
    """Texts, when all of them are."""
    return tuple(map(_text, answers))


def _optional(kind: type) -> Callable[[Any], object]:
    """The check of an answer that may also be None."""

    def check(answer: Any) -> object:  # noqa: ANN401  # the plugin's
        return None if answer is None else _whole(kind)(answer)

    return check


def _whole(kind: type[_Answer]) -> Callable[[Any], _Answer]:
    """The check of one value of the model."""

    def check(answer: Any) -> _Answer:  # noqa: ANN401  # the plugin's
        _check(checked(kind, answer))
        found: _Answer = answer

        return found

    return check


def _text(answer: object) -> str:
    """A text that is not empty."""
    if not isinstance(answer, str) or not answer:
        raise TypeError(f"{answer!r:.80} is no text")

    return answer


def _flag(answer: object) -> bool:
    """A yes or a no."""
    if not isinstance(answer, bool):
        raise TypeError(f"{answer!r:.80} is neither True nor False")

    return answer


def _seconds(answer: object) -> float:
    """A length of time."""
    if not isinstance(answer, (int, float)) or isinstance(answer, bool) or not 0 <= answer < inf:
        raise TypeError(f"{answer!r:.80} is no number of seconds")

    return answer


def _rules(answer: object) -> Instrument:
    """The rules of a market that can be counted in."""
    instrument = _whole(Instrument)(answer)

    if min(instrument.tick, instrument.lot, instrument.max_amount) <= 0 or instrument.max_leverage < 1:
        raise ValueError("tick, lot, max_amount and max_leverage of an Instrument must be above 0")

    return instrument


ANSWERS: Mapping[str, Callable[[Any], object]] = {
    "name": _text,
    "account": _text,
    "quotes_last": _text,
    "fence_s": _seconds,
    **dict.fromkeys(
        ("caps_resting_exits", "allows_two_stops", "sizes_stops", "names_stops", "attaches_stops", "stops_meet_quotes"),
        _flag,
    ),
    "fetch_instrument": _rules,
    "prepare": _whole(VenueSettings),
    "fetch_settings": _whole(VenueSettings),
    **dict.fromkeys(("place", "cancel", "amend", "place_stops", "cancel_stops"), partial(checked_answers, Outcome)),
    **dict.fromkeys(("fetch_order", "fetch_stop"), _optional(OrderReport)),
    **dict.fromkeys(("fetch_open_orders", "fetch_open_stops"), partial(checked_answers, OrderReport)),
    "fetch_fills": partial(checked_answers, Fill),
    "fetch_account": checked_account,
    "fetch_income": partial(checked_answers, IncomeRecord),
    "fetch_mark": _optional(MarkChanged),
    "fetch_remarks": _texts,
    "fetch_key_rights": _optional(KeyRights),
    "venue_time": _optional(VenueTime),
}
"""What the methods and values of a connector must answer with, each as the check of it."""


def _check(fact: object) -> None:
    wrong = misfit(fact)

    if wrong is not None:
        raise ValueError(wrong)


def _check_book(event: BookSnapshot | BookChanged) -> None:
    """The form of a book's levels, by the first of each side: a connector that is wrong is wrong in all of them."""
    for levels in (event.bids, event.asks):
        if levels:
            ticks, lots = levels[0]

            if type(ticks) is not int or type(lots) is not int:
                raise TypeError(f"a level of a {type(event).__name__} is {levels[0]!r:.80}, no (ticks, lots) of int")
