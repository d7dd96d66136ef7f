"""Balance and positions in the venue's words. Balances are exact; margins and averages are rounded for display."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from perpmaker import Side
from perpmaker.venue import MarginMode
from perpmaker.venue.sandbox import AccountState, PositionState, plain, rounded
from perpmaker_bybit_perpetual.sandbox.gateway_orders import AttachedStop
from perpmaker_bybit_perpetual.sandbox.venue import Row, Venue
from perpmaker_bybit_perpetual.sandbox.words import POSITION_INDEXES, SIDE_WORDS

ZERO: Final = Decimal(0)
MARGIN_MODES: Final = {"REGULAR_MARGIN": MarginMode.CROSS, "ISOLATED_MARGIN": MarginMode.ISOLATED}
MARGIN_MODE_WORDS: Final = {mode: word for word, mode in MARGIN_MODES.items()}
LEAN: Final = ("isReduceOnly", "seq", "mmrSysUpdatedTime", "leverageSysUpdatedTime")
"""What the row of a flat position may lack."""


def wallet_row(state: AccountState) -> Row:
    """The account: its totals in USD, and each coin; `equity` and `usdValue` hold the unrealised profit already."""
    worth = sum((other.wallet * other.value for other in state.others), ZERO)
    equity = state.equity + worth
    ratio = state.maintenance_margin / equity if equity > 0 else ZERO
    bound = state.position_margin + state.order_margin

    return {
        "accountType": "UNIFIED",
        "totalEquity": rounded(equity),
        "totalWalletBalance": rounded(state.wallet + worth),
        "totalMarginBalance": rounded(equity),
        "totalAvailableBalance": rounded(max(state.available, ZERO)),
        "totalPerpUPL": rounded(state.unrealized),
        "totalInitialMargin": rounded(bound),
        "totalMaintenanceMargin": rounded(state.maintenance_margin),
        "accountIMRate": rounded(bound / equity if equity > 0 else ZERO, 4),
        "accountMMRate": rounded(ratio, 4),
        "accountLTV": "0",
        "coin": [_quote_coin(state), *(_other_coin(o.asset, o.wallet, o.value) for o in state.others)],
    }


def position_row(
    position: PositionState, state: AccountState, stop: AttachedStop | None, number: int, venue: Venue
) -> Row:
    """A position as it is asked for."""
    notation, is_flat = venue.notation, position.lots == 0
    updated_ms = position.updated_ms + (venue.options.position_late_ms if position.updated_ms else 0)
    side = "" if is_flat else SIDE_WORDS[Side.BUY if position.lots > 0 else Side.SELL]
    row: Row = {
        "positionIdx": POSITION_INDEXES[position.side],
        "riskId": 1,
        "riskLimitValue": plain(venue.instrument.tiers[0].cap) if venue.instrument.tiers else "",
        "symbol": venue.instrument.symbol,
        "side": side,
        "size": "0" if is_flat else notation.amount(abs(position.lots)),
        "avgPrice": "0" if is_flat else rounded(position.entry),
        "positionValue": "" if is_flat else rounded(abs(position.amount) * position.entry),
        "tradeMode": 0,
        "autoAddMargin": 0,
        "positionStatus": "Normal",
        "leverage": str(state.leverage),
        "markPrice": rounded(position.mark, notation.price_digits + 1),
        "liqPrice": "" if position.liquidation is None else rounded(position.liquidation, notation.price_digits),
        "bustPrice": "",
        "positionIM": rounded(position.initial_margin),
        "positionMM": rounded(position.maintenance_margin),
        "positionBalance": rounded(position.isolated_margin or ZERO),
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "" if stop is None else notation.price_value(stop.price),
        "trailingStop": "0",
        "unrealisedPnl": "" if is_flat else rounded(position.unrealized),
        "curRealisedPnl": "0",
        "cumRealisedPnl": rounded(position.realized),
        "breakEvenPrice": "" if is_flat else rounded(position.break_even),
        "adlRankIndicator": 0 if is_flat else 2,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(venue.shown_ms(position.updated_ms)),
        "updatedTime": str(venue.shown_ms(updated_ms)),
        "openTime": venue.shown_ms(position.updated_ms),
        "seq": number,
    }

    if is_flat and venue.options.lean_flat_rows:
        return {name: value for name, value in row.items() if name not in LEAN}

    return row


def _quote_coin(state: AccountState) -> Row:
    return {
        **_other_coin(state.asset, state.wallet, Decimal(1)),
        "equity": plain(state.equity),
        "usdValue": plain(state.equity),
        "totalOrderIM": rounded(state.order_margin),
        "totalPositionIM": rounded(state.position_margin),
        "totalPositionMM": rounded(state.maintenance_margin),
        "unrealisedPnl": plain(state.unrealized),
        "cumRealisedPnl": rounded(sum((one.realized for one in state.positions), ZERO)),
    }


def _other_coin(asset: str, wallet: Decimal, value: Decimal) -> Row:
    zeros = ("locked", "borrowAmount", "spotBorrow", "accruedInterest", "bonus", "spotHedgingQty", "colRes")
    margins = ("totalOrderIM", "totalPositionIM", "totalPositionMM", "unrealisedPnl", "cumRealisedPnl")

    return {
        **dict.fromkeys((*zeros, *margins), "0"),
        "coin": asset,
        "equity": plain(wallet),
        "usdValue": rounded(wallet * value),
        "walletBalance": plain(wallet),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "collateralSwitch": True,
        "marginCollateral": True,
    }
