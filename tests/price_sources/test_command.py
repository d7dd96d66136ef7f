"""The commands as processes, with a price that comes from elsewhere: the documented configuration runs as it stands."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perpmaker.cli import main

pytestmark = pytest.mark.long

EXAMPLE = Path(__file__).parents[2] / "examples" / "price_source_from_spot.toml"
PATIENCE_S = 300


@contextmanager
def started(tmp_path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`perpmaker` with these words, its state in a folder of the test; killed when a test leaves it running."""
    state = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "perpmaker", *words]
    pipe = subprocess.PIPE
    environment = {**os.environ, **state}

    with subprocess.Popen(  # noqa: S603  # our own command
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command that ends by itself."""
    with started(tmp_path, *words) as process:
        said, complaints = process.communicate(timeout=PATIENCE_S)

        return process.returncode, said, complaints


@pytest.mark.full
def test_documented_configuration_quotes_from_spot_without_network(tmp_path: Path) -> None:
    """The sandbox serves the spot market beside the perpetual, and quotes are laid around it."""
    code, said, told = finished(tmp_path, "run", str(EXAMPLE), "--for", "3", "--json")
    assert code == 0, told
    assert json.loads(said.splitlines()[-1])["quotes_placed"] >= 2
    assert "price source: bid 1" in told


@pytest.mark.full
def test_attached_sandbox_must_serve_the_source(tmp_path: Path) -> None:
    """A sandbox without the spot market is refused with what to start it with; one with it is traded on."""
    sandbox = ("sandbox", "binance_perpetual", "--market", "SOL-USDT", "--json", "--until-stdin-closes")

    with started(tmp_path, *sandbox) as bare:
        assert bare.stdout is not None
        url = json.loads(bare.stdout.readline())["url"]
        code, _, told = finished(tmp_path, "run", str(EXAMPLE), "--for", "1", "--sandbox-url", url)

    assert code == 3
    assert "does not serve SOL-USDT of binance: start it with --source binance:SOL-USDT" in told

    with started(tmp_path, *sandbox, "--source", "binance:SOL-USDT") as serving:
        assert serving.stdout is not None
        line = json.loads(serving.stdout.readline())
        assert (line["source"]["venue"], line["source"]["market"]) == ("binance", "SOL-USDT")
        code, _, told = finished(tmp_path, "run", str(EXAMPLE), "--for", "2", "--sandbox-url", line["url"])
        assert code == 0, told


def test_source_that_cannot_be_served_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A malformed, unknown or unserved source ends the sandbox with its words, and no traceback."""
    monkeypatch.setenv("PERPMAKER_HOME", str(tmp_path))

    for source, words in (
        ("binance", "is not NAME:MARKET"),
        ("custom_api:SOL-USDT", "custom_api has no sandbox"),
        ("nobody:SOL-USDT", "No derivative connector is named 'nobody'"),
        ("binance:NO-USDT", "the sandbox of binance has no market named 'NO-USDT'"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["sandbox", "binance_perpetual", "--source", source])

        told = capsys.readouterr().err
        assert ended.value.code in {2, 3}
        assert words in told
        assert "Traceback" not in told
        del ended

    gc.collect()  # a port that was left open would be a warning now, and a warning is an error
