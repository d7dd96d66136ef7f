"""What all points of a sweep have in common: which part of the data, and what a backtest takes for granted."""

from __future__ import annotations

import attrs

from perpmaker.backtest.driver import Window as DriverWindow
from perpmaker.backtest.latency import OrderLatency
from perpmaker.backtest.play import Terms
from perpmaker.backtest.timeline import Feed


@attrs.frozen(kw_only=True)
class Window:
    """A part of the data, in nanoseconds since the epoch: from `begin_ns`, up to but without `end_ns`."""

    begin_ns: int
    end_ns: int


@attrs.frozen(kw_only=True)
class Assumed:
    """What all points of a sweep take for granted. Latencies are nanoseconds; `feed_ns` is None for as recorded.

    `source` says in words where the latencies of orders come from.
    """

    source: str
    usual_ns: int
    busy_ns: int
    feed_ns: int | None
    queue: str

    def terms(self, window: Window | None) -> Terms:
        """Return it as a backtest has it, over a window, or over all of the data."""
        latency = OrderLatency(usual_ns=self.usual_ns, busy_ns=self.busy_ns, source=self.source)
        within = DriverWindow() if window is None else DriverWindow(from_ns=window.begin_ns, until_ns=window.end_ns)

        return Terms(latency=latency, feed=Feed(lag_ns=self.feed_ns), window=within, queue=self.queue)
