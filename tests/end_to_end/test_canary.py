"""Secrets in a run in which everything that has one fails: none of them is in anything that the program wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from perpmaker.testing.canary import Canaries

pytestmark = pytest.mark.long

SECRETS = {
    "HOOK": "http://127.0.0.1:9/services/T00CANARY/B00CANARY/h00k+T0ken/of_a-webhook~0123",
    "TOKEN": "b3arer.T0ken-of+a/webhook=0123456789",
    "WORDS": "abandon ability able about above absent absorb abstract absurd abuse access zoo",
    "API": "aPiK3yOfAVenue0123456789abcdefABCDEF",
}
PLUGIN = """
import attrs, logging, sys, warnings
from perpmaker import ObserverDeclaration, hookimpl

__plugin_api__ = 1

@attrs.frozen(kw_only=True)
class Settings:
    how_secret: str
    api_key: str
    mnemonic: str

class Careless:
    def __init__(self, settings, context):
        self.how = settings.how_secret
        self.words = context.secrets.reveal(settings.mnemonic)
        self.key = context.secrets.reveal(settings.api_key)
        context.tell(f"it works with {self.key} and {self.words}")

    def observe(self, happening):
        try:
            raise ValueError(f"no answer to {self.words}")
        except ValueError as error:
            raise RuntimeError(f"GET https://moon.example/?apiKey={self.key}", self.words) from error

@hookimpl
def register_observers(register):
    register(ObserverDeclaration(name="careless", summary="C", settings=Settings, build=Careless))
"""


@pytest.mark.full
def test_no_secret_of_a_run_is_in_anything_that_it_wrote(tmp_path: Path) -> None:
    """A webhook that cannot be reached, and an observer that has secrets in what it tells and raises.

    Terminal, summary, log, journal, tracebacks and last words are searched; that they are there is made sure of.
    """
    practice = (Path(__file__).parents[1] / "practice.toml").read_text(encoding="utf-8")
    tables = """
        [observers.webhook]
        url = "env:HOOK"
        token = "env:TOKEN"
        events = ["start", "fill", "notice"]

        [observers.careless]
        how_secret = "env:API"
        api_key = "env:API"
        mnemonic = "env:WORDS"
    """
    (tmp_path / "run.toml").write_text(practice + dedent(tables), encoding="utf-8")
    (tmp_path / "perpmaker_careless.py").write_text(PLUGIN, encoding="utf-8")
    metadata = tmp_path / "perpmaker_careless-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: perpmaker-careless\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[perpmaker]\ncareless = perpmaker_careless\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    home = tmp_path / "home"

    ended = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "perpmaker", "run", str(tmp_path / "run.toml"), "--for", "1", "--json"],
        env={**os.environ, **SECRETS, "PYTHONPATH": path, "PERPMAKER_HOME": str(home)},
        capture_output=True,
        timeout=300,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["unproven"] is None
    assert b"observer careless of perpmaker-careless 1.0: it works with *** and ***" in ended.stderr
    assert b"its address does not answer" in ended.stderr
    written = {path.parent.name for path in home.rglob("*") if path.is_file()}
    assert {"journal", "log", "home"} <= written
    assert any("***" in path.read_text() for path in home.glob("traceback-*.txt"))

    canaries = Canaries(SECRETS | {"the webhook's token": SECRETS["HOOK"].rpartition("services/")[2]})
    assert list(canaries.found_in(ended.stdout + ended.stderr)) == []
    assert list(canaries.found_below(tmp_path)) == []
