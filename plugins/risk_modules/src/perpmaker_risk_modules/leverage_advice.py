"""`leverage_advice`: says for whom the leverage of the market is, above marks that can be set, or refuses to quote.

Leverage changes the margin, not the exposure: how much can be lost is for `exposure_limit`, how near the venue's own
end is for `liquidation_guard`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import attrs

from perpmaker import Approved, Instrument, Quote, Range, Reason, Refused, Rule, Verdict, View

NAME = "leverage_advice"

BANDS = ((3, "2-3x is for beginners"), (5, "3-5x is intermediate"), (10, "5-10x is advanced"), (20, "10-20x is expert"))
"""Up to which leverage a band goes, and for whom it is."""

REPORTED = 5
"""Above this leverage the report before a start warns by itself."""


@attrs.frozen(kw_only=True)
class LeverageAdviceSettings:
    """The table [risk.leverage_advice]: from which leverage on it advises, warns loudly, and refuses to quote."""

    warn_above: Annotated[int, Range(at_least=1)] = 5
    loud_above: Annotated[int, Range(at_least=1)] = 20
    refuse_above: Annotated[int | None, Range(at_least=1)] = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): the marks go upward."""
        if self.loud_above < self.warn_above:
            yield "loud_above", "must not be below warn_above"


class LeverageAdvice:
    """Adds its advice to the reasons of each quote; what it refuses says the same."""

    def __init__(self, settings: LeverageAdviceSettings, _: Instrument) -> None:
        self._settings = settings
        self._known: tuple[int, Reason | None, str | None] = (0, None, None)

    def review(self, view: View, quote: Quote) -> Verdict:
        """Approve the quote with advice, where there is any, or refuse it."""
        if self._known[0] != view.leverage:
            self._known = (view.leverage, self._advice(view.leverage), self._refusal(view.leverage))

        _, advice, refusal = self._known

        if refusal is not None:
            return Refused(quote=quote, reason=refusal)

        return Approved(quote=quote if advice is None else attrs.evolve(quote, reasons=(*quote.reasons, advice)))

    def advise(self, view: View) -> Iterator[str]:
        """Say before a start what the report does not say by itself, which warns above 5x whatever is set."""
        if self._settings.warn_above < view.leverage <= REPORTED:
            yield f"{NAME}: {_words(view.leverage, self._settings.warn_above)}"

    def _advice(self, leverage: int) -> Reason | None:
        """What to say at this leverage; None where there is nothing to say."""
        settings = self._settings

        if leverage <= settings.warn_above:
            return None

        if leverage > settings.loud_above:
            words = f"LEVERAGE {leverage}: a move of {100 / leverage:.3g} % takes the whole margin; {_band(leverage)}"
        else:
            words = _words(leverage, settings.warn_above)

        return Reason(Rule.RISK, f"{NAME}: {words}")

    def _refusal(self, leverage: int) -> str | None:
        """Why nothing is quoted at this leverage; None where it may be."""
        most = self._settings.refuse_above

        if most is None or leverage <= most:
            return None

        return f"leverage {leverage} is above refuse_above = {most}: {_band(leverage)}"


def _words(leverage: int, mark: int) -> str:
    """Say that a leverage is above a mark, and for whom it is."""
    return f"leverage {leverage} is above {mark}x: {_band(leverage)}"


def _band(leverage: int) -> str:
    """For whom a leverage is."""
    return next((words for most, words in BANDS if leverage <= most), "above 20x is beyond every band of experience")
