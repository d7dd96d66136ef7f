"""The page of running bots in a Chromium, over a real bot on a real sandbox."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.browser import browser, opened

from perpmaker.journal.state_dir import open_state_dir

pytest.importorskip("uvicorn", reason="the extra web is not installed")
pytestmark = [
    pytest.mark.full,
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.skipif(browser() is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]

FILE = Path(__file__).parents[1] / "practice.toml"
COMMAND = (sys.executable, "-m", "perpmaker")
BADGE = "document.querySelectorAll('.bot > header .badge')[1]?.textContent"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ROWS = """Object.fromEntries([...document.querySelectorAll('.facts dl')].flatMap(list =>
  [...list.querySelectorAll('dt')].map(name =>
    [list.previousElementSibling.textContent + '/' + name.textContent, name.nextElementSibling.textContent])))"""
TOLD_S = 3.0


@contextmanager
def begun(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs beside the test."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    with subprocess.Popen([*COMMAND, *words], **streams) as process:  # noqa: S603  # ours
        try:
            yield process
        finally:
            process.kill()


def money(text: str) -> str:
    """A decimal as the page has it."""
    amount = float(text)

    return f"{amount:+.2f}" if abs(amount) >= 1 or amount == 0 else f"{amount:+.4f}"


def shown(status: dict[str, Any]) -> dict[str, str]:
    """What the page should say of a status, of the lines that this test looks at."""
    pnl = status["pnl"]
    found = {
        "Market/best bid": f"{float(status['best_bid']):.1f}",
        "Market/best ask": f"{float(status['best_ask']):.1f}",
        "Result of this run/result": f"{money(pnl['result'])} USDT",
        "Result of this run/spread": f"{money(pnl['spread'])} USDT",
        "Result of this run/inventory": f"{money(pnl['inventory'])} USDT",
        "Result of this run/realised": f"{money(pnl['realized_pnl'])} USDT",
    }

    if not status["positions"]:
        return {**found, "Position/position": "flat"}

    (held,) = status["positions"]

    return {
        **found,
        "Position/entry": f"{float(held['entry']):.1f}",
        "Position/target": "none" if held["target"] is None else f"{float(held['target']):.1f}",
        "Position/not realised": f"{money(held['unrealized_pnl'])} USDT",
    }


def test_the_page_shows_what_the_bot_says_until_it_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it shows equals its status; nothing is asked of anybody else; SIGSTOP and SIGKILL are seen within 3 s."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path / "home"))
    home = open_state_dir(os.environ)

    with begun("run", str(FILE), "--plain") as bot, begun("web", "--port", "0") as web, opened() as page:
        assert web.stdout is not None
        lines = [web.stdout.readline() for _ in range(2)]
        (address,) = [line.strip() for line in lines if line.startswith("http://127.0.0.1:")]
        page.open(address, width=390, dark=True)
        page.wait(lambda: page.run(BADGE) == "run")
        page.wait(lambda: page.run("document.querySelectorAll('canvas').length") == 3)
        agree = 0

        def agrees() -> bool:
            (status,) = httpx.get(f"{address}status").json()
            rows = page.run(ROWS)

            return all(rows.get(name) == words for name, words in shown(status).items())

        for _ in range(3):
            page.wait(agrees, 20)
            agree += 1
            time.sleep(1.5)

        assert agree == 3
        page.wait(lambda: page.run("document.querySelectorAll('.told li').length") > 2)

        for width, dark in ((390, False), (1280, True), (1920, False)):
            page.open(address, width=width, dark=dark)
            page.wait(lambda: page.run("document.querySelectorAll('canvas').length") == 3)
            assert page.run(WIDE) <= 0, width
            assert all(one.startswith(address) for one in page.requests)
            assert page.complaints == []

        process = home.root / "control"
        (card,) = process.glob("*.json")
        pid = int(re.findall(r'"pid":(\d+)', card.read_text())[0])
        os.kill(pid, signal.SIGSTOP)
        stopped_at = time.monotonic()
        page.wait(lambda: page.run(BADGE) == "silent")
        assert time.monotonic() - stopped_at < TOLD_S
        os.kill(pid, signal.SIGCONT)
        page.wait(lambda: page.run(BADGE) == "run")
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        page.wait(lambda: page.run(BADGE) == "dead")
        assert time.monotonic() - killed_at < TOLD_S
        bot.wait()
        web.send_signal(signal.SIGINT)
        page.wait(lambda: "No word from perpmaker web" in page.run("document.querySelector('#state').textContent"))
        assert web.wait(10) == 0
        assert "Traceback" not in web.stdout.read()

    token = address.rstrip("/").rpartition("/")[2]
    assert len(token) >= 32
    kept = [file for file in home.root.rglob("*") if file.is_file() and token.encode() in file.read_bytes()]
    assert kept == []
