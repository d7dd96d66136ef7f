"""Plugins that were interrupted in a run, interrupted again at the same call: time does not tell it this time."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

import attrs

from perpmaker.foreign_code import Interruption
from perpmaker.launch.plan import Plan
from perpmaker.plugins.declarations import RiskModuleDeclaration, StrategyDeclaration
from perpmaker.plugins.start import code_of

_Declared = TypeVar("_Declared", StrategyDeclaration[Any], RiskModuleDeclaration[Any])


@attrs.define
class Interruptions:
    """What is to be interrupted in the batch at hand: the words of the faults, as the run had them."""

    due: list[str] = attrs.field(factory=list)

    def apply(self, plan: Plan) -> Plan:
        """Return the plan with a strategy and risk modules that can be interrupted."""
        return attrs.evolve(
            plan,
            strategy=self._interruptible(plan.strategy),
            risk=tuple((self._interruptible(declaration), settings) for declaration, settings in plan.risk),
        )

    def _interruptible(self, declaration: _Declared) -> _Declared:
        who = code_of(declaration).who

        def build(*arguments: Any) -> Any:  # noqa: ANN401  # as the plugin's
            return _Interruptible(declaration.build(*arguments), who, self)

        return attrs.evolve(declaration, build=build)

    def check(self, who: str, what: str) -> None:
        """Raise the interruption of a call, where it is due."""
        start = f"the {who} failed in {what} ("

        for words in self.due:
            if words.startswith(start):
                self.due.remove(words)
                raise Interruption(words[len(start) : -1])


class _Interruptible:
    """A part of a plugin: its methods raise what is due."""

    def __init__(self, inner: Any, who: str, interruptions: Interruptions) -> None:  # noqa: ANN401  # the plugin's
        self._inner = inner
        self._who = who
        self._interruptions = interruptions

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # the plugin's
        found = getattr(self._inner, name)

        return partial(self._call, name, found) if callable(found) else found

    def _call(self, name: str, method: Any, *arguments: Any) -> Any:  # noqa: ANN401  # the plugin's
        if self._interruptions.due:
            self._interruptions.check(self._who, name)

        return method(*arguments)
