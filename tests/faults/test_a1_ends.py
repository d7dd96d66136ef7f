"""A1: an end while a stop has fired leaves it done, or a stop on the venue, or says that it did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.runtime.shutdown import Closing
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.waiting import until

from .end_site import EXAMPLE, FAR_TARGET, ended, fall, is_safe_in_time, killed, lots, stops
from .venue_site import VenueWords

pytestmark = pytest.mark.anyio

NAKED = ("venue_backstop=false", *FAR_TARGET)


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


def is_honest(stage: Stage, closing: Closing, order: str = "market") -> bool:
    """Whether a position that was left without a stop is named, and none is called clean.

    A stop has fired in each of these, unless it is the venue's, whose mark price may be behind: flat is the clean end.
    """
    if closing.unproven is None:
        return not lots(stage) or (order == "venue" and bool(stops(stage)))

    return "its stop has fired" in closing.unproven or "unknown" in closing.unproven or not lots(stage)


@pytest.mark.each_value
@pytest.mark.parametrize(
    ("order", "end"),
    [("limit", "stop"), ("limit", "kill"), ("market", "stop"), ("market", "stop twice"), ("venue", "stop")],
)
@pytest.mark.parametrize("seconds", [1.0, 9.0, 11.0, 30.0])
async def test_A1_an_end_while_a_fired_stop_cannot_be_sent(
    tmp_path: Path, venue: VenueWords, seconds: float, order: str, end: str
) -> None:
    """Every POST is answered 503 for so long: never clean with an open position without a stop, safe 2 s later."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with (
        open_stage(EXAMPLE, *venue.settings, f'stop_loss_order="{order}"', *NAKED, seed=3) as stage,
        anyio.create_task_group() as group,
    ):
        healed = anyio.Event()

        async def heal() -> None:
            await anyio.sleep(seconds)
            stage.sandbox.faults.clear()
            healed.set()

        async def begin() -> None:
            venue.refuse(stage, "placements")
            group.start_soon(heal)
            await fall(stage, 0.006)
            await anyio.sleep(0.2)

        if end == "kill":
            await killed(stage, home, begin)
        else:
            async with stage.open_bot(home=home) as session:
                closing = await ended(session, lambda: stop_after(session, begin, twice="twice" in end))

            assert is_honest(stage, closing, order)

            if seconds == 1 and end == "stop":  # the venue answers while the stop is still waited for
                assert not lots(stage) or stops(stage)

        assert await is_safe_in_time(stage, home, healed)
        assert not stage.sandbox.oracle.violations


async def stop_after(session: Session, begin: Any, *, twice: bool) -> None:  # a coroutine function
    """Begin, and have a person end the run, who hurries with the second word."""
    await begin()
    session.bot.request_stop()

    if twice:
        await anyio.sleep(0.1)
        session.bot.request_stop()


@pytest.mark.each_value
@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("orders", {"act": "status"}),
        ("cancels", {"when": "after", "act": "delay", "arg": 0.9}),
        ("cancels", {"act": "drop"}),
        ("placements", {"act": "drop"}),
        ("placements", {"when": "after", "act": "drop"}),
    ],
    ids=["stop refused", "cancel takes 0.9 s", "cancel lost", "order lost", "answer lost"],
)
@pytest.mark.parametrize("keys", [NAKED, FAR_TARGET], ids=["without backstop", "with backstop"])
async def test_A1_whatever_is_in_the_way_of_a_fired_stop(
    tmp_path: Path, venue: VenueWords, kind: str, what: dict[str, Any], keys: tuple[str, ...]
) -> None:
    """The end waits for the stop, leaves what it can, and never calls a position clean whose stop has fired."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with open_stage(EXAMPLE, *venue.settings, 'stop_loss_order="market"', *keys, seed=3) as stage:
        async with stage.open_bot(home=home) as session:

            async def begin() -> None:
                venue.arm(stage, kind, **what, **({"arg": venue.refused} if what["act"] == "status" else {}))
                await fall(stage, 0.0055)
                await anyio.sleep(0.1)

            closing = await ended(session, lambda: stop_after(session, begin, twice=False))

        assert is_honest(stage, closing)

        if lots(stage):
            assert closing.unproven is not None
            assert bool(stops(stage)) is ("a stop that the venue fires" in closing.unproven)

        if what["act"] == "delay":  # it comes through late: the end has waited for it
            assert not lots(stage)

        stage.sandbox.faults.clear()
        healed = anyio.Event()
        healed.set()
        assert await is_safe_in_time(stage, home, healed)


@pytest.mark.parametrize("hurries", [False, pytest.param(True, marks=pytest.mark.full)])
async def test_A1_a_venue_that_is_dead_altogether_is_told_and_not_waited_for_long(
    tmp_path: Path, venue: VenueWords, hurries: bool
) -> None:
    """Nothing can be read: position and exits are unknown, which is exit code 5, and it takes seconds."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with (
        open_stage(EXAMPLE, *venue.settings, 'stop_loss_order="market"', *NAKED, seed=3) as stage,
        stage.open_bot(home=home) as session,
    ):
        took: list[float] = []

        async def begin() -> None:
            venue.arm(stage, "all", act="drop")
            await fall(stage, 0.006)
            took.append(stage.clock.now())

        closing = await ended(session, lambda: stop_after(session, begin, twice=hurries))
        assert closing.unproven is not None
        assert "position and exits are unknown" in closing.unproven
        assert ("the dead-man switch could not be disarmed" in closing.unproven) is venue.has_switch
        assert closing.account is None
        assert stage.clock.now() - took[0] < (18 if hurries else 37)  # a last try to leave stops among it


async def test_A1_a_stop_that_fires_while_the_run_ends_is_waited_for(tmp_path: Path, venue: VenueWords) -> None:
    """The signal comes first, the fall after it: quotes are off, the stop works, and the end is flat and clean."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with (
        open_stage(EXAMPLE, *venue.settings, 'stop_loss_order="market"', *NAKED, seed=3) as stage,
        stage.open_bot(home=home) as session,
    ):

        async def act() -> None:
            session.bot.request_stop()
            await anyio.sleep(0.01)
            await fall(stage, 0.006)

        closing = await ended(session, act)
        assert is_honest(stage, closing)
        assert not lots(stage) or stops(stage)


@pytest.mark.each_value
@pytest.mark.parametrize("heals", [False, True], ids=["for good", "for 3 s"])
@pytest.mark.parametrize("kind", ["placements", "stops", "orders"])
@pytest.mark.parametrize("order", ["limit", "venue"])
async def test_A1_an_end_while_exits_wait_for_their_next_try(
    tmp_path: Path, venue: VenueWords, order: str, kind: str, *, heals: bool
) -> None:
    """The venue refuses the exits of a fill, and the market stays: they are waited for, or their absence is said."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})

    async with (
        open_stage(EXAMPLE, *venue.settings, f'stop_loss_order="{order}"', *FAR_TARGET, seed=3) as stage,
        stage.open_bot(home=home) as session,
    ):

        async def refuse_exits() -> None:
            await until(lambda: len(session.open_quotes()) == 2)
            venue.refuse(stage, kind)

        async def act() -> None:
            session.bot.request_stop()

            if heals:
                await anyio.sleep(3)
                stage.sandbox.faults.clear()

        async with anyio.create_task_group() as group:
            group.start_soon(refuse_exits)
            closing = await ended(session, act)

        assert lots(stage)
        said = closing.unproven or ""

        if heals:
            assert not said
            assert stops(stage)
            return

        is_bare = kind != "orders" and not venue.quotes_carry_stops
        lacks = {"target": kind != "stops" and venue.leaves_targets, "stop on the venue": is_bare}
        assert ("is open, without its " in said) is any(lacks.values())
        assert all((word in said.partition(";")[0]) is is_lacking for word, is_lacking in lacks.items())

        if venue.quotes_carry_stops and kind == "stops":  # the stop that the quote has brought is the backstop
            assert ("its stop could not be brought to its own level" in said) is (order == "limit")
