"""B4: a plugin that exits or interrupts takes nobody with it."""

from __future__ import annotations

import json

import pytest

from .plugin_site import MODULE, SOURCE, PluginSite

pytestmark = pytest.mark.long

RAISED = ["raise SystemExit(0)", "raise KeyboardInterrupt", "import asyncio; raise asyncio.CancelledError"]


@pytest.mark.each_value
@pytest.mark.parametrize("raised", RAISED)
@pytest.mark.parametrize("place", ["import", "hook"])
def test_B4_whatever_is_raised_while_plugins_load_costs_only_that_plugin(
    site: PluginSite, raised: str, place: str
) -> None:
    """The plugin is shown as failed, with what it raised, and every other one is there."""
    hook = "@hookimpl\ndef register_risk_modules(register):\n    "
    site.install(raised if place == "import" else hook + raised)
    ended = site.command_here("plugins", "--json")
    rows = {row["plugin"]: row for row in json.loads(ended.out)}

    assert ended.code == 0
    assert rows["tide"]["state"] == "failed"
    assert raised.partition("raise ")[2].partition("(")[0].rpartition(".")[2] in rows["tide"]["reason"]
    assert rows["binance_perpetual"]["state"] == "loaded"


@pytest.mark.parametrize(
    "raised", [pytest.param("raise SystemExit(0)", marks=pytest.mark.full), "raise KeyboardInterrupt"]
)
def test_B4_a_module_that_exits_while_running_halts_and_the_run_ends_with_6(site: PluginSite, raised: str) -> None:
    """Quotes go, the halt names plugin and distribution, the traceback is kept, and the code is not 0."""
    body = f"self.n = getattr(self, 'n', 0) + 1\n        if self.n > 2: {raised}\n        return Approved(quote=quote)"
    site.install(MODULE.format(body=body))
    ended = site.run_until("HALT (", site.configure(tables="[risk.tide]\n"))

    assert ended.code == 6, ended.said
    assert "HALT (the risk module tide of perpmaker-tide 1.0 failed in review" in ended.err
    assert len(site.tracebacks()) == 1


@pytest.mark.full
def test_B4_a_source_that_exits_while_running_halts_and_the_run_ends_with_6(site: PluginSite) -> None:
    """So does one whose coroutine ends the program."""
    body = (
        "self.n = getattr(self, 'n', 0) + 1\n        await anyio.sleep(0.2)\n"
        "        if time.monotonic() - began > 5: raise SystemExit(0)\n"
        "        return ReferenceChanged(price=Decimal(60000), at=self.clock.now())"
    )
    site.install("began = time.monotonic()\n" + SOURCE.format(body=body, opening="pass"))
    ended = site.command("run", site.configure(top='price_source = "tide"'), "--for", "6")

    assert ended.code == 6, ended.said
    assert "the price source tide of perpmaker-tide 1.0 failed in receive (SystemExit: 0)" in ended.err
