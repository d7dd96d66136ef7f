"""What a first run says once: where this strategy does otherwise than those that know it from Hummingbot expect."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from perpmaker.config.configuration import Configuration
from perpmaker.journal.state_dir import StateDir

STRATEGY = "perpetual_market_making"

LINES = (
    "first run; other than in Hummingbot: in Hedge a position holds back its own side alone, no target starts a delay",
    "the stop's limit follows the market at once, and a stop rests on the venue too (venue_backstop = false: off)",
    "leverage does not multiply order_amount; a position that is not ours is not touched (docs/from_hummingbot.md)",
)
"""Said once in a state directory, when the first run of this strategy begins in it."""

_MARK = "first-run"


def say_differences(configuration: Configuration, home: StateDir, tell: Callable[[str], None]) -> None:
    """Say them at the first run of the strategy; where nothing can be written down they are said again."""
    if configuration.strategy.name != STRATEGY:
        return

    mark = home.report(_MARK)

    if mark.exists():
        return

    with suppress(OSError):
        mark.touch(mode=0o600)

    for line in LINES:
        tell(line)
