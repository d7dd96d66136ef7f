"""What a venue says before, or while, it closes positions of the account by itself."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class MarginCalled:
    """The venue warns that positions which share this market's margin come near to liquidation; `detail` says which."""

    detail: str
    venue_ms: int
