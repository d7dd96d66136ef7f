"""Events that tell what was read of the account, short of its history."""

from __future__ import annotations

import attrs

from perpmaker.model.account import AccountSnapshot
from perpmaker.model.order import OrderReport


@attrs.frozen(kw_only=True)
class AccountReported:
    """The venue's word on positions and money of the account, asked for."""

    account: AccountSnapshot


@attrs.frozen(kw_only=True)
class AccountSeen:
    """What is held and what rests, read together before anything of the account's history: enough for exits to go out.

    Its fields are those of `perpmaker.model.event.Resynced`, which follows from the same read.
    """

    began_at: float
    orders: tuple[OrderReport, ...]
    account: AccountSnapshot
    venue_ms: int
    asked_ms: int | None = None
    clock_uncertainty_s: float = 0.0
