"""`status`, `why`, `stop` and `flatten` from a second shell: to a bot that answers, that is gone, or that hangs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio.from_thread import start_blocking_portal
from click.testing import CliRunner, Result

from perpmaker.cli import perpmaker
from perpmaker.cli.ending import worst
from perpmaker.control.card import Card
from perpmaker.control.last_words import write_last_words
from perpmaker.control.server import open_control
from perpmaker.errors import AmbiguousBotError, BotUnansweredError, UnknownBotError
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.report.status import EndStatus, LevelStatus, ReasonStatus, Status, as_plain

AT = "2026-11-30T22:00:00.000Z"
CARD = Card(
    id="0123456789abcdef",
    name="sandbox:BTC-USDT",
    file="/home/me/sandbox.toml",
    environment="sandbox",
    venue="binance_perpetual",
    market="BTC-USDT",
    pid=os.getpid(),
    since=AT,
)
OTHER = attrs.evolve(CARD, id="fedcba9876543210", name="eth:ETH-USDT", file="/home/me/eth.toml", market="ETH-USDT")


def level(name: str, state: str, reason: str) -> LevelStatus:
    """A level with one reason."""
    return LevelStatus(
        level=name,
        side=name.partition(" ")[0] if name[-1].isdigit() else "sell",
        position_side="net",
        state=state,
        price=Decimal(60000) if state == "open" else None,
        reasons=(ReasonStatus(rule="reference", text="mid"), ReasonStatus(rule="spread", text=reason)),
    )


def status_of(card: Card) -> Status:
    """What the bot of a card says."""
    return Status(
        name=card.name,
        environment=card.environment,
        venue=card.venue,
        market=card.market,
        account="8f3a",
        file=card.file,
        pid=card.pid,
        run_id="abc",
        running=True,
        since=AT,
        at="2026-11-30T22:00:41.000Z",
        mode="run",
        mode_reason="",
        tick=Decimal("0.1"),
        quotes=(level("buy 0", "open", "below"),),
        withheld=(level("sell 0", "withheld", "held"), level("sell 1", "withheld", "too far")),
        exits=(level("target", "open", "profit"), level("stop on the venue", "open", "backstop")),
    )


@attrs.define
class Bot:
    """A bot that answers, and ends when it is asked to: `code` is its exit code, None for one without last words."""

    card: Card
    home: StateDir
    code: int | None = 0
    stack: ExitStack = attrs.field(factory=ExitStack)
    asked: list[Mapping[str, Any]] = attrs.field(factory=list)

    async def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Say how it stands."""
        self.asked.append(request)

        return {"status": as_plain(status_of(self.card))}

    async def end(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """End, with last words."""
        self.asked.append(request)

        if self.code is not None:
            ended = EndStatus(at=AT, exit_code=self.code, stop_reason="stop", left="0 quotes, 2 exits, position 0.01")
            write_last_words(self.home, attrs.evolve(status_of(self.card), ended=ended))

        self.stack.close()

        return {"stopping": True}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDir:
    """A state directory of its own, which commands find."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))

    return open_state_dir(os.environ)


@pytest.fixture
def start(home: StateDir) -> Iterator[Callable[[Bot], Bot]]:
    """Starts bots that answer."""
    with start_blocking_portal("asyncio") as portal, ExitStack() as stack:

        @contextmanager
        def serving(bot: Bot) -> Iterator[None]:
            with open_control(home, bot.card) as server:
                server.handlers.update(status=bot.answer, stop=bot.end, flatten=bot.end)
                task = portal.start_task_soon(server.serve, lambda _: None)
                stack.callback(task.cancel)
                bot.stack.callback(lambda: None)
                yield

        def begin(bot: Bot) -> Bot:
            context = serving(bot)
            bot.stack.enter_context(context)
            stack.callback(bot.stack.close)
            return bot

        yield begin


def run(*words: str) -> Result:
    """A command, and what came of it."""
    return CliRunner().invoke(perpmaker, list(words))


def test_status_of_the_only_bot_needs_no_name_and_json_has_its_fields(
    home: StateDir, start: Callable[[Bot], Bot]
) -> None:
    """A page for people, and for programs one object whose keys are the fields of a status."""
    start(Bot(CARD, home))
    page = run("status")
    assert page.exit_code == 0
    assert page.stdout.startswith("sandbox binance_perpetual BTC-USDT  RUN  for 41 s\n")
    assert json.loads(run("status", "sandbox", "--json").stdout) == as_plain(status_of(CARD))
    assert set(as_plain(status_of(CARD))) == {field.name for field in attrs.fields(Status)}  # type: ignore[call-overload]


def test_several_bots_are_listed_and_a_name_finds_one(home: StateDir, start: Callable[[Bot], Bot]) -> None:
    """Without a name: a table, or a list for programs. A name that several have is refused with the list."""
    start(Bot(CARD, home))
    start(Bot(OTHER, home))
    listing = run("status").stdout.splitlines()
    assert [line.split()[1] for line in listing if line.startswith("sandbox")] == ["eth:ETH-USDT", "sandbox:BTC-USDT"]
    assert [one["name"] for one in json.loads(run("status", "--json").stdout)] == ["eth:ETH-USDT", "sandbox:BTC-USDT"]
    assert "eth:ETH-USDT" in run("status", "ETH-USDT").stdout
    several = run("status", str(os.getpid()))
    assert isinstance(several.exception, AmbiguousBotError)
    assert "eth:ETH-USDT  sandbox  pid" in str(several.exception)


def test_funding_alone_under_both_spellings(home: StateDir, start: Callable[[Bot], Bot]) -> None:
    """`--funding_rate` is what users of other programs type."""
    start(Bot(CARD, home))
    assert run("status", "--funding-rate").stdout == run("status", "--funding_rate").stdout
    assert [*json.loads(run("status", "--funding-rate", "--json").stdout)] == [
        "name",
        "market",
        "at",
        "mark",
        "positions",
        "funding",
    ]


def test_why_shows_all_levels_or_those_that_are_meant(home: StateDir, start: Callable[[Bot], Bot]) -> None:
    """A level by its name, its side, its number, or an exit by its beginning; another one is refused with the list."""
    start(Bot(CARD, home))
    page = run("why").stdout
    assert page.index("buy 0  open") < page.index("sell 0  withheld") < page.index("target  open")
    assert "  reference: mid\n  spread: held\n" in page

    def levels(*words: str) -> list[str]:
        return [one["level"] for one in json.loads(run("why", *words, "--json").stdout)["levels"]]

    assert levels("--level", "buy 0") == levels("--level", "BID 0") == levels("--level", "buy") == ["buy 0"]
    assert levels("--level", "0") == ["buy 0", "sell 0"]
    assert levels("--level", "sell") == levels("--level", "ask") == ["sell 0", "sell 1"]
    assert levels("sandbox", "--level", "sell1") == ["sell 1"]
    assert levels("--level", "stop") == ["stop on the venue"]

    for nothing in ("", " "):
        assert run("why", "--level", nothing).exit_code == 2

    wrong = run("why", "--level", "sell 7")
    assert wrong.exit_code == 2
    assert "Its levels: buy 0, sell 0, sell 1, target, stop on the venue." in " ".join(wrong.stderr.split())


def test_a_bot_that_is_gone_is_told_by_its_last_words(home: StateDir) -> None:
    """Both commands say that nobody runs; one that did not live to end says that."""
    write_last_words(home, status_of(CARD))
    page = run("status", "sandbox")
    assert page.exit_code == 0
    assert "NOT RUNNING  as of 2026-11-30 22:00:41Z" in page.stdout
    assert "it did not live to say how it ended" in page.stdout
    reasons = run("why", "sandbox", "--level", "sell 0")
    assert "NOT RUNNING" in reasons.stdout
    assert "does not run, and did not live to say how it ended" in " ".join(reasons.stderr.split())
    assert json.loads(run("why", "--json").stdout)["running"] is False
    assert "killed" in run("status").stdout or "NOT RUNNING" in run("status").stdout


@pytest.mark.usefixtures("home")
def test_where_no_bot_is_known_that_is_said() -> None:
    """Nothing has run here; a name that nobody has ever had is wrong."""
    assert run("status").stdout == "No bot runs, and none has run here. Start one: perpmaker run CONFIG\n"
    assert json.loads(run("status", "--json").stdout) == []
    assert isinstance(run("status", "doge").exception, UnknownBotError)
    assert isinstance(run("why").exception, UnknownBotError)
    assert isinstance(run("stop").exception, UnknownBotError)
    everyone = run("stop", "--all")
    assert (everyone.exit_code, everyone.stderr) == (0, "no bot runs\n")


@pytest.mark.parametrize("command", ["stop", "flatten"])
def test_stop_waits_for_the_end_and_has_its_exit_code(
    command: str, home: StateDir, start: Callable[[Bot], Bot]
) -> None:
    """What is left is said, and the exit code is the bot's own."""
    bot = start(Bot(CARD, home, code=5))
    ended = run(command, "sandbox")
    assert ended.exit_code == 5
    assert (
        ended.stdout == "sandbox:BTC-USDT has ended, exit code 5; left on the venue: 0 quotes, 2 exits, position 0.01\n"
    )
    assert bot.asked == [{"command": command, "pid": os.getpid(), "hurry": False}]
    again = run(command, "sandbox")
    assert isinstance(again.exception, UnknownBotError)
    assert str(again.exception) == f"sandbox:BTC-USDT is not running: it ended at {AT}"


def test_stop_takes_several_or_all_and_tells_the_gravest_code(home: StateDir, start: Callable[[Bot], Bot]) -> None:
    """Each is asked before any is waited for."""
    start(Bot(CARD, home, code=0))
    start(Bot(OTHER, home, code=None))
    both = run("stop", "--all", "--json")
    assert both.exit_code == 5
    told = {one["name"]: one for one in json.loads(both.stdout)}
    assert told["sandbox:BTC-USDT"]["exit_code"] == 0
    assert told["eth:ETH-USDT"]["ended"] is False
    assert told["eth:ETH-USDT"]["left"] is None
    assert run("stop", "sandbox", "--all").exit_code == 2
    assert [worst(codes) for codes in ([], [0, 0], [0, 7], [7, 5], [3, 1], [9, 0])] == [0, 0, 7, 5, 1, 9]


def test_a_bot_that_does_not_end_or_answer_is_told_with_what_does_it(
    home: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is over: `panic` ends it all the same."""
    monkeypatch.setattr("perpmaker.cli.ending.ASK_S", 0.2)
    monkeypatch.setattr("perpmaker.cli.bots.STATUS_S", 0.2)

    with open_control(home, CARD):
        waiting = run("stop", "--wait", "0.2")
        assert waiting.exit_code == 5
        assert "runs and does not answer" in waiting.stderr
        assert "perpmaker panic sandbox:BTC-USDT" in waiting.stderr
        hung = run("status")
        assert isinstance(hung.exception, BotUnansweredError)


def test_a_bot_that_ends_just_now_is_told_by_its_last_words(home: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its card was there, and it was gone before it could answer: that is no bot that hangs."""
    write_last_words(home, status_of(CARD))
    monkeypatch.setattr("perpmaker.cli.bots.read_cards", lambda _: [CARD])
    assert "NOT RUNNING" in run("status").stdout
    assert "NOT RUNNING" in run("status", "sandbox").stdout


def test_to_watch_ends_once_nobody_reads_on(home: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pager that was left, or `| head`: no process stays behind that asks for ever."""
    write_last_words(home, status_of(CARD))
    gone = iter([False, False, True])
    monkeypatch.setattr("perpmaker.cli.status.WATCH_S", 0.0)
    monkeypatch.setattr("perpmaker.cli.status.is_reader_gone", lambda: next(gone))
    watched = run("status", "--watch", "--json")
    assert [json.loads(line)["name"] for line in watched.stdout.splitlines()] == [CARD.name, CARD.name]
