"""User events as the venue words them: pure functions from what happened to what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from perpmaker.model.order import Side
from perpmaker.model.position import MarginMode
from perpmaker.simulation.event import AccountCause, AccountChanged, OrderChanged
from perpmaker.simulation.order import Cause, ConditionalOrder, Execution, OrderState, SimulatedOrder
from perpmaker.simulation.statement import PositionState
from perpmaker.venue.sandbox import plain, rounded
from perpmaker_binance_perpetual.sandbox.account_words import break_even_price, entry_price, resting_notional
from perpmaker_binance_perpetual.sandbox.order_words import (
    CANCELLING_CAUSES,
    NONE,
    POSITION_SIDE_WORDS,
    SIDE_WORDS,
    TRIGGER_PRICE_WORDS,
    average_price,
    client_id_word,
    conditional_time_in_force_word,
    origin,
    prevention_word,
    status_word,
    time_in_force_word,
    trigger_kind_word,
    type_word,
)
from perpmaker_binance_perpetual.sandbox.venue import Venue

OPEN_EXECUTIONS: Final[Mapping[Cause, str]] = {
    Cause.ACCEPTED: "NEW",
    Cause.AMENDED: "AMENDMENT",
    Cause.REDUCED: "AMENDMENT",
}
EXPIRE_REASONS: Final[Mapping[Cause, str]] = {
    Cause.SELF_TRADE: "1",
    Cause.REDUCE_ONLY: "4",
    Cause.LIQUIDATION: "5",
}
REASONS: Final[Mapping[AccountCause, str]] = {
    AccountCause.ORDER: "ORDER",
    AccountCause.FUNDING: "FUNDING_FEE",
    AccountCause.LIQUIDATION: "ORDER",
    AccountCause.INSURANCE: "INSURANCE_CLEAR",
    AccountCause.MARGIN_MODE: "MARGIN_TYPE_CHANGE",
}


def order_trade_update(event: OrderChanged, venue: Venue) -> dict[str, object]:
    """ORDER_TRADE_UPDATE: the order, and with a trade its execution, whose profit `rp` and fee `n` are exact."""
    order, notation = event.order, venue.notation
    source = origin(order, venue)
    resting = list(venue.exchange.open_orders(event.account))
    notional = {side: resting_notional(resting, side, order.position_side, venue) for side in Side}
    status = status_word(order, event.cause)
    details = {
        "s": venue.instrument.symbol,
        "c": client_id_word(order),
        "S": SIDE_WORDS[order.side],
        "o": "LIQUIDATION" if order.forced else type_word(order),
        "f": time_in_force_word(order),
        "q": notation.amount(order.lots),
        "p": notation.price(order.ticks),
        "ap": notation.average(average_price(order, venue)),
        "sp": "0" if source is None else notation.price(source.trigger_ticks),
        "x": _execution_word(event, status),
        "X": status,
        "i": order.order_id,
        **({"M": str(order.amend_id)} if event.cause is Cause.AMENDED and order.amend_id else {}),
        "z": notation.amount(order.filled_lots),
        **_execution(event.execution, venue),
        "T": venue.shown_ms(event.now_ms),
        "b": plain(notional[Side.BUY]),
        "a": plain(notional[Side.SELL]),
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE" if source is None else TRIGGER_PRICE_WORDS[source.watch],
        "ot": type_word(order) if source is None else trigger_kind_word(source),
        "ps": POSITION_SIDE_WORDS[order.position_side],
        "cp": source is not None and source.close_position,
        "pP": source is not None and source.protect is not None,
        "si": 0,
        "ss": 0,
        "V": prevention_word(order),
        "pm": order.label or NONE,
        "gtd": venue.shown_ms(order.good_till_ms),
        "er": _expire_reason(order, event.cause),
    }

    return {**_head("ORDER_TRADE_UPDATE", event.now_ms, venue), "o": details}


def trade_lite(order: SimulatedOrder, execution: Execution, venue: Venue) -> dict[str, object]:
    """TRADE_LITE: the same execution ahead of its ORDER_TRADE_UPDATE, with less about it."""
    return {
        **_head("TRADE_LITE", execution.now_ms, venue),
        "s": venue.instrument.symbol,
        "q": venue.notation.amount(order.lots),
        "p": venue.notation.price(order.ticks),
        "m": execution.maker,
        "c": client_id_word(order),
        "S": SIDE_WORDS[order.side],
        "L": venue.notation.price(execution.ticks),
        "l": venue.notation.amount(execution.lots),
        "t": execution.trade_id,
        "i": order.order_id,
    }


def account_update(event: AccountChanged, venue: Venue) -> dict[str, object]:
    """ACCOUNT_UPDATE: the asset, and the positions that changed; funding in cross margin names no position."""
    state = event.state
    changes: dict[str, object] = {
        "m": _account_reason(event),
        "B": [
            {
                "a": state.asset,
                "wb": plain(state.wallet),
                "cw": plain(state.cross_wallet),
                "bc": plain(event.transferred),
            },
            *(
                {"a": other.asset, "wb": plain(other.wallet), "cw": plain(other.wallet), "bc": "0"}
                for other in state.others
            ),
        ],
        "P": [],
    }

    if event.cause is AccountCause.FUNDING:
        changes["S"] = venue.instrument.symbol

    if event.cause is not AccountCause.FUNDING or state.margin_mode is MarginMode.ISOLATED:
        changed = [position for position in state.positions if position.side in event.sides]
        changes["P"] = [_position(position, state.margin_mode, venue) for position in changed]

    return {**_head("ACCOUNT_UPDATE", event.now_ms, venue), "a": changes}


def leverage_update(leverage: int, now_ms: int, venue: Venue) -> dict[str, object]:
    """ACCOUNT_CONFIG_UPDATE of a new leverage."""
    head = _head("ACCOUNT_CONFIG_UPDATE", now_ms, venue)

    return {**head, "ac": {"s": venue.instrument.symbol, "l": leverage}}


def multi_assets_update(now_ms: int, venue: Venue) -> dict[str, object]:
    """ACCOUNT_CONFIG_UPDATE of a new multi-assets mode."""
    return {**_head("ACCOUNT_CONFIG_UPDATE", now_ms, venue), "ai": {"j": venue.has_multi_assets}}


def algo_update(order: ConditionalOrder, status: str, now_ms: int, venue: Venue) -> dict[str, object]:
    """ALGO_UPDATE: a conditional order in the given status, and the order that it became."""
    notation = venue.notation
    became = None if order.order_id is None else venue.exchange.order(order.account, order_id=order.order_id)
    details = {
        "caid": order.client_id,
        "aid": order.conditional_id,
        "at": "CONDITIONAL",
        "o": trigger_kind_word(order),
        "s": venue.instrument.symbol,
        "S": SIDE_WORDS[order.side],
        "ps": POSITION_SIDE_WORDS[order.position_side],
        "f": conditional_time_in_force_word(order),
        "q": notation.amount(order.lots or 0),
        "X": status,
        "ai": "" if became is None else str(became.order_id),
        "ap": notation.average(Decimal(0) if became is None else average_price(became, venue)),
        "aq": notation.amount(0 if became is None else became.filled_lots),
        "act": "0" if became is None else type_word(became),
        "tp": notation.price(order.trigger_ticks),
        "p": notation.price(order.ticks),
        "V": "EXPIRE_MAKER",
        "wt": TRIGGER_PRICE_WORDS[order.watch],
        "pm": "NONE",
        "cp": order.close_position,
        "pP": order.protect is not None,
        "R": order.reduce_only,
        "tt": 0 if became is None else venue.shown_ms(order.updated_ms),
        "gtd": 0,
        "rm": order.detail,
    }

    return {**_head("ALGO_UPDATE", now_ms, venue), "o": details}


def listen_key_expired(key: str, venue: Venue) -> dict[str, object]:
    """The last word under a key: the socket stays open, and silent."""
    return {"e": "listenKeyExpired", "E": venue.server_ms(), "listenKey": key}


def _head(event: str, now_ms: int, venue: Venue) -> dict[str, object]:
    return {"e": event, "E": venue.server_ms(), "T": venue.shown_ms(now_ms)}


def _execution_word(event: OrderChanged, status: str) -> str:
    if event.cause is Cause.TRADED:
        return "CALCULATED" if event.order.forced else "TRADE"

    if event.order.state is OrderState.OPEN:
        return OPEN_EXECUTIONS[event.cause]

    return "CANCELED" if status == "CANCELED" else "EXPIRED"


def _execution(execution: Execution | None, venue: Venue) -> dict[str, object]:
    if execution is None:
        return {"l": venue.notation.amount(0), "L": venue.notation.price(0), "t": 0, "m": False, "rp": "0"}

    return {
        "l": venue.notation.amount(execution.lots),
        "L": venue.notation.price(execution.ticks),
        "N": execution.fee_asset,
        "n": plain(execution.fee),
        "t": execution.trade_id,
        "m": execution.maker,
        "rp": plain(execution.realized),
    }


def _expire_reason(order: SimulatedOrder, cause: Cause) -> str:
    if order.state is not OrderState.EXPIRED or cause in CANCELLING_CAUSES:
        return "0"

    if cause is Cause.REMAINDER:
        return "9" if order.ticks is None else "2"

    return EXPIRE_REASONS.get(cause, "0")


def _account_reason(event: AccountChanged) -> str:
    if event.cause is AccountCause.TRANSFER:
        return "DEPOSIT" if event.transferred > 0 else "WITHDRAW"

    return REASONS[event.cause]


def _position(position: PositionState, mode: MarginMode, venue: Venue) -> dict[str, object]:
    return {
        "s": venue.instrument.symbol,
        "pa": venue.notation.amount_value(position.amount),
        "ep": entry_price(position),
        "bep": break_even_price(position),
        "cr": plain(position.realized),
        "up": rounded(position.unrealized),
        "mt": mode.value,
        "iw": rounded(position.isolated_margin or Decimal(0)),
        "ps": POSITION_SIDE_WORDS[position.side],
    }
