"""A7: hundreds of interrupts at random moments leave the state that a replay of the journal comes to."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from perpmaker.foreign_code import RUNNING, ForeignCode, Interruption
from perpmaker.model.event import BookChanged, BookSnapshot, Event
from perpmaker.model.quote import Quote, Wake
from perpmaker.risk.interface import Approved, RiskModule, Verdict
from perpmaker.risk.review import review
from perpmaker.runtime.plugin_guard import GuardedModule
from perpmaker.state.view import View
from perpmaker.testing.scene import Quoter, Scene
from perpmaker.watchdog import Watchdog

ROUNDS = 200
"""How many rounds have to be interrupted; `--full` takes five times as many."""


@attrs.define
class Busy:
    """A module that looks at everything of the view again and again, for as long as it is told to."""

    turns: Callable[[], int]

    def review(self, view: View, quote: Quote) -> Verdict:
        """Read the book through the view, which is the core's code below a plugin's."""
        found = 0

        for _ in range(self.turns()):
            found += sum(lots for _, lots in view.book.levels(quote.slot.side)) + (view.book.best_bid or 0)
            found += len([order for order in view.orders.values() if order.order.lots])

        return Approved(quote=quote)


@attrs.define
class Counted:
    """Counts the calls of a module where no interrupt reaches: outside of the wrapper."""

    guarded: RiskModule
    calls: int = 0

    def review(self, view: View, quote: Quote) -> Verdict:
        """What the module says."""
        self.calls += 1

        return self.guarded.review(view, quote)


def scene(module: Counted) -> Scene:
    """A trader whose quotes pass through a module, asked again at every batch."""
    strategy = Quoter(wake=Wake(bid_low=10_000))

    return Scene(strategy, review=lambda view, quotes: review(view, quotes, (module,)))


def guarded(module: RiskModule) -> Counted:
    """A module as the core holds it."""
    return Counted(GuardedModule(ForeignCode(kind="risk module", name="busy"), module))


def facts(scene: Scene) -> tuple[Any, ...]:
    """Everything of the state that a decision could depend on, in a form that compares."""
    state, book = scene.trader.state, scene.trader.state.book
    halves = [(sorted(half._lots.items()), half._keys) for half in (book._bids, book._asks)]

    return (
        halves,
        book.own.lots,
        [attrs.astuple(order) for order in state.orders.working()],
        dict(state.account.positions),
        scene.trader.trading_state.halted,
        state.version,
    )


def story(chance: random.Random) -> list[Sequence[Event]]:
    """A few batches of book changes around the two resting quotes."""
    batches: list[Sequence[Event]] = []

    for number in range(2):
        bids = tuple((995 - chance.randrange(5), chance.randrange(200)) for _ in range(3))
        asks = tuple((1005 + chance.randrange(5), chance.randrange(200)) for _ in range(3))
        batches.append((BookChanged(bids, asks, 2000 + number),))

    batches.append((BookSnapshot(bids=((900, 100),), asks=((905, 100),), venue_ms=3000),))

    return batches


def play(batches: Sequence[Sequence[Event]], module: Counted) -> Scene:
    """The batches at their moments, with this module."""
    played = scene(module)
    played.start()

    for batch in batches:
        played.tell(*batch, after=0.01)

    return played


@contextmanager
def shooting(dog: Watchdog) -> Iterator[threading.Event]:
    """Aim at whatever stretch of foreign code runs, all the time; the event holds fire while it is set."""
    main, ended, pause = threading.main_thread().ident, threading.Event(), threading.Event()
    assert main is not None

    def shoot() -> None:
        aim = random.Random(8)  # noqa: S311  # a moment, not a key

        while not ended.is_set():
            if RUNNING.code is not None and not pause.is_set():
                dog._aimed_at = RUNNING.serial
                signal.pthread_kill(main, signal.SIGURG)

            time.sleep(aim.random() * 0.0002)

    kept_hook = sys.unraisablehook

    def swallow(unraisable: sys.UnraisableHookArgs) -> None:
        """Let go of an interrupt that hit a destructor: Python ignores it there, and the watchdog aims again."""
        if not isinstance(unraisable.exc_value, Interruption):
            kept_hook(unraisable)

    thread = threading.Thread(target=shoot, daemon=True)
    before, interval = signal.signal(signal.SIGURG, dog._interrupt), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    sys.unraisablehook = swallow
    thread.start()

    try:
        yield pause
    finally:
        ended.set()
        thread.join()
        sys.setswitchinterval(interval)
        sys.unraisablehook = kept_hook
        signal.signal(signal.SIGURG, before)


def test_A7_interrupts_at_random_moments_leave_the_state_of_a_replay(full: bool) -> None:
    """Whatever moment of `review` they hit, the state is what the same events, with that failure, come to again."""
    chance = random.Random(7)  # noqa: S311  # a story, not a key
    interrupted = played_rounds = 0
    rounds = 5 * ROUNDS if full else ROUNDS

    with shooting(Watchdog(lambda _: None)) as pause:
        while interrupted < rounds and played_rounds < 5 * rounds:
            batches = story(chance)
            busy = guarded(Busy(lambda: chance.randrange(30)))
            pause.clear()
            played = play(batches, busy)
            pause.set()
            played_rounds += 1
            interrupted += played.trader.trading_state.halted is not None
            check_replay(played, batches, busy.calls)

    assert interrupted >= rounds


def check_replay(played: Scene, batches: Sequence[Sequence[Event]], calls: int) -> None:
    """The same batches again, the module failing at the call that was interrupted: every fact of the state is equal."""
    halted = played.trader.trading_state.halted
    again = play(batches, guarded(Scripted(fails_at=None if halted is None else calls)))

    assert again.trader.trading_state.halted == halted
    assert facts(again) == facts(played)


@attrs.define
class Scripted:
    """Approves, and at one call raises what the interrupted run was told of."""

    fails_at: int | None
    calls: int = 0

    def review(self, view: View, quote: Quote) -> Verdict:
        """As it went."""
        del view
        self.calls += 1

        if self.calls == self.fails_at:
            raise Interruption("it did not come back for 5 s and was interrupted")

        return Approved(quote=quote)
