"""What an account has, by the venue's word: every asset, the margin, and how far it is from the marks.

One frozen value, whose field names are the keys of `perpmaker balance --json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

import attrs
import msgspec

from perpmaker.errors import PayloadError
from perpmaker.model.account import AssetMode
from perpmaker.model.position import Balance
from perpmaker.report.history_page import money
from perpmaker.report.status import MarginStatus, PositionStatus, Status, plain
from perpmaker.report.wrapping import wrapped

WARNING_FREE, ALARM_FREE = Decimal("0.3"), Decimal("0.2")
"""Marks of the free margin: below these it is a warning, and an alarm."""

WARNING_RATIO, ALARM_RATIO = Decimal("0.5"), Decimal("0.7")
"""Marks of the venue's own ratio: from these on it is a warning, and an alarm. It liquidates at 1."""

OK, WARNING, ALARM, UNKNOWN = "ok", "warning", "alarm", "unknown"


@attrs.frozen(kw_only=True)
class AssetBalance:
    """One asset: `wallet` without unrealised profit, `available` for new margin, None where the venue tells none."""

    asset: str
    wallet: Decimal
    available: Decimal | None = None


@attrs.frozen(kw_only=True)
class AccountBalance:
    """An account at one moment. Money is in `asset`, the quote asset of the market, but for `assets`.

    `initial_margin` is what positions and orders bind. `free_share` is (equity - initial margin) / equity, and
    `free_mark` what the marks of 30 % and 20 % say of it. `maintenance_ratio` is maintenance margin / equity, the
    venue's own ratio, and `maintenance_mark` what those of 50 % and 70 % say. None: the venue does not tell.
    `told_by` is `bot` where a running bot was asked, else `venue`; `age_s` is how old its word is.
    """

    name: str
    environment: str
    venue: str
    market: str
    account: str | None
    at: str
    told_by: str
    asset: str
    asset_mode: str
    assets: tuple[AssetBalance, ...]
    available: Decimal | None
    equity: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    free_share: Decimal | None
    free_mark: str
    maintenance_ratio: Decimal | None
    maintenance_mark: str
    age_s: float
    positions: tuple[PositionStatus, ...]


def balance_of(status: Status, assets: Iterable[Balance], mode: AssetMode, told_by: str) -> AccountBalance:
    """Return the balance out of a status and the assets that were read with it."""
    margin = status.margin
    found = sorted(assets, key=lambda one: (one.asset != status.quote, one.asset))
    busy = [one for one in found if one.wallet or one.available or one.asset == status.quote]

    return AccountBalance(
        name=status.name,
        environment=status.environment,
        venue=status.venue,
        market=status.market,
        account=status.account,
        at=status.at,
        told_by=told_by,
        asset=status.quote,
        asset_mode=mode.value,
        assets=tuple(AssetBalance(asset=one.asset, wallet=one.wallet, available=one.available) for one in busy),
        available=None if margin is None else margin.available,
        equity=None if margin is None else margin.equity,
        initial_margin=None if margin is None else margin.initial_margin,
        maintenance_margin=None if margin is None else margin.maintenance_margin,
        free_share=None if margin is None else margin.free_share,
        free_mark=_free_mark(margin),
        maintenance_ratio=None if margin is None else margin.maintenance_ratio,
        maintenance_mark=_maintenance_mark(margin),
        age_s=0.0 if margin is None else margin.age_s,
        positions=status.positions,
    )


def decode_balance(content: object) -> AccountBalance:
    """Return a balance from what a running bot has answered.

    Raises:
        PayloadError: it is none, or one of another version.
    """
    try:
        return msgspec.convert(content, AccountBalance)
    except msgspec.ValidationError as error:
        raise PayloadError(f"it is no balance of this version: {error}") from error


def _free_mark(margin: MarginStatus | None) -> str:
    share = None if margin is None else margin.free_share

    if share is None:
        return UNKNOWN

    return ALARM if share < ALARM_FREE else WARNING if share < WARNING_FREE else OK


def _maintenance_mark(margin: MarginStatus | None) -> str:
    ratio = None if margin is None else margin.maintenance_ratio

    if ratio is None:
        return UNKNOWN

    return ALARM if ratio >= ALARM_RATIO else WARNING if ratio >= WARNING_RATIO else OK


# --- for a person ----------------------------------------------------------------------------------------------------


def balance_page(balance: AccountBalance) -> Iterator[str]:
    """Yield the lines of the page, in at most 80 columns."""
    yield from wrapped("", f"{balance.environment} {balance.market} on {balance.venue}, account {balance.account}")
    told = "told by the running bot" if balance.told_by == "bot" else "told by the venue"
    yield f"{balance.at[:19].replace('T', ' ')} UTC, {told}" + (f", {balance.age_s:.0f} s old" if balance.age_s else "")
    yield ""
    yield f"{'asset':<10}{'wallet':>24}{'available':>24}"

    for one in balance.assets:
        free = "-" if one.available is None else money(one.available)
        yield f"{one.asset[:9]:<10}{money(one.wallet):>24}{free:>24}"

    yield ""

    for name, value in _rows(balance):
        yield from wrapped(f"{name:<18}", value)


def _rows(balance: AccountBalance) -> Iterator[tuple[str, str]]:
    asset = balance.asset
    yield "asset mode", balance.asset_mode
    yield "available", _amount(balance.available, asset)
    yield "equity", _amount(balance.equity, asset)
    yield "margin used", f"{_amount(balance.initial_margin, asset)}, by positions and orders"
    yield (
        "free margin",
        f"{_percent(balance.free_share)} of equity (warning below 30 %, alarm below 20 %){_mark(balance.free_mark)}",
    )
    ratio = f"{_percent(balance.maintenance_ratio)}, the venue's own: maintenance margin / equity"
    marks = f"(warning from 50 %, alarm from 70 %){_mark(balance.maintenance_mark)}"
    yield "margin ratio", f"{ratio}, {_amount(balance.maintenance_margin, asset)} {marks}"

    for one in balance.positions:
        yield "position", _position(one)


def _position(position: PositionStatus) -> str:
    away = position.liquidation_distance
    far = "" if away is None else f", {_percent(away)} from the mark price"
    liquidation = "none told" if position.liquidation is None else f"{plain(position.liquidation)}{far}"
    side = "" if position.side == "net" else f"{position.side} "

    return f"{side}{plain(position.amount)} at {plain(round(position.entry, 8))}, liquidation {liquidation}"


def _mark(mark: str) -> str:
    return "" if mark in {OK, UNKNOWN} else f": {mark.upper()}"


def _amount(value: Decimal | None, asset: str) -> str:
    return "not told" if value is None else f"{money(value)} {asset}"


def _percent(share: Decimal | None) -> str:
    return "not told" if share is None else f"{share * 100:.2f} %"
