"""python-binance: `Client()`, and its threads for books and the account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import steps
from binance import Client, ThreadedWebsocketManager
from binance.base_client import BaseClient
from binance.exceptions import BinanceAPIException
from binance.ws.streams import BinanceSocketManager
from steps import Session, check, wait_for

SYMBOL = "BTCUSDT"


def main(session: Session) -> None:
    """Have the session."""
    BaseClient.API_URL = f"{session.url}/api"
    BaseClient.FUTURES_URL = f"{session.url}/fapi"
    BinanceSocketManager.FSTREAM_URL = f"{session.ws}/"
    events: list[dict[str, Any]] = []
    books: list[dict[str, Any]] = []
    manager = ThreadedWebsocketManager(api_key=session.key, api_secret=session.secret)
    manager.start()
    client = Client(session.key, session.secret)

    with session.step(steps.MARKETS):
        symbols = {one["symbol"]: one for one in client.futures_exchange_info()["symbols"]}
        check(symbols[SYMBOL]["contractType"] == "PERPETUAL", symbols)
        check(client.futures_ping() == {} and client.futures_time()["serverTime"], "no time")
        check(Decimal(client.futures_mark_price(symbol=SYMBOL)["markPrice"]) > 0, "no mark price")

    with session.step(steps.BOOK):
        manager.start_futures_user_socket(events.append)
        manager.start_symbol_ticker_futures_socket(books.append, SYMBOL)
        wait_for(lambda: books, "a book")
        check(Decimal(books[0]["data"]["b"]) < Decimal(books[0]["data"]["a"]), books[0])

    trade(session, client)

    with session.step(steps.USER_STREAM):
        wait_for(lambda: {"ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"} <= {one.get("e") for one in events}, "the account")
        wait_for(lambda: [one for one in events if one.get("o", {}).get("x") == "TRADE"], "the fill")

    be_refused(session, client)
    session.end()


def trade(session: Session, client: Client) -> None:
    """Place, move, cancel and fill."""
    bid = Decimal(client.futures_order_book(symbol=SYMBOL, limit=5)["bids"][0][0])
    price = (bid * Decimal("0.99")).quantize(Decimal("0.1"))
    order: dict[str, Any] = {}

    with session.step(steps.PLACE):
        order = client.futures_create_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.010", price=str(price)
        )
        check(order["status"] == "NEW", order)
        check(order["orderId"] in {one["orderId"] for one in client.futures_get_open_orders(symbol=SYMBOL)}, order)

    with session.step(steps.AMEND):
        moved = client.futures_modify_order(
            symbol=SYMBOL, orderId=order["orderId"], side="BUY", quantity="0.012", price=str(price - 1)
        )
        check(Decimal(moved["price"]) == price - 1 and Decimal(moved["origQty"]) == Decimal("0.012"), moved)

    with session.step(steps.CANCEL):
        cancelled = client.futures_cancel_order(symbol=SYMBOL, orderId=order["orderId"])
        check(cancelled["status"] == "CANCELED", cancelled)
        check(client.futures_get_open_orders(symbol=SYMBOL) == [], "it is still open")

    with session.step(steps.FILL):
        bought = client.futures_create_order(
            symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.010", newOrderRespType="RESULT"
        )
        check(bought["status"] == "FILLED", bought)
        check(client.futures_account_trades(symbol=SYMBOL)[-1]["orderId"] == bought["orderId"], "no trade of it")

    with session.step(steps.POSITIONS):
        check(Decimal(client.futures_position_information(symbol=SYMBOL)[0]["positionAmt"]) == Decimal("0.010"), "none")
        check(Decimal(client.futures_account()["totalWalletBalance"]) > 0, "no balance")
        check(client.futures_account_balance()[0]["asset"] == "USDT", "no asset")


def be_refused(session: Session, client: Client) -> None:
    """Err in the three ways."""
    with session.refused(steps.BAD_KEY, BinanceAPIException, "-2015"):
        Client("nobody's", session.secret).futures_account_balance()

    with session.refused(steps.UNKNOWN_ORDER, BinanceAPIException, "-2011"):
        client.futures_cancel_order(symbol=SYMBOL, orderId=987654321)

    with session.refused(steps.TOO_SMALL, BinanceAPIException, "-4164"):
        client.futures_create_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="30000"
        )


if __name__ == "__main__":
    main(Session())
