"""A venue within reach: requests, streams, the key of the account, and the clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import attrs

from perpmaker.connector.interface import ConnectorContext
from perpmaker.connector.shared import in_common
from perpmaker.connector.tape import Tape
from perpmaker.model.event import Channel, Event
from perpmaker.venue.http_dialect import HttpDialect
from perpmaker.venue.key_settings import ApiKeySettings
from perpmaker.venue.keys import Credentials, open_credentials
from perpmaker.venue.receiver import Messages, RecurringChore
from perpmaker.venue.request_budget import Limit, RequestBudget
from perpmaker.venue.rest_client import RestClient, open_rest_client
from perpmaker.venue.server_clock import ServerClock
from perpmaker.venue.stream import StreamFeed, StreamSpec, Translation, open_stream
from perpmaker.wire.pipe import Connect

Told = TypeVar("Told", bound=Event)

_RECORDED_CLOCK_S = 900.0
"""Seconds after which the venue's clock is measured again for a recording, which tells it at the top of each file."""


@attrs.frozen(kw_only=True)
class VenueAccess:
    """What questions and streams need: the network, the base URL of streams, and a client for requests.

    `credentials` are None where there is no key. `window_s` is for how long after its time the venue takes a request,
    `read_lag_s` how old an answer may be, seconds. `tape` is a recording, which is given what comes by public streams.
    """

    connect: Connect
    url: str
    client: RestClient
    credentials: Credentials | None = attrs.field(default=None, repr=False)
    window_s: float = 0.0
    read_lag_s: float = 0.0
    tape: Tape | None = None

    @property
    def account(self) -> str:
        """The account's name, which does not give its key away; "public" without a key."""
        return "public" if self.credentials is None else self.credentials.account

    @property
    def fence_s(self) -> float:
        """The venue's window, plus what our idea of its clock may be wrong by, plus the lag of its answers."""
        return self.window_s + self.client.server_clock.uncertainty_s + self.read_lag_s

    def offer(
        self,
        stream: StreamSpec[Told],
        *channels: Channel,
        stall_s: float | None = None,
        measure_every_s: float | None = None,
    ) -> StreamFeed:
        """Offer a stream that keeps these channels alive.

        Args:
            stream: what it is.
            channels: what is heard as long as it is.
            stall_s: seconds of silence after which it is dead; None where silence means nothing.
            measure_every_s: seconds after which the venue's clock is measured again while the stream is open.
        """
        if measure_every_s is None and self.tape is not None:
            measure_every_s = _RECORDED_CLOCK_S

        if measure_every_s is not None:
            stream = self.measuring(stream, measure_every_s)

        opener = partial(
            open_stream, stream, self.connect, self.client.clock, tape=self.tape, has_book=Channel.BOOK in channels
        )

        return StreamFeed(channels=frozenset(channels), stall_s=stall_s, opener=opener)

    def measuring(self, stream: StreamSpec[Told], every_s: float) -> StreamSpec[Told]:
        """Return the stream with one chore more: measure the venue's clock again every so many seconds."""

        def begin(messages: Messages) -> Translation[Told]:
            translation = stream.begin(messages)
            measurement = RecurringChore(self.client.measure_clock, self.client.clock, every_s=every_s)

            return attrs.evolve(translation, chores=(*translation.chores, measurement))

        return attrs.evolve(stream, begin=begin)


@asynccontextmanager
async def open_access(
    settings: ApiKeySettings,
    context: ConnectorContext,
    table: str,
    *,
    protocol: Callable[[Credentials | None], HttpDialect],
    limits: Mapping[Limit, int],
    window_s: float,
) -> AsyncIterator[VenueAccess]:
    """Open what leads to a venue; nothing is sent before it is asked for, but what tells the clock of a recording.

    One for an account, with its connections, limits and clock, where this process trades several of its markets.

    Args:
        settings: those of the connector's table.
        context: what the connector was handed.
        table: the name of the table, for people.
        protocol: makes the venue's protocol with the key, or without one.
        limits: units allowed by each limit, as the venue documents them.
        window_s: seconds after its time for which the venue takes a request.

    Raises:
        ConfigurationError: something in the table is wrong; every fault is named.
    """
    credentials = open_credentials(settings, context, table)
    address = settings.address(context.environment, context.sandbox)
    account = None if credentials is None else credentials.account
    key = (table, address, account, window_s, settings.deadline_s, settings.clock_uncertainty_s, settings.read_lag_s)

    @asynccontextmanager
    async def opening() -> AsyncIterator[VenueAccess]:
        dialect = protocol(credentials)
        budget = RequestBudget(dialect.venue, limits, context.clock)
        clock = ServerClock(context.clock, least_uncertainty_s=settings.clock_uncertainty_s)

        async with open_rest_client(
            context, address.rest, dialect, budget=budget, deadline_s=settings.deadline_s, server_clock=clock
        ) as client:
            if context.tape is not None:
                await client.measure_clock()

            yield VenueAccess(
                connect=context.connect,
                url=address.stream,
                client=client,
                credentials=credentials,
                window_s=window_s,
                read_lag_s=settings.read_lag_s,
                tape=context.tape,
            )

    async with in_common(context.shared, key, opening) as access:
        yield access
