"""What the markets of one process have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from perpmaker.cli.desk import Desk
    from perpmaker.connector.shared import Shared
    from perpmaker.runtime.account_exposure import AccountExposures


@attrs.frozen(kw_only=True)
class Company:
    """The connections and limits of each account, and what its markets may come to hold.

    `desks` answer for the markets, each from when it has begun.
    """

    shared: Shared
    exposures: AccountExposures
    desks: list[Desk] = attrs.field(factory=list)
