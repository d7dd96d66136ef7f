"""Several files for one process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from perpmaker.config.several import load_each
from perpmaker.errors import ConfigurationError
from perpmaker.plugins.catalog import load_catalog

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """One with a wrong value, one that is missing, and one that is right."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text((EXAMPLES / "sandbox.toml").read_text() + "\nno_such_key = 1\n")

    with pytest.raises(ConfigurationError) as error:
        load_each([wrong, EXAMPLES / "sandbox.toml", tmp_path / "missing.toml"], (), load_catalog())

    assert {Path(problem.file).name for problem in error.value.problems} == {"wrong.toml", "missing.toml"}


def test_a_market_of_an_account_is_traded_by_one_file(tmp_path: Path) -> None:
    """The second is refused, and names the first; another market of the same account is none of it."""
    again = Path(shutil.copy(EXAMPLES / "sandbox.toml", tmp_path / "again.toml"))

    with pytest.raises(ConfigurationError) as error:
        load_each([EXAMPLES / "sandbox.toml", again], (), load_catalog())

    (problem,) = error.value.problems
    assert (Path(problem.file).name, problem.key) == ("again.toml", "market")
    assert "sandbox.toml" in problem.allowed

    again.write_text(
        again.read_text().replace("BTC-USDT", "SOL-USDT").replace("order_amount = 0.01", "order_amount = 5")
    )
    assert len(load_each([EXAMPLES / "sandbox.toml", again], (), load_catalog())) == 2
