"""`perpmaker config diff` and `config apply` as a person and as a program see them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from perpmaker.cli import config as module
from perpmaker.cli import perpmaker
from perpmaker.control.card import Card
from perpmaker.errors import BotRefusedError, BotUnansweredError, ExitCode, UnknownBotError

EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
CARD = Card(
    id="1",
    name="sandbox:BTC-USDT",
    file=str(EXAMPLE),
    environment="sandbox",
    venue="binance_perpetual",
    market="BTC-USDT",
    pid=os.getpid(),
    since="",
)
LIVE = {"key": "order_levels", "before": "1", "after": "3", "when": "live"}
SECRET = {"key": "binance_perpetual.api_key", "before": None, "after": None, "when": "needs a restart"}
EFFECT = "all bids filled: margin 199.9 -> 599.7 USDT"


class Bot:
    """A bot that answers, and writes down what it was asked."""

    def __init__(self, *changes: object, fires: tuple[str, ...] = (), refusals: tuple[str, ...] = ()) -> None:
        self.asked: list[tuple[str, Any]] = []
        effects = [EFFECT] if changes else []
        self._answer = {
            "changes": list(changes),
            "effects": effects,
            "refusals": list(refusals),
            "fires": list(fires),
        }

    def ask(self, _: object, __: Card, command: str, ___: float, **words: Any) -> dict[str, Any]:
        """Answer as a bot does."""
        if command == "status":
            return {}

        self.asked.append((command, words.get("fires")))
        assert 'market = "BTC-USDT"' in words["configuration"]

        return {**self._answer, **({"applied": True} if command == "apply" else {})}


def called(monkeypatch: pytest.MonkeyPatch, bot: Bot, *words: str) -> Result:
    """Call a command beside this bot."""
    monkeypatch.setattr(module, "ask", bot.ask)
    monkeypatch.setattr(module, "read_cards", lambda _: [CARD])
    action, *rest = words

    return CliRunner().invoke(perpmaker, ["config", action, str(EXAMPLE), *rest])


def test_diff_says_each_key_and_what_it_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 where something differs; what may be secret is not shown."""
    told = called(monkeypatch, Bot(LIVE, SECRET), "diff")
    assert told.exit_code == ExitCode.DIFFERS
    assert told.stdout.splitlines() == [
        "sandbox:BTC-USDT: 2 keys differ",
        "  order_levels: 1 -> 3, live",
        "  binance_perpetual.api_key: (not shown), needs a restart",
        "Then:",
        f"  {EFFECT}",
    ]

    same = called(monkeypatch, Bot(), "diff")
    assert (same.exit_code, same.stdout) == (0, "sandbox:BTC-USDT: nothing differs\n")
    assert json.loads(called(monkeypatch, Bot(LIVE), "diff", "--json").stdout)["changes"] == [LIVE]


def test_apply_asks_shows_and_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal --yes agrees; nothing that differs is nothing to do."""
    bot = Bot(LIVE)
    done = called(monkeypatch, bot, "apply", "--yes")
    assert done.exit_code == 0
    assert "changed" in done.stdout
    assert bot.asked == [("parameters", None), ("apply", False)]

    silent = Bot(LIVE)
    assert "no terminal to ask on" in called(monkeypatch, silent, "apply").stderr
    assert silent.asked == [("parameters", None)]
    assert json.loads(called(monkeypatch, Bot(), "apply", "--json").stdout)["applied"] is False


def test_apply_refuses_before_anybody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that needs a restart, and what check refuses; a stop that would fire needs its own word."""
    for bot, words in (
        (Bot(LIVE, SECRET), "api_key needs a restart"),
        (Bot(LIVE, refusals=("too small",)), "too small"),
    ):
        refused = called(monkeypatch, bot, "apply", "--yes")
        assert isinstance(refused.exception, BotRefusedError)
        assert words in str(refused.exception)
        assert bot.asked == [("parameters", None)]

    for option, fires in (((), False), (("--let-stop-fire",), True)):
        bot = Bot(LIVE, fires=("it would fire at once",))
        called(monkeypatch, bot, "apply", "--yes", *option)
        assert bot.asked[-1] == ("apply", fires)


def test_a_file_that_no_bot_runs_with_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With those that do run, and how to name one."""
    monkeypatch.setattr(module, "read_cards", lambda _: [CARD])
    file = tmp_path / "other.toml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    answer = CliRunner().invoke(perpmaker, ["config", "diff", str(file)])

    assert isinstance(answer.exception, UnknownBotError)
    assert "Running: sandbox:BTC-USDT; --name says which" in str(answer.exception)


def test_a_bot_that_hangs_is_said_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """How it stands is asked first, which takes a bot that lives a moment: the long time is for its venue."""
    asked: list[tuple[str, float]] = []

    def hang(_: object, card: Card, command: str, within_s: float, **__: object) -> dict[str, Any]:
        asked.append((command, within_s))
        raise BotUnansweredError(f"{card.name} does not answer")

    monkeypatch.setattr(module, "ask", hang)
    monkeypatch.setattr(module, "read_cards", lambda _: [CARD])

    for action in ("diff", "apply"):
        answer = CliRunner().invoke(perpmaker, ["config", action, str(EXAMPLE)])
        assert isinstance(answer.exception, BotUnansweredError)

    assert asked == [("status", 2.0)] * 2
