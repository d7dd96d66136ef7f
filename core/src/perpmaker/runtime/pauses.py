"""The pauses between two looks at the account while a run ends: short at first, then longer.

Reading the account is dear, and a venue that answers orders late must not find the request budget spent by the time
that it takes them: the close, the stop and the dead-man switch are what it is kept for.
"""

from __future__ import annotations

import anyio
import attrs

FIRST_S = 0.2
GROWTH = 1.25
LONGEST_S = 1.0


@attrs.define
class Pauses:
    """Waits `FIRST_S`, then ever longer, up to `longest_s`."""

    longest_s: float = LONGEST_S
    _next_s: float = attrs.field(default=FIRST_S, init=False)

    async def wait(self) -> None:
        """Wait until the next look."""
        await anyio.sleep(self._next_s)
        self._next_s = min(self._next_s * GROWTH, self.longest_s)
