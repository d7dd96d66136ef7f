"""Funding as the venue announces it: its rate, its next payment and its interval."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Final

import attrs

from perpmaker.model.quick import quick

FUNDING_MAX_AGE_S: Final = 60.0
"""Seconds after which the venue's word on funding is too old to go by."""


@quick
@attrs.frozen(kw_only=True)
class Funding:
    """The funding of a market; positive rates are paid by longs to shorts.

    `rate` is the fraction of the notional that would be paid at the next payment, None where the venue tells none.
    That is at `next_ms` by the venue's clock, and at `next_at` in seconds of the engine's; None while it is not known.
    `interval_h` is what the venue says, and may change at any time. `age_s`: seconds since the venue's word was new.
    """

    rate: Decimal | None = None
    next_ms: int | None = None
    next_at: float | None = None
    interval_h: int | None = None
    age_s: float = inf

    @property
    def is_old(self) -> bool:
        """Whether the venue's word is too old to go by."""
        return self.age_s > FUNDING_MAX_AGE_S
