"""python-binance: `AsyncClient.create()` and `BinanceSocketManager`."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import steps
from binance import AsyncClient, BinanceSocketManager
from binance.base_client import BaseClient
from binance.exceptions import BinanceAPIException
from binance.ws.depthcache import FuturesDepthCacheManager
from steps import WAIT_S, Session, check

SYMBOL = "BTCUSDT"


async def main(session: Session) -> None:
    """Have the session."""
    BaseClient.API_URL = f"{session.url}/api"
    BaseClient.FUTURES_URL = f"{session.url}/fapi"
    BaseClient.WS_FUTURES_URL = f"{session.ws}/ws-fapi/v1"
    BinanceSocketManager.FSTREAM_URL = f"{session.ws}/"
    client = await AsyncClient.create(session.key, session.secret)
    manager = BinanceSocketManager(client)

    with session.step(steps.MARKETS):
        symbols = {one["symbol"]: one for one in (await client.futures_exchange_info())["symbols"]}
        check(symbols[SYMBOL]["contractType"] == "PERPETUAL", symbols)
        check((await client.futures_orderbook_ticker(symbol=SYMBOL))["bidPrice"], "no best price")

    with session.step(steps.BOOK):
        async with FuturesDepthCacheManager(client, SYMBOL) as cache, asyncio.timeout(WAIT_S):
            book = await cache.recv()
            check(book.get_bids()[0][0] < book.get_asks()[0][0], "no book")

    async with manager.futures_user_socket() as user:
        await trade(session, client)

        with session.step(steps.USER_STREAM):
            kinds: list[tuple[Any, Any]] = []

            async with asyncio.timeout(WAIT_S):
                while ("ORDER_TRADE_UPDATE", "TRADE") not in kinds:
                    event = await user.recv()
                    kinds.append((event["e"], event.get("o", {}).get("x")))

            check(("ACCOUNT_UPDATE", None) in kinds, kinds)

    with session.step("orders by socket"):
        await trade_by_socket(client)

    await be_refused(session, client)
    session.end()


async def trade(session: Session, client: AsyncClient) -> None:
    """Place, move, cancel and fill."""
    bid = Decimal((await client.futures_order_book(symbol=SYMBOL, limit=5))["bids"][0][0])
    price = (bid * Decimal("0.99")).quantize(Decimal("0.1"))
    order: dict[str, Any] = {}

    with session.step(steps.PLACE):
        order = await client.futures_create_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTX", quantity="0.010", price=str(price)
        )
        check(order["status"] == "NEW", order)
        check(len(await client.futures_get_open_orders(symbol=SYMBOL)) == 1, "not open")

    with session.step(steps.AMEND):
        moved = await client.futures_modify_order(
            symbol=SYMBOL, orderId=order["orderId"], side="BUY", quantity="0.012", price=str(price - 1)
        )
        check(Decimal(moved["price"]) == price - 1, moved)

    with session.step(steps.CANCEL):
        check((await client.futures_cancel_order(symbol=SYMBOL, orderId=order["orderId"]))["status"] == "CANCELED", "")

    with session.step(steps.FILL):
        await client.futures_create_order(symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.010")
        check((await client.futures_account_trades(symbol=SYMBOL))[-1]["side"] == "SELL", "no trade of it")

    with session.step(steps.POSITIONS):
        position = (await client.futures_position_information(symbol=SYMBOL))[0]
        check(Decimal(position["positionAmt"]) == Decimal("-0.010"), position)


async def trade_by_socket(client: AsyncClient) -> None:
    """Place, move, ask for and cancel an order over the WebSocket API; look at the account."""
    bid = Decimal((await client.futures_order_book(symbol=SYMBOL, limit=5))["bids"][0][0])
    terms = {"side": "BUY", "quantity": "0.010", "price": str(bid // 1 - 500)}
    placed = await client.ws_futures_create_order(symbol=SYMBOL, type="LIMIT", timeInForce="GTC", **terms)
    order = {"symbol": SYMBOL, "orderId": placed["orderId"]}
    await client.ws_futures_edit_order(**order, **{**terms, "quantity": "0.012"})
    check((await client.ws_futures_get_order(**order))["origQty"] == "0.012", "not moved")
    check((await client.ws_futures_cancel_order(**order))["status"] == "CANCELED", "still open")
    check((await client.ws_futures_v2_account_position(symbol=SYMBOL))[0]["positionAmt"], "no position")


async def be_refused(session: Session, client: AsyncClient) -> None:
    """Err in the three ways."""
    stranger = await AsyncClient.create("nobody's", session.secret)

    with session.refused(steps.BAD_KEY, BinanceAPIException, "-2015"):
        await stranger.futures_account_balance()

    with session.refused(steps.UNKNOWN_ORDER, BinanceAPIException, "-2013"):
        await client.futures_get_order(symbol=SYMBOL, orderId=987654321)

    with session.refused(steps.TOO_SMALL, BinanceAPIException, "-4164"):
        await client.futures_create_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price="30000"
        )


if __name__ == "__main__":
    asyncio.run(main(Session()))
