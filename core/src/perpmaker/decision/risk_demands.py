"""What risk modules come to before exits and quotes are decided: the mode, a flatten, and how targets change."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import attrs

from perpmaker.decision.decision import Review
from perpmaker.decision.strategy_runner import Broken, ask_modules
from perpmaker.decision.trading_state import TradingState
from perpmaker.errors import ExitCode
from perpmaker.model.quote import Quote, TargetFactors, Wake
from perpmaker.risk.interface import Demand, DemandKind
from perpmaker.risk.modules import Assessed, RiskModules
from perpmaker.risk.review import Reviewed
from perpmaker.state.state import State
from perpmaker.state.view import View

TOLD_EVERY_S = 60.0
"""A demand that comes and goes is told no more often; one that stays is told then."""

_WORDS = {
    DemandKind.PULL: "{module} takes all quotes off: {reason}",
    DemandKind.FLATTEN: "{module} demands that every position is closed at market: {reason}; nothing is quoted then "
    "until a person resumes",
    DemandKind.HALT: "{module} halts: {reason}; nothing is quoted until a person resumes, targets and stops go on",
}


@attrs.define
class RiskDemands:
    """Asks the modules first of all in a decision, and keeps what they remember.

    One that fails is not asked again; the others are, because they may demand to be flat. `instead`: reviews quotes in
    place of the modules.
    """

    modules: RiskModules
    state: State
    trading_state: TradingState
    instead: Review | None = None
    assessed: Assessed = attrs.field(factory=Assessed, init=False)
    _failed: set[int] = attrs.field(factory=set, init=False)
    _demand: Demand | None = attrs.field(default=None, init=False)
    _is_told: bool = attrs.field(default=False, init=False)
    _to_tell_at: float | None = attrs.field(default=None, init=False)
    _told_at: dict[tuple[str, DemandKind], float] = attrs.field(factory=dict, init=False)

    def shown(self, view: View, notices: list[str]) -> View:
        """The view that exits and quotes are decided by, with what the modules demand in it."""
        trading_state = self.trading_state

        if self.modules.only_review or not trading_state.synchronised:
            return view

        before = self.assessed.factors

        while isinstance(found := ask_modules(self.modules, view, self.assessed.memories, self._failed), Broken):
            if self.modules.turn is None:  # never in circles
                self._failed.update(range(len(self.modules.names)))

            self.drop()
            trading_state.halt(found.reason, ExitCode.PLUGIN)
            notices.extend([found.detail] if found.detail else [])

        self.assessed = found
        trading_state.obey(found.demand)
        notices.extend(self._told(view.now))
        notices.extend(_changed(before, found.factors))
        mode, reason = trading_state.mode(self.state, view.book_age_s)
        seen = view.mode, view.mode_reason, view.flatten, view.target_factors

        if seen == (now := (mode, reason, trading_state.flatten, self.assessed.factors)):
            return view

        return view.but(mode=now[0], mode_reason=now[1], flatten=now[2], target_factors=now[3])

    def adopt(self, modules: RiskModules) -> None:
        """Ask other modules from now on; those of the same names in the same places keep what they remember."""
        if modules.names != self.modules.names:
            self.assessed, self._demand, self._to_tell_at = Assessed(), None, None
            self.trading_state.pulled = ""  # whoever demanded it may not be there any more
            self._failed.clear()

        self.modules = modules

    @property
    def wakes(self) -> tuple[Wake, ...]:
        """When modules want to be asked again, if any does."""
        wakes = () if self.modules.only_review else (self.assessed.wake,)

        return wakes if self._to_tell_at is None else (*wakes, Wake(at=self._to_tell_at))

    def review(self, view: View, quotes: tuple[Quote, ...]) -> Reviewed:
        """Pass the wanted quotes through the modules."""
        if self.instead is not None:
            return self.instead(view, quotes)

        return self.modules.review(view, quotes, self.assessed.memories)

    def drop(self) -> None:
        """Ask the module no more whose turn it was when something failed; nothing where it was nobody's."""
        place, self.modules.turn = self.modules.turn, None
        self._failed.update(() if place is None else (place,))

    def _told(self, now: float) -> Iterator[str]:
        """A line when another demand is made, and when quotes are let back."""
        before, demand = self._demand, self.assessed.demand
        self._demand = demand

        if demand is None:
            self._to_tell_at = None

            if self._is_told and before is not None and before.kind is DemandKind.PULL:
                self._is_told = False
                yield f"{before.module} demands nothing any more"

            return

        key = demand.module, demand.kind

        if before is None or (before.module, before.kind) != key:
            self._to_tell_at = max(now, self._told_at.get(key, -inf) + TOLD_EVERY_S)

        if self.trading_state.stop is not None:
            self._to_tell_at = None

        if self._to_tell_at is not None and now >= self._to_tell_at:
            self._told_at[key], self._is_told, self._to_tell_at = now, True, None
            yield _WORDS[demand.kind].format(module=demand.module, reason=demand.reason)


def _changed(before: TargetFactors, now: TargetFactors) -> Iterator[str]:
    """A line when targets are moved by other factors than before."""
    if (before.long, before.short) == (now.long, now.short):
        return

    if now.leave:
        yield f"{before.module}: targets are as they are set again"
    else:
        factors = f"of longs by {now.long.normalize():f}, of shorts by {now.short.normalize():f}"
        yield f"{now.module} multiplies the profit-taking spread {factors}: {now.reason}"
