"""What leads to a venue: the account's name, the fence, and feeds of its streams."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from perpmaker.clock import LoopClock
from perpmaker.secret import Secret, make_signer
from perpmaker.venue import Channel, Credentials, ServerClock, VenueAccess

pytestmark = pytest.mark.anyio

KEYS = Credentials(api_key="KEY", signer=make_signer(Secret("0123456789abcdef")))


def access(**values: Any) -> VenueAccess:
    """Over a clock that was measured with a round trip of a second."""
    clock = ServerClock(LoopClock(), least_uncertainty_s=0.25)
    clock.observe(0.0, 1.0, 1_000)
    client = cast("Any", SimpleNamespace(server_clock=clock, clock=LoopClock()))

    return VenueAccess(connect=cast("Any", None), url="wss://ore.test", client=client, **values)


async def test_the_account_is_named_without_its_key() -> None:
    """Without a key it is public."""
    assert access().account == "public"
    assert access(credentials=KEYS).account == KEYS.account
    assert "KEY" not in repr(access(credentials=KEYS))


async def test_the_fence_is_the_window_the_clocks_uncertainty_and_the_lag_of_answers() -> None:
    """The uncertainty is that of the last measurement."""
    assert access(window_s=2.0, read_lag_s=0.5).fence_s == pytest.approx(3.0)


async def test_a_stream_is_offered_with_the_channels_that_it_keeps_alive() -> None:
    """And with its silence."""
    feed = access().offer(cast("Any", None), Channel.MARK, Channel.TRADES, stall_s=5.0)

    assert (feed.channels, feed.stall_s) == (frozenset({Channel.MARK, Channel.TRADES}), 5.0)
