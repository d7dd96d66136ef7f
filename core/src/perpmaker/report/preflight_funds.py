"""What stands behind the quotes, in words: the account's assets, and the bound that a person must set. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from perpmaker.model.account import AccountSnapshot, AssetMode
from perpmaker.report.preflight_figure import Situation
from perpmaker.report.preflight_wording import money

_MODES = {
    AssetMode.SINGLE: "single-asset mode",
    AssetMode.MULTI: "multi-assets mode",
    AssetMode.CREDITS: "credits mode",
    AssetMode.PORTFOLIO: "portfolio mode",
}


def read_funds_warnings(situation: Situation) -> Iterator[str]:
    """Yield what the venue says is available, where the wallet of the quote asset does not say it."""
    account, quote = situation.account, situation.view.instrument.quote

    if account is None or (account.asset_mode is AssetMode.SINGLE and account.available > 0):
        return

    found = "nothing" if account.available <= 0 else f"{money(account.available)} {quote}"
    yield f"the venue says that {found} is available for new orders: {describe_assets(account)}"


def read_funds_refusals(situation: Situation) -> Iterator[str]:
    """Yield a bound is needed where the account holds none of the quote asset itself: else all of it could be bound."""
    account, quote = situation.account, situation.view.instrument.quote

    if account is None or situation.strategy is None or situation.strategy.max_margin is not None:
        return

    own = sum((one.wallet for one in account.assets if one.asset == quote), Decimal(0))

    if own <= 0 < account.available:
        yield (
            f"max_margin is needed: the account has no {quote} of its own ({describe_assets(account)}), and a loss "
            f"would be owed in {quote}. Set max_margin, the most that quotes may bind, in {quote}"
        )


def describe_assets(account: AccountSnapshot) -> str:
    """Return the assets that are there, and which of them count."""
    assets = [f"{money(one.wallet)} {one.asset}" for one in account.assets if one.wallet]

    return f"{', '.join(assets) or 'no assets'}, {_MODES[account.asset_mode]}"
