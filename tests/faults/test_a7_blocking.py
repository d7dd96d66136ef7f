"""A7: a plugin that blocks is told, interrupted and named; exits and signals go on."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from .plugin_site import MODULE, SOURCE, PluginSite

pytestmark = pytest.mark.long

PRICE = "return ReferenceChanged(price=Decimal(60000), at=self.clock.now())"


@pytest.mark.full
def test_A7_a_module_that_blocks_before_the_run_is_interrupted_and_named(site: PluginSite) -> None:
    """After a second a person reads whose code runs and where its stack is; after five it is ended: exit 6."""
    site.install(MODULE.format(body="time.sleep(86_400)"))
    ended = site.command("check", site.configure(tables="[risk.tide]\n"), timeout=300)

    assert ended.code == 6, ended.said
    assert "risk module tide of perpmaker-tide 1.0 has not come back for 1." in ended.err
    assert "was interrupted" in ended.err
    assert "in review" in next(site.home.glob("stacks-*")).read_text(encoding="utf-8")


@pytest.mark.full
@pytest.mark.parametrize(
    ("body", "opening"),
    [(PRICE, "time.sleep(86_400)"), pytest.param("\n        while True: pass", "pass", marks=pytest.mark.full)],
)
def test_A7_a_source_that_blocks_before_the_run_is_interrupted_and_named(
    site: PluginSite, body: str, opening: str
) -> None:
    """In `open` as in `receive`."""
    site.install(SOURCE.format(body=body, opening=opening))
    ended = site.command("check", site.configure(top='price_source = "tide"'), timeout=300)

    assert ended.code == 6, ended.said
    assert "price source tide of perpmaker-tide 1.0" in ended.err


@pytest.mark.parametrize("place", ["import", pytest.param("build", marks=pytest.mark.full)])
def test_A7_a_plugin_that_blocks_while_it_is_loaded_or_built_is_interrupted(site: PluginSite, place: str) -> None:
    """Every command goes on without it; a run that names it is refused."""
    good = MODULE.format(body="return Approved(quote=quote)")
    bad = {
        "import": f"time.sleep(86_400)\n{good}",
        "build": good.replace("build=lambda s, i: Module()", "build=lambda s, i: time.sleep(86_400)"),
    }[place]
    site.install(bad)
    ended = site.command("check", site.configure(tables="[risk.tide]\n"), timeout=300)

    assert ended.code == (6 if place == "build" else 2), ended.said
    assert "interrupted" in ended.err


@pytest.mark.full
@pytest.mark.parametrize("command", [pytest.param("check", marks=pytest.mark.full), "run"])
def test_A7_a_source_that_never_waits_keeps_nobody_waiting(site: PluginSite, command: str) -> None:
    """A `receive` that answers at once, for ever: check ends, a run trades and ends in its time."""
    site.install(SOURCE.format(body=PRICE, opening="pass"))
    options = ("--for", "1") if command == "run" else ()
    ended = site.command(command, site.configure(top='price_source = "tide"'), *options, timeout=300)

    assert ended.code == 0, ended.said


def test_A7_a_signal_is_heard_while_a_module_sleeps(site: PluginSite) -> None:
    """SIGTERM in the middle of a sleep of a day: the run ends cleanly within the watchdog's time, with code 6."""
    counted = "self.n = getattr(self, 'n', 0) + 1\n        "
    body = f"{counted}if self.n > 2: time.sleep(86_400)\n        return Approved(quote=quote)"
    site.install(MODULE.format(body=body))
    file = site.configure(tables="[risk.tide]\n")
    said = []

    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "perpmaker", "run", str(file)],
        env=site.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None

            for line in process.stderr:
                said.append(line)

                if "has not come back" in line:
                    process.send_signal(signal.SIGTERM)
        finally:
            process.kill()

    assert process.returncode == 6, "".join(said)
    assert "HALT (the risk module tide of perpmaker-tide 1.0" in "".join(said) or "was halted" in "".join(said)
