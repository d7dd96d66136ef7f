"""ccxt: `binanceusdm`, which knows no streams."""

from __future__ import annotations

from typing import Any

import ccxt
import steps
from steps import Session, check, wait_for

SYMBOL = "BTC/USDT:USDT"


def main(session: Session) -> None:
    """Have the session."""
    client = ccxt.binanceusdm({"apiKey": session.key, "secret": session.secret})
    session.point(client.urls["api"])

    with session.step(steps.MARKETS):
        check(client.load_markets()[SYMBOL]["swap"], "no perpetual")
        check(client.fetch_ticker(SYMBOL)["last"] > 0, "no ticker")
        wait_for(lambda: client.fetch_trades(SYMBOL), "a trade")
        check(client.fetch_ohlcv(SYMBOL, "1m")[-1][4] > 0, "no candle")
        check(client.fetch_funding_rate(SYMBOL)["markPrice"] > 0, "no funding")

    with session.step("book"):
        book = client.fetch_order_book(SYMBOL, 10)
        check(book["bids"][0][0] < book["asks"][0][0], book)

    trade(session, client)
    be_refused(session, client)
    session.end()


def trade(session: Session, client: Any) -> None:
    """Place, move, cancel and fill."""
    price = round(client.fetch_ticker(SYMBOL)["last"] * 0.99)
    order: dict[str, Any] = {}

    with session.step(steps.PLACE):
        client.set_leverage(5, SYMBOL)
        order = client.create_order(SYMBOL, "limit", "buy", 0.01, price, {"postOnly": True})
        check(client.fetch_order(order["id"], SYMBOL)["status"] == "open", order)
        check([one["id"] for one in client.fetch_open_orders(SYMBOL)] == [order["id"]], "not open")

    with session.step(steps.AMEND):
        moved = client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.012, price - 1)
        check((moved["price"], moved["amount"]) == (price - 1, 0.012), moved)

    with session.step(steps.CANCEL):
        check(client.cancel_order(order["id"], SYMBOL)["status"] == "canceled", "still open")
        client.cancel_all_orders(SYMBOL)
        check(client.fetch_open_orders(SYMBOL) == [], "still open")

    with session.step(steps.FILL):
        bought = client.create_order(SYMBOL, "market", "buy", 0.01)
        check(client.fetch_order(bought["id"], SYMBOL)["status"] == "closed", bought)
        check(client.fetch_my_trades(SYMBOL)[-1]["order"] == bought["id"], "no trade of it")

    with session.step(steps.POSITIONS):
        positions = client.fetch_positions([SYMBOL])
        check((positions[0]["side"], positions[0]["contracts"]) == ("long", 0.01), positions)
        check(client.fetch_balance()["USDT"]["total"] > 0, "no balance")


def be_refused(session: Session, client: Any) -> None:
    """Err in the three ways."""
    stranger = ccxt.binanceusdm({"apiKey": "nobody's", "secret": session.secret})
    session.point(stranger.urls["api"])

    with session.refused(steps.BAD_KEY, ccxt.AuthenticationError, "-2015"):
        stranger.fetch_balance()

    with session.refused(steps.UNKNOWN_ORDER, ccxt.OrderNotFound, "-2011"):
        client.cancel_order("987654321", SYMBOL)

    with session.refused(steps.TOO_SMALL, ccxt.ExchangeError, "-4164"):
        client.create_order(SYMBOL, "limit", "buy", 0.001, 30000)


if __name__ == "__main__":
    main(Session())
