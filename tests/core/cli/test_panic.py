"""`perpmaker panic` and `resume` as a person and as a program see them; what they do is tested where it is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import attrs
import click
import pytest
from click.testing import CliRunner, Result

from perpmaker.cli import bot_choice, perpmaker
from perpmaker.cli import panic as module
from perpmaker.cli import resume as resuming
from perpmaker.errors import (
    AmbiguousBotError,
    ConfigurationError,
    ExitCode,
    LockedError,
    Problem,
    UnknownBotError,
)
from perpmaker.journal.state_dir import Key, StateDir
from perpmaker.launch.known_bots import KnownBot
from perpmaker.launch.panic import Cleared
from perpmaker.launch.release import Released

EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
BOT = KnownBot(
    name="sandbox:BTC-USDT",
    file=str(EXAMPLE),
    environment="sandbox",
    venue="binance_perpetual",
    market="BTC-USDT",
    key=Key(environment="sandbox", venue="binance_perpetual", account="a@127.0.0.1:1", market="BTC-USDT"),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own bots is seen."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))


def known(monkeypatch: pytest.MonkeyPatch, *bots: KnownBot) -> None:
    """Let these be the bots of this machine."""
    monkeypatch.setattr(bot_choice, "known_bots", lambda _: list(bots))


def panicked(monkeypatch: pytest.MonkeyPatch, found: Cleared, *words: str) -> Result:
    """Call it where this is what comes of it."""
    known(monkeypatch, BOT)

    async def answer(*_: object, **__: object) -> Cleared:
        return found

    monkeypatch.setattr(module, "_clear", answer)

    return CliRunner().invoke(perpmaker, ["panic", "sandbox", *words])


def test_the_verdict_is_the_first_line_and_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """5 where something is not proven; what is left is said in words."""
    left = ("a stop that the venue fires: sell all at 56371.20",)
    clean = panicked(monkeypatch, Cleared(unproven=None, quotes=0, positions=("long 0.01 BTC",), exits=left), "--yes")
    assert clean.exit_code == 0
    assert clean.stdout.splitlines() == [
        "sandbox:BTC-USDT (sandbox): no quote is left on the venue",
        "  position: long 0.01 BTC",
        f"  left on the venue: {left[0]}",
    ]

    bad = panicked(monkeypatch, Cleared(unproven="2 quotes of ours are still on the venue " * 3), "--yes")
    assert bad.exit_code == ExitCode.NOT_PROVEN_CLEAN
    assert "NOT PROVEN" in bad.stdout.splitlines()[0]
    assert max(map(len, bad.stdout.splitlines())) <= 80

    told = json.loads(panicked(monkeypatch, Cleared(unproven=None, quotes=0), "--yes", "--json").stdout)
    assert told["ok"]
    assert told["bots"][0]["unproven"] is None


def test_it_asks_before_and_says_which_bot_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No prompt without a terminal, no guess among several."""
    found = Cleared(unproven=None, quotes=0)
    assert "no terminal to ask on" in panicked(monkeypatch, found).stderr

    known(monkeypatch)
    assert isinstance(CliRunner().invoke(perpmaker, ["panic", "x", "--yes"]).exception, UnknownBotError)
    assert isinstance(CliRunner().invoke(perpmaker, ["panic", "--all", "--yes"]).exception, UnknownBotError)
    assert "say --all" in CliRunner().invoke(perpmaker, ["panic", "--yes"]).stderr

    known(monkeypatch, BOT, attrs.evolve(BOT, file="/other/sandbox.toml"))
    assert isinstance(CliRunner().invoke(perpmaker, ["panic", "sandbox", "--yes"]).exception, AmbiguousBotError)


def test_a_sandbox_that_does_not_say_where_it_serves_keeps_no_other_market_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its process was ended with all the others: their quotes are taken off all the same."""
    other = attrs.evolve(BOT, name="other:BTC-USDT", key=attrs.evolve(BOT.key, account="b@127.0.0.1:2"))
    known(monkeypatch, BOT, other)

    async def answer(case: Any, *_: object, **__: object) -> Cleared:
        if case.bot.name == BOT.name:
            raise click.UsageError("say with --sandbox-url where it serves")

        return Cleared(unproven=None, quotes=0)

    monkeypatch.setattr(module, "_clear", answer)
    monkeypatch.setattr(module, "chosen_bots", lambda *_, **__: [BOT, other])
    ended = CliRunner().invoke(perpmaker, ["panic", "--all", "--yes", "--json"])
    told = json.loads(ended.stdout)["bots"]
    assert ended.exit_code == ExitCode.NOT_PROVEN_CLEAN
    assert [one["ok"] for one in told] == [False, True]
    assert told[0]["unproven"] == "say with --sandbox-url where it serves"


@pytest.mark.parametrize("error", [RuntimeError("broken"), ExceptionGroup("several", [OSError("gone")])])
def test_whatever_one_market_fails_of_the_next_is_cleared(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Every process was ended before: an error of ours there is a verdict too."""
    other = attrs.evolve(BOT, name="other:BTC-USDT", key=attrs.evolve(BOT.key, account="b@127.0.0.1:2"))

    async def answer(case: Any, *_: object, **__: object) -> Cleared:
        if case.bot.name == BOT.name:
            raise error

        return Cleared(unproven=None, quotes=0)

    monkeypatch.setattr(module, "_clear", answer)
    monkeypatch.setattr(module, "chosen_bots", lambda *_, **__: [BOT, other])
    known(monkeypatch, BOT, other)
    ended = CliRunner().invoke(perpmaker, ["panic", "--all", "--yes", "--json"])
    assert ended.exit_code == ExitCode.NOT_PROVEN_CLEAN
    assert [one["ok"] for one in json.loads(ended.stdout)["bots"]] == [False, True]


def test_nobody_starts_a_bot_between_its_end_and_the_last_word_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its lock is held all that time; markets are cleared beside each other, and one that hangs keeps none back."""
    other = attrs.evolve(BOT, name="other:BTC-USDT", key=attrs.evolve(BOT.key, account="b@127.0.0.1:2"))
    has_begun = {bot.name: anyio.Event() for bot in (BOT, other)}
    held: list[str] = []

    async def answer(case: Any, *_: object, **__: object) -> Cleared:
        has_begun[case.bot.name].set()

        for event in has_begun.values():  # the first waits for the second
            await event.wait()

        for bot in (BOT, other):
            with pytest.raises(LockedError, match="already traded by process"), StateDir(tmp_path).lock(bot.key):
                pass

            held.append(bot.name)

        return Cleared(unproven=None, quotes=0)

    monkeypatch.setattr(module, "_clear", answer)
    monkeypatch.setattr(module, "chosen_bots", lambda *_, **__: [BOT, other])
    known(monkeypatch, BOT, other)
    ended = CliRunner().invoke(perpmaker, ["panic", "--all", "--yes"])
    assert ended.exit_code == 0
    assert sorted(held) == [other.name, other.name, BOT.name, BOT.name]

    with StateDir(tmp_path).lock(BOT.key):
        """It is let go of in the end."""


def test_of_all_bots_one_that_cannot_be_read_keeps_no_other_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on, as does what shares its process, and both are not proven; alone it is refused with its reason."""
    lost = attrs.evolve(BOT, name="lost:BTC-USDT", file="/nowhere/lost.toml", pid=7)
    beside = attrs.evolve(BOT, name="beside:ETH-USDT", pid=7)
    ended, read = [], module.configuration_of
    known(monkeypatch, lost, beside, BOT)

    def configuration(bot: KnownBot, catalog: Any) -> Any:
        if bot is lost:
            raise ConfigurationError((Problem(file=bot.file, key="", allowed="is not there"),))

        return read(bot, catalog)

    async def answer(*_: object, **__: object) -> Cleared:
        return Cleared(unproven=None, quotes=0)

    monkeypatch.setattr(module, "configuration_of", configuration)
    monkeypatch.setattr(module, "_clear", answer)
    monkeypatch.setattr(module, "_end", lambda case, *_: ended.append(case.bot.name))
    monkeypatch.setattr(module, "chosen_bots", lambda *_, every, **__: [lost, beside, BOT] if every else [lost])
    every = CliRunner().invoke(perpmaker, ["panic", "--all", "--yes", "--json"])
    assert every.exit_code == ExitCode.NOT_PROVEN_CLEAN
    assert [one["ok"] for one in json.loads(every.stdout)["bots"]] == [False, False, True]
    assert "lost.toml" in json.loads(every.stdout)["bots"][0]["unproven"]
    assert ended == [BOT.name]

    assert isinstance(CliRunner().invoke(perpmaker, ["panic", "lost", "--yes"]).exception, ConfigurationError)
    assert ended == [BOT.name]


def test_bots_of_the_same_process_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their quotes are taken off too."""
    one, other = (attrs.evolve(BOT, name=name, pid=7) for name in ("a:BTC-USDT", "b:ETH-USDT"))
    known(monkeypatch, one, other, attrs.evolve(BOT, name="c:SOL-USDT", pid=8))
    home: Any = None

    assert bot_choice.with_others(home, [one]) == [one, other]
    assert bot_choice.with_others(home, [attrs.evolve(one, pid=0)]) == [attrs.evolve(one, pid=0)]


def test_resume_tells_what_became_of_the_halt(monkeypatch: pytest.MonkeyPatch) -> None:
    """7 where it stays; a bot that runs is ended first."""

    def resumed(found: Released, *words: str, pid: int = 0) -> Result:
        known(monkeypatch, attrs.evolve(BOT, pid=pid))

        async def answer(*_: object) -> Released:
            return found

        monkeypatch.setattr(resuming, "_release", answer)

        return CliRunner().invoke(perpmaker, ["resume", "sandbox", *words])

    assert "nothing to release" in resumed(Released(latch=None)).stdout
    assert resumed(Released(latch="liquidated", account="flat")).exit_code == ExitCode.HALTED
    done = resumed(Released(latch="liquidated", account="flat", is_released=True), "--json")
    assert json.loads(done.stdout) == {
        "name": "sandbox:BTC-USDT",
        "halt": "liquidated",
        "account": "flat",
        "released": True,
    }
    assert isinstance(resumed(Released(latch=None), pid=7).exception, LockedError)
