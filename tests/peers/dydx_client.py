"""dydx-v4-client: the Indexer's REST and socket, and orders signed by the key that the owner permits."""

from __future__ import annotations

import asyncio
import secrets
import threading
from functools import partial
from typing import Any

import dydx_grpc
import steps
from dydx_v4_client.indexer.rest.constants import OrderType
from dydx_v4_client.indexer.rest.indexer_client import IndexerClient
from dydx_v4_client.indexer.socket.websocket import IndexerSocket
from dydx_v4_client.key_pair import KeyPair
from dydx_v4_client.network import local_node, make_insecure
from dydx_v4_client.node.builder import TxOptions
from dydx_v4_client.node.client import NodeClient
from dydx_v4_client.node.market import Market, since_now
from dydx_v4_client.node.message import order as chain_order
from dydx_v4_client.wallet import Wallet
from steps import WAIT_S, Session, check, wait_for
from v4_proto.dydxprotocol.clob.order_pb2 import Order

TICKER = "BTC-USD"
SHORT_TERM, LONG_TERM = 0, 64
LIMIT = {"order_type": OrderType.LIMIT, "side": Order.Side.SIDE_BUY, "size": 0.01, "reduce_only": False}
RESTING = {**LIMIT, "time_in_force": Order.TimeInForce.TIME_IN_FORCE_UNSPECIFIED}


async def main(session: Session) -> None:
    """Have the session."""
    network = make_insecure(
        local_node,
        rest_indexer=session.url,
        websocket_indexer=f"{session.ws}/v4/ws",
        node_url=dydx_grpc.serve(session.url),
    )
    node = await NodeClient.connect(network.node)
    indexer = IndexerClient(network.rest_indexer)
    heard: list[dict[str, Any]] = []
    trader: Any = None

    with session.step(steps.MARKETS):
        markets = (await indexer.markets.get_perpetual_markets(TICKER))["markets"]
        check(markets[TICKER]["status"] == "ACTIVE", markets)
        check(await node.latest_block_height() > 0, "no height")
        trader = Trader(node, indexer, Market(markets[TICKER]), session.key, session.secret)
        await trader.identify()

    with session.step(steps.BOOK):
        listen(network.websocket_indexer, session.key, heard)
        wait_for(lambda: contents(heard, "v4_orderbook"), "a book")
        book = contents(heard, "v4_orderbook")[0]
        check(float(book["bids"][0]["price"]) < float(book["asks"][0]["price"]), book)

    await trade(session, trader)

    with session.step(steps.USER_STREAM):
        wait_for(lambda: [one for one in contents(heard, "v4_subaccounts") if "fills" in one], "the fill")
        told = [one for update in contents(heard, "v4_subaccounts") for one in update.get("orders") or []]
        check({"BEST_EFFORT_OPENED", "BEST_EFFORT_CANCELED", "FILLED"} <= {one["status"] for one in told}, told)

    await be_refused(session, trader)
    session.end()


class Trader:
    """Who signs for the owner."""

    def __init__(self, node: Any, indexer: Any, market: Market, owner: str, secret: str) -> None:
        self.indexer, self.market, self.owner = indexer, market, owner
        self.node = node
        self._key = KeyPair.from_hex(secret)
        self._signs: Any = None

    async def identify(self) -> None:
        """Ask for the account and for the keys that it permits."""
        account = await self.node.get_account(self.owner)
        permitted = (await self.node.get_authenticators(self.owner)).account_authenticators
        self._wallet = Wallet(self._key, account.account_number, account.sequence)
        self._signs = partial(TxOptions, [permitted[0].id], account_number=account.account_number)

    async def height(self) -> int:
        """The height of the chain."""
        return int(await self.node.latest_block_height())

    async def place(self, order_id: Any, price: float, good_til_block: int, **terms: Any) -> Any:
        """Place a short-term order, or move it: the later one of an id takes its place."""
        order = self.market.order(order_id=order_id, price=price, good_til_block=good_til_block, **terms)

        return await self.send(order)

    async def send(self, order: Any) -> Any:
        """Broadcast an order."""
        return (await self.node.place_order(self._wallet, order, self._options())).tx_response

    async def cancel(self, order_id: Any, **until: int) -> Any:
        """Cancel an order."""
        return (await self.node.cancel_order(self._wallet, order_id, tx_options=self._options(), **until)).tx_response

    def new_id(self, flags: int = SHORT_TERM) -> Any:
        """An id for an order."""
        return self.market.order_id(self.owner, 0, secrets.randbelow(2**32), flags)

    async def until(self, status: str | None, order_id: Any) -> Any:
        """The order, once the Indexer lists it in this status; None: once it lists it no more."""
        found: list[Any] = []
        seen: str | None = ""

        for _ in range(round(WAIT_S * 10)):
            rows = await self.indexer.account.get_subaccount_orders(self.owner, 0, ticker=TICKER)
            found = [row for row in rows if int(row["clientId"]) == order_id.client_id]

            seen = found[0]["status"] if found else None

            if seen == status:
                break

            await asyncio.sleep(0.1)

        check(seen == status, f"not {status}, but {seen}")

        return found[0] if found else None

    def _options(self) -> TxOptions:
        """Whose permission is used; the sequence is a time, as the chain allows."""
        return self._signs(sequence=since_now(seconds=0) * 1000 + secrets.randbelow(1000))


def listen(url: str, owner: str, heard: list[dict[str, Any]]) -> None:
    """Subscribe to the book and the account in a thread."""

    def opened(socket: Any) -> None:
        socket.order_book.subscribe(TICKER, batched=False)
        socket.subaccounts.subscribe(owner, 0)

    socket = IndexerSocket(url, on_open=opened, on_message=lambda _, message: heard.append(message))
    threading.Thread(target=socket.run_forever, daemon=True).start()


def contents(heard: list[dict[str, Any]], channel: str) -> list[dict[str, Any]]:
    """What a channel has told."""
    return [one["contents"] for one in heard if one.get("channel") == channel and "contents" in one]


async def trade(session: Session, trader: Trader) -> None:
    """Place, move, cancel and fill."""
    book = await trader.indexer.markets.get_perpetual_market_orderbook(TICKER)
    best = float(book["bids"][0]["price"])
    price, order_id = round(best * 0.99), trader.new_id()

    with session.step(steps.PLACE):
        answer = await trader.place(order_id, price, await trader.height() + 10, **RESTING)
        check(answer.code == 0, answer)
        await trader.until("BEST_EFFORT_OPENED", order_id)

    with session.step(steps.AMEND):
        answer = await trader.place(order_id, price - 10, await trader.height() + 12, **RESTING)
        check(answer.code == 0, answer)
        moved = await trader.until("BEST_EFFORT_OPENED", order_id)
        check(float(moved["price"]) == price - 10, moved)

    with session.step(steps.CANCEL):
        answer = await trader.cancel(order_id, good_til_block=await trader.height() + 15)
        check(answer.code == 0, answer)
        await trader.until(None, order_id)

    with session.step(steps.FILL):
        bought, until = trader.new_id(), await trader.height() + 10
        terms = {**LIMIT, "time_in_force": Order.TimeInForce.TIME_IN_FORCE_IOC}
        check((await trader.place(bought, round(best * 1.01), until, **terms)).code == 0, "refused")
        await trader.until("FILLED", bought)
        check((await trader.indexer.account.get_subaccount_fills(trader.owner, 0))["fills"], "no fill")

    with session.step(steps.POSITIONS):
        found = await trader.indexer.account.get_subaccount_perpetual_positions(trader.owner, 0)
        check((found["positions"][0]["side"], float(found["positions"][0]["size"])) == ("LONG", 0.01), found)
        account = (await trader.indexer.account.get_subaccount(trader.owner, 0))["subaccount"]
        check(float(account["equity"]) > 0, account)


async def be_refused(session: Session, trader: Trader) -> None:
    """Err in the three ways: the chain answers with a code."""
    until = await trader.height() + 10

    with session.step(steps.BAD_KEY):
        node, market = trader.node, trader.market
        stranger = Trader(node, trader.indexer, market, trader.owner, "11" * 32)
        await stranger.identify()
        answer = await stranger.place(stranger.new_id(), 30000, until, **RESTING)
        check(answer.code != 0 and "signature verification failed" in answer.raw_log, answer)

    with session.step(steps.UNKNOWN_ORDER):
        answer = await trader.cancel(trader.new_id(LONG_TERM), good_til_block_time=since_now(seconds=60))
        check(answer.code != 0, answer)

    with session.step(steps.TOO_SMALL):
        order = chain_order(
            order_id=trader.new_id(),
            side=Order.Side.SIDE_BUY,
            quantums=1,
            subticks=trader.market.calculate_subticks(30000),
            time_in_force=Order.TimeInForce.TIME_IN_FORCE_UNSPECIFIED,
            reduce_only=False,
            good_til_block=until,
        )
        check((await trader.send(order)).code != 0, "was not refused")


if __name__ == "__main__":
    asyncio.run(main(Session()))
