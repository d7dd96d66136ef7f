"""binance-futures-connector, the official client before the SDK, which many programs still have."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import steps
from binance.error import ClientError
from binance.um_futures import UMFutures
from binance.websocket.um_futures.websocket_client import UMFuturesWebsocketClient
from steps import Session, check, wait_for

SYMBOL = "BTCUSDT"


def main(session: Session) -> None:
    """Have the session."""
    client = UMFutures(key=session.key, secret=session.secret, base_url=session.url)

    with session.step(steps.MARKETS):
        symbols = {one["symbol"]: one for one in client.exchange_info()["symbols"]}
        check(symbols[SYMBOL]["contractType"] == "PERPETUAL", symbols)
        check(client.ping() == {} and client.time()["serverTime"], "no time")
        check(Decimal(client.mark_price(SYMBOL)["markPrice"]) > 0, "no mark price")

    with session.step(steps.BOOK):
        books: list[dict[str, Any]] = []
        socket_of(session, "public", books).diff_book_depth(SYMBOL)
        wait_for(lambda: [one for one in books if one.get("e") == "depthUpdate"], "a book")

    events: list[dict[str, Any]] = []
    socket_of(session, "private", events).user_data(client.new_listen_key()["listenKey"])
    wait_for(lambda: events, "the answer to the subscription")
    trade(session, client)

    with session.step(steps.USER_STREAM):
        wait_for(lambda: {"ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"} <= {one.get("e") for one in events}, "the account")
        wait_for(lambda: [one for one in events if one.get("o", {}).get("x") == "TRADE"], "the fill")

    with session.refused(steps.BAD_KEY, ClientError, "-2015"):
        UMFutures(key="nobody's", secret=session.secret, base_url=session.url).balance()

    with session.refused(steps.UNKNOWN_ORDER, ClientError, "-2011"):
        client.cancel_order(SYMBOL, orderId=987654321)

    with session.refused(steps.TOO_SMALL, ClientError, "-4164"):
        client.new_order(SYMBOL, "BUY", "LIMIT", timeInForce="GTC", quantity="0.001", price="30000")

    session.end()


def socket_of(session: Session, route: str, heard: list[dict[str, Any]]) -> Any:
    """A socket of one of the venue's three routes; the client's own address is the one before there were routes."""

    def hear(_socket: Any, message: str) -> None:
        heard.append(json.loads(message))

    return UMFuturesWebsocketClient(stream_url=f"{session.ws}/{route}", on_message=hear)


def trade(session: Session, client: UMFutures) -> None:
    """Place, move, cancel and fill."""
    price = Decimal(client.depth(SYMBOL, limit=5)["bids"][0][0]) // 1 - 500
    order: dict[str, Any] = {}

    with session.step(steps.PLACE):
        order = client.new_order(SYMBOL, "BUY", "LIMIT", timeInForce="GTX", quantity="0.010", price=str(price))
        check([one["orderId"] for one in client.get_orders(symbol=SYMBOL)] == [order["orderId"]], "not open")

    with session.step(steps.AMEND):
        moved = client.modify_order(SYMBOL, "BUY", "0.012", str(price - 1), orderId=order["orderId"])
        check((Decimal(moved["price"]), moved["origQty"]) == (price - 1, "0.012"), moved)

    with session.step(steps.CANCEL):
        check(client.cancel_order(SYMBOL, orderId=order["orderId"])["status"] == "CANCELED", "still open")
        check(client.cancel_open_orders(SYMBOL)["code"] == 200, "refused")

    with session.step(steps.FILL):
        bought = client.new_order(SYMBOL, "BUY", "MARKET", quantity="0.010", newOrderRespType="RESULT")
        check(bought["status"] == "FILLED", bought)
        check(client.get_account_trades(SYMBOL)[-1]["orderId"] == bought["orderId"], "no trade of it")

    with session.step(steps.POSITIONS):
        check(Decimal(client.get_position_risk(symbol=SYMBOL)[0]["positionAmt"]) == Decimal("0.010"), "no position")
        check(Decimal(client.account()["totalWalletBalance"]) > 0, "no balance")
        check(client.balance()[0]["asset"] == "USDT", "no asset")


if __name__ == "__main__":
    main(Session())
