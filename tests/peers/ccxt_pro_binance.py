"""ccxt.pro: `binanceusdm` with its streams of the market and of the account."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.pro
import steps
from steps import Session, check, soon

SYMBOL = "BTC/USDT:USDT"


async def main(session: Session) -> None:
    """Have the session."""
    client = ccxt.pro.binanceusdm({"apiKey": session.key, "secret": session.secret})
    session.point(client.urls["api"])

    with session.step(steps.MARKETS):
        check((await client.load_markets())[SYMBOL]["swap"], "no perpetual")

    with session.step(steps.BOOK):
        book = await soon(client.watch_order_book(SYMBOL))
        book = await soon(client.watch_order_book(SYMBOL))
        check(book["bids"][0][0] < book["asks"][0][0], book)

    with session.step("market by stream"):
        check((await soon(client.watch_trades(SYMBOL)))[-1]["price"] > 0, "no trade")
        check((await soon(client.watch_ticker(SYMBOL)))["last"] > 0, "no ticker")
        check((await soon(client.watch_ohlcv(SYMBOL, "1m")))[-1][4] > 0, "no candle")
        check((await soon(client.watch_bids_asks([SYMBOL])))[SYMBOL]["bid"] > 0, "no best price")
        check((await soon(client.watch_mark_price(SYMBOL)))["markPrice"] > 0, "no mark price")

    told = [asyncio.ensure_future(watch(SYMBOL)) for watch in (client.watch_orders, client.watch_my_trades)]
    held = [asyncio.ensure_future(client.watch_balance()), asyncio.ensure_future(position(client))]
    await asyncio.sleep(1)
    await trade(session, client)

    with session.step(steps.USER_STREAM):
        orders, fills, balance, positions = await soon(asyncio.gather(*told, *held))
        check(orders and fills and balance["USDT"]["total"] > 0, (orders, fills, balance))
        check(positions[0]["symbol"] == SYMBOL, positions)

    with session.step("orders by socket"):
        price = round((await client.fetch_ticker(SYMBOL))["last"] * 0.99)
        placed = await soon(client.create_order_ws(SYMBOL, "limit", "buy", 0.01, price))
        await soon(client.edit_order_ws(placed["id"], SYMBOL, "limit", "buy", 0.012, price - 1))
        check((await soon(client.fetch_order_ws(placed["id"], SYMBOL)))["amount"] == 0.012, "not moved")
        check((await soon(client.cancel_order_ws(placed["id"], SYMBOL)))["status"] == "canceled", "still open")

    await be_refused(session, client)
    session.end()


async def position(client: Any) -> Any:
    """The positions as the account's stream tells them; the first that ccxt tells are those it asked for, none yet."""
    while not (positions := await client.watch_positions([SYMBOL])):
        pass

    return positions


async def trade(session: Session, client: Any) -> None:
    """Place, move, cancel and fill."""
    price = round((await client.fetch_ticker(SYMBOL))["last"] * 0.99)
    order: dict[str, Any] = {}

    with session.step(steps.PLACE):
        order = await client.create_order(SYMBOL, "limit", "sell", 0.01, price + 2000)
        check(order["status"] == "open", order)

    with session.step(steps.AMEND):
        moved = await client.edit_order(order["id"], SYMBOL, "limit", "sell", 0.012, price + 2001)
        check((moved["price"], moved["amount"]) == (price + 2001, 0.012), moved)

    with session.step(steps.CANCEL):
        check((await client.cancel_order(order["id"], SYMBOL))["status"] == "canceled", "still open")

    with session.step(steps.FILL):
        sold = await client.create_order(SYMBOL, "limit", "sell", 0.01, price, {"timeInForce": "IOC"})
        check((await client.fetch_order(sold["id"], SYMBOL))["filled"] == 0.01, sold)

    with session.step(steps.POSITIONS):
        positions = await client.fetch_positions([SYMBOL])
        check((positions[0]["side"], positions[0]["contracts"]) == ("short", 0.01), positions)


async def be_refused(session: Session, client: Any) -> None:
    """Err in the three ways."""
    stranger = ccxt.pro.binanceusdm({"apiKey": "nobody's", "secret": session.secret})
    session.point(stranger.urls["api"])

    with session.refused(steps.BAD_KEY, ccxt.AuthenticationError, "-2015"):
        await soon(stranger.watch_orders(SYMBOL))

    with session.refused(steps.UNKNOWN_ORDER, ccxt.OrderNotFound, "-2013"):
        await client.fetch_order("987654321", SYMBOL)

    with session.refused(steps.TOO_SMALL, ccxt.ExchangeError, "-4164"):
        await client.create_order(SYMBOL, "limit", "buy", 0.001, 30000)


if __name__ == "__main__":
    asyncio.run(main(Session()))
