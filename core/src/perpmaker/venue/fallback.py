"""One origin out of several that stand for the same venue: the next one where one cannot be reached or is busy."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import httpx

from perpmaker.wire.exchange import NOT_SENT, Exchange, Incoming, Outgoing

_TOO_MANY = 429


@attrs.define
class Fallback:
    """Sends to the origin that answered last. A request that may have been obeyed is not sent to another one.

    `exchanges`: one for each origin, at least one.
    """

    exchanges: Sequence[Exchange]
    _at: int = attrs.field(default=0, init=False)

    async def __call__(self, request: Outgoing) -> Incoming:
        """Send; an origin that certainly did nothing is followed by the next, each being tried once at most."""
        for _ in self.exchanges[1:]:
            try:
                answer = await self._try(request)
            except NOT_SENT:
                continue

            if answer.status != _TOO_MANY:
                return answer

        return await self._try(request)

    async def _try(self, request: Outgoing) -> Incoming:
        """Send to the present origin. The next request goes to another one where this one gives no proper answer."""
        at = self._at

        try:
            answer = await self.exchanges[at](request)
        except httpx.HTTPError:
            self._turn(at)
            raise

        if answer.status == _TOO_MANY:
            self._turn(at)

        return answer

    def _turn(self, at: int) -> None:
        """Leave an origin, unless a request beside this one has done so already."""
        if self._at == at:
            self._at = (at + 1) % len(self.exchanges)
