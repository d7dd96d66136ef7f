"""How much the bot may do now. Losing certainty moves down at once; going up again needs proof."""

from __future__ import annotations

from typing import Final

import attrs

from perpmaker.errors import ExitCode
from perpmaker.model.event import (
    Channel,
    Event,
    Halted,
    Resynced,
    StopRequested,
    StreamLost,
    StreamRestored,
)
from perpmaker.model.reading import AccountSeen
from perpmaker.risk.interface import Demand, DemandKind
from perpmaker.state.state import State
from perpmaker.state.view import Mode

RESYNC_AGAIN_S = 5.0
"""A resync that was not answered is demanded again after this long."""

MODE_EVENTS: Final = frozenset({StreamLost, StreamRestored, AccountSeen, Resynced, Halted, StopRequested})
"""Events that change how much is allowed: nearly every event is none of them."""


@attrs.define(kw_only=True)
class TradingState:
    """The latches and demands behind the mode.

    `synchronised`: the account has been read completely at least once; before that no quote is sent. `seen`: what is
    held and what rests is known, so that exits may be sent; before that nothing is sent at all.
    `halted` lasts as long as the run; `latched`, of a halt with the code HALTED, until a person resumes.
    `changes` counts what may have changed the mode. `book_max_age_s`: a book whose channel has not proved alive for
    longer is not quoted from. `demand` is why everything has to be read again; a read that began before
    `demanded_at` does not count. `disagreement`: which settings of the account are not what they have to be. `closed`:
    the venue's word for a market that takes no orders now. `liquidation`: which stop comes too near to it.
    `pulled`: why a risk module wants no quotes now; `flatten`: why one wants every position closed, which latches as a
    halt does.
    """

    book_max_age_s: float
    synchronised: bool = False
    seen: bool = False
    halted: str | None = None
    latched: str | None = None
    halt_code: ExitCode = ExitCode.BUG
    stop: Mode | None = None
    lost: str | None = None
    disagreement: str = ""
    closed: str = ""
    liquidation: str = ""
    pulled: str = ""
    flatten: str = ""
    demand: str | None = None
    demanded_at: float = 0.0
    asked_at: float | None = None
    changes: int = 0

    def fold(self, event: Event, now: float) -> None:
        """Take in what changes how much is allowed."""
        match event:
            case StreamLost(channel=Channel.ACCOUNT):
                self.lost = event.reason
            case StreamRestored(channel=Channel.ACCOUNT):
                self.lost = None
                self.require("the account stream was restored", now)
                self.asked_at = None  # a read that is under way began while the stream was gone
            case AccountSeen():
                self.seen = True
            case Resynced():
                self.seen = self.synchronised = True

                if event.began_at >= self.demanded_at:
                    self.demand = None
                else:  # it was under way already when something else came up, or what counts is still to come
                    self.asked_at = None if self.demanded_at <= now else self.demanded_at - RESYNC_AGAIN_S
            case Halted():
                self.halt(event.reason, event.code)
            case StopRequested():
                self.stop = Mode.FLATTEN if event.close or self.stop is Mode.FLATTEN else Mode.STOP
            case _:
                return

        self.changes += 1

    def halt(self, reason: str, code: ExitCode = ExitCode.BUG) -> None:
        """Take quotes off for good: the first reason stands, with its exit code, but for a first one that latches."""
        latches = code is ExitCode.HALTED and self.latched is None

        if latches:
            self.latched = reason

        if latches or self.halted is None:
            self.halted, self.halt_code = reason, code

        self.changes += 1

    def disagree(self, disagreement: str) -> None:
        """Nothing is quoted while the account is set to something else; empty: it is as it has to be."""
        self.disagreement = disagreement
        self.changes += 1

    def close(self, closed: str) -> None:
        """Nothing is quoted while the market takes no orders; empty: it does again."""
        self.closed = closed
        self.changes += 1

    def approach_liquidation(self, words: str) -> None:
        """Nothing is quoted while a stop comes too near to liquidation; empty: none does."""
        self.liquidation = words
        self.changes += 1

    def obey(self, demand: Demand | None) -> None:
        """Do what a risk module demands, if any does; on the way to the end there is nothing left to do.

        One that waits for a person outranks whatever comes after it; a flatten that is under way goes on.
        """
        self.pulled = ""

        if demand is None or self.stop is not None:
            return

        words = f"{demand.module}: {demand.reason}"

        match demand.kind:
            case DemandKind.PULL:
                self.pulled = words
            case DemandKind.HALT if self.latched is None:
                self.halt(words, ExitCode.HALTED)
            case DemandKind.FLATTEN if self.latched is None:
                self.flatten = words
                self.halt(f"{words}; every position is closed at market", ExitCode.HALTED)
            case _:
                pass

    def require(self, reason: str, now: float) -> None:
        """Only reading everything again can settle this; a read that began earlier does not count.

        `now` may lie ahead: until then something may happen that a read has to see.
        """
        if self.demand is None or self.demanded_at > now:
            self.asked_at = None

        if self.demand is None or self.demanded_at <= now:
            self.demand = reason
            self.demanded_at = now

        self.changes += 1

    def is_resync_due(self, now: float) -> bool:
        """Whether the resync has to be demanded, for the first time or again."""
        return self.demand is not None and (self.asked_at is None or self.asked_at + RESYNC_AGAIN_S <= now)

    def mode(self, state: State, book_age_s: float) -> tuple[Mode, str]:
        """The mode, and why, for people."""
        if self.stop is not None:
            return self.stop, "stopping"

        if self.halted is not None:
            return Mode.HALT, self.halted

        reason = self._uncertainty(state, book_age_s)

        return (Mode.RUN, "") if reason is None else (Mode.REDUCE, reason)

    def _uncertainty(self, state: State, book_age_s: float) -> str | None:
        """What is not certain enough to quote by, the gravest first; None while everything is."""
        reason: str | None = None

        if not self.synchronised:
            reason = "the account has not been read yet"
        elif self.lost is not None:
            reason = f"account stream lost: {self.lost}"
        elif self.disagreement:
            reason = f"the settings of the account were changed: {self.disagreement}"
        elif self.closed:
            reason = f"the market is closed: {self.closed}"
        elif self.liquidation:
            reason = self.liquidation
        elif self.demand is not None:
            reason = f"the account is being read again: {self.demand}"
        elif not state.book.ok:
            reason = "no book that can be trusted"
        elif book_age_s > self.book_max_age_s:
            reason = "the book is stale"
        elif self.pulled:
            reason = self.pulled

        return reason
