"""`perpmaker keys test` as a person and as a program see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from perpmaker.cli import keys as module
from perpmaker.cli import perpmaker
from perpmaker.launch.key_test import KeyTest

EXAMPLE = str(Path(__file__).parents[3] / "examples" / "sandbox.toml")
GOOD = KeyTest(
    connector="binance_perpetual",
    account="a1",
    reads=True,
    trades=True,
    withdraws=False,
    transfers=False,
    ip_restricted=True,
)


def called(monkeypatch: pytest.MonkeyPatch, found: KeyTest, *words: str) -> Result:
    """Call it where the venue answers this."""

    async def answer(*_: object) -> KeyTest:
        return found

    monkeypatch.setattr(module, "_try", answer)

    return CliRunner().invoke(perpmaker, ["keys", "test", EXAMPLE, *words])


def test_verdict_is_the_first_line_and_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """3 where no bot should trade with it."""
    good = called(monkeypatch, GOOD)
    assert (good.exit_code, good.stdout.splitlines()[0]) == (0, "OK")
    assert "opens account a1" in good.stdout

    bad = called(monkeypatch, KeyTest(connector="binance_perpetual", reads=False, refusal="no such key"))
    assert (bad.exit_code, bad.stdout.splitlines()[0]) == (3, "REFUSED")
    assert "!! is not accepted: no such key" in bad.stdout
    assert max(map(len, (good.stdout + bad.stdout).splitlines())) <= 80


def test_json_has_each_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Null where the venue does not tell."""
    told = json.loads(called(monkeypatch, KeyTest(connector="binance_perpetual", reads=True), "--json").stdout)

    assert told["ok"]
    assert (told["reads"], told["trades"], told["withdraws"]) == (True, None, None)
    assert told["verdict"] == "1 to look at"


def test_paper_has_no_key_and_a_reference_that_leads_nowhere_is_said_first() -> None:
    """Nothing is asked of the venue."""
    words = ["keys", "test", EXAMPLE, "--set", "binance_perpetual.environment="]
    paper = CliRunner().invoke(perpmaker, [*words[:-1], f"{words[-1]}paper"])
    assert "uses no key" in str(paper.exception)

    lost = ["--set", "binance_perpetual.api_key=env:NO_SUCH", "--set", "binance_perpetual.api_secret=env:NO_SUCH"]
    testnet = CliRunner().invoke(perpmaker, [*words[:-1], f"{words[-1]}testnet", *lost])
    assert "the environment has no such variable" in str(testnet.exception)
    assert "NO_SUCH" not in str(testnet.exception)
