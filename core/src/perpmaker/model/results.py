"""What trading has come to: since the day began, and below its best, of the market and of the account."""

from __future__ import annotations

from decimal import Decimal

import attrs

_ZERO = Decimal(0)


@attrs.frozen(kw_only=True)
class Results:
    """Money in the market's quote asset; None: not known yet.

    `booked` is what the ledger has booked for the bot on this market: profit, fees, funding, costs of liquidation.
    With the unrealised profit of the positions it is the market's result. `day_began` is the result at 00:00 UTC,
    `peak` the highest that a reading of the account has shown.

    `equity_beside` with the market's result is the equity of the account's margin pool less what was transferred to
    it, by the newest reading that the venue's history of transfers covers. `equity_day_began` and `equity_peak` are
    the same of that as `day_began` and `peak`.

    All begin anew when a person resumes after a halt. `day_ends_at` is the next 00:00 UTC in seconds of the engine's
    clock.
    """

    booked: Decimal = _ZERO
    day_began: Decimal | None = None
    peak: Decimal | None = None
    equity_beside: Decimal | None = None
    equity_day_began: Decimal | None = None
    equity_peak: Decimal | None = None
    day_ends_at: float | None = None


@attrs.frozen(kw_only=True)
class KeptResults:
    """What of the results outlives a run: as `Results`, with the UTC day since 1970 and what was transferred.

    `resumed_ms`: when a person last resumed, since when it counts.
    """

    booked: Decimal = _ZERO
    transferred: Decimal = _ZERO
    resumed_ms: int = 0
    day: int | None = None
    day_began: Decimal | None = None
    peak: Decimal | None = None
    equity_day_began: Decimal | None = None
    equity_peak: Decimal | None = None
