"""ccxt and ccxt.pro: `bybit` with its streams of the market and of the account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.pro
import steps
from steps import WAIT_S, Session, check, soon

SYMBOL = "BTC/USDT:USDT"


async def main(session: Session) -> None:
    """Have the session."""
    client = ccxt.pro.bybit({"apiKey": session.key, "secret": session.secret})
    session.point(client.urls["api"])

    with session.step(steps.MARKETS):
        check((await client.load_markets())[SYMBOL]["swap"], "no perpetual")
        check((await client.fetch_ticker(SYMBOL))["last"] > 0, "no ticker")
        await until(lambda: client.fetch_trades(SYMBOL), bool)
        check((await client.fetch_funding_rate(SYMBOL))["markPrice"] > 0, "no funding")

    with session.step(steps.BOOK):
        book = await soon(client.watch_order_book(SYMBOL, 50))
        book = await soon(client.watch_order_book(SYMBOL, 50))
        check(book["bids"][0][0] < book["asks"][0][0], book)

    with session.step("market by stream"):
        check((await soon(client.watch_trades(SYMBOL)))[-1]["price"] > 0, "no trade")
        check((await soon(client.watch_ticker(SYMBOL)))["last"] > 0, "no ticker")

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
        await soon(client.cancel_order_ws(placed["id"], SYMBOL))

    await be_refused(session, client)
    session.end()


async def position(client: Any) -> Any:
    """The positions as the account's stream tells them; the first that ccxt tells are those it asked for, none yet."""
    while not (positions := await client.watch_positions([SYMBOL])):
        pass

    return positions


async def until(ask: Callable[[], Awaitable[Any]], is_right: Callable[[Any], bool]) -> Any:
    """Ask until it is so: Bybit answers before an order has come to the matching engine."""
    for _ in range(round(WAIT_S * 20)):
        answer = await ask()

        if is_right(answer):
            break

        await asyncio.sleep(0.05)

    check(is_right(answer), answer)

    return answer


async def trade(session: Session, client: Any) -> None:
    """Place, move, cancel and fill."""
    price = round((await client.fetch_ticker(SYMBOL))["last"] * 0.99)
    order: dict[str, Any] = {}

    async def resting() -> list[tuple[float, float]]:
        return [(one["price"], one["amount"]) for one in await client.fetch_open_orders(SYMBOL)]

    with session.step(steps.PLACE):
        await client.set_leverage(5, SYMBOL)
        order = await client.create_order(SYMBOL, "limit", "buy", 0.01, price, {"postOnly": True})
        await until(resting, lambda found: found == [(price, 0.01)])

    with session.step(steps.AMEND):
        await client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.012, price - 1)
        await until(resting, lambda found: found == [(price - 1, 0.012)])

    with session.step(steps.CANCEL):
        await client.cancel_order(order["id"], SYMBOL)
        await until(resting, lambda found: found == [])

    with session.step(steps.FILL):
        bought = await client.create_order(SYMBOL, "market", "buy", 0.01)
        fills = await until(lambda: client.fetch_my_trades(SYMBOL), bool)
        check(fills[-1]["order"] == bought["id"], fills)
        check((await client.fetch_closed_order(bought["id"], SYMBOL))["filled"] == 0.01, bought)

    with session.step(steps.POSITIONS):
        positions = await client.fetch_positions([SYMBOL])
        check((positions[0]["side"], positions[0]["contracts"]) == ("long", 0.01), positions)
        check((await client.fetch_balance())["USDT"]["total"] > 0, "no balance")


async def be_refused(session: Session, client: Any) -> None:
    """Err in the three ways."""
    stranger = ccxt.pro.bybit({"apiKey": "nobody's", "secret": session.secret})
    session.point(stranger.urls["api"])

    with session.refused(steps.BAD_KEY, ccxt.AuthenticationError, "10003"):
        await stranger.fetch_balance()

    with session.refused(steps.UNKNOWN_ORDER, ccxt.OrderNotFound, "110001"):
        await client.cancel_order("987654321", SYMBOL)

    with session.refused(steps.TOO_SMALL, ccxt.InvalidOrder, "110094"):
        await client.create_order(SYMBOL, "limit", "buy", 0.001, 3000)


if __name__ == "__main__":
    asyncio.run(main(Session()))
