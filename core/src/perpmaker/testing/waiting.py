"""Waiting in tests for what no event tells of: on virtual time it costs nothing."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from perpmaker.connector.interface import EventReceiver
from perpmaker.model.event import Event

LONG_S = 120.0
"""Seconds after which a test has failed."""

_STEP_S = 0.01


async def until(condition: Callable[[], object], within_s: float = LONG_S) -> float:
    """Wait until something is so, and return how many seconds it took; TimeoutError where it takes too long."""
    began_at = anyio.current_time()

    with anyio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110  # what is waited for is state of the bot or the venue, not an event
            await anyio.sleep(_STEP_S)

    return anyio.current_time() - began_at


async def until_heard(
    receiver: EventReceiver, wanted: Callable[[Event], bool], within_s: float = LONG_S
) -> list[Event]:
    """Receive until an event is there that is wanted, and return all events received."""
    heard: list[Event] = []

    with anyio.fail_after(within_s):
        while not any(map(wanted, heard)):
            heard.extend(await receiver.receive())

    return heard
