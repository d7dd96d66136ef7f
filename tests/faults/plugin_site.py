"""Distributions of plugins made for one test, and `perpmaker` run as a process that finds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import attrs
import pytest

from perpmaker.cli import main

HEADER = """
import time

import anyio
import attrs
from contextlib import asynccontextmanager
from decimal import Decimal
from perpmaker import (
    DerivativeConnectorDeclaration, PriceSourceDeclaration, RiskModuleDeclaration, StrategyDeclaration, hookimpl
)
from perpmaker.model.event import ReferenceChanged
from perpmaker.model.quote import Wanted
from perpmaker.risk.interface import Approved, Refused

__plugin_api__ = 1


@attrs.frozen(kw_only=True)
class Settings:
    pass

"""

MODULE = """
class Module:
    def review(self, view, quote):
        {body}


@hookimpl
def register_risk_modules(register):
    register(RiskModuleDeclaration(name="tide", summary="T", settings=Settings, build=lambda s, i: Module()))
"""

SOURCE = """
class Source:
    def __init__(self, context):
        self.clock = context.clock

    async def receive(self):
        {body}


@asynccontextmanager
async def opened(settings, context):
    {opening}
    yield Source(context)


@hookimpl
def register_price_sources(register):
    register(
        PriceSourceDeclaration(
            name="tide", summary="T", settings=Settings, open=opened, price_types=("mid_price", "custom")
        )
    )
"""

RUN = """
strategy = "perpetual_market_making"
derivative = "binance_perpetual"
market = "BTC-USDT"
leverage = 3
bid_spread = 0.04
ask_spread = 0.04
order_amount = 0.01
order_refresh_time = 30.0
stop_loss_spread = 0.5
{top}

[binance_perpetual]
environment = "sandbox"

[sandbox]
seed = 1

{tables}
"""


@attrs.frozen
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All that a person has read."""
        return self.out + self.err


@attrs.frozen
class PluginSite:
    """A folder of distributions, a state directory, and the sandbox that `check` asks."""

    root: Path
    sandbox_url: str
    _monkeypatch: pytest.MonkeyPatch
    _capsys: pytest.CaptureFixture[str]

    @property
    def home(self) -> Path:
        """The state directory."""
        return self.root / "home"

    def install(self, body: str, *, name: str = "tide", header: str = HEADER) -> None:
        """Install the distribution `perpmaker-NAME` 1.0 whose entry point leads to a module with this body."""
        module = f"perpmaker_{name}_of_a_test"
        (self.root / f"{module}.py").write_text(header + dedent(body), encoding="utf-8")
        metadata = self.root / f"perpmaker_{name}-1.0.dist-info"
        metadata.mkdir()
        text = f"Metadata-Version: 2.1\nName: perpmaker-{name}\nVersion: 1.0\n"
        (metadata / "METADATA").write_text(text, encoding="utf-8")
        (metadata / "entry_points.txt").write_text(f"[perpmaker]\n{name} = {module}\n", encoding="utf-8")

    def configure(self, *, top: str = "", tables: str = "") -> Path:
        """Write a configuration of the sandbox."""
        file = self.root / "run.toml"
        file.write_text(RUN.format(top=top, tables=tables), encoding="utf-8")

        return file

    def command_here(self, *words: object) -> Ended:
        """Run the command in this process, which is what takes no second, where the test is not about the process."""
        self._monkeypatch.syspath_prepend(self.root)
        self._monkeypatch.setenv("PERPMAKER_HOME", str(self.home))
        shared = ("--sandbox-url", self.sandbox_url) if words[0] == "check" else ()

        try:
            with pytest.raises(SystemExit) as ended:
                main([*map(str, words), *shared])
        finally:
            for name in [name for name in sys.modules if name.endswith("_of_a_test")]:
                del sys.modules[name]

        shown = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)

        return Ended(ended.value.code, shown.out, shown.err)

    def command(self, *words: object, timeout: float = 300, **variables: str) -> Ended:
        """Run the command to its end; a check, which changes nothing, asks the sandbox that all checks share."""
        shared = ("--sandbox-url", self.sandbox_url) if words[0] == "check" else ()
        ended = subprocess.run(  # noqa: S603  # our own command
            [sys.executable, "-m", "perpmaker", *map(str, words), *shared],
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def run_until(self, word: str, *words: object) -> Ended:
        """Run a bot until it has said a word, and end it then, however long that takes."""
        out = self.root / "out.txt"

        with (
            out.open("w", encoding="utf-8") as shown,
            subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "-m", "perpmaker", "run", *map(str, words)],
                env=self.environment,
                stdout=shown,
                stderr=subprocess.PIPE,
                text=True,
            ) as process,
        ):
            assert process.stderr is not None
            said = []

            try:
                for line in process.stderr:
                    said.append(line)

                    if word in line:
                        process.terminate()
            finally:
                process.kill()

        return Ended(process.returncode, out.read_text(encoding="utf-8"), "".join(said))

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that finds the plugins, and keeps its state in a folder of the test."""
        path = os.pathsep.join(filter(None, (str(self.root), os.environ.get("PYTHONPATH", ""))))

        return {**os.environ, "PYTHONPATH": path, "PERPMAKER_HOME": str(self.home)}

    def tracebacks(self) -> list[str]:
        """The texts of the traceback files in the state directory."""
        return [path.read_text(encoding="utf-8") for path in sorted(self.home.rglob("traceback-*.txt"))]
