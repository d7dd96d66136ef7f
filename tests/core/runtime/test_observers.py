"""Observers that are broken in every way: each is contained, named, turned off, and changes nothing else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker.errors import ConfigurationError, PluginFaultError, Problem
from perpmaker.plugins.declarations import ObserverDeclaration
from perpmaker.plugins.observer import KINDS, Activity, Happening, Kind
from perpmaker.runtime import observer_thread
from perpmaker.runtime.observers import About, Observers
from perpmaker.secret import References

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Threads live in real time."""
    return "asyncio"


@attrs.frozen(kw_only=True)
class Settings:
    """No settings."""


class Good:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[Happening] = []
        self.is_closed = False

    def observe(self, happening: Happening) -> None:
        """Keep it."""
        self.seen.append(happening)

    def close(self) -> None:
        """The run is over."""
        self.is_closed = True


@attrs.frozen
class Broken:
    """Does something when it is told of anything."""

    behave: Callable[[], object]

    def observe(self, _: Happening) -> None:
        """Do it."""
        self.behave()


class Clocks:
    """The time that goes by for observers, and what they have had of the processor."""

    def __init__(self) -> None:
        self.waited_s = self.used_s = 0.0
        self.is_over = threading.Event()


class Rig:
    """Observers, what a person was told, and the faults for the traceback file."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.faults: list[PluginFaultError] = []
        self.good = Good()
        self.all = Observers(self.told.append, About(bot="btc", market="BTC-USDT", venue="moon"))

    def add(self, build: Callable[..., Any], kinds: tuple[Kind, ...] = KINDS) -> None:
        """Begin an observer of the distribution `tides 1.0`."""
        declaration = ObserverDeclaration(
            name="tide", summary="T", settings=Settings, build=build, kinds=kinds, distribution="tides 1.0"
        )
        self.all.add(declaration, Settings(), References(Path()), self.faults.append)

    def is_good_idle(self) -> bool:
        """Whether the good observer has taken something, and is called by nobody now."""
        return bool(self.good.seen) and self.all._threads[0]._call is None

    def until(self, condition: Callable[[], object], within_s: float = 300.0) -> None:
        """Wait for threads, as the bot looks at them."""
        until = time.monotonic() + within_s

        while not condition():
            assert time.monotonic() < until, self.told
            time.sleep(0.002)

            for thread in self.all._threads:
                thread.look()


@pytest.fixture
def rig() -> Iterator[Rig]:
    """Observers whose good one is begun first."""
    rig = Rig()
    rig.add(lambda *_: rig.good)

    yield rig

    for thread in rig.all._threads:
        thread.end()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clocks]:
    """The clocks by which observers are judged stand still, so that none is late because the machine is busy."""
    clocks = Clocks()
    monkeypatch.setattr(observer_thread, "monotonic", lambda: clocks.waited_s)
    monkeypatch.setattr(observer_thread, "clock_gettime", lambda _: clocks.used_s)
    monkeypatch.setattr(observer_thread, "TRIES", 1_000_000)  # as often as this test looks, which is all the time

    yield clocks

    clocks.is_over.set()


def fail(error: BaseException) -> Callable[[], None]:
    """Something that raises."""

    def behave() -> None:
        raise error

    return behave


class Unspeakable(Exception):  # noqa: N818  # a plugin's own
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        """Fail."""
        raise ValueError("no words")


RAISED = [
    ValueError("low water"),
    SystemExit(0),
    KeyboardInterrupt(),
    GeneratorExit(),
    MemoryError(),
    BaseException("anything"),
    RecursionError("deep"),
    Unspeakable(),
    ConfigurationError((Problem(file="configuration", key="a secret", allowed="is not there"),)),
]


async def test_an_observer_that_raises_is_turned_off_and_named(rig: Rig) -> None:
    """Whatever it raises, SystemExit and KeyboardInterrupt included; it is asked once, and the good one goes on."""
    calls: list[int] = []

    for number, error in enumerate(RAISED):
        rig.add(lambda *_, error=error, number=number: Broken(lambda: (calls.append(number), fail(error)())))

    for _ in range(3):
        rig.all.note("fill", "bought")

    rig.until(lambda: len(rig.told) >= len(RAISED) and len(rig.good.seen) >= 3)
    await rig.all.close(300.0)

    assert sorted(calls) == list(range(len(RAISED)))
    assert all("observer tide of tides 1.0" in line for line in rig.told)
    assert all("it is turned off, trading goes on" in line for line in rig.told)
    assert [one.text for one in rig.good.seen if one.kind == "fill"] == ["bought"] * 3
    assert any("ValueError: low water" in fault.detail for fault in rig.faults)


async def test_an_observer_that_cannot_be_built_is_turned_off(rig: Rig) -> None:
    """It raises, ends the thread, or returns what is no observer."""
    rig.add(lambda *_: fail(ImportError("no library"))())
    rig.add(lambda *_: sys.exit(0))
    rig.add(lambda *_: None)
    rig.until(lambda: len(rig.told) == 3)

    assert "ImportError: no library" in "".join(rig.told)
    assert "build returned NoneType, which has no observe()" in "".join(rig.told)


async def test_an_observer_that_computes_for_ever_is_interrupted(rig: Rig, clocks: Clocks) -> None:
    """Its thread ends; what it asked for in `finally` is still done; the bot's thread was never waited for."""
    begun: list[bool] = []
    ended: list[bool] = []

    def compute() -> None:
        try:
            begun.append(True)

            while True:
                pass
        finally:
            ended.append(True)

    rig.add(lambda *_: Broken(compute))
    rig.all.note("fill", "bought")
    rig.until(lambda: begun and rig.is_good_idle())
    assert not ended
    clocks.used_s = 3.0
    rig.until(lambda: ended)
    rig.until(lambda: not rig.all._threads[1].is_alive)

    assert "computes for 3 s and does not come back: it is turned off" in rig.told[0]
    assert len(rig.told) == 1


async def test_an_observer_that_waits_for_ever_is_left_behind(rig: Rig, clocks: Clocks) -> None:
    """A lock that nobody releases, a socket that nobody writes to: the end of the run does not wait for it."""
    lock = threading.Lock()
    begun: list[bool] = []
    lock.acquire()
    rig.add(lambda *_: Broken(lambda: (begun.append(True), lock.acquire())))
    rig.all.note("fill", "bought")
    rig.until(lambda: begun and rig.is_good_idle())
    clocks.waited_s = 31.0
    rig.until(lambda: rig.told)
    assert "is waiting for 31 s and does not come back: it is turned off" in rig.told[0]

    await rig.all.close(300.0)
    assert rig.all._threads[1].is_alive
    assert rig.good.is_closed
    lock.release()


async def test_an_observer_that_swallows_interruptions_is_given_up(
    rig: Rig, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is interrupted some times, that it cannot be is told once, and nothing waits for it."""
    monkeypatch.setattr(observer_thread, "TRIES", 3)
    begun: list[bool] = []

    def spin() -> None:  # apart from its handler: CPython 3.13 has the end of a loop outside of the `try` around it
        while not clocks.is_over.is_set():
            pass

    def compute() -> None:
        begun.append(True)

        while not clocks.is_over.is_set():
            try:
                spin()
            except BaseException:  # noqa: BLE001, S112  # what the test is about
                continue

    rig.add(lambda *_: Broken(compute))
    rig.all.note("fill", "bought")
    rig.until(lambda: begun and rig.is_good_idle())
    clocks.used_s = 3.0
    rig.until(lambda: len(rig.told) == 2)

    assert "cannot be interrupted: it is left as it is" in rig.told[1]


async def test_nothing_of_ours_is_interrupted(rig: Rig, clocks: Clocks) -> None:
    """An observer whose own call is inside of the core is not interrupted there: a lock might stay taken for ever."""
    held = threading.Event()
    inside: list[str] = []

    def hold(text: str) -> None:
        if "holds" in text:
            inside.append(text)
            held.wait()
            inside.append("whole")

    rig.all = Observers(hold, About())
    contexts: list[Any] = []
    rig.add(lambda _, context: contexts.append(context) or Broken(lambda: context.tell("it holds our lock")))
    rig.all.note("fill", "bought")
    rig.until(lambda: inside)
    clocks.waited_s = 31.0
    rig.until(lambda: rig.all._threads[0]._tries >= 5)

    held.set()
    rig.until(lambda: len(inside) == 2)


async def test_an_observer_that_does_not_keep_up_misses_quotes_first(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for it is bounded, what is dropped is counted and told at the end, and room is left for a fill."""
    monkeypatch.setattr(observer_thread, "MOST", 10)
    monkeypatch.setattr(observer_thread, "MOST_FREQUENT", 3)
    go = threading.Event()
    seen: list[str] = []

    class Slow:
        def observe(self, happening: Happening) -> None:
            go.wait()
            seen.append(happening.kind)

    rig.add(lambda *_: Slow())

    for kind, times in (("quote", 50), ("fill", 2)):
        for _ in range(times):
            rig.all.note(kind, "x")  # type: ignore[arg-type]  # of those above

    go.set()
    await rig.all.close(300.0)

    assert seen.count("fill") == 2
    assert 3 <= seen.count("quote") <= 4
    assert sum("does not keep up" in line for line in rig.told) >= 1
    assert any(f"was not told {rig.all._threads[1].dropped} things" in line for line in rig.told)


async def test_an_observer_gets_what_it_asks_for_frozen_and_dated(rig: Rig) -> None:
    """The kinds of its declaration alone, as a value that nobody can change, with money as it is."""
    fills = Good()
    rig.add(lambda *_: fills, ("fill",))
    facts = {"price": Decimal("60000.10"), "maker": True}
    rig.all.say((Activity(kind="fill", text="quote: bought", facts=facts), Activity(kind="exit", text="placed")))
    rig.all.tell("a line")
    await rig.all.close(300.0)

    assert [(one.kind, one.text) for one in fills.seen] == [("fill", "quote: bought")]
    assert [one.kind for one in rig.good.seen] == ["fill", "exit", "notice"]
    assert rig.told == ["quote: bought", "placed", "a line"]
    assert fills.is_closed
    (happening,) = fills.seen

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        happening.text = "sold"  # type: ignore[misc]  # what the test is about

    with pytest.raises(TypeError):
        happening.facts["price"] = 1  # type: ignore[index]  # the same

    plain = happening.plain()
    assert (plain["price"], plain["maker"], plain["bot"], plain["venue"]) == ("60000.10", True, "btc", "moon")
    assert plain["at"].endswith("Z")
    assert abs(time.time() - happening.at_ms / 1000) < 60


async def test_what_nobody_asks_for_is_not_made() -> None:
    """Without an observer there is only the person, who is told the lines that are for a person."""
    told: list[str] = []
    observers = Observers(told.append)
    observers.say((Activity(kind="fill", text="bought"), Activity(kind="stop", text="executed", is_told=False)))

    assert told == ["bought"]
    assert not any(map(observers.wants, KINDS))
    await observers.watch()
    await observers.close()


async def test_what_an_observer_has_told_is_named_and_told_once(rig: Rig) -> None:
    """A line that comes again and again is one line, and it cannot fill the terminal."""

    def build(_: Settings, context: Any) -> Good:
        for number in range(100):
            context.tell("it answers 500")
            context.tell(f"number {number}")

        return Good()

    rig.add(build)
    rig.until(lambda: len(rig.told) >= 20)
    await rig.all.close(300.0)

    assert len(rig.told) == 20
    assert rig.told[0] == "observer tide of tides 1.0: it answers 500"
