"""Balance and positions in the venue's words. Balances are exact; margins and averages are rounded for display."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from perpmaker import PositionSide, Side
from perpmaker.venue import IncomeKind, MarginMode
from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox.order_words import POSITION_SIDE_WORDS, SIDE_WORDS
from perpmaker_binance_perpetual.sandbox.venue import Venue

MARGIN_MODES: Final[Mapping[str, MarginMode]] = {"CROSSED": MarginMode.CROSS, "ISOLATED": MarginMode.ISOLATED}
MARGIN_MODE_WORDS: Final = {mode: word for word, mode in MARGIN_MODES.items()}
INCOME_WORDS: Final[Mapping[IncomeKind, str]] = {
    IncomeKind.REALIZED: "REALIZED_PNL",
    IncomeKind.FEE: "COMMISSION",
    IncomeKind.FUNDING: "FUNDING_FEE",
    IncomeKind.TRANSFER: "TRANSFER",
    IncomeKind.LIQUIDATION_FEE: "INSURANCE_CLEAR",
    IncomeKind.INSURANCE: "INSURANCE_CLEAR",
}
ZERO: Final = Decimal(0)
CREDITS: Final = "BNFCR"
_BALANCE: Final = ("asset", "crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount", "updateTime")


def totals(state: kit.AccountState) -> dict[str, object]:
    """The sums over the account: of the quote asset alone, in multi-assets mode of all by what they count in it."""
    worth = sum((other.wallet * other.value for other in state.others), ZERO) if state.assets.multi_assets else ZERO

    return {
        "totalInitialMargin": kit.rounded(state.position_margin + state.order_margin + state.assets.bound_elsewhere),
        "totalMaintMargin": kit.rounded(state.maintenance_margin),
        "totalWalletBalance": kit.plain(state.wallet + worth),
        "totalUnrealizedProfit": kit.plain(state.unrealized),
        "totalMarginBalance": kit.plain(state.equity + worth),
        "totalPositionInitialMargin": kit.rounded(state.position_margin + state.assets.bound_elsewhere),
        "totalOpenOrderInitialMargin": kit.rounded(state.order_margin),
        "totalCrossWalletBalance": kit.plain(state.cross_wallet + worth),
        "totalCrossUnPnl": kit.plain(_cross_unrealized(state)),
        "availableBalance": kit.rounded(max(state.available, ZERO)),
        "maxWithdrawAmount": kit.rounded(max(state.available, ZERO)),
    }


def asset_rows(state: kit.AccountState, venue: Venue) -> list[dict[str, object]]:
    """The assets as the account lists them; in multi-assets mode each repeats what is available in all."""
    quote: dict[str, object] = {
        "asset": state.asset,
        "walletBalance": kit.plain(state.wallet),
        "unrealizedProfit": kit.plain(state.unrealized),
        "marginBalance": kit.plain(state.equity),
        "maintMargin": kit.rounded(state.maintenance_margin),
        "initialMargin": kit.rounded(state.position_margin + state.order_margin),
        "positionInitialMargin": kit.rounded(state.position_margin),
        "openOrderInitialMargin": kit.rounded(state.order_margin),
        "crossWalletBalance": kit.plain(state.cross_wallet),
        "crossUnPnl": kit.plain(_cross_unrealized(state)),
        "availableBalance": kit.rounded(max(state.available, ZERO)),
        "maxWithdrawAmount": kit.rounded(max(state.available, ZERO)),
        "updateTime": venue.shown_ms(state.updated_ms),
    }

    rows = [quote, *(_other_asset_row(other, quote, state) for other in state.others)]

    return [*_in_credits_mode(quote, venue.options.credits), *rows[1:]] if venue.options.credits else rows


def _in_credits_mode(quote: dict[str, object], free_in: str) -> Iterator[dict[str, object]]:
    """The quote asset's row and that of the credits, with what is free in the row of `free_in`."""
    for asset in (quote["asset"], CREDITS):
        row = quote if asset == quote["asset"] else {**dict.fromkeys(quote, "0"), "walletBalance": "1000.00000000"}
        free = quote["availableBalance"] if asset == free_in else "0"

        yield {**row, "asset": asset, "updateTime": quote["updateTime"], "availableBalance": free}


def _other_asset_row(other: kit.OtherAsset, quote: dict[str, object], state: kit.AccountState) -> dict[str, object]:
    wallet = kit.plain(other.wallet)
    available = quote["availableBalance"] if state.assets.multi_assets else wallet

    return {
        **dict.fromkeys(quote, "0"),
        "asset": other.asset,
        **dict.fromkeys(("walletBalance", "marginBalance", "crossWalletBalance"), wallet),
        **dict.fromkeys(("availableBalance", "maxWithdrawAmount"), available),
        "updateTime": quote["updateTime"],
    }


def balance_rows(state: kit.AccountState, venue: Venue) -> list[dict[str, object]]:
    """The assets as the balance lists them."""
    return [
        {
            "accountAlias": "SgsR",
            "balance": row["walletBalance"],
            **{name: row[name] for name in _BALANCE},
            "marginAvailable": True,
        }
        for row in asset_rows(state, venue)
    ]


def account_position(position: kit.PositionState, venue: Venue) -> dict[str, object]:
    """A position as the account lists it."""
    return {
        "symbol": venue.instrument.symbol,
        "positionSide": POSITION_SIDE_WORDS[position.side],
        "positionAmt": venue.notation.amount_value(position.amount),
        "unrealizedProfit": kit.rounded(position.unrealized),
        "isolatedMargin": kit.rounded(position.isolated_margin or ZERO),
        "notional": kit.rounded(position.notional),
        "isolatedWallet": kit.rounded(position.isolated_margin or ZERO),
        "initialMargin": kit.rounded(position.initial_margin),
        "maintMargin": kit.rounded(position.maintenance_margin),
        "updateTime": venue.shown_ms(position.updated_ms),
    }


def risk_row(position: kit.PositionState, orders: list[kit.SimulatedOrder], venue: Venue) -> dict[str, object]:
    """A position with its risk; no leverage and no margin type, which are settings of the market."""
    listed = account_position(position, venue)
    unrealized = listed.pop("unrealizedProfit")  # spelt otherwise here
    notional = {side: resting_notional(orders, side, position.side, venue) for side in Side}

    return {
        **listed,
        "entryPrice": kit.rounded(position.entry) if position.lots else "0.0",
        "breakEvenPrice": kit.rounded(position.break_even) if position.lots else "0.0",
        "markPrice": kit.rounded(position.mark),
        "unRealizedProfit": unrealized,
        "liquidationPrice": "0" if position.liquidation is None else kit.rounded(position.liquidation),
        "marginAsset": venue.instrument.quote,
        "initialMargin": kit.rounded(position.initial_margin + position.order_margin),
        "positionInitialMargin": listed["initialMargin"],
        "openOrderInitialMargin": kit.rounded(position.order_margin),
        "adl": 2 if position.lots else 0,
        "bidNotional": kit.plain(notional[Side.BUY]),
        "askNotional": kit.plain(notional[Side.SELL]),
    }


def trade_row(execution: kit.Execution, venue: Venue) -> dict[str, object]:
    """An execution as the trades of the account list it."""
    return {
        "buyer": execution.side is Side.BUY,
        "commission": kit.plain(execution.fee),
        "commissionAsset": execution.fee_asset,
        "id": execution.trade_id,
        "maker": execution.maker,
        "orderId": execution.order_id,
        "price": venue.notation.price(execution.ticks),
        "qty": venue.notation.amount(execution.lots),
        "quoteQty": kit.plain(execution.price * execution.amount),
        "baseQty": venue.notation.amount(execution.lots),
        "marginAsset": venue.instrument.quote,
        "realizedPnl": kit.plain(execution.realized),
        "side": SIDE_WORDS[execution.side],
        "positionSide": POSITION_SIDE_WORDS[execution.position_side],
        "symbol": venue.instrument.symbol,
        "pair": venue.instrument.symbol,
        "time": venue.shown_ms(execution.now_ms),
    }


def income_row(row: kit.Income, venue: Venue) -> dict[str, object]:
    """A change of the wallet as the account's income lists it."""
    word = INCOME_WORDS[row.kind]

    return {
        "symbol": "" if row.kind is IncomeKind.TRANSFER else venue.instrument.symbol,
        "incomeType": word,
        "income": kit.plain(row.amount),
        "asset": row.asset,
        "info": word,
        "time": venue.shown_ms(row.now_ms),
        "tranId": row.income_id,
        "tradeId": "" if row.trade_id is None else str(row.trade_id),
    }


def resting_notional(
    orders: list[kit.SimulatedOrder], side: Side, position_side: PositionSide, venue: Venue
) -> Decimal:
    """What the open orders of one side, acting on one position, are worth."""
    instrument = venue.instrument

    return sum(
        (
            instrument.price(order.ticks) * instrument.amount(order.remaining_lots)
            for order in orders
            if order.side is side and order.position_side is position_side and order.ticks is not None
        ),
        ZERO,
    )


def shown_positions(state: kit.AccountState, orders: list[kit.SimulatedOrder]) -> list[kit.PositionState]:
    """The positions that the venue lists: all of a market that has a position or an open order, none of another."""
    is_shown = bool(orders) or any(position.lots for position in state.positions)

    return list(state.positions) if is_shown else []


def _cross_unrealized(state: kit.AccountState) -> Decimal:
    return state.unrealized if state.margin_mode is MarginMode.CROSS else ZERO
