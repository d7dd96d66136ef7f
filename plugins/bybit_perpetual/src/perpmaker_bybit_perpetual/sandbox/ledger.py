"""The transaction log: one row for each trade, with profit and fee, and one for whatever else moved the wallet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from perpmaker import Side
from perpmaker.venue import IncomeKind
from perpmaker.venue.sandbox import Execution, Income, plain
from perpmaker_bybit_perpetual.sandbox.venue import CATEGORY, Row, Venue
from perpmaker_bybit_perpetual.sandbox.words import SIDE_WORDS

ZERO: Final = Decimal(0)
TRADE, FUNDED, LIQUIDATED = "TRADE", "SETTLEMENT", "LIQUIDATION"


def ledger_rows(venue: Venue) -> Sequence[Row]:
    """Everything in the quote asset until now, the newest first; each row has an id, and says the balance after it."""
    return list(reversed(list(_rows(venue))))


def _rows(venue: Venue) -> Iterator[Row]:
    balance = ZERO
    executions = iter(venue.reading.executions(0))
    fundings = iter(venue.fills.fundings(venue.seen_ms))
    profit = ZERO

    for income in venue.reading.income(0):
        if income.kind is IncomeKind.REALIZED:
            profit += income.amount  # its row comes with the fee of the same trade
            continue

        if income.kind is IncomeKind.FEE:
            execution = next(executions)
            paid_elsewhere = income.asset != venue.instrument.quote
            fee = ZERO if paid_elsewhere else -income.amount
            row = _trade(execution, profit, fee, venue)
            balance += profit - fee
            profit = ZERO
        elif income.kind is IncomeKind.FUNDING:
            one = next(fundings)
            side = SIDE_WORDS[Side.BUY if one.lots > 0 else Side.SELL]
            size = venue.notation.amount(abs(one.lots))
            balance += income.amount
            row = {
                **_moved(FUNDED, funding=income.amount),
                "side": side,
                "size": size,
                "qty": size,
                "tradePrice": plain(one.settled.mark),
                "feeRate": plain(one.settled.rate),
                "tradeId": f"funding-{one.number}",
            }
        elif income.asset == venue.instrument.quote:
            balance += income.amount
            row = _moved(_word(income), cash=income.amount)
        else:
            continue

        yield {**_head(income, balance, venue), **row}


def _head(income: Income, balance: Decimal, venue: Venue) -> Row:
    is_transfer = income.kind is IncomeKind.TRANSFER

    return {
        "id": f"log-{income.income_id}",
        "symbol": "" if is_transfer else venue.instrument.symbol,
        "category": CATEGORY,
        "currency": venue.instrument.quote,
        "transactionTime": str(venue.shown_ms(income.now_ms)),
        "cashBalance": plain(balance),
        "bonusChange": "",
        "transSubType": "",
        "extraFees": "",
        **dict.fromkeys(("side", "size", "qty", "tradePrice", "feeRate", "tradeId", "orderId", "orderLinkId"), ""),
    }


def _trade(execution: Execution, profit: Decimal, fee: Decimal, venue: Venue) -> Row:
    known = venue.orders.of_engine(execution.order_id)
    note = venue.fills.note(execution)
    rules = venue.instrument

    return {
        **_moved(LIQUIDATED if execution.forced else TRADE, cash=profit, fee=fee),
        "side": SIDE_WORDS[execution.side],
        "size": venue.notation.amount_value(rules.amount(note.position_lots)),
        "qty": venue.notation.amount(execution.lots),
        "tradePrice": venue.notation.price(execution.ticks),
        "feeRate": plain(rules.maker_fee if execution.maker else rules.taker_fee),
        "tradeId": f"{execution.trade_id:08d}-{execution.order_id}",
        "orderId": known.order_id,
        "orderLinkId": known.link_id,
    }


def _moved(word: str, *, cash: Decimal = ZERO, funding: Decimal = ZERO, fee: Decimal = ZERO) -> Row:
    return {
        "type": word,
        "cashFlow": plain(cash),
        "funding": plain(funding) if funding else "",
        "fee": plain(fee),
        "change": plain(cash + funding - fee),
    }


def _word(income: Income) -> str:
    if income.kind is not IncomeKind.TRANSFER:
        return LIQUIDATED

    return "TRANSFER_IN" if income.amount >= 0 else "TRANSFER_OUT"
