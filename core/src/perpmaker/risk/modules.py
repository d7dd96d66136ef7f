"""The risk modules of a market: what they demand together, by how much they change targets, and what they remember."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from decimal import Decimal
from typing import Any

import attrs

from perpmaker.errors import RiskModuleError
from perpmaker.exits.wake import merge
from perpmaker.model.quote import Quote, TargetFactors, Wake, check_wake
from perpmaker.risk.interface import OPTIONAL, Demand, DemandKind, RiskModule
from perpmaker.risk.review import Reviewed, name_of, review
from perpmaker.state.view import View

_UNCHANGED = TargetFactors()
_NEVER = Wake()


@attrs.frozen(kw_only=True)
class Assessed:
    """What the modules came to before exits and quotes are decided.

    `memories` are theirs, by their places, to be handed in at the next decision.
    """

    demand: Demand | None = None
    factors: TargetFactors = _UNCHANGED
    memories: tuple[object, ...] = ()
    wake: Wake = _NEVER


class RiskModules:
    """Asks each module in its turn. Keeps nothing of it: what they remember is handed in and out.

    `is_empty`: there is none. `only_review`: no module has anything to say but of quotes. `turn`: the place of the one
    that is being asked, and after an error of the one that it came from; None while none is.
    """

    def __init__(self, modules: Sequence[RiskModule] = ()) -> None:
        self._modules = tuple(modules)
        self._asked = [{name: _method(module, name) for name in OPTIONAL} for module in modules]
        self.turn: int | None = None
        self.is_empty = not modules
        self.only_review = not any(methods[name] for methods in self._asked for name in OPTIONAL if name != "advise")

    @property
    def names(self) -> tuple[str, ...]:
        """What the modules are called, by their places."""
        return tuple(map(name_of, self._modules))

    def assess(self, view: View, memories: tuple[object, ...], *, without: Container[int] = frozenset()) -> Assessed:
        """Ask what they remember, demand and change, by that order; of several demands the highest one counts.

        One that raises, or answers what is none, ends it with its error. Those at the places `without` are not asked.
        """
        demands: list[Demand] = []
        factors = _UNCHANGED
        wakes: list[Wake] = []
        kept: list[object] = []
        fresh = view.but(memory=None)

        for place, (module, methods) in enumerate(zip(self._modules, self._asked, strict=True)):
            memory = memories[place] if memories else None

            if place in without:
                kept.append(None)
                continue

            self.turn = place
            seen = fresh if memory is None else fresh.but(memory=memory)

            if (remember := methods["remember"]) is not None and (memory := remember(seen)) is not seen.memory:
                seen = seen.but(memory=memory)

            kept.append(memory)
            demands.extend(_demands(module, methods["demand"], seen))
            factors = _factors(module, methods["target_factors"], seen, factors)
            wakes.extend(_wakes(module, methods["wake"], seen))

        self.turn = None

        return Assessed(
            demand=max(demands, key=lambda demand: demand.kind.rank, default=None),
            factors=factors,
            memories=tuple(kept),
            wake=merge(tuple(wakes)),
        )

    def review(self, view: View, quotes: tuple[Quote, ...], memories: tuple[object, ...] = ()) -> Reviewed:
        """Pass every quote through every module; see `perpmaker.risk.review`."""
        reviewed = review(view, quotes, self._modules, memories, asking=self._take)
        self.turn = None

        return reviewed

    def _take(self, place: int) -> None:
        self.turn = place

    def advise(self, view: View) -> Iterator[str]:
        """What the modules have to say before a start, each line with the name of its module."""
        for module, methods in zip(self._modules, self._asked, strict=True):
            if (ask := methods["advise"]) is not None:
                yield from (f"{name_of(module)}: {_text(line, module)}" for line in ask(view))


def _text(line: object, module: RiskModule) -> str:
    """A line for people; RiskModuleError for what is none."""
    if not isinstance(line, str) or not line:
        raise RiskModuleError(f"advise yielded {line!r:.80}: it must be a text", module=module, what="advise")

    return line


def _method(module: RiskModule, name: str) -> Callable[[View], Any] | None:
    """A method that a module need not have; None where it has not."""
    found = getattr(module, name, None)

    return found if callable(found) else None


def _demands(module: RiskModule, ask: Callable[[View], Any] | None, view: View) -> Iterator[Demand]:
    """What a module demands, with its name on it; RiskModuleError for what is no demand."""
    answer: Any = None if ask is None else ask(view)

    if answer is None:
        return

    kind: object = getattr(answer, "kind", None)

    if not isinstance(answer, Demand) or not isinstance(kind, DemandKind):
        raise RiskModuleError(
            f"demand answered {answer!r:.80}: neither a Demand nor None", module=module, what="demand"
        )

    _check_reason(answer.reason, module, "demand")

    yield attrs.evolve(answer, module=name_of(module))


def _factors(module: RiskModule, ask: Callable[[View], Any] | None, view: View, before: TargetFactors) -> TargetFactors:
    """By how much targets change; RiskModuleError for what cannot be multiplied by, or where another module did."""
    answer: Any = None if ask is None else ask(view)

    if answer is None:
        return before

    what = "target_factors"

    if not isinstance(answer, TargetFactors):
        raise RiskModuleError(f"{what} answered {answer!r:.80}: no TargetFactors", module=module, what=what)

    values: tuple[Any, ...] = (answer.long, answer.short)

    for factor in values:
        if not isinstance(factor, Decimal) or not factor.is_finite() or factor <= 0:
            raise RiskModuleError(
                f"{what} answered {factor!r:.40}: it must be a Decimal above 0", module=module, what=what
            )

    if answer.leave:
        return before

    _check_reason(answer.reason, module, what)

    if not before.leave:
        words = f"{what}: {before.module} changes targets already, and only one module may"
        raise RiskModuleError(words, module=module, what=what)

    return attrs.evolve(answer, module=name_of(module))


def _wakes(module: RiskModule, ask: Callable[[View], Any] | None, view: View) -> Iterator[Wake]:
    """When a module wants to be asked again; RiskModuleError for what is no such condition."""
    if ask is None:
        return

    wake = ask(view)

    try:
        check_wake(wake)
    except (TypeError, ValueError) as error:
        raise RiskModuleError(f"wake: {error}", module=module, what="wake") from error

    yield wake


def _check_reason(reason: object, module: RiskModule, what: str) -> None:
    """Raise RiskModuleError unless a person can be told why."""
    if not isinstance(reason, str) or not reason:
        raise RiskModuleError(f"{what} with reason {reason!r:.40}: it must be a text", module=module, what=what)
