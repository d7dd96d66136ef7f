"""Whether account and market are what a run needs: compared before the first order, and as long as it trades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from perpmaker.decision.order_adoption import told_of
from perpmaker.decision.trading_state import TradingState
from perpmaker.errors import ExitCode
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings


@attrs.frozen(kw_only=True)
class WantedSettings:
    """What a configuration asks for; margin_mode None keeps what the account has."""

    leverage: int
    position_mode: PositionMode
    margin_mode: MarginMode | None


def differences(wanted: WantedSettings | VenueSettings, found: VenueSettings) -> str:
    """Each setting that is not as wanted, with both values; empty when all are."""
    pairs = [
        ("leverage", wanted.leverage, found.leverage),
        ("position_mode", wanted.position_mode.value, found.position_mode.value),
    ]

    if wanted.margin_mode is not None:
        pairs.append(("margin_mode", wanted.margin_mode.value, found.margin_mode.value))

    return ", ".join(f"{key} is {now}, not {asked}" for key, asked, now in pairs if asked != now)


@attrs.frozen(kw_only=True)
class DriftCheck:
    """Lets nothing be quoted while the venue says otherwise than what the run began with.

    `wanted` is what the account was set to then (None: unknown), `instrument` has the units of price and amount.
    """

    wanted: VenueSettings | None
    instrument: Instrument
    trading_state: TradingState

    def judge(self, found: VenueSettings, now: float) -> Iterator[str]:
        """Take the venue's word; a line for people when it is news. Agreement counts once the account was read."""
        if self.wanted is None:
            return

        wrong = differences(self.wanted, found)

        if wrong == self.trading_state.disagreement:
            return

        self.trading_state.disagree(wrong)

        if wrong:
            yield f"the settings of the account were changed: {wrong}; nothing is quoted until they are set back"
        else:
            self.trading_state.require("its settings are as they were again", now)
            yield "the settings of the account are as they were again"

    def judge_company(self, of_unknown_runs: Sequence[str]) -> Iterator[str]:
        """Another process trades here: our quotes go, its orders are not touched; a line for people, once."""
        if of_unknown_runs and self.trading_state.halted is None:
            reason = f"{told_of(of_unknown_runs)}: another perpmaker trades this account and market; stop one of them"
            self.trading_state.halt(reason, ExitCode.FILE)
            yield reason

    def judge_trading(self, closed: str, now: float) -> Iterator[str]:
        """Take the venue's word on whether the market takes orders; a line for people when it is news.

        What became of orders and stops while it was closed is read before anything is quoted again.
        """
        if closed == self.trading_state.closed:
            return

        self.trading_state.close(closed)

        if closed:
            yield f"the market is closed: {closed}; nothing is quoted until it opens again"
        else:
            self.trading_state.require("the market has opened again", now)
            yield "the market is open again"

    def judge_rules(self, found: Instrument) -> Iterator[str]:
        """Take the market's new rules; a line for people when its units are others than those the run counts in.

        Everything that is under way was counted in the old ones, by feeds and dispatch too, and 5 ticks of the one are
        not 5 of the other: quotes stay away until a new run begins, and exits go on in the old units.
        """
        pairs = (("tick", self.instrument.tick, found.tick), ("lot", self.instrument.lot, found.lot))
        changes = ", ".join(f"its {what} is {now}, no longer {before}" for what, before, now in pairs if before != now)
        reason = f"the venue changed the market: {changes}; start again to quote by it"

        if changes and self.trading_state.halted != reason:
            self.trading_state.halt(reason, ExitCode.REFUSED)
            yield reason
