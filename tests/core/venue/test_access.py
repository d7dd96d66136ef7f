"""What leads to a venue: the account's name, the fence, and feeds of its streams."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.secret import Secret, make_signer
from perpmaker.venue import Channel, Credentials, ServerClock, StreamSpec, Translation, VenueAccess, begin_receiving

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Clocks are measured every now and then."""
    return virtual_time


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


async def test_the_clock_is_measured_as_long_as_a_stream_is_open() -> None:
    """Beside the chores that the stream has of its own."""
    measured: list[float] = []

    class Client:
        clock = LoopClock()
        server_clock = ServerClock(clock)

        async def measure_clock(self) -> None:
            measured.append(self.clock.now())

    class Connection:
        def __init__(self) -> None:
            self.until = anyio.current_time() + 2.5

        async def receive(self) -> str:
            await anyio.sleep_until(self.until)

            return "word"

    def begin(_: Any) -> Translation[Any]:
        return Translation(translate=lambda message: (message,))

    venue = VenueAccess(connect=cast("Any", None), url="", client=cast("Any", Client()))
    spec = venue.measuring(StreamSpec[Any](name="Ore's", url="", begin=begin), 1.0)
    stream = begin_receiving(spec, cast("Any", Connection()), Client.clock)

    assert await stream.receive() == ("word",)
    assert len(measured) == 2


async def test_a_stream_is_offered_with_the_channels_that_it_keeps_alive() -> None:
    """And with its silence."""
    feed = access().offer(cast("Any", None), Channel.MARK, Channel.TRADES, stall_s=5.0)

    assert (feed.channels, feed.stall_s) == (frozenset({Channel.MARK, Channel.TRADES}), 5.0)
