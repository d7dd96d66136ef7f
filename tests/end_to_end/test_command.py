"""The command itself: real processes, real sockets, real signals."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO

import httpx
import pytest

pytestmark = pytest.mark.long

FILE = Path(__file__).parents[1] / "practice.toml"
KEYS = {
    "environment",
    "market",
    "seconds",
    "quotes_placed",
    "cancels",
    "amends",
    "fills",
    "volume",
    "fees",
    "funding",
    "realized_pnl",
    "unrealized_pnl",
    "position",
    "open_orders_left",
    "exits_left",
    "asset",
    "result",
    "fees_by_asset",
    "funding_by_asset",
    "result_by_asset",
    "take_profits_placed",
    "stops_placed",
    "venue_stops_placed",
    "account",
    "run_id",
    "stop_reason",
    "halted",
    "journal",
    "unproven",
    "origin",
}
MONEY = {"volume", "fees", "funding", "realized_pnl", "unrealized_pnl", "position"}


@contextmanager
def started(*words: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """A perpmaker process; whatever is left of it is killed."""
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and command
        [sys.executable, "-m", "perpmaker", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PERPMAKER_HOME": str(home)},
    )

    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def served(home: Path) -> Iterator[tuple[str, httpx.Client]]:
    """The URL of a sandbox that is serving, and a client of its control endpoints."""
    with started("sandbox", "binance_perpetual", "--json", "--seed", "7", home=home) as process:
        line = json.loads(read_line(process.stdout))
        headers = {"Authorization": f"Bearer {line['control_token']}"}

        with httpx.Client(base_url=line["url"], headers=headers, trust_env=False) as control:
            yield line["url"], control


def read_line(stream: IO[str] | None) -> str:
    """The next line of a process's output."""
    assert stream is not None

    return stream.readline()


def oracle(control: httpx.Client) -> dict[str, object]:
    """What the exchange itself knows of the account."""
    account: dict[str, object] = control.get("/_ctl/oracle").json()["accounts"]["main"]

    return account


@pytest.mark.parametrize(
    "how", [signal.SIGINT, *(pytest.param(other, marks=pytest.mark.full) for other in (signal.SIGTERM, signal.SIGHUP))]
)
def test_F70_a_signal_stops_a_run_with_the_summary_as_its_last_line(how: signal.Signals, tmp_path: Path) -> None:
    """Exit 0, one JSON object with the documented keys, no quote left, the sums those of the venue's own account.

    Exits are so far away that none of them is filled between the end of the run and the look at the account.
    """
    far = [f"--set={side}_profit_taking_spread=5" for side in ("long", "short")] + ["--set=stop_loss_spread=10"]
    words = ("run", str(FILE), "--json", *far, "--sandbox-url")

    with served(tmp_path) as (url, control), started(*words, url, home=tmp_path) as process:
        while True:
            line = read_line(process.stderr)
            assert line, "it ended before it traded"

            if "sandbox BTC-USDT | " in line:
                break

        process.send_signal(how)
        output, errors = process.communicate(timeout=300)
        summary = json.loads(output.splitlines()[-1])
        account = oracle(control)
        income = account["income"]

        assert process.returncode == 0, errors
        assert set(summary) == KEYS
        assert (summary["stop_reason"], summary["unproven"]) == ("signal", None)
        assert all(isinstance(summary[key], str) for key in MONEY)
        assert summary["open_orders_left"] == 0
        assert summary["quotes_placed"] >= 2
        assert isinstance(income, dict)
        assert float(summary["realized_pnl"]) == float(income["realized"])
        assert float(summary["fees"]) == -float(income["fee"])
        left = [account["open_orders"], account["conditional_orders"]]
        assert sum(len(orders) for orders in left if isinstance(orders, list)) == summary["exits_left"]

    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    assert modes == {0o600}

    (log,) = (tmp_path / "log").glob("*.jsonl")
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert [line["kind"] for line in lines if line["kind"] in {"log", "start", "end"}] == ["log", "start", "end"]
    assert (lines[-1]["run_id"], lines[-1]["result"]) == (summary["run_id"], summary["result"])


@pytest.mark.full
def test_it_starts_and_ends_its_own_sandbox(tmp_path: Path) -> None:
    """Without --sandbox-url a child serves the market, and it is gone when the run is."""
    with started("run", str(FILE), "--for", "2", "--set", "sandbox.seed=3", home=tmp_path) as process:
        output, errors = process.communicate(timeout=300)

    url = next(line.split(" at ")[1].split(",")[0] for line in errors.splitlines() if "binance_perpetual at" in line)

    assert process.returncode == 0, errors
    assert output.startswith("sandbox BTC-USDT: ")
    assert "left on venue   0 quotes" in output
    assert "\n  stopped by      --for\n" in output
    page = [line for line in output.splitlines() if not line.startswith(("  journal ", "  next "))]  # to be copied
    assert max(map(len, page)) <= 80

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/_sandbox", trust_env=False)


def test_a_wrong_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """Exit 2, every fault with its line, nothing on standard output."""
    file = tmp_path / "wrong.toml"
    file.write_text(FILE.read_text().replace("leverage = 3", "leverage = 0").replace("ask_spread", "ask_spred"))

    with started("run", str(file), home=tmp_path) as process:
        output, errors = process.communicate(timeout=300)

    assert process.returncode == 2
    assert output == ""
    assert "leverage = 0" in errors
    assert "ask_spred" in errors
    assert "did you mean 'ask_spread'" in errors


def test_F01_a_run_whose_sandbox_never_answers_names_host_and_option_and_can_be_interrupted(tmp_path: Path) -> None:
    """It goes on trying, and says what to do once; a signal ends it before anything was sent."""
    with started("run", str(FILE), "--sandbox-url", "http://127.0.0.1:9", home=tmp_path) as process:
        line = read_line(process.stderr)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=300)

    assert "--sandbox-url http://127.0.0.1:9: nothing answers there (127.0.0.1:9 refused the connection" in line
    assert "stopped before anything was sent" in errors
    assert process.returncode == 130


@pytest.mark.full
def test_F01_a_run_for_three_seconds_gives_up_after_about_as_long(tmp_path: Path) -> None:
    """Exit 4 within the five seconds that every start is given, after a line or two."""
    with started("run", str(FILE), "--sandbox-url", "http://127.0.0.1:9", "--for", "3", home=tmp_path) as process:
        _, errors = process.communicate(timeout=300)

    assert process.returncode == 4
    lines = errors.splitlines()
    assert len(lines) <= 3
    assert sum("Start the server" in line for line in lines) == 1
    assert "within the 5 s in which a run --for 3 seconds has to begin" in lines[-1]


@pytest.mark.full
def test_F71_five_processes_are_killed_one_after_the_other_and_the_sixth_leaves_nothing_behind(tmp_path: Path) -> None:
    """`kill -9` at five moments, always the same venue and state: every next one takes over, and the books agree."""
    targets = ("long_profit_taking_spread=0.01", "short_profit_taking_spread=0.01", "filled_order_delay=0.2")
    quick = ("order_refresh_time=1", "order_refresh_tolerance_pct=-1", *targets)
    words = ["run", str(FILE), *(word for setting in quick for word in ("--set", setting))]

    with served(tmp_path) as (url, control):
        for after_s in (0.0, 0.05, 0.2, 0.4, 0.8):
            before = oracle(control)["orders"]

            with started(*words, "--sandbox-url", url, home=tmp_path) as process:
                while oracle(control)["orders"] == before:
                    assert process.poll() is None, "it ended before it traded"
                    time.sleep(0.1)

                time.sleep(after_s)
                process.kill()

        control.post("/_ctl/market", json={"paused": True}).raise_for_status()

        with started(*words, "--for", "2", "--json", "--sandbox-url", url, home=tmp_path) as process:
            output, errors = process.communicate(timeout=300)

        account, summary = oracle(control), json.loads(output.splitlines()[-1])

        assert process.returncode == 0, errors
        assert summary["open_orders_left"] == 0
        assert isinstance(account["open_orders"], list)
        assert isinstance(account["state"], dict)
        assert all(order["reduce_only"] for order in account["open_orders"])
        held = sum(Decimal(one["amount"]) for one in account["state"]["positions"])
        assert held in {Decimal(summary["position"]), 0}, "the closing order that was left may have been filled since"
        assert control.get("/_ctl/oracle").json()["violations"] == []
