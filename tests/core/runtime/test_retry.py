"""Reading from a venue until it answers, on virtual time: what is waited for, and who is told of what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import AuthenticationError, ConnectivityError, ExitCode, PayloadError, RateLimitedError
from perpmaker.execution.dispatch import LOCKED_OUT_S, Gate
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.start_retry import Hold
from perpmaker.model.event import AccountUnread, Event, Halted
from perpmaker.runtime.retry import DEAF_S, HELD_S, Retry, ask_once

pytestmark = pytest.mark.anyio

BANNED = RateLimitedError("banned", status=418, retry_after_s=120.0)


@attrs.define
class Desk:
    """A venue that answers with these errors, then with 7; what was emitted, when it was asked, what was held."""

    errors: list[Exception]
    emitted: list[Event] = attrs.field(factory=list)
    asked_at: list[float] = attrs.field(factory=list)
    held: list[float] = attrs.field(factory=list)

    async def read(self) -> int:
        """Answer."""
        self.asked_at.append(anyio.current_time())

        if self.errors:
            raise self.errors.pop(0)

        return 7

    def emit(self, events: Sequence[Event]) -> None:
        """Take what is emitted."""
        self.emitted.extend(events)

    async def insist(self) -> int:
        """Read until there is an answer."""
        gate, random = Gate(clock=LoopClock()), Random(1)  # noqa: S311  # jitter, not cryptography

        return await Retry(gate=gate, emit=self.emit, random=random, held=self.held.append).insist(self.read)


async def test_F13_a_ban_is_told_at_once_held_and_waited_out_without_a_request() -> None:
    """The engine knows that nobody can vouch for the account long before it may ask again."""
    desk = Desk([BANNED])
    assert await desk.insist() == 7
    assert desk.emitted == [AccountUnread(reason="the venue does not answer: banned")]
    assert desk.held == [120.0]
    assert desk.asked_at[1] - desk.asked_at[0] >= 120.0


async def test_a_short_outage_is_nothing_to_tell_and_a_long_one_is_told_once() -> None:
    """A lost answer or two are waited out; the account is doubted when it stays unread."""
    short, long = Desk([ConnectivityError("gone")] * 3), Desk([PayloadError("nonsense")] * 30)
    assert (await short.insist(), short.emitted, short.held) == (7, [], [])
    assert await long.insist() == 7
    assert long.emitted == [AccountUnread(reason="the venue does not answer: nonsense @ $")]
    assert DEAF_S < HELD_S


async def test_F14_a_refused_key_is_a_halt_and_is_tried_every_30_seconds() -> None:
    """That is all a person needs to know."""
    desk = Desk([AuthenticationError("no")] * 2)
    assert await desk.insist() == 7
    assert [type(event) for event in desk.emitted] == [Halted, Halted]
    gaps = [later - earlier for earlier, later in zip(desk.asked_at, desk.asked_at[1:], strict=False)]
    assert gaps == pytest.approx([LOCKED_OUT_S] * 2)


async def test_F77_what_no_connector_may_raise_is_a_halt_however_it_is_asked() -> None:
    """Insisting goes on; asked once there is no answer."""
    for error in [KeyError("x"), RecursionError("deep"), ZeroDivisionError()]:
        desk = Desk([error])
        assert await desk.insist() == 7
        once = Desk([error])
        assert await ask_once("a read", once.read, once.emit) is None
        reason = f"the connector failed on a read ({type(error).__name__}: {error})"
        assert desk.emitted == once.emitted == [Halted(reason=reason, code=ExitCode.PLUGIN)]


async def test_what_is_left_of_a_hold_is_waited_for_to_its_last_moment(tmp_path: Path) -> None:
    """A start half a second before its end waits that half second, and from then on nothing is in its way."""
    hold, told = Hold(home=StateDir(tmp_path), venue="binance", clock=LoopClock()), list[str]()
    hold.begin(1.0)
    await anyio.sleep(0.5)

    with pytest.raises(RateLimitedError):
        hold.refuse()

    await hold.wait(told.append)
    hold.refuse()
    assert len(told) == 1


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Minutes pass at once."""
    return virtual_time
