"""How decimals are calculated: the core's always alike, each plugin's by itself, so that no plugin spoils a price.

Python keeps precision, rounding and traps in a context that all code of a task shares, and that anything may change,
also for the tasks that are started later. So a plugin never has the core's: it calculates in one of its own, in its
tasks too, and that is put back after each of its calls.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    getcontext,
    localcontext,
    setcontext,
)

_PRECISION = 28
_ALIKE = Context(
    prec=_PRECISION,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""Python's own default, spelt out: `decimal.DefaultContext` can be changed by anybody."""

_TRAPS = _ALIKE.traps


def own_arithmetic() -> AbstractContextManager[Context]:
    """Calculate as the core does, whatever was changed before; tasks that are started inside do so too."""
    return localcontext(_ALIKE)


class PluginArithmetic:
    """The context in which one plugin calculates; `changed` is the last change of it in words, empty while none was."""

    __slots__ = ("changed", "context")

    def __init__(self) -> None:
        self.context = _ALIKE.copy()
        self.changed = ""

    def begin(self) -> Context:
        """Let the plugin calculate in its own context; the caller's, which is handed to `end`."""
        before = getcontext()
        setcontext(self.context)

        return before

    def end(self, before: Context) -> bool:
        """Go back to the caller's context; whether the plugin has changed its own, which is put back."""
        left = getcontext()
        setcontext(before)

        return self.mend(left)

    def mend(self, left: Context) -> bool:
        """Put back the plugin's context, which it left like this; whether it had been changed."""
        own = self.context

        if left is own and own.prec == _PRECISION and own.rounding == ROUND_HALF_EVEN and own.traps == _TRAPS:
            return False

        changes = [
            f"{name} {getattr(_ALIKE, attribute)} to {getattr(left, attribute)}"
            for name, attribute in (("precision", "prec"), ("rounding", "rounding"))
            if getattr(left, attribute) != getattr(_ALIKE, attribute)
        ]
        changes += ["traps"] if left.traps != _TRAPS else []
        self.context = _ALIKE.copy()
        self.changed = ", ".join(changes)

        return bool(changes)
