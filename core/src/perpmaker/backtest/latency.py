"""How long commands are under way to the exchange."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from perpmaker.backtest.columns import NS, NS_PER_MS

USUAL_MS = 100
BUSY_MS = 1_000
"""What is taken where nobody has measured: a machine far from the exchange. Beside it, it would be 5 ms."""


@attrs.frozen(kw_only=True)
class OrderLatency:
    """Nanoseconds that a command takes: `usual_ns`, and `busy_ns` in the busiest seconds of the recording.

    `source` says in words where the figures come from.
    """

    usual_ns: int
    busy_ns: int
    source: str = ""
    busy_seconds: Collection[int] = frozenset()

    @classmethod
    def fixed(cls, ms: float) -> OrderLatency:
        """Return one that is always the same."""
        return cls(usual_ns=round(ms * NS_PER_MS), busy_ns=round(ms * NS_PER_MS), source="as given")

    def at(self, now_ns: int) -> int:
        """Return what a command takes that is sent at this time."""
        return self.busy_ns if now_ns // NS in self.busy_seconds else self.usual_ns

    def times(self, factor: int) -> OrderLatency:
        """Return the same, so many times as long."""
        return attrs.evolve(self, usual_ns=self.usual_ns * factor, busy_ns=self.busy_ns * factor)

    def __str__(self) -> str:
        """Render as `100 ms, 1000 ms in the busiest 1 % of seconds`."""
        usual, busy = (f"{ns / NS_PER_MS:g} ms" for ns in (self.usual_ns, self.busy_ns))

        return usual if usual == busy else f"{usual}, {busy} in the busiest 1 % of seconds"


def assumed() -> OrderLatency:
    """Return what is taken where nobody has measured."""
    return OrderLatency(
        usual_ns=USUAL_MS * NS_PER_MS,
        busy_ns=BUSY_MS * NS_PER_MS,
        source="assumed; --order-latency-ms JOURNAL takes what a bot has measured, 5 is a machine beside the exchange",
    )
