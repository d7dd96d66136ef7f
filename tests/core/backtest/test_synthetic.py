"""A backtest over what a sandbox has streamed says that its market was made up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.core.backtest.conftest import CONFIGURATION, INSTRUMENT, Tape

from perpmaker.backtest.result import decode_result
from perpmaker.cli import main
from perpmaker.page.summary import labels
from perpmaker.simulation.recording_note import MarketNote


@pytest.mark.parametrize(("environment", "is_synthetic"), [("sandbox", True), (None, False)])
def test_a_market_that_a_sandbox_made_is_called_synthetic(
    environment: str | None,
    is_synthetic: bool,
    tmp_path: Path,
    wander: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the capture's own note of its market; a capture without one is of nobody knows whom, and says nothing."""
    made = wander(1, 2)
    tape = Tape(tmp_path / "noted.gz")

    if environment is not None:
        note = MarketNote(connector="binance_perpetual", environment=environment, instrument=INSTRUMENT)
        tape.write(msgspec.json.encode(note).decode())

    tape.lines.append(gzip.decompress(made.read_bytes()))
    file = tmp_path / "bot.toml"
    file.write_text(CONFIGURATION)

    with pytest.raises(SystemExit) as ended:
        main(["backtest", str(file), "--data", str(tape.save()), "--json", "--report", str(tmp_path / "r.html")])

    assert not ended.value.code
    assert ("says nothing about profit" in (tmp_path / "r.html").read_text(encoding="utf-8")) is is_synthetic
    result = decode_result(json.dumps(json.loads(capsys.readouterr().out)).encode())
    assert result.whose.synthetic is is_synthetic
    assert any("says nothing about profit" in label for label in labels(result)) is is_synthetic
