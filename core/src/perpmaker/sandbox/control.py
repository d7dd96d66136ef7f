"""The control room in front of a dialect: faults, the oracle's report, the market's levers, and a person at the desk.

========================= ===========================================================================================
`GET /_sandbox`           the line that was printed at the start, without the token
`POST /_ctl/fault`        arm a fault (see `perpmaker.wire.fault`), or commit it now
`POST /_ctl/clear`        disarm all faults
`GET /_ctl/oracle`        what the exchange itself knows of every account, and every invariant that did not hold
`POST /_ctl/market`       `{"jump": 1.01}` moves the price, `{"paused": true}` stops the trading
`POST /_ctl/account`      what a person does beside the bot, see `PersonalAction`
========================= ===========================================================================================

Everything under `/_ctl/` wants the header `Authorization: Bearer TOKEN`, where the token is `control_token` of the line
that the sandbox prints with --json (401 without it); all of it wants a loopback Host and no foreign Origin (403). What
is not understood is answered with 400, what the exchange refuses with 409, each with `{"error": ...}`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Literal, TypeVar

import attrs
import msgspec

from perpmaker.clock import Clock
from perpmaker.errors import PayloadError
from perpmaker.model.income import IncomeKind
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode
from perpmaker.sandbox.gate import Gate
from perpmaker.sandbox.invariants import Invariants
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import OrderRequest
from perpmaker.simulation.participants import Market
from perpmaker.simulation.rejection import RejectionError
from perpmaker.wire.fault import Fault, FaultPlan, parse_fault
from perpmaker.wire.server import App, Request, Response
from perpmaker.wire.websocket import WebSocket

_LARGEST_JUMP = 1000
_LEAST_TICKS, _MOST_TICKS = 1_000, 10**12
_LARGEST_AMOUNT = 10**15
_LINE_PATH = "/_sandbox"
_CONTROLS = "/_"
_PLACE = re.compile(r"(?: - at `| @ )\$\.?([^`]*)`?$")
"""Where in a request something is wrong, as msgspec and `PayloadError` say it."""


@attrs.frozen(kw_only=True)
class MarketLever:
    """What can be done to the synthetic market."""

    jump: float | None = None
    paused: bool | None = None


@attrs.frozen(kw_only=True)
class PersonalAction:
    """What a person does with the account beside the bot. Without an account, with the first one.

    `place` needs side and amount (without a price: at market), `cancel` an order id or client id, `transfer` an
    amount; `position_mode`, `margin_mode` and `leverage` the new value under that name.
    """

    do: Literal["place", "cancel", "cancel_all", "transfer", "position_mode", "margin_mode", "leverage"]
    account: str | None = None
    order_id: int | None = None
    client_id: str | None = None
    side: Side = Side.BUY
    position_side: PositionSide = PositionSide.NET
    amount: Decimal = Decimal(0)
    price: Decimal | None = None
    reduce_only: bool = False
    position_mode: PositionMode = PositionMode.ONE_WAY
    margin_mode: MarginMode = MarginMode.CROSS
    leverage: int = 1


_Order = TypeVar("_Order", MarketLever, PersonalAction)


class ControlRoom:
    """An `App` that answers for what begins with `/_`, and hands everything else to the venue's dialect."""

    def __init__(
        self,
        app: App,
        *,
        exchange: Exchange,
        market: Market,
        oracle: Invariants,
        faults: FaultPlan,
        clock: Clock,
        line: Mapping[str, Any],
        gate: Gate,
    ) -> None:
        self._app = app
        self._exchange = exchange
        self._market = market
        self._oracle = oracle
        self._faults = faults
        self._clock = clock
        self._line = line
        self._gate = gate
        faults.spared = (_CONTROLS,)

    async def respond(self, request: Request) -> Response:
        """Answer a control request, or let the dialect answer."""
        if not request.path.startswith(_CONTROLS):
            return await self._app.respond(request)

        turned = self._gate.turn_away(request, with_token=request.path != _LINE_PATH)

        if turned is not None:
            return _answer({"error": turned.reason}, turned.status)

        try:
            return await self._control(request)
        except (msgspec.MsgspecError, PayloadError, ValueError) as error:
            return _answer({"error": in_words(str(error))}, HTTPStatus.BAD_REQUEST)
        except RejectionError as rejected:
            return _answer({"error": str(rejected), "denial": rejected.rejection.name}, HTTPStatus.CONFLICT)

    async def converse(self, request: Request, socket: WebSocket) -> None:
        """Every WebSocket is the dialect's."""
        await self._app.converse(request, socket)

    async def _control(self, request: Request) -> Response:
        match request.method, request.path:
            case "GET", path if path == _LINE_PATH:
                return _answer(self._line)
            case "GET", "/_ctl/oracle":
                self._exchange.advance(self._clock.utc_ms())
                return _answer(self.report())
            case "POST", "/_ctl/fault":
                await self._faults.inject(_fault(request.body))
            case "POST", "/_ctl/clear":
                self._faults.clear()
            case "POST", "/_ctl/market":
                return _answer(self._pull(_known(request.body, MarketLever)))
            case "POST", "/_ctl/account":
                with self._oracle.person():
                    return _answer(self._act(_known(request.body, PersonalAction)))
            case _:
                return _answer({"error": f"no {request.method} {request.path}"}, HTTPStatus.NOT_FOUND)

        return _answer({"armed": len(self._faults.faults)})

    def _pull(self, lever: MarketLever) -> dict[str, object]:
        if not isinstance(self._market, SyntheticMarket):
            raise ValueError("only the synthetic market has levers")  # noqa: TRY004  # a wrong request, not a bug

        if lever.jump is not None:
            if not 1 / _LARGEST_JUMP <= lever.jump <= _LARGEST_JUMP or not self._is_price(lever.jump):
                raise ValueError(f"a jump by {lever.jump:g} leaves no market")

            self._market.jump(lever.jump)

        if lever.paused is not None:
            self._market.paused = lever.paused

        return {"price": self._market.price, "paused": self._market.paused}

    def _is_price(self, jump: float) -> bool:
        """Whether the price stays one at which a book can be made."""
        price = self._market.price if isinstance(self._market, SyntheticMarket) else 0.0

        return _LEAST_TICKS <= price * jump / float(self._exchange.instrument.tick) <= _MOST_TICKS

    def _act(self, action: PersonalAction) -> object:
        if not action.amount.is_finite() or abs(action.amount) > _LARGEST_AMOUNT:
            raise ValueError(f"{action.amount} is no amount")

        exchange, now_ms = self._exchange, self._clock.utc_ms()
        account = action.account or exchange.accounts()[0]
        acts: dict[str, Callable[[], object]] = {
            "place": lambda: exchange.place(account, _request(action), now_ms),
            "cancel": lambda: exchange.cancel(
                account, order_id=action.order_id, client_id=action.client_id, now_ms=now_ms
            ),
            "cancel_all": lambda: exchange.cancel_all(account, now_ms),
            "transfer": lambda: exchange.transfer(account, action.amount, now_ms),
            "position_mode": lambda: exchange.set_position_mode(account, action.position_mode, now_ms),
            "margin_mode": lambda: exchange.set_margin_mode(account, action.margin_mode, now_ms),
            "leverage": lambda: exchange.set_leverage(account, action.leverage, now_ms),
        }

        return acts[action.do]()

    def report(self) -> dict[str, object]:
        """Return the oracle's report: every account, exact decimals as text, and what did not hold."""
        return {
            "now_ms": self._exchange.now_ms,
            "mark": self._exchange.mark,
            "last": self._last(),
            "accounts": {name: self._account(name) for name in self._exchange.accounts()},
            "violations": self._oracle.violations,
            "evaluated": dict(self._oracle.evaluated),
            "faults_fired": len(self._faults.fired),
        }

    def _last(self) -> Decimal | None:
        ticks = self._exchange.last_ticks

        return None if ticks is None else self._exchange.instrument.price(ticks)

    def _account(self, name: str) -> dict[str, object]:
        sums = {kind: Decimal(0) for kind in IncomeKind}

        for income in self._exchange.income(name):
            if income.asset == self._exchange.instrument.quote:
                sums[income.kind] += income.amount

        orders = self._exchange.orders(name)

        return {
            "state": self._exchange.account(name),
            "open_orders": self._exchange.open_orders(name),
            "conditional_orders": self._exchange.conditional_orders(name),
            "income": {kind.value: amount for kind, amount in sums.items()},
            "orders": len(orders),
            "order_states": dict(Counter(order.state.value for order in orders)),
            "executions": len(self._exchange.executions(name)),
            "volume": sum((e.price * e.amount for e in self._exchange.executions(name)), Decimal(0)),
            "longest_unprotected_s": self._oracle.longest_unprotected_s(name),
        }


def in_words(text: str) -> str:
    """What is wrong with a request, with the place in it as a person writes it: `match.method` and not `$.match`."""
    return _PLACE.sub(lambda found: f" (in {found[1]})" if found[1] else "", text).replace("$.", "")


def _fault(body: bytes) -> Fault:
    """Read a fault; ValueError for one that is about the controls, which faults never touch."""
    fault = parse_fault(body)

    if fault.path.startswith(_CONTROLS):
        raise ValueError(f"faults never touch {fault.path}: they are ruled from there")

    return fault


def _known(body: bytes, kind: type[_Order]) -> _Order:
    """Read a control's body; ValueError for a key that it does not have: nothing is done of what is misspelt."""
    names = {field.name for field in attrs.fields(kind)}
    strange = sorted(msgspec.json.decode(body, type=dict[str, Any]).keys() - names)

    if strange:
        raise ValueError(f"not a part of this: {', '.join(strange)}; there are {', '.join(sorted(names))}")

    return msgspec.json.decode(body, type=kind)


def _request(action: PersonalAction) -> OrderRequest:
    return OrderRequest(
        side=action.side,
        amount=action.amount,
        price=action.price,
        position_side=action.position_side,
        reduce_only=action.reduce_only,
        client_id=action.client_id or "",
    )


def _answer(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = {"content-type": "application/json"}

    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"

    return Response(status=status, body=msgspec.json.encode(content), headers=headers)
