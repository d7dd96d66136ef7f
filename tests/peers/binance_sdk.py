"""The official SDK, binance-sdk-derivatives-trading-usds-futures: REST, streams and the WebSocket API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import steps
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_derivatives_trading_usds_futures.rest_api.models import (
    ModifyOrderSideEnum,
    NewOrderSideEnum,
    NewOrderTimeInForceEnum,
    NewOrderTypeEnum,
)
from binance_sdk_derivatives_trading_usds_futures.websocket_api import models as Words  # noqa: N812  # a set of enums
from steps import Session, check, wait_for

SYMBOL = "BTCUSDT"


def client_of(session: Session, key: str) -> DerivativesTradingUsdsFutures:
    """A client with this key, pointed at the sandbox as the SDK offers it."""
    who = {"api_key": key, "api_secret": session.secret}

    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(**who, base_path=session.url),
        config_ws_api=ConfigurationWebSocketAPI(**who, stream_url=f"{session.ws}/ws-fapi/v1"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=session.ws),
    )


async def main(session: Session) -> None:
    """Have the session."""
    client = client_of(session, session.key)
    rest = client.rest_api
    books: list[Any] = []
    events: list[Any] = []

    with session.step(steps.MARKETS):
        symbols = {one.symbol: one for one in rest.exchange_information().data().symbols}
        check(symbols[SYMBOL].contract_type == "PERPETUAL", symbols)
        check(rest.check_server_time().data().server_time > 0, "no time")
        check(float(rest.mark_price(symbol=SYMBOL).data().actual_instance.mark_price) > 0, "no mark price")

    with session.step(steps.BOOK):
        streams = await client.websocket_streams.create_connection()
        (await streams.diff_book_depth_streams(symbol="btcusdt")).on("message", books.append)
        await seen(lambda: books, "a book")
        check(books[0].b or books[0].a, books[0])

    key = rest.start_user_data_stream().data().listen_key
    (await streams.user_data(key)).on("message", events.append)
    await asyncio.sleep(1)
    trade(session, rest)

    with session.step(steps.USER_STREAM):
        await seen(lambda: [one for one in events if execution(one) == "TRADE"], "the fill")
        await seen(lambda: [one for one in events if kind(one) == "AccountUpdate"], "the account")
        check([one for one in events if execution(one) == "AMENDMENT"], "no amendment")
        rest.keepalive_user_data_stream()
        rest.close_user_data_stream()

    with session.step("orders by socket"):
        api = await client.websocket_api.create_connection()
        await trade_by_socket(api, price_of(rest))

    be_refused(session, rest)
    session.end()


def kind(event: Any) -> Any:
    """The type of an account event."""
    return type(event.actual_instance).__name__


def execution(event: Any) -> Any:
    """What happened to an order, of an event about one."""
    order = getattr(event.actual_instance, "o", None)

    return getattr(order, "x", None)


async def seen(is_there: Callable[[], object], what: str) -> None:
    """Wait until it has come."""
    await asyncio.to_thread(wait_for, is_there, what)


def price_of(rest: Any) -> int:
    """A price at which nobody sells."""
    return round(float(rest.order_book(symbol=SYMBOL, limit=5).data().bids[0][0]) * 0.99)


async def trade_by_socket(api: Any, price: int) -> None:
    """Place, move, ask for and cancel an order over the WebSocket API; look at the account."""
    placed = await api.new_order(
        symbol=SYMBOL,
        side=Words.NewOrderSideEnum.BUY,
        type=Words.NewOrderTypeEnum.LIMIT,
        time_in_force=Words.NewOrderTimeInForceEnum.GTC,
        quantity=0.01,
        price=price,
    )
    order = {"symbol": SYMBOL, "order_id": placed.data().result.order_id}
    side = Words.ModifyOrderSideEnum.BUY
    await api.modify_order(**order, side=side, quantity=0.012, price=price - 1)
    shown = (await api.query_order(**order)).data().result
    check((float(shown.price), shown.status) == (price - 1, "NEW"), shown)
    check((await api.cancel_order(**order)).data().result.status == "CANCELED", "still open")
    check(float((await api.position_information_v2(symbol=SYMBOL)).data().result[0].position_amt) == 0.01, "none")
    check((await api.futures_account_balance_v2()).data().result[0].asset == "USDT", "no asset")


def trade(session: Session, rest: Any) -> None:
    """Place, move, cancel and fill."""
    price = price_of(rest)
    order: Any = None
    limit = {
        "symbol": SYMBOL,
        "side": NewOrderSideEnum.BUY,
        "type": NewOrderTypeEnum.LIMIT,
        "time_in_force": NewOrderTimeInForceEnum.GTX,
        "quantity": 0.01,
    }

    with session.step(steps.PLACE):
        order = rest.new_order(**limit, price=price).data()
        check(order.status == "NEW", order)
        check([one.order_id for one in rest.current_all_open_orders(symbol=SYMBOL).data()] == [order.order_id], order)

    with session.step(steps.AMEND):
        side = ModifyOrderSideEnum.BUY
        moved = rest.modify_order(
            symbol=SYMBOL, side=side, quantity=0.012, price=price - 1, order_id=order.order_id, modify_id=7
        ).data()
        check((float(moved.price), float(moved.orig_qty)) == (price - 1, 0.012), moved)

    with session.step(steps.CANCEL):
        check(rest.cancel_order(symbol=SYMBOL, order_id=order.order_id).data().status == "CANCELED", "still open")
        two = [rest.new_order(**limit, price=price - number).data().order_id for number in (2, 3)]
        rest.cancel_multiple_orders(symbol=SYMBOL, order_id_list=two)
        check(rest.current_all_open_orders(symbol=SYMBOL).data() == [], "still open")

    with session.step(steps.FILL):
        bought = rest.new_order(
            symbol=SYMBOL, side=NewOrderSideEnum.BUY, type=NewOrderTypeEnum.MARKET, quantity=0.01
        ).data()
        check(rest.query_order(symbol=SYMBOL, order_id=bought.order_id).data().status == "FILLED", bought)
        check(rest.account_trade_list(symbol=SYMBOL).data()[-1].order_id == bought.order_id, "no trade of it")

    with session.step(steps.POSITIONS):
        check(float(rest.position_information_v3(symbol=SYMBOL).data()[0].position_amt) == 0.01, "no position")
        check(float(rest.account_information_v3().data().total_wallet_balance) > 0, "no balance")
        check(rest.futures_account_balance_v3().data()[0].asset == "USDT", "no asset")


def be_refused(session: Session, rest: Any) -> None:
    """Err in the three ways."""
    with session.refused(steps.BAD_KEY, UnauthorizedError, "Invalid API-key"):
        client_of(session, "nobody's").rest_api.futures_account_balance_v3()

    with session.refused(steps.UNKNOWN_ORDER, BadRequestError, "Unknown order sent."):
        rest.cancel_order(symbol=SYMBOL, order_id=987654321)

    with session.refused(steps.TOO_SMALL, BadRequestError, "Order's notional must be no smaller than"):
        rest.new_order(
            symbol=SYMBOL,
            side=NewOrderSideEnum.BUY,
            type=NewOrderTypeEnum.LIMIT,
            time_in_force=NewOrderTimeInForceEnum.GTC,
            quantity=0.001,
            price=30000,
        )


if __name__ == "__main__":
    asyncio.run(main(Session()))
