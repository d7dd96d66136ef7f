"""The settings of the table `[fathom]`."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from perpmaker.venue import Environment, key_fault

NAME, VENUE = "fathom", "Fathom"


@attrs.frozen(kw_only=True)
class Settings:
    """How to reach Fathom; `api_key` and `api_secret` are references, needed for testnet and live."""

    environment: Environment = Environment.SANDBOX
    api_key: str | None = attrs.field(default=None, repr=False)
    api_secret: str | None = attrs.field(default=None, repr=False)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the keys that are wrong."""
        for key, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            if (fault := key_fault(key, value, self.environment, f"env:FATHOM_{key.upper()}")) is not None:
                yield key, fault
