"""Testnet and live from end to end: the same command and the same connector, their addresses turned to a sandbox."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from perpmaker.cli import main
from perpmaker.clock import SystemClock
from perpmaker.journal.state_dir import StateDir

pytestmark = pytest.mark.long

FILE = Path(__file__).parents[1] / "practice.toml"
FAR = ("--set", "bid_spread=2", "--set", "ask_spread=2")
LISTENERS = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSLKEYLOGFILE")


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of the test's own, and nobody who listens."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))

    for name in LISTENERS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def venue() -> Iterator[dict[str, str]]:
    """What stands in for the venue: a sandbox that is serving, and its test keys."""
    words = [sys.executable, "-m", "perpmaker", "sandbox", "binance_perpetual", "--json", "--seed", "7"]

    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own command
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


@pytest.fixture
def keys(venue: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys where the references of the configuration find them."""
    monkeypatch.setenv("A_KEY", venue["api_key"])
    monkeypatch.setenv("A_SECRET", venue["api_secret"])


def words_for(environment: str, venue: dict[str, str]) -> list[str]:
    """The command of a run in this environment, with every address turned to the sandbox."""
    table = {
        "environment": environment,
        "api_key": "env:A_KEY",
        "api_secret": "env:A_SECRET",
        "rest_url": venue["url"],
        "stream_url": venue["url"].replace("http", "ws", 1),
    }
    settings = [word for key, value in table.items() for word in ("--set", f'binance_perpetual.{key}="{value}"')]

    return ["run", str(FILE), *FAR, *settings, "--for", "2", "--json"]


def arm(venue: dict[str, str], fault: dict[str, object]) -> None:
    """Have the venue commit a fault."""
    headers = {"Authorization": f"Bearer {venue['control_token']}"}
    httpx.post(f"{venue['url']}/_ctl/fault", json=fault, headers=headers, trust_env=False).raise_for_status()


def exit_code(*words: str) -> int:
    """How the command ends."""
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert isinstance(ended.value.code, int)

    return ended.value.code


@pytest.mark.usefixtures("keys")
def test_testnet_with_keys_trades_and_stops_clean(venue: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """The keys are found by their references; quotes rest, and at the end none is left."""
    assert exit_code(*words_for("testnet", venue)) == 0
    shown = capsys.readouterr()
    summary = json.loads(shown.out.splitlines()[-1])

    assert (summary["environment"], summary["open_orders_left"]) == ("testnet", 0)
    assert summary["quotes_placed"] >= 2
    assert "testnet: binance_perpetual" in shown.err
    assert venue["api_key"] not in shown.err
    assert venue["api_secret"] not in shown.err


@pytest.mark.usefixtures("keys")
def test_S24_live_asks_for_consent_and_for_the_account(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step: --live, then the account's name, which is shown; nothing is sent before both are right."""
    words = words_for("live", venue)
    assert exit_code(*words) == 2
    assert "add --live" in capsys.readouterr().err

    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert exit_code(*words, "--live") == 2
    asked = capsys.readouterr().err
    account = asked.split("--confirm-account ")[1].split()[0]
    assert "If everything fills" in asked

    assert exit_code(*words, "--live", "--confirm-account", "other") == 2
    assert f"opens account {account}" in capsys.readouterr().err

    assert exit_code(*words, "--live", "--confirm-account", account) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["environment"] == "live"


@pytest.mark.full
@pytest.mark.usefixtures("keys")
def test_S24_on_a_terminal_the_accounts_name_is_typed(venue: dict[str, str]) -> None:
    """What is asked stands on the terminal, and the answer decides."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "perpmaker", *words_for("live", venue), "--live"]

    with (
        subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as process,  # noqa: S603  # the same
        os.fdopen(ours, "r+b", buffering=0) as terminal,
    ):
        os.close(theirs)
        shown = b""

        while b"to trade it: " not in shown:
            shown += terminal.read(1024)

        terminal.write(shown.split(b"opens account ")[1].split()[0] + b"\n")
        assert process.stdout is not None
        summary = json.loads(process.stdout.read().splitlines()[-1])

    assert process.returncode == 0
    assert summary["quotes_placed"] >= 2


@pytest.mark.usefixtures("keys")
def test_S1_a_live_key_that_may_withdraw_is_refused(venue: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """The right is named, and nothing is set or sent."""
    told: dict[str, object] = {
        "ipRestrict": True,
        "enableReading": True,
        "enableFutures": True,
        "enableWithdrawals": True,
    }
    told |= {"enableInternalTransfer": False, "permitsUniversalTransfer": False, "createTime": 1}
    fault = {"match": {"path": "/sapi/"}, "do": {"when": "after", "act": "body", "arg": json.dumps(told)}}
    arm(venue, fault)

    assert exit_code(*words_for("live", venue), "--live", "--confirm-account", "any") == 3
    assert "may withdraw" in capsys.readouterr().err


@pytest.mark.usefixtures("keys")
def test_S13_a_key_is_never_sent_to_another_environments_host(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An address of the testnet with environment live, and the other way round, is a fault of the file."""
    hosts = {"live": "https://demo-fapi.binance.com", "testnet": "https://fapi.binance.com"}

    for environment, url in hosts.items():
        words = [*words_for(environment, venue), "--set", f'binance_perpetual.rest_url="{url}"', "--live"]
        assert exit_code(*words) == 2
        assert f"must be an address of Binance's {environment}, or one on this machine" in capsys.readouterr().err


@pytest.mark.usefixtures("keys")
def test_S10_live_is_refused_where_somebody_may_read_along(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is connected."""
    monkeypatch.setenv("SSLKEYLOGFILE", "keys.log")
    assert exit_code(*words_for("live", venue), "--live", "--confirm-account", "any") == 2
    assert "SSLKEYLOGFILE" in capsys.readouterr().err


def check_words(environment: str, venue: dict[str, str], *more: str) -> list[str]:
    """The command of a check in this environment."""
    words = words_for(environment, venue)

    return ["check", *words[1 : words.index("--for")], *more]


@pytest.mark.usefixtures("keys")
def test_S24_check_of_a_live_file_needs_no_consent_shows_the_account_and_sets_nothing(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It only reads: the second check finds the account as the first one did."""
    for _ in range(2):
        assert exit_code(*check_words("live", venue, "--set", "leverage=7")) == 0
        shown = capsys.readouterr().out
        assert "LIVE  binance_perpetual BTC-USDT" in shown.splitlines()
        assert "-> 7" in shown.split("a run changes")[1].splitlines()[0]
        account = shown.split("the key in [binance_perpetual] opens account ")[1].split()[0]

    words = [*words_for("live", venue), "--live", "--confirm-account", account]
    assert exit_code(*words) == 0


@pytest.mark.usefixtures("keys")
def test_S1_check_refuses_the_live_key_that_a_run_would_refuse(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be known to be wrong before a run is said before it."""
    rights = {"ipRestrict": True, "enableReading": True, "enableFutures": True, "enableWithdrawals": True}
    told = json.dumps(rights | {"enableInternalTransfer": False, "permitsUniversalTransfer": False, "createTime": 1})
    fault = {"match": {"path": "/sapi/"}, "do": {"when": "after", "act": "body", "arg": told}}
    arm(venue, fault)

    assert exit_code(*check_words("live", venue)) == 3
    assert "may withdraw" in capsys.readouterr().err


@pytest.mark.usefixtures("keys")
def test_S10_check_sends_no_live_key_where_somebody_may_read_along(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading with a key is signed too: the guard of the surroundings is that of a run."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert exit_code(*check_words("live", venue)) == 2
    assert "HTTPS_PROXY: must not be set for a live run" in capsys.readouterr().err


@pytest.mark.usefixtures("keys")
def test_check_names_the_keys_of_the_file_that_hold_a_refused_key(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of a run."""
    monkeypatch.setenv("A_SECRET", "another")
    assert exit_code(*check_words("testnet", venue)) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("binance_perpetual does not accept the key ([binance_perpetual] api_key, api_secret): ")


@pytest.mark.usefixtures("keys")
@pytest.mark.full
def test_F13_check_asks_nothing_of_a_venue_that_has_shut_this_machine_out(
    venue: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A run has written down for how long; asking meanwhile would make it longer."""
    home = StateDir(tmp_path / "home")
    home.hold("binance_perpetual (testnet)", SystemClock().utc_ms() + 60_000)
    assert exit_code(*check_words("testnet", venue)) == 3
    assert "has shut this machine out for another " in capsys.readouterr().err
