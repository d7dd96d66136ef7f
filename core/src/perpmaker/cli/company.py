"""What the markets of one process have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from perpmaker.cli.desk import Desk
    from perpmaker.connector.shared import Shared
    from perpmaker.runtime.account_exposure import MarketExposure


@attrs.frozen(kw_only=True)
class Company:
    """The connections and limits of each account, and what one of the markets may come to hold.

    `desks` answer for all markets, each from when it has begun.
    """

    shared: Shared
    exposure: MarketExposure
    desks: list[Desk]
