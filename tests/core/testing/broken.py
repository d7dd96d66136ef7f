"""Connectors that are broken in one thing each: how a sound one is broken, after it was opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs

from perpmaker.connector.interface import EventReceiver, Feed
from perpmaker.model.event import Channel, Event
from perpmaker.model.outcome import Rejected
from perpmaker.model.refusal import Refusal, RefusalReason

Break = Callable[[Any], None]
"""Breaks one thing of a connector."""

Change = Callable[[Event], Sequence[Event]]
"""What becomes of an event: itself, something else, or nothing."""


@attrs.frozen
class ChangedReceiver:
    """A receiver whose events are changed."""

    inner: EventReceiver
    change: Change

    async def receive(self) -> Sequence[Event]:
        """Receive, and change what was received; what is left out is waited for again."""
        while True:
            events = [changed for event in await self.inner.receive() for changed in self.change(event)]

            if events:
                return events


@attrs.frozen
class ChangedFeed:
    """A feed whose receivers are changed."""

    inner: Feed
    wrap: Callable[[EventReceiver], EventReceiver]

    @property
    def channels(self) -> frozenset[Channel]:
        """Those of the feed."""
        return self.inner.channels

    @property
    def stall_s(self) -> float | None:
        """That of the feed."""
        return self.inner.stall_s

    @asynccontextmanager
    async def open(self) -> AsyncIterator[EventReceiver]:
        """Open the feed."""
        async with self.inner.open() as receiver:
            yield self.wrap(receiver)


def wrap_receivers(
    connector: Any, wrap: Callable[[EventReceiver], EventReceiver], channel: Channel | None = None
) -> None:
    """Wrap the receivers of every feed, or of that of one channel."""
    feeds = connector.feeds
    connector.feeds = lambda instrument: [
        ChangedFeed(feed, wrap) if channel is None or channel in feed.channels else feed for feed in feeds(instrument)
    ]


def events(change: Change) -> Break:
    """Break what the feeds say."""
    return lambda connector: wrap_receivers(connector, lambda receiver: ChangedReceiver(receiver, change))


def without(*kinds: type[Event], where: Callable[[Any], bool] = lambda _: True) -> Break:
    """Leave events of some kinds out."""
    return events(lambda event: () if isinstance(event, kinds) and where(event) else (event,))


def evolved(kind: type[Event], **changes: Callable[[Any], Any]) -> Break:
    """Change fields of the events of a kind."""

    def change(event: Event) -> Sequence[Event]:
        if not isinstance(event, kind):
            return (event,)

        return (attrs.evolve(event, **{name: new(event) for name, new in changes.items()}),)

    return events(change)


def answers(name: str, change: Callable[..., Any]) -> Break:
    """Change what a method returns: `change(answer, *arguments)`."""

    def break_(connector: Any) -> None:
        method = getattr(connector, name)

        async def changed(*arguments: Any, **named: Any) -> Any:
            return change(await method(*arguments, **named), *arguments)

        setattr(connector, name, changed)

    return break_


def outcomes(name: str, change: Callable[[Any], Any]) -> Break:
    """Change each outcome of a command."""
    return answers(name, lambda found, *_: [change(outcome) for outcome in found])


def reason(name: str, mine: RefusalReason, told: RefusalReason = RefusalReason.OTHER) -> Break:
    """Tell another reason for a refusal."""

    def change(outcome: Any) -> Any:
        if not isinstance(outcome, Rejected) or outcome.refusal.reason is not mine:
            return outcome

        return attrs.evolve(outcome, refusal=attrs.evolve(outcome.refusal, reason=told))

    return outcomes(name, change)


def rejected(outcome: Any) -> Rejected:
    """Take an outcome for a certain no."""
    return Rejected(client_id=outcome.client_id, refusal=Refusal(reason=RefusalReason.OTHER))


def instead(name: str, make: Callable[[Any, Callable[..., Any]], Callable[..., Any]]) -> Break:
    """Put a method in the place of another: `make(connector, method)`."""
    return lambda connector: setattr(connector, name, make(connector, getattr(connector, name)))


def fixed(name: str, value: Any) -> Break:
    """Give an attribute another value."""
    return lambda connector: setattr(connector, name, value)
