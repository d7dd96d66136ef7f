"""A whole bot with observers: what they are told of it, and that the worst of them change nothing of it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.plugins.declarations import ObserverDeclaration
from perpmaker.plugins.observer import Happening
from perpmaker.runtime import observer_thread
from perpmaker.runtime.observers import About, Observers
from perpmaker.secret import References
from perpmaker.testing.session import Session, open_session
from perpmaker.testing.virtual import virtual_backend

FILE = Path(__file__).parents[1] / "practice.toml"


@attrs.frozen
class Calls:
    """An observer that calls a function."""

    call: Callable[[Happening], object]

    def observe(self, happening: Happening) -> None:
        """Call it."""
        self.call(happening)


def shout(happening: Happening) -> None:
    """Print, and change how this thread calculates."""
    import decimal  # noqa: PLC0415  # as a plugin's author might

    decimal.getcontext().prec = 2
    print(happening)  # noqa: T201  # what the test is about


def traded(*calls: Callable[[Happening], object], release: Callable[[], None]) -> tuple[list[str], list[str]]:
    """A session of 6 s of one seed, with these observers: what became of every order, and what a person was told.

    `release` is called once nothing is traded any more.
    """

    async def scenario() -> tuple[list[str], list[str]]:
        async with open_session(FILE, seed=2) as session:
            told: list[str] = []
            observe(session, told, *calls)
            await session.run(6)
            trace = list(session.trace)  # on virtual time the market goes on while threads are waited for
            release()
            await session.bot.observers.close(300.0)

            return trace, told

    name, options = virtual_backend()

    return anyio.run(scenario, backend=name, backend_options=options)


def observe(session: Session, told: list[str], *calls: Callable[[Happening], object]) -> None:
    """Give a bot observers."""
    session.bot.observers = observers = Observers(told.append, About(bot="practice", market="BTC-USDT"))

    for call in calls:
        declaration = ObserverDeclaration(name="tide", summary="T", settings=object, build=lambda *_, c=call: Calls(c))
        observers.add(declaration, object(), References(Path()), lambda _: None)


def test_observers_are_told_everything_and_the_broken_ones_change_nothing(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One raises, one ends its thread, one prints, one never comes back: every order is the same as without them.

    A good one beside them is told of quotes, fills and exits with their figures.
    """
    monkeypatch.setattr(observer_thread, "monotonic", lambda: 0.0)  # none is late, however long the session takes
    never = threading.Event()
    seen: list[Happening] = []

    def raises(_: Happening) -> None:
        raise ValueError("no")

    def leaves(_: Happening) -> None:
        raise SystemExit(0)

    def waits(_: Happening) -> None:
        never.wait()

    alone, _ = traded(release=never.clear)
    beside, told = traded(raises, leaves, shout, waits, seen.append, release=never.set)

    assert len(alone) >= 5
    assert beside == alone
    assert sum("it is turned off, trading goes on" in line for line in told) == 2
    assert "Happening(" in capsys.readouterr().out

    kinds = Counter(one.kind for one in seen)
    fills = [one for one in seen if one.kind == "fill"]
    assert kinds["quote"] >= 2
    assert kinds["exit"] > 0
    assert [one.text for one in fills] == [line for line in told if ", fee " in line] != []
    assert {one.facts["purpose"] for one in fills} <= {"quote", "take_profit", "stop_loss", "venue_stop", "close"}
    assert {one.facts["change"] for one in seen if one.kind == "quote"} >= {"placed"}
    assert all(json.dumps(one.plain()) for one in seen)
