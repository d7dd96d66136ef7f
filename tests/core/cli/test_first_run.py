"""The three lines of a first run (strategy.md, "Different from Hummingbot")."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from perpmaker.cli.first_run import LINES, say_differences
from perpmaker.config.loading import load_configuration
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.plugins.catalog import load_catalog

FILE = Path(__file__).parents[2] / "practice.toml"


def test_what_is_otherwise_is_said_in_three_lines_at_the_first_run_alone(tmp_path: Path) -> None:
    """Once a state directory, and of this strategy only; the mark is its owner's alone."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path / "home")})
    configuration = load_configuration(FILE, (), load_catalog())
    foreign: Any = SimpleNamespace(strategy=SimpleNamespace(name="another"))
    told: list[str] = []

    say_differences(foreign, home, told.append)
    assert told == []

    for _ in range(2):
        say_differences(configuration, home, told.append)

    assert told == list(LINES)
    assert len(told) == 3
    assert [file.stat().st_mode & 0o777 for file in (home.root / "report").iterdir()] == [0o600]


def test_a_directory_that_takes_no_mark_stops_no_run(tmp_path: Path) -> None:
    """The lines are said again then."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path / "home")})
    configuration = load_configuration(FILE, (), load_catalog())
    home.report("first-run").symlink_to(tmp_path / "nowhere" / "x")
    told: list[str] = []

    for _ in range(2):
        say_differences(configuration, home, told.append)

    assert told == [*LINES, *LINES]
