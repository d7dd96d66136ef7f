"""`loss_limit`: what may be lost in a day and from the best result, and how many stops may follow each other.

The result of the market is the ledger's, and the unrealised profit of its positions at the mark price; that of the
account is its equity by the venue's word, less what was transferred to it. The day begins at 00:00 UTC. What was lost
before a restart counts after it, for it follows from the journal; a person who resumes after a halt begins anew.

After a stop loss nothing is quoted for `stop_delay` seconds, after another one for twice as long, and so on, until a
profit-taking order is filled. `max_stops` of them within `stops_within_s` halt.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

import attrs

from perpmaker import Approved, Demand, DemandKind, Instrument, Quote, Range, Verdict, View, Wake

NAME = "loss_limit"
LONGEST_PAUSE_S = 3600.0
"""Seconds after which quotes come back, however many stops there were."""

_CENT = Decimal("0.01")
_TODAY, _FROM_BEST = "lost today by the account", "lost from its best by the account"
_ACTIONS = {"pull": DemandKind.PULL, "flatten": DemandKind.FLATTEN, "halt": DemandKind.HALT}


@attrs.frozen(kw_only=True)
class LossLimitSettings:
    """The table [risk.loss_limit]. Losses in quote asset; each limit that is given holds.

    `action` is what a loss leads to. `max_stops` None: stops are not counted.
    """

    max_daily_loss: Annotated[Decimal | None, Range(above=0)] = None
    max_drawdown: Annotated[Decimal | None, Range(above=0)] = None
    max_account_daily_loss: Annotated[Decimal | None, Range(above=0)] = None
    max_account_drawdown: Annotated[Decimal | None, Range(above=0)] = None
    action: Literal["halt", "flatten", "pull"] = "halt"
    max_stops: Annotated[int | None, Range(at_least=1, off=0)] = 3
    stops_within_s: Annotated[float, Range(at_least=60, at_most=86_400)] = 3600.0
    stop_delay: Annotated[float, Range(at_least=0, at_most=3600)] = 60.0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed): the module must limit something."""
        losses = (self.max_daily_loss, self.max_drawdown, self.max_account_daily_loss, self.max_account_drawdown)

        if not any(losses) and self.max_stops is None and not self.stop_delay:
            yield "max_daily_loss", "is missing: give a loss, max_stops or stop_delay, or the module does nothing"

        if self.action == "pull" and (self.max_drawdown or self.max_account_drawdown):
            yield "action", 'must be "halt" or "flatten" with a drawdown: without quotes nothing would end it'

        if not any(losses) and self.action != "halt":
            yield "action", "does nothing without a loss that it limits: leave it out"


class LossLimit:
    """Demands; it reviews no quote, and remembers nothing: what it goes by is in the view."""

    def __init__(self, settings: LossLimitSettings, instrument: Instrument) -> None:
        self._settings = settings
        self._quote = instrument.quote

    def review(self, _: View, quote: Quote) -> Verdict:
        """Approve: what it has to say, it demands of the whole market."""
        return Approved(quote=quote)

    def demand(self, view: View) -> Demand | None:
        """What too many stops or too large a loss lead to, or a pause after a stop."""
        if (reason := self._too_many_stops(view)) is not None:
            return Demand(kind=DemandKind.HALT, reason=reason)

        if (reason := next(self._losses(view), None)) is not None:
            return Demand(kind=_ACTIONS[self._settings.action], reason=reason)

        if (paused := self._pause(view)) is not None:
            return Demand(kind=DemandKind.PULL, reason=paused[1])

        return None

    def wake(self, view: View) -> Wake:
        """Ask again when a pause or the day is over, and where the mark price brings the next limit."""
        paused = self._pause(view)
        moments = [at for at in (view.results.day_ends_at, None if paused is None else paused[0]) if at is not None]
        low, high = self._mark_bounds(view)

        return Wake(at=min((at for at in moments if at > view.now), default=None), mark_low=low, mark_high=high)

    # --- losses

    def _losses(self, view: View) -> Iterator[str]:
        """Yield each limit that is reached."""
        results, unrealized = view.results, view.unrealized

        if unrealized is None:
            return

        for key, most, began, what in self._limits(view):
            if (lost := began - results.booked - unrealized) >= most:
                yield f"{lost.quantize(_CENT):f} {self._quote} {what}, {key} = {most:f}"

    def _limits(self, view: View) -> Iterator[tuple[str, Decimal, Decimal, str]]:
        """Yield each limit that is set: its key, what it is, the market's result that it counts from, and its words."""
        settings, results = self._settings, view.results
        beside = results.equity_beside
        limits = [
            ("max_daily_loss", settings.max_daily_loss, results.day_began, "lost today on this market"),
            ("max_drawdown", settings.max_drawdown, results.peak, "lost from its best on this market"),
        ]

        if beside is not None:
            day, peak = results.equity_day_began, results.equity_peak
            limits += [
                ("max_account_daily_loss", settings.max_account_daily_loss, _less(day, beside), _TODAY),
                ("max_account_drawdown", settings.max_account_drawdown, _less(peak, beside), _FROM_BEST),
            ]

        for key, most, began, what in limits:
            if most is not None and began is not None:
                yield key, most, began, what

    def _mark_bounds(self, view: View) -> tuple[Decimal | None, Decimal | None]:
        """Between which mark prices no limit is reached; None for no bound."""
        results = view.results
        worst = [began - most for _, most, began, _ in self._limits(view)]
        held = [position for position in view.positions.values() if position.amount]
        net = sum((position.amount for position in held), Decimal(0))

        if not worst or not net or view.unrealized is None:
            return None, None

        cost = sum((position.amount * position.entry for position in held), Decimal(0))
        mark = (max(worst) - results.booked + cost) / net

        if mark <= 0:
            return None, None

        return (mark.next_plus(), None) if net > 0 else (None, mark.next_minus())

    # --- stops

    def _too_many_stops(self, view: View) -> str | None:
        """Say that as many stops as are allowed have followed each other."""
        most, within_s = self._settings.max_stops, self._settings.stops_within_s
        recent = sum(at > view.now - within_s for at in view.stops)

        if most is None or recent < most:
            return None

        return f"{recent} stop{'s' if recent > 1 else ''} within {within_s:g} s, max_stops = {most}"

    def _pause(self, view: View) -> tuple[float, str] | None:
        """Until when nothing is quoted after the newest stop, and why; None where that is over."""
        filled_at = view.target_filled_at
        row = [at for at in view.stops if filled_at is None or at > filled_at]

        if not row:
            return None

        pause_s = min(self._settings.stop_delay * 2 ** min(len(row) - 1, 12), LONGEST_PAUSE_S)

        if view.now >= (until := row[-1] + pause_s):
            return None

        stops = f"{len(row)} stop{'s' if len(row) > 1 else ''} since a target was filled"

        return until, f"{stops}: nothing is quoted for {pause_s:g} s"


def _less(one: Decimal | None, other: Decimal) -> Decimal | None:
    """One less the other; None where it is not known."""
    return None if one is None else one - other
