"""nautilus_trader: a live node with its Binance adapter for data and execution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import steps
from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.adapters.binance.factories import get_cached_binance_http_client
from nautilus_trader.adapters.binance.futures.http.account import BinanceFuturesAccountHttpAPI
from nautilus_trader.adapters.binance.http.error import BinanceClientError
from nautilus_trader.common.component import LiveClock
from nautilus_trader.config import InstrumentProviderConfig, LiveRiskEngineConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy
from steps import WAIT_S, Session, check

MARKET = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")


def node_of(session: Session) -> TradingNode:
    """A node whose adapters are pointed at the sandbox; orders go to the venue unchecked."""
    common = {
        "api_key": session.key,
        "api_secret": session.secret,
        "account_type": BinanceAccountType.USDT_FUTURES,
        "base_url_http": session.url,
        "instrument_provider": InstrumentProviderConfig(load_ids=frozenset({MARKET})),
    }
    config = TradingNodeConfig(
        trader_id="PEER-001",
        logging=LoggingConfig(log_level="WARNING"),
        risk_engine=LiveRiskEngineConfig(bypass=True),
        data_clients={BINANCE: BinanceDataClientConfig(**common, base_url_ws=f"{session.ws}/public")},
        exec_clients={BINANCE: BinanceExecClientConfig(**common, base_url_ws_stream=f"{session.ws}/private")},
    )
    node = TradingNode(config=config)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)

    return node


async def main(session: Session) -> None:
    """Have the session."""
    node = node_of(session)
    strategy = Listener()
    node.trader.add_strategy(strategy)
    node.build()
    running = asyncio.ensure_future(node.run_async())

    with session.step(steps.MARKETS):
        await seen(lambda: strategy.is_running, "the node")
        check(node.cache.instrument(MARKET) is not None, "no instrument")

    with session.step(steps.BOOK):
        strategy.subscribe_order_book_deltas(MARKET, params={"update_speed": 100})
        strategy.subscribe_quote_ticks(MARKET)
        await seen(lambda: node.cache.order_book(MARKET) and node.cache.order_book(MARKET).update_count > 1, "a book")
        await seen(lambda: node.cache.quote_tick(MARKET), "a quote")
        check(
            node.cache.order_book(MARKET).best_bid_price() < node.cache.order_book(MARKET).best_ask_price(), "crossed"
        )

    await trade(session, strategy)

    with session.step(steps.USER_STREAM):
        kinds = [type(event).__name__ for event in strategy.events]
        check({"OrderAccepted", "OrderUpdated", "OrderCanceled", "OrderFilled", "PositionOpened"} <= {*kinds}, kinds)

    await be_refused(session, strategy)
    running.cancel()
    session.end()


class Listener(Strategy):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    def on_event(self, event: Any) -> None:
        """Keep it."""
        self.events.append(event)

    def limit(self, amount: str, price: str, *, post_only: bool = True) -> Any:
        """Submit a buy order."""
        market = self.cache.instrument(MARKET)
        order = self.order_factory.limit(
            MARKET,
            OrderSide.BUY,
            market.make_qty(float(amount)),
            market.make_price(float(price)),
            time_in_force=TimeInForce.GTC,
            post_only=post_only,
        )
        self.submit_order(order)

        return order


async def seen(is_there: Callable[[], object], what: str) -> None:
    """Wait until it is so."""
    for _ in range(round(WAIT_S * 50)):
        if is_there():
            return

        await asyncio.sleep(0.02)

    check(False, f"{what} did not come")


async def trade(session: Session, strategy: Listener) -> None:
    """Place, move, cancel and fill."""
    market = strategy.cache.instrument(MARKET)
    price = round(float(strategy.cache.order_book(MARKET).best_bid_price()) * 0.99)
    order: Any = None

    with session.step(steps.PLACE):
        order = strategy.limit("0.010", str(price))
        await seen(lambda: order.is_open, "the order")

    with session.step(steps.AMEND):
        strategy.modify_order(order, quantity=market.make_qty(0.012), price=market.make_price(price - 1))
        await seen(
            lambda: order.price == market.make_price(price - 1) and order.quantity == market.make_qty(0.012),
            "the change",
        )

    with session.step(steps.CANCEL):
        strategy.cancel_order(order)
        await seen(lambda: order.is_closed, "the end")
        check(order.status_string() == "CANCELED", order)

    with session.step(steps.FILL):
        bought = strategy.order_factory.market(MARKET, OrderSide.BUY, market.make_qty(0.01))
        strategy.submit_order(bought)
        await seen(lambda: bought.is_closed, "the fill")
        check(bought.status_string() == "FILLED", bought)

    with session.step(steps.POSITIONS):
        await seen(strategy.cache.positions_open, "the position")
        check(strategy.cache.positions_open()[0].quantity == market.make_qty(0.01), strategy.cache.positions_open())


async def be_refused(session: Session, strategy: Listener) -> None:
    """Err in the three ways."""
    clock, kind = LiveClock(), BinanceAccountType.USDT_FUTURES

    def account_of(key: str) -> BinanceFuturesAccountHttpAPI:
        http = get_cached_binance_http_client(clock, kind, key, session.secret, base_url=session.url)
        return BinanceFuturesAccountHttpAPI(http, clock, kind)

    with session.refused(steps.BAD_KEY, BinanceClientError, "-2015"):
        await account_of("nobody's").query_futures_hedge_mode()

    with session.refused(steps.UNKNOWN_ORDER, BinanceClientError, "-2011"):
        await account_of(session.key).cancel_order(symbol="BTCUSDT", order_id=987654321)

    with session.step(steps.TOO_SMALL):
        small = strategy.limit("0.001", "30000")
        await seen(lambda: small.is_closed, "the refusal")
        check(small.status_string() == "REJECTED" and "-4164" in str(small.last_event), small.last_event)


if __name__ == "__main__":
    asyncio.run(main(Session()))
