"""Requests as a venue counts and punishes them: windows of time, and bans of an address that does not stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from perpmaker.venue.sandbox.refusals import RefusalError


@attrs.define
class CountWindow:
    """A counter that starts again from zero when the venue's clock enters the next window.

    Args:
        length_ms: of the window.
        limit: the most units in one window.
        of_address: counted on arrival, whatever becomes of the request; else counted for the account, once the request
            is known to be its own, and not when the request is too many.
    """

    length_ms: int
    limit: int
    of_address: bool = False
    count: int = 0
    _index: int = -1

    def roll(self, now_ms: int) -> bool:
        """Start again if a new window has begun, and return whether anything was forgotten by that."""
        before = self.count

        if now_ms // self.length_ms != self._index:
            self._index = now_ms // self.length_ms
            self.count = 0

        return self.count < before

    def left_ms(self, now_ms: int) -> int:
        """Return the milliseconds until the next window."""
        return self.length_ms - now_ms % self.length_ms


@attrs.frozen(kw_only=True)
class Bans:
    """How an address is banned that goes on `after` so many refusals: each time for twice as long as before."""

    after: int
    first_ms: int
    longest_ms: int


class CountRefusals(Protocol):
    """A venue's refusals of requests that are too many."""

    def too_many(self, name: str, window: CountWindow, left_ms: int) -> RefusalError:
        """Refuse because the window of this name is full for so long."""

    def banned(self, until_ms: int, left_ms: int) -> RefusalError:
        """Refuse because the address is banned until then, on the venue's clock."""


class RequestCounts:
    """The counters of one address and one account.

    Args:
        server_ms: the venue's clock.
        windows: by name, as the costs of endpoints name them.
        refusals: the refusals.
        bans: how the address is banned; None where the venue bans nobody.
        enforced: when false, everything is counted, and nothing is refused.
    """

    def __init__(
        self,
        server_ms: Callable[[], int],
        windows: Mapping[str, CountWindow],
        refusals: CountRefusals,
        *,
        bans: Bans | None,
        enforced: bool,
    ) -> None:
        self._server_ms = server_ms
        self._windows = windows
        self._refusals = refusals
        self._bans = bans
        self._enforced = enforced
        self._refused = 0
        self._banned = 0
        self._banned_until_ms = 0

    def spend_arrival(self, costs: Mapping[str, int]) -> None:
        """Count a request for its address, or refuse it."""
        now_ms = self._roll()
        self._refuse_banned(now_ms)

        for name, window in self._of(costs, of_address=True).items():
            window.count += costs[name]

            if self._enforced and window.count > window.limit:
                self._punish(now_ms)
                raise self._refusals.too_many(name, window, window.left_ms(now_ms))

    def spend_own(self, costs: Mapping[str, int]) -> None:
        """Count a request for its account, or refuse it."""
        now_ms = self._roll()
        windows = self._of(costs, of_address=False)

        for name, window in windows.items():
            if self._enforced and window.count + costs[name] > window.limit:
                raise self._refusals.too_many(name, window, window.left_ms(now_ms))

        for name, window in windows.items():
            window.count += costs[name]

    def counted(self) -> dict[str, int]:
        """Return the counts of the running windows by name."""
        self._roll()

        return {name: window.count for name, window in self._windows.items()}

    def _of(self, costs: Mapping[str, int], *, of_address: bool) -> dict[str, CountWindow]:
        return {name: self._windows[name] for name in costs if self._windows[name].of_address is of_address}

    def _roll(self) -> int:
        now_ms = self._server_ms()

        for window in self._windows.values():
            if window.roll(now_ms) and window.of_address:
                self._refused = 0

        return now_ms

    def _punish(self, now_ms: int) -> None:
        self._refused += 1

        if self._bans is not None and self._refused > self._bans.after:
            self._banned_until_ms = now_ms + min(self._bans.first_ms * 2**self._banned, self._bans.longest_ms)
            self._banned += 1
            self._refused = 0
            self._refuse_banned(now_ms)

    def _refuse_banned(self, now_ms: int) -> None:
        if now_ms < self._banned_until_ms:
            raise self._refusals.banned(self._banned_until_ms, self._banned_until_ms - now_ms)
