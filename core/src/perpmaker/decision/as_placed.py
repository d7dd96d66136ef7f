"""Whether everything that has happened since a decision is that the venue has taken the quotes that it placed.

Then nothing is decided anew: the strategy has said that its answer stands once its quotes are placed, there is no
position to leave, and no risk module to ask. Most answers of a venue are of this kind.
"""

from __future__ import annotations

from perpmaker.decision.decision import Decision
from perpmaker.exits.memory import ExitMemory
from perpmaker.exits.price import MAX_AGE_S
from perpmaker.exits.sight import SEEING
from perpmaker.model.event import Channel
from perpmaker.model.quote import Quote, WantedExits
from perpmaker.state.state import State
from perpmaker.state.survey import Survey
from perpmaker.state.view import Mode

_BOOK, _RUN = Channel.BOOK, Mode.RUN


def is_as_placed(state: State, decided: Decision, exits: WantedExits, now: float) -> bool:
    """Return whether orders, exits and market are as `decided` leaves them once the venue has taken its quotes.

    Only acceptances have come since then, and no wake condition and no timer is due.
    """
    wanted = decided.wanted

    if wanted is None or not wanted.stands_once_placed or decided.mode is not _RUN:
        return False

    if decided.quotes is not wanted.quotes or decided.refused:  # something besides the strategy has a say
        return False

    return (
        _is_placed(state.orders.survey(), wanted.quotes)
        and state.orders.finished.is_settled
        and not any(position.amount for position in state.account.now().values())
        and _has_nothing_to_leave(state, exits, now)
    )


def _is_placed(survey: Survey, quotes: tuple[Quote, ...]) -> bool:
    """Whether the live orders are just the wanted quotes, on their way or resting, and nothing of them is filled."""
    if len(survey.working) != len(quotes) or survey.is_blocked or survey.asks or survey.again or survey.gaps:
        return False

    for quote in quotes:
        order = survey.by_slot.get(quote.slot)

        if order is None or order.filled_lots or order.cancel_requested or order.amended_from is not None:
            return False

        new = order.order

        if new.ticks != quote.ticks or new.lots != quote.lots or new.generation != quote.generation:
            return False

    return True


def _has_nothing_to_leave(state: State, exits: WantedExits, now: float) -> bool:
    """Whether exits have nothing to say, and nothing to remember: the streams show the market as before."""
    memory, book = exits.memory, state.book

    if exits.exits or exits.withheld or exits.awaited or exits.no_quotes_for or not isinstance(memory, ExitMemory):
        return False

    return (
        memory.sight is SEEING
        and not memory.taken
        and now - state.market.alive_at[_BOOK] < MAX_AGE_S
        and book.best_bid is not None
        and book.best_ask is not None
    )
