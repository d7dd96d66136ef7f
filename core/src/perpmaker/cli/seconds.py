"""A number of seconds on the command line."""

from __future__ import annotations

import math

import click


class Seconds(click.FloatRange):
    """Seconds within a range. NaN, which no comparison refuses, and infinity are none."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number. A usage error for what is none."""
        seconds: float = super().convert(value, param, ctx)

        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)

        return seconds
