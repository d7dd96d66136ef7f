"""What a risk module is to the engine, and what it answers."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import attrs

from perpmaker.model.quote import Quote
from perpmaker.state.view import View


@attrs.frozen(kw_only=True)
class Approved:
    """The quote may be sent, possibly smaller or further from the market than it was. Never the other way."""

    quote: Quote


@attrs.frozen(kw_only=True)
class Refused:
    """The quote may not be sent, for a `reason` that is shown to people.

    `module`, whose it is, is filled in.
    """

    quote: Quote
    reason: str
    module: str = ""


Verdict: TypeAlias = Approved | Refused


class RiskModule(Protocol):
    """Pure: reviews each wanted quote. Closing orders never pass through here."""

    def review(self, view: View, quote: Quote) -> Verdict:
        """Approve the quote (as it is, or cut, or moved away) or refuse it with a reason."""
