"""What the sockets under the account's listenKey hear.

An execution is reported as TRADE_LITE, then as what it did to the account, then as ORDER_TRADE_UPDATE: the order of
five public captures of 2021 to 2026. The exchange itself reports the order before the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from perpmaker import Side
from perpmaker.venue import MarginMode
from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox import order_words
from perpmaker_binance_perpetual.sandbox.account_words import resting_notional, risk_row
from perpmaker_binance_perpetual.sandbox.venue import Venue

# The short names of events, each with the long name under which answers say the same.
ORDER_NAMES: Final = order_words.names(
    "s=symbol c=clientOrderId S=side f=timeInForce q=origQty p=price ap=avgPrice sp=stopPrice X=status i=orderId "
    "z=executedQty R=reduceOnly wt=workingType ot=origType ps=positionSide cp=closePosition pP=priceProtect "
    "V=selfTradePreventionMode pm=priceMatch gtd=goodTillDate"
)
LITE_NAMES: Final = order_words.names("s=symbol q=origQty p=price c=clientOrderId S=side i=orderId")
ALGO_NAMES: Final = order_words.names(
    "caid=clientAlgoId aid=algoId at=algoType o=orderType s=symbol S=side ps=positionSide f=timeInForce q=quantity "
    "ai=actualOrderId ap=actualPrice aq=actualQty tp=triggerPrice p=price V=selfTradePreventionMode wt=workingType "
    "pm=priceMatch cp=closePosition pP=priceProtect R=reduceOnly tt=triggerTime gtd=goodTillDate"
)
POSITION_NAMES: Final = order_words.names(
    "s=symbol pa=positionAmt ep=entryPrice bep=breakEvenPrice up=unRealizedProfit iw=isolatedWallet ps=positionSide"
)
OPEN_EXECUTIONS: Final[Mapping[kit.Cause, str]] = {
    kit.Cause.ACCEPTED: "NEW",
    kit.Cause.AMENDED: "AMENDMENT",
    kit.Cause.REDUCED: "AMENDMENT",
}
EXPIRE_REASONS: Final[Mapping[kit.Cause, str]] = {
    kit.Cause.SELF_TRADE: "1",
    kit.Cause.REDUCE_ONLY: "4",
    kit.Cause.LIQUIDATION: "5",
}
REASONS: Final[Mapping[kit.AccountCause, str]] = {
    kit.AccountCause.ORDER: "ORDER",
    kit.AccountCause.FUNDING: "FUNDING_FEE",
    kit.AccountCause.LIQUIDATION: "ORDER",
    kit.AccountCause.INSURANCE: "INSURANCE_CLEAR",
    kit.AccountCause.MARGIN_MODE: "MARGIN_TYPE_CHANGE",
}
_OWN: Final = (kit.OrderChanged, kit.ConditionalChanged, kit.AccountChanged, kit.SettingsChanged)


class UserStream:
    """Turns what happens to the account into user events.

    Events may be held back: a fill comes before or after the answer to its order, and before or after the account.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        parts = venue.parts
        self._held = kit.HeldEvents(self._send, parts.chance, parts.options.race_ms, venue.now_ms)
        self._fill: kit.OrderChanged | None = None
        self._leverage: int | None = None
        self._has_multi_assets = venue.has_multi_assets
        self._triggered: dict[int, kit.ConditionalOrder] = {}
        venue.exchange.subscribe(self._note)

    def tick(self, now_ms: int) -> None:
        """Send what was held back long enough, and say so when the key has expired."""
        if self._has_multi_assets is not self._venue.has_multi_assets:
            self._has_multi_assets = self._venue.has_multi_assets
            self._push(multi_assets_update(now_ms, self._venue))

        self._held.tick(now_ms)
        expired = self._venue.listen_keys.expire()

        if expired is not None:
            event = listen_key_expired(expired, self._venue)
            self._venue.parts.hub.publish_own(expired, str(event["e"]), event)

    def _note(self, event: kit.SimulationEvent) -> None:
        if not isinstance(event, _OWN) or event.account != self._venue.account:
            return

        match event:
            case kit.AccountChanged():
                self._push(account_update(event, self._venue))
                self._report_fill()
            case kit.ConditionalChanged():
                self._report_fill()
                self._note_conditional(event)
            case kit.OrderChanged():
                self._report_fill()
                self._note_order(event)
            case kit.SettingsChanged():
                self._note_settings(event)

    def _report_fill(self) -> None:
        """Report the execution that waited for the account's report."""
        if self._fill is not None:
            filled, self._fill = self._fill, None
            self._report_order(filled)

    def _note_order(self, event: kit.OrderChanged) -> None:
        """Report an order; an execution only after the account."""
        source = order_words.origin(event.order, self._venue)

        if source is not None and event.cause is kit.Cause.ACCEPTED:
            # Nothing is reported of the order that it becomes before TRIGGERED, which comes after the first fills.
            self._push(algo_update(attrs.evolve(source, order_id=None), "TRIGGERING", event.now_ms, self._venue))

        if event.execution is None:
            self._report_order(event)
            return

        if self._venue.options.trade_lite and not event.order.forced:
            self._push(trade_lite(event.order, event.execution, self._venue))

        self._fill = event

    def _report_order(self, event: kit.OrderChanged) -> None:
        self._push(order_trade_update(event, self._venue))

        if event.order.order_id in self._triggered and event.order.state is not kit.OrderState.OPEN:
            self._finish(event.order.order_id, event.now_ms)

    def _note_conditional(self, event: kit.ConditionalChanged) -> None:
        """Report a conditional order; one that triggered is finished once the order that it became is final."""
        order = event.order

        if order.state is not kit.ConditionalState.TRIGGERED or order.order_id is None:
            self._push(algo_update(order, order_words.algo_status_word(order, self._venue), event.now_ms, self._venue))
            return

        self._push(algo_update(order, "TRIGGERED", event.now_ms, self._venue))
        self._triggered[order.order_id] = order

        if order_words.algo_status_word(order, self._venue) == "FINISHED":
            self._finish(order.order_id, event.now_ms)

    def _finish(self, order_id: int, now_ms: int) -> None:
        self._push(algo_update(self._triggered.pop(order_id), "FINISHED", now_ms, self._venue))

    def _note_settings(self, event: kit.SettingsChanged) -> None:
        if event.state.leverage != self._leverage:
            self._push(leverage_update(event.state.leverage, event.now_ms, self._venue))
            self._leverage = event.state.leverage

    def _push(self, data: Mapping[str, object]) -> None:
        self._held.put(str(data["e"]), data)

    def _send(self, kind: str, data: Mapping[str, object]) -> None:
        listen_key = self._venue.listen_keys.active

        if listen_key is not None:
            self._venue.parts.hub.publish_own(listen_key, kind, data)


def order_trade_update(event: kit.OrderChanged, venue: Venue) -> dict[str, object]:
    """ORDER_TRADE_UPDATE: the order, and with a trade its execution, whose profit `rp` and fee `n` are exact."""
    order, report = event.order, order_words.order_report(event.order, venue)
    resting = list(venue.exchange.open_orders(event.account))
    details = {
        **order_words.named(report, ORDER_NAMES),
        "o": "LIQUIDATION" if order.forced else report["type"],
        "x": _execution_word(event, report["status"]),
        **({"M": str(order.amend_id)} if event.cause is kit.Cause.AMENDED and order.amend_id else {}),
        **_execution(event.execution, venue),
        "T": venue.shown_ms(event.now_ms),
        "b": kit.plain(resting_notional(resting, Side.BUY, order.position_side, venue)),
        "a": kit.plain(resting_notional(resting, Side.SELL, order.position_side, venue)),
        "si": 0,
        "ss": 0,
        "er": _expire_reason(order, event.cause),
    }

    return {**_head("ORDER_TRADE_UPDATE", event.now_ms, venue), "o": details}


def trade_lite(order: kit.SimulatedOrder, execution: kit.Execution, venue: Venue) -> dict[str, object]:
    """TRADE_LITE: the same execution ahead of its ORDER_TRADE_UPDATE, with less about it."""
    known = order_words.named(order_words.order_answer(order, venue), LITE_NAMES)
    traded = _execution(execution, venue)

    return {
        **_head("TRADE_LITE", execution.now_ms, venue),
        **known,
        **{name: traded[name] for name in ("m", "L", "l", "t")},
    }


def account_update(event: kit.AccountChanged, venue: Venue) -> dict[str, object]:
    """ACCOUNT_UPDATE: the asset, and the positions that changed; funding in cross margin names no position."""
    state = event.state
    changes: dict[str, object] = {
        "m": _account_reason(event),
        "B": [
            {
                "a": state.asset,
                "wb": kit.plain(state.wallet),
                "cw": kit.plain(state.cross_wallet),
                "bc": kit.plain(event.transferred),
            },
            *(
                {"a": other.asset, "wb": kit.plain(other.wallet), "cw": kit.plain(other.wallet), "bc": "0"}
                for other in state.others
            ),
        ],
        "P": [],
    }

    if event.cause is kit.AccountCause.FUNDING:
        changes["S"] = venue.instrument.symbol

    if event.cause is not kit.AccountCause.FUNDING or state.margin_mode is MarginMode.ISOLATED:
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


def algo_update(order: kit.ConditionalOrder, status: str, now_ms: int, venue: Venue) -> dict[str, object]:
    """ALGO_UPDATE: a conditional order in the given status, and the order that it became."""
    became = order_words.order_of(order, venue)
    details = {
        **order_words.named(order_words.algo_answer(order, venue), ALGO_NAMES),
        "X": status,
        "act": "0" if became is None else order_words.type_word(became),
        "rm": order.detail,
    }

    return {**_head("ALGO_UPDATE", now_ms, venue), "o": details}


def listen_key_expired(key: str, venue: Venue) -> dict[str, object]:
    """The last event under a key: the socket stays open, and silent."""
    return {"e": "listenKeyExpired", "E": venue.server_ms(), "listenKey": key}


def _head(event: str, now_ms: int, venue: Venue) -> dict[str, object]:
    return {"e": event, "E": venue.server_ms(), "T": venue.shown_ms(now_ms)}


def _execution_word(event: kit.OrderChanged, status: object) -> str:
    if event.cause is kit.Cause.TRADED:
        return "CALCULATED" if event.order.forced else "TRADE"

    if event.order.state is kit.OrderState.OPEN:
        return OPEN_EXECUTIONS[event.cause]

    return "CANCELED" if status == "CANCELED" else "EXPIRED"


def _execution(execution: kit.Execution | None, venue: Venue) -> dict[str, object]:
    if execution is None:
        return {"l": venue.notation.amount(0), "L": venue.notation.price(0), "t": 0, "m": False, "rp": "0"}

    return {
        "l": venue.notation.amount(execution.lots),
        "L": venue.notation.price(execution.ticks),
        "N": execution.fee_asset,
        "n": kit.plain(execution.fee),
        "t": execution.trade_id,
        "m": execution.maker,
        "rp": kit.plain(execution.realized),
    }


def _expire_reason(order: kit.SimulatedOrder, cause: kit.Cause) -> str:
    if order.state is not kit.OrderState.EXPIRED or cause in order_words.CANCELLING_CAUSES:
        return "0"

    if cause is kit.Cause.REMAINDER:
        return "9" if order.ticks is None else "2"

    return EXPIRE_REASONS.get(cause, "0")


def _account_reason(event: kit.AccountChanged) -> str:
    if event.cause is kit.AccountCause.TRANSFER:
        return "DEPOSIT" if event.transferred > 0 else "WITHDRAW"

    return REASONS[event.cause]


def _position(position: kit.PositionState, mode: MarginMode, venue: Venue) -> dict[str, object]:
    known = order_words.named(risk_row(position, [], venue), POSITION_NAMES)

    return {**known, "cr": kit.plain(position.realized), "mt": mode.value}
