"""What Fathom's endpoints and stream work on: the simulated exchange in the venue's rows, behind its gateway."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Final

from perpmaker import Side
from perpmaker.venue import sandbox as kit

Row = dict[str, object]
_ORDER: Final = "tag id order side type state price amount filled ms code text forced market"
_EXECUTION: Final = "tag id order trade side price amount fee asset is_maker profit ms forced market"
_ACCOUNT: Final = "asset wallet position entry ms leverage free bound bids asks market"

TIMESTAMP, KEY, TOO_MANY, UNKNOWN, MARGIN, FILTER, POST_ONLY, BAND, OTHER = range(1, 10)
WINDOW_MS: Final = 2000
SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
TYPES: Final = {
    "post": kit.TimeInForce.POST_ONLY,
    "limit": kit.TimeInForce.GTC,
    "ioc": kit.TimeInForce.IOC,
    "market": kit.TimeInForce.IOC,
}
STATES: Final = {
    kit.OrderState.OPEN: "open",
    kit.OrderState.FILLED: "filled",
    kit.OrderState.CANCELLED: "cancelled",
    kit.OrderState.EXPIRED: "expired",
}
CODES: Final = {
    kit.Rejection.POST_ONLY_WOULD_TAKE: POST_ONLY,
    kit.Rejection.INSUFFICIENT_MARGIN: MARGIN,
    kit.Rejection.UNKNOWN_ORDER: UNKNOWN,
    kit.Rejection.BAND_UP: BAND,
    kit.Rejection.BAND_DOWN: BAND,
    kit.Rejection.MARKET_BAND: BAND,
    kit.Rejection.TICK: FILTER,
    kit.Rejection.LOT: FILTER,
    kit.Rejection.MIN_AMOUNT: FILTER,
    kit.Rejection.MIN_NOTIONAL: FILTER,
}
SIZES: Final = ("tick", "lot", "min_amount", "max_amount", "max_market_amount", "min_notional")
RULES: Final = (*SIZES, "maker_fee", "taker_fee")
_OURS: Final = re.compile(r"([0-9]+)-([0-9]+)")


def refuse(code: int, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> kit.RefusalError:
    """Refuse with the venue's code and text."""
    return kit.RefusalError(code, text, status=status)


REFUSALS: Final = kit.ParameterRefusals(
    missing=lambda name: refuse(OTHER, f"{name} is missing"),
    empty=lambda name: refuse(OTHER, f"{name} is empty"),
    malformed=lambda name, legal: refuse(OTHER, f"{name} is not like {legal}"),
    unfit=lambda name: refuse(OTHER, f"{name} cannot be that"),
    unread=lambda read, sent: refuse(OTHER, f"{sent - read} parameters that nobody reads"),
)


class Venue:
    """The exchange behind the gateway: commands are taken at once, and what becomes of them is told on the stream."""

    def __init__(self, parts: kit.SandboxParts) -> None:
        self.parts = parts
        self.exchange: kit.Exchange = parts.exchange
        self.instrument = parts.exchange.instrument
        self.notation = kit.Notation(self.instrument)
        windows = {"calls": kit.CountWindow(1000, 50, of_address=True)}
        enforced = parts.options.enforce_limits
        self.counts = kit.RequestCounts(parts.clock.server_ms, windows, self, bans=None, enforced=enforced)

    def too_many(self, name: str, window: kit.CountWindow, left_ms: int) -> kit.RefusalError:
        """Refuse a request beyond the limit."""
        return refuse(TOO_MANY, f"{window.limit} {name}, wait {left_ms} ms", HTTPStatus.TOO_MANY_REQUESTS)

    def banned(self, until_ms: int, _left_ms: int) -> kit.RefusalError:
        """Refuse an address that is shut out; the venue bans nobody."""
        raise AssertionError(until_ms)

    # --- commands

    def place(self, parameters: kit.RequestParameters) -> list[Row]:
        """Take orders; what the exchange refuses is told on the stream."""
        return self._each(parameters, self._read_order, self._place)

    def cancel(self, parameters: kit.RequestParameters) -> list[Row]:
        """Take cancels; one that comes too late is told on the stream."""
        return self._each(parameters, lambda row: f"{row[0]}-{row[1]}", self._cancel)

    def _each(
        self, parameters: kit.RequestParameters, read: Callable[[list[object]], object], act: Callable[..., None]
    ) -> list[Row]:
        window = kit.Window(timestamp_ms=parameters.integer("_ms"), length_ms=WINDOW_MS)
        answers: list[Row] = []

        for row in parameters.json_list("orders", most=5):
            try:
                self.parts.commands.put(partial(act, window, read(row)))
                answers.append({})
            except kit.RefusalError as refusal:
                answers.append({"code": refusal.code, "text": refusal.text})

        return answers

    def _read_order(self, row: list[object]) -> kit.OrderRequest:
        tag, number, side, kind, amount, price = row
        named = {"side": str(side), "type": str(kind), "amount": str(amount)}
        read = kit.RequestParameters(named if price is None else {**named, "price": str(price)}, REFUSALS)

        return kit.OrderRequest(
            side=read.choice("side", SIDES),
            amount=read.decimal("amount"),
            price=read.optional_decimal("price"),
            time_in_force=read.choice("type", TYPES),
            client_id=f"{tag}-{number}",
            label=str(kind),
        )

    def _place(self, window: kit.Window, request: kit.OrderRequest) -> None:
        refused = [*_numbers(request.client_id), 0, request.side.value, request.label, "refused"]
        refused += ["0" if request.price is None else kit.plain(request.price), kit.plain(request.amount), "0"]
        as_it_is = self._row(_ORDER, [*refused, 0, 0, "", ""])
        self._carry_out(window, as_it_is, partial(self.exchange.place, self.parts.account.name, request))

    def _cancel(self, window: kit.Window, client_id: str) -> None:
        order = self.exchange.order(self.parts.account.name, client_id=client_id)

        if order is not None:
            cancel = partial(self.exchange.cancel, self.parts.account.name, client_id=client_id)
            self._carry_out(window, self.order_row(order), lambda now_ms: cancel(now_ms=now_ms))

    def _carry_out(self, window: kit.Window, as_it_is: Row, act: Callable[[int], object]) -> None:
        """Do what the gateway has taken, or tell with the order as it is why that is not done."""
        clock = self.parts.clock
        is_late = self.parts.options.checks_window_at_match and window.is_over(clock.server_ms())
        code, text = (TIMESTAMP, "too late") if is_late else (0, "")

        if not code:
            try:
                act(clock.now_ms())
            except kit.RejectionError as error:
                code, text = CODES.get(error.rejection, OTHER), str(error)

        if code:
            self.tell("orders", {**as_it_is, "ms": clock.server_ms(), "code": code, "text": text})

    # --- rows

    def tell(self, topic: str, row: Row) -> None:
        """Tell the account on its topic."""
        self.parts.hub.publish_own("account", topic, {"row": row})

    def order_row(self, order: kit.SimulatedOrder) -> Row:
        """Write an order; one of somebody else has the tag 0."""
        kind = order.label or ("limit" if order.ticks is not None else "market")
        words = [order.side.value, kind, STATES[order.state], self.notation.price(order.ticks)]
        amounts = [self.notation.amount(order.lots), self.notation.amount(order.filled_lots)]
        shown_ms = self.parts.clock.shown_ms(order.updated_ms)

        forced = "liquidation" if order.forced else ""
        known = [*_numbers(order.client_id), order.order_id, *words, *amounts, shown_ms, 0, "", forced]

        return self._row(_ORDER, known)

    def execution_row(self, one: kit.Execution) -> Row:
        """Write an execution."""
        traded = [one.side.value, *map(kit.plain, (one.price, one.amount, one.fee)), one.fee_asset, one.maker]
        shown_ms = self.parts.clock.shown_ms(one.now_ms)

        forced = "liquidation" if one.forced else ""
        known = [*_numbers(one.client_id), one.order_id, one.trade_id, *traded, kit.plain(one.realized)]

        return self._row(_EXECUTION, [*known, shown_ms, forced])

    def account_row(self, state: kit.AccountState, at_ms: int) -> Row:
        """Write the account as of a time of the exchange."""
        (position,) = state.positions
        notional = [kit.plain(self._resting(side)) for side in (Side.BUY, Side.SELL)]
        held = [state.asset, kit.plain(state.wallet), kit.plain(position.amount), kit.rounded(position.entry, 12)]
        free = [kit.rounded(state.available), kit.rounded(state.order_margin), *notional]

        return self._row(_ACCOUNT, [*held, self.parts.clock.shown_ms(at_ms), state.leverage, *free])

    def _resting(self, side: Side) -> Decimal:
        one, resting = self.instrument, self.parts.account.open_orders()
        lots = sum((order.ticks or 0) * order.remaining_lots for order in resting if order.side is side)

        return lots * one.tick * one.lot

    def book_row(self) -> Row:
        """Write the book as a snapshot."""
        depth, levels = self.exchange.depth(), self.notation.levels

        sides = {"bids": levels(depth.bids), "asks": levels(depth.asks)}

        return {"last": depth.update_id, "after": -1, **sides, "ms": self.parts.clock.shown_ms(depth.now_ms)}

    def market_row(self) -> Row:
        """Write the market's rules."""
        one = self.instrument
        rules = {name: kit.plain(getattr(one, name)) for name in RULES}

        known = {"market": one.symbol, "base": one.base, "quote": one.quote, "leverage": one.max_leverage}

        return {**known, "is_open": True, "rules": rules}

    def _row(self, names: str, values: list[object]) -> Row:
        return dict(zip(names.split(), [*values, self.instrument.symbol], strict=True))


def _numbers(client_id: str) -> list[int]:
    found = _OURS.fullmatch(client_id)

    return [0, 0] if found is None else [int(found[1]), int(found[2])]
