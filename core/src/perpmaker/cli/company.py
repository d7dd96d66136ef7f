"""What the markets of one process have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from perpmaker.connector.shared import Shared
    from perpmaker.runtime.account_exposure import AccountExposures


@attrs.frozen(kw_only=True)
class Company:
    """The connections and limits of each account, and what its markets may come to hold."""

    shared: Shared
    exposures: AccountExposures
