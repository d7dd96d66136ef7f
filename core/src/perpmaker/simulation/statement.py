"""What the simulated exchange says of an account: positions, balance, income. Frozen values, money exact in Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from perpmaker.model.income import IncomeKind
from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.model.position import MarginMode


@attrs.frozen(kw_only=True)
class Income:
    """One change of the wallet of one asset, signed from the account's side (a fee paid is negative).

    The sum of all income in an asset is exactly the change of its wallet.
    """

    income_id: int
    kind: IncomeKind
    amount: Decimal
    now_ms: int
    asset: str
    trade_id: int | None = None


@attrs.frozen(kw_only=True)
class PositionState:
    """A position: `lots` and `amount` are signed, `entry` is the average entry price (0 when flat).

    `break_even` is the entry price moved by the fees that were paid to open what is held, funding left out.

    `liquidation` is None where the position can never be liquidated; `isolated_margin` is None in cross mode;
    `order_margin`
    is that of the open orders which act on it; `realized` accumulates since the account was opened, before fees.
    """

    side: PositionSide
    lots: int
    amount: Decimal
    entry: Decimal
    break_even: Decimal
    mark: Decimal
    notional: Decimal
    unrealized: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    order_margin: Decimal
    liquidation: Decimal | None
    isolated_margin: Decimal | None
    realized: Decimal
    updated_ms: int


@attrs.frozen
class OtherAsset:
    """An asset beside the quote asset: its wallet, and what one unit counts in quote asset."""

    asset: str
    wallet: Decimal
    value: Decimal


@attrs.frozen(kw_only=True)
class Assets:
    """What an account has beside its quote asset: each asset as (wallet, what one unit counts in quote asset).

    `fee_asset` pays fees as long as there is enough of it; with `multi_assets` all assets stand behind the positions;
    `bound_elsewhere` is margin that other markets take, in quote asset.
    """

    others: Mapping[str, tuple[Decimal, Decimal]] = attrs.field(factory=dict)
    fee_asset: str | None = None
    multi_assets: bool = False
    bound_elsewhere: Decimal = Decimal(0)


@attrs.frozen(kw_only=True)
class AccountState:
    """An account as of now: `equity` is the wallet plus unrealised profit, `available` what new orders may take.

    `others` are the wallets of further assets, `assets` what the account was given of them, and what they are for.

    `cross_wallet` is the wallet without the margin of isolated positions. `positions` is one NET, or LONG and SHORT.
    """

    name: str
    asset: str
    wallet: Decimal
    cross_wallet: Decimal
    unrealized: Decimal
    equity: Decimal
    available: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    leverage: int
    margin_mode: MarginMode
    position_mode: PositionMode
    positions: tuple[PositionState, ...]
    updated_ms: int
    others: tuple[OtherAsset, ...] = ()
    assets: Assets = attrs.field(factory=Assets)


@attrs.frozen(kw_only=True)
class Depth:
    """The displayed book from the best outward, (ticks, lots), as of `update_id`."""

    update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    now_ms: int
