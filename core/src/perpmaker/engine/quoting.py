"""The seam to strategy and risk modules: what they raise or return wrongly stops quoting, and nothing else."""

from __future__ import annotations

import math
import traceback
from collections.abc import Sequence

import attrs

from perpmaker.engine.decision import Review
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind
from perpmaker.model.quote import Quote, Wake, Wanted
from perpmaker.risk.interface import Refused
from perpmaker.risk.review import Reviewed
from perpmaker.state.view import View
from perpmaker.strategy.interface import Strategy


@attrs.frozen(kw_only=True)
class Quoting:
    """What strategy and review came to together."""

    wanted: Wanted
    quotes: tuple[Quote, ...]
    refused: tuple[Refused, ...]


@attrs.frozen(kw_only=True)
class Broken:
    """Strategy or review failed: `reason` in one line, `detail` with the traceback."""

    reason: str
    detail: str


def quote(strategy: Strategy, review: Review, view: View) -> Quoting | Broken:
    """Ask the strategy, check what it says, have it reviewed. Only Exception is contained."""
    who = "strategy"

    try:
        wanted = strategy.decide(view)
        _check_wanted(wanted, view.instrument)
        who = "risk review"
        reviewed = review(view, wanted.quotes)
        _check_reviewed(reviewed, wanted, view.instrument)
    except Exception as error:  # noqa: BLE001  # the declared seam: plugins may raise anything, the core lives on
        reason = f"the {who} failed: {type(error).__name__}: {error}"

        return Broken(reason=reason, detail=f"{reason}\n{_traceback(error)}")

    return Quoting(wanted=wanted, quotes=reviewed.approved, refused=reviewed.refused)


def _check_wanted(wanted: object, instrument: Instrument) -> None:
    """TypeError or ValueError when it is not what a strategy may return."""
    if not isinstance(wanted, Wanted):
        raise TypeError(f"decide returned {type(wanted).__name__}, not Wanted")

    if not isinstance(wanted.wake, Wake):
        raise TypeError(f"wake is {type(wanted.wake).__name__}, not Wake")

    if wanted.wake.at is not None and not math.isfinite(wanted.wake.at):
        raise ValueError(f"wake.at is {wanted.wake.at}")

    if not isinstance(wanted.quotes, tuple):
        raise TypeError(f"quotes is {type(wanted.quotes).__name__}, not a tuple")

    _check_quotes(wanted.quotes, instrument)


def _check_reviewed(reviewed: object, wanted: Wanted, instrument: Instrument) -> None:
    if not isinstance(reviewed, Reviewed):
        raise TypeError(f"the review returned {type(reviewed).__name__}, not Reviewed")

    if reviewed.approved is not wanted.quotes:  # those have been checked
        _check_quotes(reviewed.approved, instrument)


def _check_quotes(quotes: Sequence[object], instrument: Instrument) -> None:
    most = instrument.lots_down(instrument.max_amount)
    slots = set()

    for found in quotes:
        if not isinstance(found, Quote):
            raise TypeError(f"a quote is {type(found).__name__}, not Quote")

        if found.slot.kind is not OrderKind.QUOTE or found.slot in slots:
            raise ValueError(f"slot {found.slot} is not a quote's, or there twice")

        if type(found.ticks) is not int or type(found.lots) is not int:
            raise TypeError(f"{found.slot}: ticks {found.ticks!r} and lots {found.lots!r} must be int")

        if found.ticks <= 0 or not 0 < found.lots <= most:
            raise ValueError(f"{found.slot}: {found.lots} lots at {found.ticks} ticks cannot be an order")

        slots.add(found.slot)


def _traceback(error: Exception) -> str:
    """The traceback, of at most forty frames: a RecursionError has a thousand."""
    return "".join(traceback.format_exception(error, limit=-40))
