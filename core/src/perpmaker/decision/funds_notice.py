"""Tells a person, once, that the venue gives no margin for new orders, with the assets that are there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from perpmaker.decision.notices import plain
from perpmaker.model.account import AccountSnapshot, AssetMode
from perpmaker.model.instrument import Instrument
from perpmaker.state.state import State

_MODES = {
    AssetMode.SINGLE: "single-asset mode, where only {quote} counts",
    AssetMode.MULTI: "multi-assets mode",
    AssetMode.CREDITS: "credits mode",
    AssetMode.PORTFOLIO: "portfolio mode",
}


@attrs.define(kw_only=True)
class FundsNotice:
    """Finds when there is nothing left that quotes could take margin from, and when there is something again."""

    state: State
    _is_told: bool = attrs.field(default=False, init=False)
    _seen: Decimal | None = attrs.field(default=None, init=False)

    def notices(self) -> Sequence[str]:
        """A line when it is news."""
        snapshot, capital = self.state.funds.snapshot, self.state.funds.capital

        if capital is self._seen or snapshot is None or capital is None:
            return ()

        self._seen = capital

        if (capital <= 0) is self._is_told:
            return ()

        self._is_told = capital <= 0

        if self._is_told:
            return (without_funds(snapshot, self.state.instrument),)

        return (f"there is margin for quotes again: {plain(capital)} {self.state.instrument.quote}",)


def without_funds(snapshot: AccountSnapshot, instrument: Instrument) -> str:
    """What there is instead, and what to do."""
    assets = [f"{plain(one.wallet)} {one.asset}" for one in snapshot.assets if one.wallet]
    mode = _MODES[snapshot.asset_mode].format(quote=instrument.quote)

    return (
        f"no quotes: the venue says that nothing is available for new orders of {instrument.market}. The account has "
        f"{', '.join(assets) or 'no assets'}, in {mode}. Transfer {instrument.quote}, or free margin elsewhere"
    )
