"""The settings of the table `[fathom]`."""

from __future__ import annotations

import attrs

from perpmaker.venue import Address, ApiKeySettings, Environment

NAME, VENUE = "fathom", "Fathom"


@attrs.frozen(kw_only=True)
class Settings(ApiKeySettings):
    """How to reach Fathom; see `ApiKeySettings`."""

    venue = VENUE
    addresses = {  # noqa: RUF012  # never changed
        environment: Address(
            rest=f"https://{environment.value}.{NAME}.test", stream=f"wss://{environment.value}.{NAME}.test"
        )
        for environment in (Environment.LIVE, Environment.TESTNET)
    }
