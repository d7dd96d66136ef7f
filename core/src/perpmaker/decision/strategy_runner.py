"""The seam to strategy and risk modules: what they raise or return wrongly stops quoting, and nothing else."""

from __future__ import annotations

import traceback
from collections.abc import Container, Sequence
from typing import Protocol, runtime_checkable

import attrs

from perpmaker.decision.decision import Review
from perpmaker.errors import PluginFaultError, RiskModuleError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionSide
from perpmaker.model.quick import quick
from perpmaker.model.quote import Quote, Wanted, Withheld, check_wake
from perpmaker.risk.interface import Refused
from perpmaker.risk.modules import Assessed, RiskModules
from perpmaker.risk.review import Reviewed
from perpmaker.state.view import View
from perpmaker.strategy.interface import Strategy


@quick
@attrs.frozen
class DecidedQuotes:
    """What strategy and review came to together, by the market's rules of then; `most_lots` is its largest order."""

    instrument: Instrument
    most_lots: int
    wanted: Wanted
    quotes: tuple[Quote, ...]
    refused: tuple[Refused, ...]


@attrs.frozen(kw_only=True)
class Broken:
    """Strategy or review failed: `reason` in one line names the plugin, `detail` is for a person, if there is more."""

    reason: str
    detail: str = ""
    cause: Exception | None = attrs.field(default=None, eq=False)


@runtime_checkable
class Guarded(Protocol):
    """A plugin's part that can be named: `blame` words an error of a check of its answer, and keeps its traceback."""

    def blame(self, error: Exception) -> PluginFaultError:
        """The fault that a wrong answer of this plugin is."""


def quote(
    strategy: Strategy, review: Review, view: View, before: DecidedQuotes | None = None
) -> DecidedQuotes | Broken:
    """Ask the strategy, check what it says, have it reviewed.

    The very answer of `before` has been checked then, and is frozen. Only Exception is contained: guarded plugins raise
    no other, whatever their code does.
    """
    who: str = "strategy"
    culprit: object = strategy
    instrument, known = view.instrument, None

    if before is not None and before.instrument is instrument:
        known, most = before.wanted, before.most_lots
    else:
        most = instrument.lots_down(instrument.max_amount)

    try:
        wanted = strategy.decide(view)

        if wanted is not known or type(wanted) is not Wanted:
            _check_wanted(wanted, most)

        who, culprit = "risk review", review
        reviewed = review(view, wanted.quotes)
        _check_reviewed(reviewed, wanted, most)
    except Exception as error:  # noqa: BLE001  # the declared seam: plugins may raise anything, the core lives on
        return _broken(who, culprit, error)

    return DecidedQuotes(instrument, most, wanted, reviewed.approved, reviewed.refused)


def ask_modules(
    modules: RiskModules, view: View, memories: tuple[object, ...], without: Container[int] = frozenset()
) -> Assessed | Broken:
    """Ask the risk modules what they demand and change; only Exception is contained, as above."""
    try:
        return modules.assess(view, memories, without=without)
    except Exception as error:  # noqa: BLE001  # the declared seam: plugins may raise anything, the core lives on
        return _broken("risk modules", modules, error)


def unwanted(wanted: Wanted) -> Wanted:
    """The same with every quote withheld: nothing may be quoted, and each level is still known with its reasons."""
    off = (Withheld(slot=quote.slot, reasons=quote.reasons) for quote in wanted.quotes)

    return Wanted(withheld=(*wanted.withheld, *off), memory=wanted.memory)


def permitted(quotes: tuple[Quote, ...], forbidden: frozenset[PositionSide]) -> tuple[Quote, ...]:
    """Quotes without those that a fired stop forbids; of a net position that is all of them."""
    if not forbidden:
        return quotes

    if PositionSide.NET in forbidden:
        return ()

    return tuple(quote for quote in quotes if quote.slot.position_side not in forbidden)


def _broken(who: str, culprit: object, error: Exception) -> Broken:
    """What failed, named as well as it is known."""
    if isinstance(error, RiskModuleError) and error.module is not None:
        culprit = error.module

    if isinstance(culprit, Guarded) and not isinstance(error, PluginFaultError):
        error = culprit.blame(error)

    if isinstance(error, PluginFaultError):
        return Broken(reason=str(error), cause=error)

    reason = f"the {who} failed: {type(error).__name__}: {error}"

    return Broken(reason=reason, detail=f"{reason}\n{_traceback(error)}", cause=error)


def _check_wanted(wanted: object, most: int) -> None:
    """TypeError or ValueError when it is not what a strategy may return."""
    if not isinstance(wanted, Wanted):
        raise TypeError(f"decide returned {type(wanted).__name__}, not Wanted")

    check_wake(wanted.wake)

    _check_tuple("quotes", Quote, wanted.quotes)

    if wanted.withheld != ():
        _check_tuple("withheld", Withheld, wanted.withheld)

    _check_quotes(wanted.quotes, most)


def _check_tuple(name: str, kind: type, found: object) -> None:
    if not isinstance(found, tuple):
        raise TypeError(f"{name} is {type(found).__name__}, not a tuple")

    for one in found:
        if type(one) is not kind and not isinstance(one, kind):
            raise TypeError(f"{name} holds a {type(one).__name__}, not {kind.__name__}")


def _check_reviewed(reviewed: object, wanted: Wanted, most: int) -> None:
    if not isinstance(reviewed, Reviewed):
        raise TypeError(f"the review returned {type(reviewed).__name__}, not Reviewed")

    if reviewed.approved is not wanted.quotes:  # those have been checked
        _check_quotes(reviewed.approved, most)

    for refused in reviewed.refused:
        if not isinstance(refused, Refused):
            raise TypeError(f"a refusal is {type(refused).__name__}, not Refused")


def _check_quotes(quotes: Sequence[object], most: int) -> None:
    slots = set()

    for found in quotes:
        if type(found) is not Quote and not isinstance(found, Quote):
            raise TypeError(f"a quote is {type(found).__name__}, not Quote")

        slot, ticks, lots = found.slot, found.ticks, found.lots

        if not slot.kind.is_quote or slot in slots:
            raise ValueError(f"slot {slot} is not a quote's, or there twice")

        if type(ticks) is not int or type(lots) is not int:
            raise TypeError(f"{slot}: ticks {ticks!r} and lots {lots!r} must be int")

        if ticks <= 0 or not 0 < lots <= most:
            raise ValueError(f"{slot}: {lots} lots at {ticks} ticks cannot be an order")

        slots.add(slot)


def _traceback(error: Exception) -> str:
    """The traceback, of at most forty frames: a RecursionError has a thousand."""
    return "".join(traceback.format_exception(error, limit=-40))
