"""The contract suite finds what it is for: each broken connector fails the test that is named, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import attrs
import pytest

from perpmaker import DerivativeConnectorDeclaration
from perpmaker.connector.interface import ConnectorContext, EventReceiver, Feed
from perpmaker.errors import RefusedError
from perpmaker.model.event import BookLost, Event, OrderReported
from perpmaker.model.order import Unknown
from perpmaker.testing.contract import ConnectorContract
from perpmaker.testing.virtual import virtual_asyncio
from perpmaker_binance_perpetual import register_derivative_connectors

DECLARED: list[DerivativeConnectorDeclaration[Any]] = []
register_derivative_connectors(DECLARED.append)

Break = Callable[[Any], None]
"""Breaks one thing of a connector."""

Change = Callable[[Sequence[Event]], Sequence[Event]]
"""What becomes of the events of one call."""

TESTS = sorted(name for name in dir(ConnectorContract) if name.startswith("test_"))


# --- what can be broken -----------------------------------------------------------------------------------------------


@attrs.frozen
class ChangedReceiver:
    """A receiver whose events are changed."""

    inner: EventReceiver
    change: Change

    async def receive(self) -> Sequence[Event]:
        """Receive, and change what was received; what is left out is waited for again."""
        while True:
            events = self.change(await self.inner.receive())

            if events:
                return events


@attrs.frozen
class ChangedFeed:
    """A feed whose receivers are changed; `begin` makes the change of each."""

    inner: Feed
    begin: Callable[[], Change]

    @property
    def channels(self) -> Any:
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
            yield ChangedReceiver(receiver, self.begin())


def change_events(connector: Any, begin: Callable[[], Change]) -> None:
    """Change what every feed says."""
    feeds = connector.feeds
    connector.feeds = lambda instrument: [ChangedFeed(feed, begin) for feed in feeds(instrument)]


def change_outcomes(connector: Any, name: str, change: Callable[[Any], Any]) -> None:
    """Change each outcome of a command."""
    command = getattr(connector, name)

    async def changed(instrument: Any, orders: Any) -> Any:
        return [change(outcome) for outcome in await command(instrument, orders)]

    setattr(connector, name, changed)


# --- one thing each ---------------------------------------------------------------------------------------------------


def reports_twice(connector: Any) -> None:
    """Each report of an open order comes twice."""
    change_events(
        connector,
        lambda: lambda events: [one for event in events for one in [event] * (1 + (isinstance(event, OrderReported)))],
    )


def raises_for_unknown_orders(connector: Any) -> None:
    """A cancel of an order that never was raises."""
    known, place, cancel = set[str](), connector.place, connector.cancel

    async def placing(instrument: Any, orders: Any) -> Any:
        known.update(order.client_id for order in orders)

        return await place(instrument, orders)

    async def cancelling(instrument: Any, orders: Any) -> Any:
        if not all(order.client_id in known for order in orders):
            raise RefusedError("there is no such order")

        return await cancel(instrument, orders)

    connector.place, connector.cancel = placing, cancelling


def patches_gaps(connector: Any) -> None:
    """A lost book goes on as if nothing had happened."""

    def begin() -> Change:
        return lambda events: [event for event in events if not isinstance(event, BookLost)]

    change_events(connector, begin)


def counts_the_fence_from_the_deadline(connector: Any) -> None:
    """An unknown outcome is said to have been signed when it was given up."""

    def change(outcome: Any) -> Any:
        return attrs.evolve(outcome, signed_at=anyio.current_time()) if isinstance(outcome, Unknown) else outcome

    change_outcomes(connector, "place", change)


def sends_again(connector: Any) -> None:
    """A placement whose answer is lost is sent once more."""
    place = connector.place

    async def again(instrument: Any, orders: Any) -> Any:
        outcomes = await place(instrument, orders)

        if isinstance(outcomes[0], Unknown) and await connector.fetch_order(instrument, orders[0].client_id, None):
            await place(instrument, orders)

        return outcomes

    connector.place = again


BROKEN: Sequence[tuple[Break, str]] = (
    (reports_twice, "test_placed_orders_are_reported_once"),
    (raises_for_unknown_orders, "test_cancelling_an_unknown_order_is_not_an_error"),
    (patches_gaps, "test_a_gap_is_raised_and_not_patched"),
    (counts_the_fence_from_the_deadline, "test_a_timed_out_placement_is_unknown"),
    (sends_again, "test_an_order_whose_answer_is_lost_is_found_by_its_id"),
)


# --- the proof --------------------------------------------------------------------------------------------------------


def suite_of(break_: Break) -> ConnectorContract:
    """The suite over the sound connector, broken."""
    (sound,) = DECLARED

    @asynccontextmanager
    async def opened(settings: Any, context: ConnectorContext) -> AsyncIterator[Any]:
        async with sound.open(settings, context) as connector:
            break_(connector)
            yield connector

    def open_(settings: Any, context: ConnectorContext) -> AbstractAsyncContextManager[Any]:
        return opened(settings, context)

    return type("Broken", (ConnectorContract,), {"declaration": attrs.evolve(sound, open=open_)})()


def fails(suite: ConnectorContract, name: str) -> bool:
    """Whether a test of the suite fails; one that is skipped does not."""
    backend, options = virtual_asyncio()

    try:
        anyio.run(getattr(suite, name), backend=backend, backend_options=options)
    except pytest.skip.Exception:
        return False
    except Exception:  # noqa: BLE001  # a broken connector may raise anything
        return True

    return False


@pytest.mark.parametrize(("break_", "name"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_connector_fails_the_test_of_what_is_broken(break_: Break, name: str, *, full: bool) -> None:
    """With `--full` every other test is seen to pass."""
    suite = suite_of(break_)

    assert [test for test in (TESTS if full else [name]) if fails(suite, test)] == [name]
