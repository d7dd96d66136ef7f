"""B13: `check --json` gave an advice that only a person at the terminal could follow: "see what it said above"."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from perpmaker.cli import main

FILE = Path(__file__).parents[2] / "examples" / "sandbox.toml"


def command(*words: object) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words)])

    assert isinstance(ended.value.code, int)

    return ended.value.code


def checked(capfd: pytest.CaptureFixture[str], *overrides: str) -> tuple[int, str, str]:
    """The exit code, the reason in the JSON, and what a person would have read beside it."""
    code = command("check", FILE, "--json", *(word for one in overrides for word in ("--set", one)))
    shown = capfd.readouterr()
    found = json.loads(shown.out)
    assert found["ok"] is False

    return code, found["error"], shown.err


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port at which somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_B13_unknown_market_is_in_the_json(capfd: pytest.CaptureFixture[str]) -> None:
    """With the nearest that there are, and nothing that must be read elsewhere."""
    code, reason, beside = checked(capfd, "market=BTC-USD")

    assert (code, beside) == (3, "")
    assert "has no market named 'BTC-USD'. The sandbox has BTC-USDT" in reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello\n", "a.gz:1: this line cannot be used"),
        pytest.param(b"", "no depth snapshot in it", marks=pytest.mark.full),
    ],
)
def test_B13_reason_of_the_sandbox_is_in_the_json(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, words: str
) -> None:
    """Whatever keeps the sandbox from starting is said as if `check` had found it itself."""
    capture, file = tmp_path / "a.gz", tmp_path / "bot.toml"
    capture.write_bytes(gzip.compress(content))
    text = "\n".join(line for line in FILE.read_text().splitlines() if not line.startswith("shape"))
    file.write_text(f'{text}\nrecording = ["{capture}"]\n')
    code = command("check", file, "--json")
    found = json.loads(capfd.readouterr().out)

    assert code == 2
    assert words in found["error"]


def test_B13_port_that_is_taken_is_in_the_json(capfd: pytest.CaptureFixture[str], taken_port: int) -> None:
    """A slip of the command line of the child is a slip of the file's port."""
    code, reason, _ = checked(capfd, f"sandbox.port={taken_port}")

    assert code == 2
    assert f"127.0.0.1:{taken_port}" in reason


def test_B13_sandbox_says_in_json_why_it_does_not_serve(capfd: pytest.CaptureFixture[str]) -> None:
    """One line where its own would have been, with the exit code of the process."""
    code = command("sandbox", "binance_perpetual", "--market", "BTC-USD", "--json")
    line = json.loads(capfd.readouterr().out)

    assert code == line["exit_code"] == 3
    assert "'BTC-USD'" in line["error"]


def test_B13_person_reads_the_reason_once(capfd: pytest.CaptureFixture[str]) -> None:
    """Without `--json` it is a line on standard error, not two of which one points to the other."""
    assert command("check", FILE, "--set", "market=BTC-USD") == 3
    assert capfd.readouterr().err.count("BTC-USD'") == 1
