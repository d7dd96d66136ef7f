"""pybit, the official Bybit client: HTTP, its streams, and orders over the trade socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import steps
from pybit import _websocket_trading, unified_trading
from pybit.exceptions import FailedRequestError, InvalidRequestError
from steps import Session, check, wait_for

LINEAR = {"category": "linear", "symbol": "BTCUSDT"}


def main(session: Session) -> None:
    """Have the session."""
    # pybit knows no other place for its addresses than these names of its modules.
    unified_trading.PUBLIC_WSS = f"{session.ws}/v5/public/{{CHANNEL_TYPE}}"
    unified_trading.PRIVATE_WSS = f"{session.ws}/v5/private"
    _websocket_trading.TRADE_WSS = f"{session.ws}/v5/trade"
    # pybit notes what it has asked for after it has asked. An answer that is there at once, which none is on a real
    # network, ends its socket.
    session.delay_messages('"op":', 0.2)
    who = {"api_key": session.key, "api_secret": session.secret}
    client = http(session, **who)
    books: list[Any] = []
    events: list[Any] = []

    with session.step(steps.MARKETS):
        market = client.get_instruments_info(**LINEAR)["result"]["list"][0]
        check((market["symbol"], market["contractType"]) == ("BTCUSDT", "LinearPerpetual"), market)
        check(int(client.get_server_time()["result"]["timeSecond"]) > 0, "no time")
        check(float(client.get_tickers(**LINEAR)["result"]["list"][0]["markPrice"]) > 0, "no mark price")

    with session.step(steps.BOOK):
        public = unified_trading.WebSocket("linear", testnet=True)
        public.orderbook_stream(50, "BTCUSDT", books.append)
        public.trade_stream("BTCUSDT", books.append)
        public.ticker_stream("BTCUSDT", books.append)
        wait_for(lambda: len({one["topic"] for one in books}) > 2, "book, trades and ticker")
        book = next(one for one in books if one["topic"] == "orderbook.50.BTCUSDT")["data"]
        check(float(book["b"][0][0]) < float(book["a"][0][0]), book)

    private = unified_trading.WebSocket("private", testnet=True, **who)

    for listen in (private.order_stream, private.execution_stream, private.position_stream, private.wallet_stream):
        listen(events.append)

    time.sleep(1)
    trade(session, client)

    with session.step(steps.USER_STREAM):
        wanted = {"order", "execution", "position", "wallet"}
        wait_for(lambda: wanted <= {one["topic"] for one in events}, f"{wanted}")

    with session.step("orders by socket"):
        trade_by_socket(unified_trading.WebSocketTrading(testnet=True, **who), price_of(client))

    be_refused(session, client)
    session.end()


def http(session: Session, **who: str) -> Any:
    """A client of the sandbox's HTTP."""
    client = unified_trading.HTTP(**who)
    client.endpoint = session.url

    return client


def price_of(client: Any) -> int:
    """A price at which nobody sells."""
    return round(float(client.get_orderbook(**LINEAR)["result"]["b"][0][0]) * 0.99)


def trade(session: Session, client: Any) -> None:
    """Place, move, cancel and fill; Bybit answers before the order has come to the matching engine."""
    price = price_of(client)
    order: dict[str, Any] = {}

    with session.step(steps.PLACE):
        placed = client.place_order(**LINEAR, side="Buy", orderType="Limit", qty="0.010", price=price)
        order = {**LINEAR, "orderId": placed["result"]["orderId"]}
        wait_for(lambda: [one["orderId"] for one in open_orders(client)] == [order["orderId"]], "the order")

    with session.step(steps.AMEND):
        client.amend_order(**order, qty="0.012", price=price - 1)
        moved = [(price - 1, 0.012)]
        wait_for(
            lambda: [(float(one["price"]), float(one["qty"])) for one in open_orders(client)] == moved, "the change"
        )

    with session.step(steps.CANCEL):
        client.cancel_order(**order)
        wait_for(lambda: open_orders(client) == [], "the end")
        client.cancel_all_orders(**LINEAR)

    with session.step(steps.FILL):
        bought = client.place_order(**LINEAR, side="Buy", orderType="Market", qty="0.010")["result"]["orderId"]
        wait_for(lambda: bought in [one["orderId"] for one in executions(client)], "the fill")
        check(client.get_order_history(**LINEAR, orderId=bought)["result"]["list"][0]["orderStatus"] == "Filled", "")

    with session.step(steps.POSITIONS):
        position = client.get_positions(**LINEAR)["result"]["list"][0]
        check((position["side"], float(position["size"])) == ("Buy", 0.01), position)
        check(float(client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["totalEquity"]) > 0, "none")


def executions(client: Any) -> list[dict[str, Any]]:
    """What was executed."""
    return list(client.get_executions(**LINEAR)["result"]["list"])


def open_orders(client: Any) -> list[dict[str, Any]]:
    """The orders that rest."""
    return list(client.get_open_orders(**LINEAR)["result"]["list"])


def trade_by_socket(socket: Any, price: int) -> None:
    """Place, move and cancel an order over the trade socket."""
    terms = {"side": "Buy", "orderType": "Limit", "qty": "0.010", "price": str(price)}
    order = {"orderId": answer_of(socket.place_order, **terms)["data"]["orderId"]}
    answer_of(socket.amend_order, **order, qty="0.012")
    answer_of(socket.cancel_order, **order)


def answer_of(call: Callable[..., None], **terms: str) -> dict[str, Any]:
    """The answer to a command."""
    answers: list[dict[str, Any]] = []
    call(answers.append, answers.append, **LINEAR, **terms)
    wait_for(lambda: answers, "an answer")
    check(answers[0]["retCode"] == 0, answers)

    return answers[0]


def be_refused(session: Session, client: Any) -> None:
    """Err in the three ways."""
    with session.refused(steps.BAD_KEY, (InvalidRequestError, FailedRequestError), "10003"):
        http(session, api_key="nobody's", api_secret=session.secret).get_positions(**LINEAR)

    with session.refused(steps.UNKNOWN_ORDER, InvalidRequestError, "110001"):
        client.cancel_order(**LINEAR, orderId="987654321")

    with session.refused(steps.TOO_SMALL, InvalidRequestError, "110094"):
        client.place_order(**LINEAR, side="Buy", orderType="Limit", qty="0.001", price="3000")


if __name__ == "__main__":
    main(Session())
