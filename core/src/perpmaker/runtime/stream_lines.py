"""Streams that are lost and restored, in lines that stay: one for all channels of a connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

import attrs

from perpmaker.decision.notices import Notices
from perpmaker.model.event import Channel, StreamLost, StreamRestored

StreamChange: TypeAlias = StreamLost | StreamRestored


@attrs.define
class StreamLines:
    """Words what happens to streams. A stream that comes and goes is told of once a minute.

    The first connection is no restored one. That a stream is back is told where its loss was.
    """

    _notices: Notices = attrs.field(factory=Notices, init=False)
    _lost_at: dict[Channel, float] = attrs.field(factory=dict, init=False)
    _told: set[Channel] = attrs.field(factory=set, init=False)

    def lines(self, changes: Sequence[StreamChange], now: float) -> Iterator[str]:
        """Yield a line for each connection that was lost or made, in order."""
        for reason, group in groupby(changes, lambda one: one.reason if isinstance(one, StreamLost) else None):
            channels = tuple(dict.fromkeys(one.channel for one in group))
            yield from self._restored(channels, now) if reason is None else self._lost(channels, reason, now)

    def _lost(self, channels: tuple[Channel, ...], reason: str, now: float) -> Iterator[str]:
        for channel in channels:
            self._lost_at.setdefault(channel, now)

        lost_s = now - min(self._lost_at[channel] for channel in channels)
        since = f" for {lost_s:.0f} s" if lost_s >= 1 else ""

        for line in self._notices.say(channels, f"stream lost{since} ({_names(channels)}): {reason or 'ended'}", now):
            self._told.update(channels)
            yield line

    def _restored(self, channels: tuple[Channel, ...], now: float) -> Iterator[str]:
        lost_at = [at for channel in channels if (at := self._lost_at.pop(channel, None)) is not None]

        if lost_at and self._told.intersection(channels):
            yield f"stream restored ({_names(channels)}) after {now - min(lost_at):.0f} s"

        self._told.difference_update(channels)


def _names(channels: tuple[Channel, ...]) -> str:
    return ", ".join(channel.value for channel in channels)
