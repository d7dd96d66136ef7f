"""A sweep by processes: one of them killed on the way, then the one that leads them, and the result stays the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

import pytest

CONFIG = """
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 5
bid_spread = 0.004
ask_spread = 0.004
order_amount = 0.01
order_refresh_time = 5.0
long_profit_taking_spread = 0.02
short_profit_taking_spread = 0.02
stop_loss_spread = 1.0
"""
POINTS = 24


def begin(folder: Path, data: Path, out: str) -> subprocess.Popen[str]:
    """Begin a sweep in a process of its own."""
    words = ["sweep", "a.toml", "--over", "bid_spread=0.002..0.01:6", "--over", "order_refresh_time=2,3,4,5"]
    words += ["--data", str(data), "--out", out, "--jobs", "2"]

    return subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-m", "perpmaker", *words],
        cwd=folder,
        env={**os.environ, "PERPMAKER_HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wait_for(rows: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many points are on the disk, or the sweep is over."""
    while process.poll() is None and (not rows.exists() or rows.read_bytes().count(b"\n") < count):
        sleep(0.02)


def workers_of(pid: int) -> list[int]:
    """The processes that play points for a sweep."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()

    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="who the workers are is read from Linux's /proc")
def test_whoever_is_killed_the_result_is_the_same_bytes(wander: Callable[..., Path], tmp_path: Path) -> None:
    """A worker at 30 %, the driver at 50 %; started again it plays only what is missing, and no worker is left over."""
    data = wander(3, 60.0)
    (tmp_path / "a.toml").write_text(CONFIG, encoding="utf-8")
    whole = begin(tmp_path, data, "whole")
    whole.communicate(timeout=300)
    assert whole.returncode == 0

    rows = tmp_path / "killed" / "rows.jsonl"
    first = begin(tmp_path, data, "killed")
    wait_for(rows, POINTS * 3 // 10, first)
    os.kill(workers_of(first.pid)[0], signal.SIGKILL)
    wait_for(rows, POINTS // 2, first)
    workers = workers_of(first.pid)
    first.kill()
    first.communicate(timeout=60)
    assert first.returncode == -signal.SIGKILL

    while any(Path(f"/proc/{worker}").exists() for worker in workers):  # they go by themselves, or this never ends
        sleep(0.02)

    kept = rows.read_bytes().count(b"\n")
    assert POINTS // 2 <= kept < POINTS

    again = begin(tmp_path, data, "killed")
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0
    assert f"{POINTS}, of which {kept} were there already" in said
    assert (tmp_path / "killed" / "results.json").read_bytes() == (tmp_path / "whole" / "results.json").read_bytes()
