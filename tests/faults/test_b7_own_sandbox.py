"""B7: a sandbox of a run's own ends with it, and so does what was remembered of its account."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .plugin_site import MODULE, PluginSite

FILE = Path(__file__).parents[1] / "practice.toml"


@pytest.mark.full
def test_B7_the_journal_of_a_sandbox_that_ended_with_its_run_is_removed(site: PluginSite) -> None:
    """Nobody can go on with it: no file is left, none is named, and the next step tells of no position."""
    ended = site.command("run", FILE, "--for", "3", "--json")
    assert ended.code == 0, ended.said
    assert json.loads(ended.out)["journal"] is None
    assert not list((site.home / "journal").iterdir())


@pytest.mark.full
def test_B7_the_journal_of_a_run_that_was_halted_stays(site: PluginSite) -> None:
    """It is what somebody looks at who wants to know why."""
    counted = "self.n = getattr(self, 'n', 0) + 1\n        "
    site.install(MODULE.format(body=f"{counted}return Approved(quote=quote) if self.n < 8 else 1"))
    options = ("--set", "order_refresh_time=0.3", "--for", "6", "--json")
    ended = site.command("run", site.configure(tables="[risk.tide]\n"), *options)
    assert ended.code == 6, ended.said
    journal = json.loads(ended.out)["journal"]
    assert Path(journal).exists()
