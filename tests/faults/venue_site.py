"""One fault on three venues: the words of each for what goes wrong there, and what its rules make of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.order import ConditionalOrder
from perpmaker.testing.session import Session, Stage
from perpmaker.wire.fault import Fault, FaultPlan, Reply, When
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.client_ids import number_of

BROADCAST = "broadcast_tx_sync"


@attrs.frozen
class Place:
    """Which requests are meant."""

    method: str
    path: str
    contains: str | None = None


@attrs.frozen(kw_only=True, eq=False)
class VenueWords:
    """How a venue is asked, how it says no, and which of its rules make an end differ.

    `places` are the requests of each kind: `orders` (all but stops), `stops`, `placements` (both), `cancels`,
    `commands` (all of these), `reads` (of the account), `positions`, `fills`, `open orders`, `income`, `all`.
    `busy` leaves the outcome open, `unknown` are other answers that do, `refused` is a no to an order. `told` are the
    words of the private stream's messages, `funding` those of a payment; `listed_s` after it the history has it.
    """

    name: str
    derivative: str
    market: str
    overrides: Sequence[str]
    places: Mapping[str, Sequence[Place]]
    busy: Reply
    unknown: Mapping[str, Reply]
    refused: Reply
    not_found: Reply
    private: str
    told: Mapping[str, str]
    funding: str = ""
    listed_s: float = 0.0
    asset: str = "USDT"
    has_switch: bool = False
    leaves_targets: bool = True
    moves_stops: bool = False
    quotes_carry_stops: bool = False
    stops_go_by_themselves: bool = False
    has_hedge: bool = True
    binds_elsewhere: bool = True
    trips_to_exit: int = 2
    block_s: float = 0.0
    is_signed: bool = False
    cancel_of: Callable[[str], str] = str

    def __str__(self) -> str:
        return self.name

    @property
    def settings(self) -> tuple[str, ...]:
        """What a configuration of another venue is overridden with."""
        return (f'derivative="{self.derivative}"', f'market="{self.market}"', *self.overrides)

    def faults(self, kind: str, **what: Any) -> list[Fault]:
        """Faults of all requests of a kind."""
        return [Fault(method=one.method, path=one.path, contains=one.contains, **what) for one in self.places[kind]]

    def arm(self, stage: Stage | Session, kind: str, **what: Any) -> list[Fault]:
        """Have all requests of a kind go wrong from now on."""
        return [self._add(stage, fault) for fault in self.faults(kind, **{"times": None, **what})]

    def _add(self, stage: Stage | Session, fault: Fault) -> Fault:
        if self.is_signed:
            _read_along(stage.sandbox.faults)

        return stage.sandbox.faults.add(fault)

    def refuse_cancel(self, stage: Stage | Session, client_id: str) -> None:
        """Leave the outcome of each cancel of an order open."""
        for one in self.places["cancels"]:
            fault = Fault(method=one.method, path=one.path, act="status", arg=self.busy, times=None)
            self._add(stage, attrs.evolve(fault, contains=self.cancel_of(client_id)))

    def refuse(self, stage: Stage | Session, kind: str, **what: Any) -> list[Fault]:
        """Answer all requests of a kind so that their outcome is open."""
        return self.arm(stage, kind, act="status", arg=self.busy, **what)

    def stops(self, stage: Stage | Session) -> list[ConditionalOrder]:
        """The stops that wait, by the venue's own books, one of each pair of them."""
        return [one for one in stage.sandbox.exchange.conditional_orders(ACCOUNT) if "/" not in one.client_id]

    def levels(self, stage: Stage | Session) -> list[float]:
        """The stops on the venue, as percent of the entry price that they are away from it."""
        exchange = stage.sandbox.exchange
        (position,) = [one for one in exchange.account(ACCOUNT).positions if one.lots]
        prices = [exchange.instrument.price(one.trigger_ticks) for one in self.stops(stage)]

        return sorted(round(float(abs(price - position.entry) / position.entry * 100), 3) for price in prices)


def _read_along(plan: FaultPlan) -> None:
    """Let faults match what a signed transaction says: `<place order>`, `<place stop>`, `<cancel order 7>`."""
    if getattr(plan, "reads_along", False):
        return

    take: Callable[[When, str, str, str], list[Fault]] = plan.take
    plan.take = lambda when, method, path, text: take(when, method, path, text + _said(text))  # type: ignore[method-assign]
    plan.reads_along = True  # type: ignore[attr-defined]


def _said(text: str) -> str:
    if BROADCAST not in text:
        return ""

    call = json.loads(text[text.index("{") :])
    messages = tx.read_transaction(base64.b64decode(call["params"]["tx"])).messages

    return "".join(one for message in messages for one in _words(message))


def _words(message: object) -> Iterator[str]:
    match message:
        case tx.PlaceOrder(order=order):
            yield f" <place {_kind(order.order_id)}>"
        case tx.CancelOrder(order_id=order_id):
            yield f" <cancel {_kind(order_id)} {order_id.client_id}>"
        case tx.BatchCancel(batches=batches):
            yield from (f" <cancel order {number}>" for batch in batches for number in batch.client_ids)


def _kind(order_id: tx.OrderId) -> str:
    return "stop" if order_id.flags == tx.CONDITIONAL else "order"


BINANCE = VenueWords(
    name="Binance",
    derivative="binance_perpetual",
    market="BTC-USDT",
    overrides=(),
    places={
        "orders": (Place("POST", "/fapi/v1/order"), Place("POST", "/fapi/v1/batchOrders")),
        "stops": (Place("POST", "/fapi/v1/algoOrder"),),
        "placements": (Place("POST", "/fapi"),),
        "cancels": (Place("DELETE", "/fapi"),),
        "stop cancels": (Place("DELETE", "/fapi/v1/algo"),),
        "commands": (Place("POST", "/fapi"), Place("PUT", "/fapi"), Place("DELETE", "/fapi")),
        "reads": (Place("GET", "/fapi"),),
        "positions": (Place("GET", "/fapi/v3/positionRisk"),),
        "fills": (Place("GET", "/fapi/v1/userTrades"),),
        "order": (Place("GET", "/fapi/v1/order"),),
        "open orders": (Place("GET", "/fapi/v1/openOrders"),),
        "income": (Place("GET", "/fapi/v1/income"),),
        "all": tuple(Place(method, "/fapi") for method in ("GET", "POST", "PUT", "DELETE")),
    },
    busy=Reply(status=503, body='{"code":-1001,"msg":"Internal error; unable to process your request."}'),
    unknown={
        "503": Reply(
            status=503, body='{"code":-1000,"msg":"Unknown error, please check your request or try again later."}'
        ),
        "a proxy": Reply(status=403, body="<html>Request blocked</html>"),
        "nonsense": Reply(status=200, body="<html>everything is fine</html>"),
    },
    refused=Reply(status=400, body='{"code":-4131,"msg":"The counterparty\'s best price does not meet."}'),
    not_found=Reply(status=400, body='{"code":-2013,"msg":"Order does not exist."}'),
    private="/private",
    told={"order": "ORDER_TRADE_UPDATE", "stop": "ALGO_UPDATE", "account": "ACCOUNT_UPDATE"},
    funding="FUNDING_FEE",
    has_switch=True,
)


def _no(code: int, text: str) -> Reply:
    said = {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": 0}

    return Reply(status=200, body=json.dumps(said))


BYBIT = VenueWords(
    name="Bybit",
    derivative="bybit_perpetual",
    market="BTC-USDT",
    overrides=("bybit_perpetual.orders_by_socket=false",),
    places={
        "orders": (Place("POST", "/v5/order/create"),),
        "stops": (Place("POST", "/v5/position/trading-stop"),),
        "placements": (
            Place("POST", "/v5/order/create"),
            Place("POST", "/v5/position/trading-stop"),
        ),
        "cancels": (Place("POST", "/v5/order/cancel"),),
        "stop cancels": (Place("POST", "/v5/position/trading-stop"),),
        "commands": (Place("POST", "/v5"),),
        "reads": (Place("GET", "/v5"),),
        "positions": (Place("GET", "/v5/position/list"),),
        "fills": (Place("GET", "/v5/execution/list"),),
        "order": (Place("GET", "/v5/order/realtime", "orderLinkId"),),
        "open orders": (Place("GET", "/v5/order/realtime"),),
        "income": (Place("GET", "/v5/account/transaction-log"),),
        "all": (Place("GET", "/v5"), Place("POST", "/v5")),
    },
    busy=_no(10016, "Server error"),
    unknown={
        "503": Reply(status=503, body=""),
        "a proxy": Reply(status=502, body="<html>Bad Gateway</html>"),
        "nonsense": Reply(status=200, body="<html>everything is fine</html>"),
    },
    refused=_no(110003, "Price is out of permissible range."),
    not_found=Reply(status=200, body='{"retCode":0,"retMsg":"OK","result":{"list":[]},"retExtInfo":{},"time":0}'),
    private="/v5/private",
    told={"order": '"topic":"order', "fill": '"topic":"execution', "account": '"topic":"position'},
    funding='"execType":"Funding"',
    moves_stops=True,
    quotes_carry_stops=True,
    stops_go_by_themselves=True,
    trips_to_exit=3,
)

DYDX = VenueWords(
    name="dYdX",
    derivative="dydx_perpetual",
    market="BTC-USD",
    overrides=(),
    places={
        "orders": (Place("POST", "/", "<place order>"),),
        "stops": (Place("POST", "/", "<place stop>"),),
        "placements": (Place("POST", "/", "<place "),),
        "cancels": (Place("POST", "/", "<cancel"),),
        "stop cancels": (Place("POST", "/", "<cancel stop"),),
        "commands": (Place("POST", "/", BROADCAST),),
        "reads": (Place("GET", "/v4"),),
        "positions": (Place("GET", "/v4/addresses"),),
        "fills": (Place("GET", "/v4/fills"),),
        "order": (Place("GET", "/v4/orders/"),),
        "open orders": (Place("GET", "/v4/orders"),),
        "income": (Place("GET", "/v4/fundingPayments"),),
        "all": (Place("GET", "/v4"), Place("POST", "/")),
    },
    busy=Reply(status=502, body="<html>Bad Gateway</html>"),
    unknown={
        "503": Reply(status=500, body='{"errors":[{"msg":"Internal Server Error"}]}'),
        "a proxy": Reply(status=403, body="<html>Request blocked</html>"),
        "nonsense": Reply(status=200, body="<html>everything is fine</html>"),
    },
    refused=Reply(body='{"jsonrpc":"2.0","id":1,"result":{"code":3007,"codespace":"clob","log":"no"}}'),
    not_found=Reply(status=404, body='{"errors":[{"msg":"Unable to find order"}]}'),
    private="/v4/ws",
    told={"account": "v4_subaccounts"},
    listed_s=60.0,
    asset="USDC",
    leaves_targets=False,
    moves_stops=True,
    has_hedge=False,
    binds_elsewhere=False,
    trips_to_exit=1,
    block_s=0.7,
    is_signed=True,
    cancel_of=lambda client_id: f"<cancel order {number_of(client_id)}>",
)

VENUES = (BINANCE, BYBIT, DYDX)
