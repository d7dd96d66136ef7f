"""The exposure of the markets of one account that one process trades: each bot is told of the others' by an event."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal

import attrs

from perpmaker.model.event import Event, OtherMarketsChanged

_ZERO = Decimal(0)


@attrs.define(eq=False)
class MarketExposure:
    """One market's part: the `notional` that it may come to hold. `emit` takes what its bot is told of the others."""

    emit: Callable[[Sequence[Event]], None]
    _others: list[MarketExposure]
    notional: Decimal = _ZERO
    _told: Decimal = _ZERO

    def tell(self, notional: Decimal) -> None:
        """Say what this market may come to hold, in quote asset; the others hear of it before they next decide."""
        if notional == self.notional:
            return

        self.notional = notional

        for other in self._others:
            if other is not self:
                other.hear()

    def hear(self) -> None:
        """Tell the bot of this market what all others come to, where that has changed."""
        elsewhere = sum((other.notional for other in self._others if other is not self), _ZERO)

        if elsewhere != self._told:
            self._told = elsewhere
            self.emit((OtherMarketsChanged(notional=elsewhere),))


class AccountExposures:
    """Of each account that the process trades, its markets."""

    def __init__(self) -> None:
        self._markets: dict[Hashable, list[MarketExposure]] = {}

    def join(self, account: Hashable, emit: Callable[[Sequence[Event]], None]) -> MarketExposure:
        """Return the part of one more market of an account, which hears of the others at once.

        A market whose bot has ended keeps what it told last: its position and exits may still be there.
        """
        markets = self._markets.setdefault(account, [])
        mine = MarketExposure(emit, markets)
        markets.append(mine)
        mine.hear()

        return mine
