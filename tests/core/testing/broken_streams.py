"""Connectors whose streams are broken, each by the test that finds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import attrs

from perpmaker.connector.interface import EventReceiver
from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.model.event import (
    BookChanged,
    BookLost,
    Channel,
    Event,
    MarkChanged,
    OrderReported,
    Traded,
)

from .broken import (
    Break,
    ChangedReceiver,
    events,
    evolved,
    instead,
    without,
    wrap_receivers,
)


@attrs.frozen
class Endless:
    """A receiver that waits for ever where its stream has ended."""

    inner: EventReceiver

    async def receive(self) -> Sequence[Event]:
        """Receive, or wait."""
        try:
            return await self.inner.receive()
        except ConnectivityError:
            await anyio.sleep_forever()

        return ()


@attrs.frozen
class Forgetful:
    """A receiver that loses what it has received when it is cancelled."""

    inner: EventReceiver

    async def receive(self) -> Sequence[Event]:
        """Receive, and think about it."""
        found = await self.inner.receive()
        await anyio.sleep(0.03)

        return found


@attrs.frozen
class Fragile:
    """A receiver that stops the program at a message which it does not understand."""

    inner: EventReceiver

    async def receive(self) -> Sequence[Event]:
        """Receive."""
        try:
            return await self.inner.receive()
        except ConnectivityError as error:
            if "understood" in str(error):
                raise ValueError("not JSON") from error

            raise


@attrs.frozen
class Backward:
    """A receiver that tells what came together in the wrong order."""

    inner: EventReceiver

    async def receive(self) -> Sequence[Event]:
        """Receive, and turn round."""
        return (await self.inner.receive())[::-1]


def deaf_after_a_reconnect(connector: Any) -> None:
    """The account's stream says nothing when it is opened for the second time."""
    opened: list[EventReceiver] = []

    def wrap(receiver: EventReceiver) -> EventReceiver:
        opened.append(receiver)

        return ChangedReceiver(receiver, lambda event: (event,) if len(opened) == 1 else ())

    wrap_receivers(connector, wrap, Channel.ACCOUNT)


def stops_at_what_is_foreign(event: Event) -> Sequence[Event]:
    """A report of an order that is not ours is an error."""
    if isinstance(event, OrderReported) and event.report.client_id.startswith("byHand"):
        raise PayloadError("whose order is that?")

    return (event,)


def never_dead(_: Any, feeds: Any) -> Any:
    """However long a stream is silent, that means nothing."""
    return lambda instrument: [attrs.evolve(feed, stall_s=None) for feed in feeds(instrument)]


def never_removed(levels: Any) -> Any:
    """Levels that are gone stay."""
    return tuple((ticks, lots) for ticks, lots in levels if lots)


STREAMS: Sequence[tuple[str, Break]] = (
    ("test_every_channel_has_one_feed", instead("feeds", never_dead)),
    (
        "test_the_book_begins_with_a_snapshot_and_follows_the_venue",
        evolved(BookChanged, bids=lambda book: never_removed(book.bids), asks=lambda book: never_removed(book.asks)),
    ),
    ("test_a_gap_is_raised_and_not_patched", without(BookLost)),
    (
        "test_the_mark_price_and_funding_are_the_venues",
        evolved(MarkChanged, next_funding_ms=lambda mark: mark.next_funding_ms + 1),
    ),
    ("test_trades_are_told_once", evolved(Traded, taker=lambda trade: trade.taker.opposite)),
    ("test_a_stream_that_ends_is_raised", lambda connector: wrap_receivers(connector, Endless)),
    ("test_messages_that_make_no_sense_stop_nothing", lambda connector: wrap_receivers(connector, Fragile)),
    (
        "test_a_fill_is_told_before_the_end_of_its_order",
        lambda connector: wrap_receivers(connector, Backward, Channel.ACCOUNT),
    ),
    ("test_reconnection_resyncs", deaf_after_a_reconnect),
    ("test_waiting_for_events_can_be_given_up", lambda connector: wrap_receivers(connector, Forgetful)),
    ("test_a_persons_orders_are_shown_and_are_not_ours", events(stops_at_what_is_foreign)),
)
