"""B14: small faults of a person are answered in words, each with what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from perpmaker.cli import main
from perpmaker.errors import PerpmakerError
from perpmaker.plugins.catalog import load_catalog
from perpmaker.testing.virtual import virtual_trio

from .stories import GOOD


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str]:
    """Exit code and standard error of a command."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    return ended.value.code, capsys.readouterr().err


@pytest.mark.each_value
@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("environment", ["testnet", "live"])
def test_B14_all_missing_references_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, environment: str
) -> None:
    """Both references that lead to no secret are told with key and line, before anything connects."""
    file = tmp_path / "bot.toml"
    table = f'[binance_perpetual]\nenvironment = "{environment}"\napi_key = "env:NO_K"\napi_secret = "file:no_s"\n'
    file.write_text(GOOD + table)
    consent = ("--live",) if (command, environment) == ("run", "live") else ()
    code, words = said(capsys, command, str(file), *consent)
    assert code == 2
    assert [line.split(": ")[:2] for line in words.splitlines()] == [
        [f"{file}:11", "binance_perpetual.api_key"],
        [f"{file}:12", "binance_perpetual.api_secret"],
    ]


@pytest.mark.parametrize("variable", ["PERPMAKER_WITHOUT_PLUGINS", "PERPMAKER_ONLY_PLUGINS"])
def test_B14_a_name_that_leaves_nothing_out_is_told(variable: str) -> None:
    """A name in the variables that is no plugin's is a warning; names of plugins and distributions are none."""
    known = "binance_perpetual, perpmaker-price-sources,perpmaker,price_sources,risk_modules,perpetual_market_making"
    assert list(load_catalog({variable: known}).warnings()) == []
    (warning,) = load_catalog({variable: f"{known},nonsense"}).warnings()
    assert variable in warning
    assert "'nonsense'" in warning


@pytest.mark.parametrize(
    ("row", "value"),
    [('["bid", 0.1, 1]', "['bid', 0.1, 1]"), ('["buy", 0, 1]', "['buy', 0, 1]"), ('["buy"]', "['buy']")],
)
def test_B14_a_faulty_override_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, value: str
) -> None:
    """The message about a row of order_override names the row and shows its value."""
    file = tmp_path / "bot.toml"
    file.write_text(f"{GOOD}order_override = {{ near = {row} }}\n")
    assert f"{file}:9: order_override.near = {value}: " in said(capsys, "check", str(file))[1]


LONG = "x" * 50_000


@pytest.mark.each_value
@pytest.mark.parametrize(
    ("text", "options"),
    [
        (f"{GOOD}{LONG} = 1\n", ()),
        (f"{GOOD}[{LONG}.{LONG}]\na = 1\n", ()),
        (GOOD.replace('derivative = "binance_perpetual"', f'derivative = "{LONG}"'), ()),
        (GOOD, ("--set", f"{LONG}=1")),
        (GOOD, ("--set", f"{LONG}.{LONG}=1")),
        (GOOD, ("--sandbox-url", f"http://{LONG}")),
        (GOOD, ("--sandbox-url", LONG)),
        (GOOD, (f"--{LONG}",)),
        (GOOD, (LONG,)),
    ],
    ids=["key", "table", "connector", "override", "dotted", "host", "address", "option", "argument"],
)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["words", "json"])
def test_B14_a_very_long_word_is_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: tuple[str, ...], form: tuple[str, ...]
) -> None:
    """What a person wrote by accident is shown by its start, so that the sentence about it can be read."""
    file = tmp_path / "bot.toml"
    file.write_text(text)

    with pytest.raises(SystemExit) as ended:
        main(("check", str(file), *form, *options))

    said = "".join(capsys.readouterr()).replace(r"\u2026", "…")
    assert ended.value.code == 2
    assert "xxx…" in said
    assert len(said) < 2_000


def test_B14_virtual_time_without_trio_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test on virtual time where trio is not installed is answered with what to install."""
    monkeypatch.setitem(sys.modules, "trio", None)
    monkeypatch.setitem(sys.modules, "trio.testing", None)

    with pytest.raises(PerpmakerError, match=r"perpmaker\[testing\]"):
        virtual_trio()


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_B14_a_port_that_there_is_not_is_a_slip_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    """No client could ask there: said as any other address that is none, and no bug of perpmaker."""
    file = tmp_path / "bot.toml"
    file.write_text(GOOD)

    with pytest.raises(SystemExit) as ended:
        main(("check", str(file), "--sandbox-url", f"http://127.0.0.1:{port}"))

    assert ended.value.code == 2
    assert f"--sandbox-url http://127.0.0.1:{port}: is no address" in capsys.readouterr().err
