"""The exposure of the markets of one account that one process trades: each bot is told of the others' by an event."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal

import attrs

from perpmaker.model.event import Event, OtherMarketsChanged

WAITS_S = 120.0
"""How long markets of one account wait for one whose account has not been read."""

_ZERO = Decimal(0)


@attrs.define(eq=False, kw_only=True)
class MarketExposure:
    """One market's part: the `notional` that it may come to hold, not known before its account `is_read`.

    `account` is known from when it has joined, `where` is the environment and the venue's name: until a market has
    joined it may be of any account there.
    """

    name: str
    where: Hashable
    _all: list[MarketExposure]
    notional: Decimal = attrs.field(default=_ZERO, init=False)
    is_read: bool = attrs.field(default=False, init=False)
    account: Hashable | None = attrs.field(default=None, init=False)
    _emit: Callable[[Sequence[Event]], None] | None = attrs.field(default=None, init=False)
    _told: OtherMarketsChanged = attrs.field(factory=lambda: OtherMarketsChanged(notional=_ZERO), init=False)

    def join(self, account: Hashable, emit: Callable[[Sequence[Event]], None]) -> MarketExposure:
        """Say whose account it is; `emit` takes what its bot is told of the others, which it hears of at once."""
        self.account, self._emit = account, emit
        self._let_hear()

        return self

    def tell(self, notional: Decimal, *, is_read: bool = True) -> None:
        """Say what this market may come to hold, in quote asset; the others hear of it before they next decide.

        `is_read`: its account has been read completely, so that this is all.
        """
        is_read = is_read or self.is_read

        if (notional, is_read) != (self.notional, self.is_read):
            self.notional, self.is_read = notional, is_read
            self._let_hear()

    def end(self) -> None:
        """Say that its run is over: it counts with what it told last, as position and exits may still be there."""
        self._emit = None
        self.tell(self.notional)

    def is_waited_for(self) -> bool:
        """Whether another market is told that this one has not been read."""
        return any(other.waits_for(self) for other in self._all)

    def waits_for(self, other: MarketExposure) -> bool:
        """Whether what the other may come to hold is not known, and may be of this market's account."""
        if other is self or other.is_read or self.account is None:
            return False

        return other.where == self.where if other.account is None else other.account == self.account

    def _let_hear(self) -> None:
        for each in self._all:
            each._hear()  # noqa: SLF001  # its own kind

    def _hear(self) -> None:
        """Tell the bot of this market what all others come to, where that has changed."""
        if self._emit is None:
            return

        beside = [other for other in self._all if other is not self]
        now = OtherMarketsChanged(
            notional=sum((other.notional for other in beside if other.account == self.account), _ZERO),
            unread=tuple(other.name for other in beside if self.waits_for(other)),
        )

        if now != self._told:
            self._told = now
            self._emit((now,))


class AccountExposures:
    """The markets that the process trades."""

    def __init__(self) -> None:
        self._markets: list[MarketExposure] = []

    def expect(self, name: str, where: Hashable) -> MarketExposure:
        """Return the part of a market that is about to begin: those of its account wait for it from now on."""
        mine = MarketExposure(name=name, where=where, all=self._markets)
        self._markets.append(mine)

        return mine

    def wait_no_longer(self) -> list[str]:
        """Have every market count with what is known of it; the names of those that others have waited for."""
        late = [each for each in self._markets if not each.is_read]
        names = [each.name for each in late if each.is_waited_for()]

        for each in late:
            each.tell(each.notional)

        return names
