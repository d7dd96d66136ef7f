"""The desk of a run: what it answers before there is a bot, how it is stopped, and what it says last."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from perpmaker.cli.desk import Desk, open_desk
from perpmaker.cli.handle import Handle
from perpmaker.cli.run_end import Course, Ended
from perpmaker.cli.screen import Screen
from perpmaker.cli.verdict import exit_code_of, left_words
from perpmaker.config.loading import load_configuration
from perpmaker.control.card import read_cards
from perpmaker.control.last_words import read_last_words
from perpmaker.errors import (
    AuthenticationError,
    BotRefusedError,
    ExitCode,
    LockedError,
    StopNotProvenError,
    TaskEndedError,
)
from perpmaker.exits.settings import ExitSettings
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.plugins.catalog import load_catalog
from perpmaker.report.status_of_bot import BotFacts
from perpmaker.runtime.supervisor import Supervisor

FILE = Path(__file__).parents[2] / "practice.toml"

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path) -> StateDir:
    """A state directory of its own."""
    return open_state_dir({"PERPMAKER_HOME": str(tmp_path / "home")})


class Stopped:
    """Stands in for a bot: remembers how it was asked to stop."""

    def __init__(self) -> None:
        self.asked: list[bool] = []
        self.noted: list[str] = []
        self.unproven = None
        self.journal = SimpleNamespace(record_notice=lambda text, _: self.noted.append(text))

    def request_stop(self, *, close: bool = False) -> None:
        """Remember it."""
        self.asked.append(close)


def desk_of(home: StateDir, bot: Any = None) -> Desk:
    """A desk of a run whose bot is this one."""
    facts = BotFacts(
        name="practice:BTC-USDT",
        file=FILE,
        environment="sandbox",
        venue="binance_perpetual",
        market="BTC-USDT",
        pid=4711,
        began_ms=1_767_225_600_000,
        exits=ExitSettings(),
    )
    screen = Screen(is_terminal=False)
    handle = Handle(
        close=False, seconds=None, scope=anyio.CancelScope(), bot=cast("Supervisor | None", bot), tell=screen.tell
    )

    return Desk(facts=facts, handle=handle, screen=screen, home=home)


async def test_before_there_is_a_bot_the_last_line_says_what_is_waited_for(home: StateDir) -> None:
    """A venue that cannot be reached shows in the status, and the run can be stopped."""
    desk = desk_of(home)
    desk.screen.tell("sandbox: cannot be reached. It is tried again until it answers.")
    status = desk.status()
    assert (status.mode, status.running, status.account, status.pid) == ("start", True, None, 4711)
    assert status.mode_reason == "sandbox: cannot be reached. It is tried again until it answers."
    answer = await desk.commands()["stop"]({"command": "stop", "pid": 7})
    assert answer == {"stopping": True, "was_stopping": False, "close": False}
    assert desk.handle.scope.cancel_called
    assert desk.handle.stop_reason == "stop"
    assert [text for _, text in desk.screen.told][-1] == "stop was asked for by process 7"


async def test_stop_is_asked_once_and_hurries_only_where_that_is_meant(home: StateDir) -> None:
    """A second `stop` of somebody who is impatient is no second Ctrl-C; with --hurry it is."""
    bot = Stopped()
    desk = desk_of(home, bot)
    assert (await desk.commands()["stop"]({"pid": 7}))["was_stopping"] is False
    assert (await desk.commands()["stop"]({"pid": 8}))["was_stopping"] is True
    assert bot.asked == [False]
    assert bot.noted == ["stop was asked for by process 7"]
    await desk.commands()["stop"]({"pid": 8, "hurry": True})
    assert bot.asked == [False, False]


async def test_flatten_closes_and_is_refused_where_it_would_close_nothing_more(home: StateDir) -> None:
    """A bot that stops already closes no position: whoever wants that is told, and not left in belief."""
    bot = Stopped()
    desk = desk_of(home, bot)
    assert (await desk.commands()["flatten"]({}))["close"] is True
    assert bot.asked == [True]
    assert (await desk.commands()["flatten"]({}))["was_stopping"] is True
    assert bot.asked == [True]

    other = desk_of(home, Stopped())
    await other.commands()["stop"]({})

    with pytest.raises(BotRefusedError, match=r"it is stopping already \(stop\), and closes nothing more"):
        await other.commands()["flatten"]({})


async def test_what_fails_beside_trading_is_told_once_and_ends_nothing(home: StateDir) -> None:
    """A status that cannot be made is a mistake of ours; money goes on."""
    desk = desk_of(home)

    for _ in range(2):
        with desk.beside():
            raise ZeroDivisionError("a bug")

    with desk.beside():
        raise OSError("a full disk")

    assert [text for _, text in desk.screen.told] == [
        "its status cannot be told (ZeroDivisionError: a bug); trading goes on"
    ]


async def test_the_card_is_there_while_it_runs_and_last_words_afterwards(home: StateDir) -> None:
    """Also where the run ends by an error, whose exit code it has."""
    configuration = load_configuration(FILE, (), load_catalog())
    screen = Screen(is_terminal=False)
    handle = Handle(close=False, seconds=None, scope=anyio.CancelScope(), tell=screen.tell)

    async def fail() -> None:
        async with open_desk(configuration, handle, screen, home, Course()):
            (card,) = read_cards(home)
            assert (card.name, card.file, card.market) == ("practice:BTC-USDT", str(FILE.resolve()), "BTC-USDT")
            raise AuthenticationError("no such key", code="-2015")

    with pytest.raises(BaseExceptionGroup) as caught:
        await fail()

    assert caught.group_contains(AuthenticationError)
    assert read_cards(home) == []
    (last,) = read_last_words(home)
    assert last.ended is not None
    assert (last.ended.exit_code, last.ended.stop_reason) == (3, "error")
    assert last.ended.left == "nothing: nothing was sent"


async def test_without_a_socket_it_trades_all_the_same(home: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full, or a system that has no such sockets: said, and nothing more."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("perpmaker.cli.desk.open_control", refuse)
    screen = Screen(is_terminal=False)
    handle = Handle(close=False, seconds=None, scope=anyio.CancelScope(), tell=screen.tell)
    configuration = load_configuration(FILE, (), load_catalog())

    async with open_desk(configuration, handle, screen, home, Course()) as desk:
        assert desk.server is None
        assert desk.status().mode == "start"

    assert [text for _, text in screen.told] == [
        "no control socket could be made (No space left on device): stop this run by a signal"
    ]


def ended(**changes: Any) -> Ended:
    """How a run has ended: clean, unless something else is said."""
    summary = SimpleNamespace(position=0, open_orders_left=0, exits_left=0)

    return Ended(
        **{
            "summary": cast("Any", summary),
            "page": "",
            "unproven": None,
            "halted": None,
            "halt_code": ExitCode.HALTED,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("course", "error", "code"),
    [
        (Course(ended=ended()), None, ExitCode.OK),
        (Course(ended=ended(unproven="2 quotes"), unproven="2 quotes"), None, ExitCode.NOT_PROVEN_CLEAN),
        (Course(), LockedError("taken"), ExitCode.FILE),
        (Course(), ExceptionGroup("", [StopNotProvenError("left"), LockedError("taken")]), ExitCode.NOT_PROVEN_CLEAN),
        (Course(), TaskEndedError("ended"), ExitCode.PLUGIN),
        (Course(), KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (Course(bot=cast("Supervisor", Stopped()), unproven="left"), ValueError("a bug"), ExitCode.NOT_PROVEN_CLEAN),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (Course(ended=ended(halted="a fault", halt_code=ExitCode.PLUGIN)), None, ExitCode.PLUGIN),
                (Course(), None, ExitCode.INTERRUPTED),
                (Course(), ZeroDivisionError("a bug"), ExitCode.BUG),
            )
        ),
    ],
)
def test_the_exit_code_that_is_told_elsewhere_is_that_of_the_command(
    course: Course, error: BaseException | None, code: ExitCode
) -> None:
    """Whoever waits for the end in another shell is told what the command ends with."""
    assert exit_code_of(course, error) is code


def test_what_is_left_is_said_in_words() -> None:
    """Nothing, something, or nobody knows."""
    assert left_words(Course()) == "nothing: nothing was sent"
    assert left_words(Course(bot=cast("Supervisor", Stopped()))) == "unknown: look at the venue"
    assert left_words(Course(ended=ended())) == "0 quotes, 0 exits, flat"
