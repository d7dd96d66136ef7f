"""A moment on the command line: a date, or a date and a time, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import click


class Moment(click.ParamType[int]):
    """`2026-11-30`, `2026-11-30T22:10` or `2026-11-30T22:10:34Z`, as milliseconds since 1970."""

    name = "moment"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the moment. A usage error for what is none."""
        if isinstance(value, int):
            return value

        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date or time: write it as 2026-11-30 or 2026-11-30T22:10, in UTC.", param, ctx)

        return round((at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp() * 1000)
