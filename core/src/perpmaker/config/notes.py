"""What is worth saying once at the start of a run, of a configuration without a fault."""

from __future__ import annotations

from collections.abc import Iterator

from perpmaker.config.settings import RunSettings
from perpmaker.connector.interface import Environment


def notes(run: RunSettings, environment: Environment) -> Iterator[str]:
    """Yield what is worth saying once at the start: what is not guarded, and what on paper is not as it is live."""
    if environment is Environment.PAPER:
        yield (
            "paper: the market is the venue's; orders and account are simulated in this process and end with it. "
            "No key is used, so fees and margin tiers are those that the venue documents for everybody."
        )
    elif run.dead_man_switch_s is None:
        yield "dead_man_switch_s = 0: if this process is killed, its quotes stay on the venue."
