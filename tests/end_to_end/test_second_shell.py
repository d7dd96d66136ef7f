"""A bot as a second shell finds it: how it stands, why, stop and flatten, a second bot on its account, a killed one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from perpmaker.cli import perpmaker
from perpmaker.control.card import read_cards
from perpmaker.errors import BotUnansweredError
from perpmaker.journal.reading import JournalReader, find_journals
from perpmaker.journal.state_dir import StateDir, open_state_dir

FILE = Path(__file__).parents[1] / "practice.toml"
COMMAND = (sys.executable, "-m", "perpmaker")
WIDE = ("--set", "bid_spread=0.5", "--set", "ask_spread=0.5")
"""Quotes that nothing fills while they are looked at."""

pytestmark = pytest.mark.long


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDir:
    """A state directory of its own, for this process and those that it starts."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))

    return open_state_dir(os.environ)


@contextmanager
def running(url: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A bot on a sandbox that is serving."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    with subprocess.Popen([*COMMAND, "run", str(FILE), *WIDE, "--sandbox-url", url, *words], **streams) as process:  # noqa: S603  # ours
        try:
            yield process
        finally:
            process.kill()


def asked(*words: str) -> Any:
    """What a command answers in JSON, in this process."""
    return json.loads(CliRunner().invoke(perpmaker, [*words, "--json"], catch_exceptions=False).stdout)


def wait_for(mode: str) -> dict[str, Any]:
    """How the bot stands once it is in a mode."""
    until = time.monotonic() + 300

    while time.monotonic() < until:
        found = None

        with suppress(BotUnansweredError):  # a bot that begins imports all it needs first
            found = asked("status")

        if isinstance(found, dict) and found["mode"] == mode and found["quotes"]:
            return found

        time.sleep(0.1)

    raise AssertionError(f"the bot did not come to {mode}")


def test_a_second_shell_sees_asks_and_stops_a_bot(home: StateDir, sandbox_url: str) -> None:
    """Status and reasons while it runs; stop waits for the end, and is an event of its journal."""
    with running(sandbox_url) as bot:
        found = wait_for("run")
        assert found["pid"] == bot.pid
        assert found["name"] == "practice:BTC-USDT"
        assert found["running"] is True
        chains = {one["level"]: [link["rule"] for link in one["reasons"]] for one in asked("why", "practice")["levels"]}
        assert {"buy 0", "sell 0"} <= set(chains)
        assert all(rules[0] == "reference" for name, rules in chains.items() if name in {"buy 0", "sell 0"})

        has = asked("balance", "practice")
        assert (has["told_by"], has["name"], has["free_mark"]) == ("bot", "practice:BTC-USDT", "ok")
        assert asked("balance", "--derivative", "binance_perpetual", "--sandbox-url", sandbox_url)["told_by"] == "venue"
        assert asked("history")["name"] == "practice:BTC-USDT"

        ended = CliRunner().invoke(perpmaker, ["stop", "practice", "--json"], catch_exceptions=False)
        (told,) = json.loads(ended.stdout)
        assert (told["name"], told["ended"], told["exit_code"]) == ("practice:BTC-USDT", True, ended.exit_code)
        assert told["left"].startswith("0 quotes, ")
        said, _ = bot.communicate(timeout=300)
        assert bot.returncode == ended.exit_code == 0
        assert "stopped by      stop" in said

    assert read_cards(home) == []
    last = asked("status", "practice")
    assert (last["running"], last["ended"]["stop_reason"], last["ended"]["exit_code"]) == (False, "stop", 0)
    (journal,) = find_journals(home.root).journals
    rows = [*JournalReader(journal.path).rows(kinds={"step", "notice"})]
    assert any(b'["StopRequested",{"close":false}]' in row.payload for row in rows)
    assert any(row.kind == "notice" and b"stop was asked for by process" in row.payload for row in rows)


@pytest.mark.full
def test_a_second_bot_on_an_account_is_refused_and_told_who_trades_it(home: StateDir, sandbox_url: str) -> None:
    """By the number of the process that has it, before anything is sent; the first one trades on."""
    with running(sandbox_url) as bot:
        wait_for("run")

        with running(sandbox_url) as second:
            said, _ = second.communicate(timeout=300)

        assert second.returncode == 2
        assert f"is already traded by process {bot.pid} on " in said
        assert "stop that one first" in said
        assert [card.pid for card in read_cards(home)] == [bot.pid]
        assert asked("status")["mode"] == "run"


@pytest.mark.full
def test_flatten_closes_and_a_killed_bot_is_known_for_killed(home: StateDir, sandbox_url: str) -> None:
    """Flatten ends flat with exit code 0; of a killed bot nothing is left that looks like one that runs."""
    with running(sandbox_url):
        wait_for("run")
        ended = CliRunner().invoke(perpmaker, ["flatten", "--all", "--json"], catch_exceptions=False)
        assert json.loads(ended.stdout)[0]["left"] == "0 quotes, 0 exits, flat"

    with running(sandbox_url) as bot:
        wait_for("run")
        time.sleep(11)  # the last words are written every ten seconds
        bot.send_signal(signal.SIGKILL)
        bot.wait()

    last = asked("status", "practice")
    assert (last["running"], last["ended"], last["pid"]) == (False, None, bot.pid)
    assert list((home.root / "control").iterdir()) == []
    assert CliRunner().invoke(perpmaker, ["stop", "practice"]).exit_code != 0
    told = asked("status", "practice", "--sandbox-url", sandbox_url)
    assert told["mode_reason"] == "read from the venue: no bot trades it"
    assert told["quotes"] or told["exits"] or told["positions"] == []
