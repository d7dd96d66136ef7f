"""The report before a run, once a minute: a service that starts again and again does not fill its log with it."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from perpmaker.cli.screen import Screen
from perpmaker.clock import Clock
from perpmaker.config.configuration import Configuration
from perpmaker.journal.state_dir import StateDir
from perpmaker.report.preflight import Preflight
from perpmaker.report.preflight_page import render_preflight

AGAIN_MS = 60_000


def show_report(
    screen: Screen, home: StateDir, clock: Clock, configuration: Configuration, preflight: Preflight
) -> None:
    """Show the report, unless it was shown for this configuration, with this verdict, within the last minute."""
    if not _was_shown(home, clock.utc_ms(), _digest(configuration, preflight)):
        screen.show(render_preflight(preflight))


def _digest(configuration: Configuration, preflight: Preflight) -> str:
    """A name for what would be shown, without the figures that change from second to second."""
    strategy, risk = configuration.strategy.settings, tuple(chosen.settings for chosen in configuration.risk)
    parts = (configuration.file, configuration.run, strategy, configuration.exits, risk, preflight.verdict)

    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _was_shown(home: StateDir, now_ms: int, digest: str) -> bool:
    """Whether it was, within the last minute; what cannot be read or written is shown once more."""
    path = home.report(digest)

    with suppress(OSError, ValueError):
        if 0 <= now_ms - int(path.read_text()) < AGAIN_MS:
            return True

    with suppress(OSError):
        path.touch(mode=0o600)
        path.write_text(f"{now_ms}\n")

    return False
