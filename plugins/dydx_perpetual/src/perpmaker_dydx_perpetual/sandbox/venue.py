"""The whole venue: the chain, a node and the Indexer over one market of the exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias
from uuid import UUID

from perpmaker.venue.sandbox import CountWindow, RejectionError, RequestCounts, RequestParameters, SandboxParts
from perpmaker_dydx_perpetual.sandbox.channels import ACCOUNT, BOOK, HEIGHT, MARKETS, TRADES, Channels
from perpmaker_dydx_perpetual.sandbox.indexer import Indexer
from perpmaker_dydx_perpetual.sandbox.matching import Matching
from perpmaker_dydx_perpetual.sandbox.node import Node
from perpmaker_dydx_perpetual.sandbox.options import Options
from perpmaker_dydx_perpetual.sandbox.positions import FundingPayments
from perpmaker_dydx_perpetual.sandbox.records import (
    BEST_EFFORT_CANCELED,
    BEST_EFFORT_OPENED,
    OPEN,
    UNTRIGGERED,
    Row,
    moment,
)
from perpmaker_dydx_perpetual.sandbox.refusals import CountRefusals
from perpmaker_dydx_perpetual.sandbox.sessions import IndexerSession
from perpmaker_dydx_perpetual.sandbox.short_term import ShortTermOrders
from perpmaker_dydx_perpetual.sandbox.stateful import StatefulOrders
from perpmaker_dydx_perpetual.sandbox.words import book_rows, market_row, subaccount_row
from perpmaker_dydx_perpetual.sandbox.world import Block, World

INDEXER, NODE = "Indexer", "node"
MOST_TRADES: Final = 100
SHOWN_BLOCKS: Final = 20
"""For so many blocks a subscription of the account begins with orders that nodes say are cancelled."""


class Venue:
    """What the endpoints, the RPC and the sessions work on."""

    def __init__(self, parts: SandboxParts, options: Options) -> None:
        self.parts = parts
        self.world = world = World(parts, options)
        self.channels = Channels(world)
        self.indexer = Indexer(world, self.channels)
        self.matching = Matching(world, self.indexer)
        self.payments = FundingPayments(world)
        self._short_term = ShortTermOrders(world, self.matching, self.indexer)
        self._stateful = StatefulOrders(world, self.matching, self.indexer)
        self.node = Node(world, self.matching, self._short_term, self._stateful)
        windows = {
            INDEXER: CountWindow(10_000, options.indexer_per_10s, of_address=True),
            NODE: CountWindow(1000, options.node_per_s, of_address=True),
        }
        self.counts = RequestCounts(
            world.server_ms, windows, CountRefusals(), bans=None, enforced=parts.options.enforce_limits
        )
        world.chain.listeners.append(self._on_block)
        self._set_largest_leverage()

    def tick(self, now_ms: int) -> None:
        """Commit what is due, and tell of it."""
        self.world.chain.advance(now_ms)
        self.channels.tick(now_ms)

    def advance(self) -> None:
        """Commit the blocks that are due before something is asked or told."""
        self.world.chain.advance(self.world.now_ms())

    def subaccount(self) -> Row:
        """Return the account as the Indexer answers it."""
        world = self.world

        return subaccount_row(self.indexer.seen(), world.market, world.exchange.mark, world.owner, world.chain.height)

    def markets(self) -> Row:
        """Return the markets."""
        row = market_row(self.world.market, self.world.exchange, self.world.status)

        return {"markets": {self.world.instrument.symbol: row}}

    def book(self) -> Row:
        """Return the book."""
        return book_rows(self.world.exchange.depth(), self.world.market)

    def block(self) -> Row:
        """Return the newest block."""
        last = self.world.chain.last

        return {"height": str(last.height), "time": moment(self.world.shown_ms(last.at_ms))}

    # --- sockets

    def open_session(self) -> IndexerSession:
        """Begin with a connection."""
        options, name = self.world.options, UUID(int=self.parts.chance.getrandbits(128), version=4)

        return IndexerSession(
            str(name),
            self._contents,
            self.world.now_ms,
            lag_s=options.subscribe_lag_ms / 1000,
            resubscribe_ms=options.resubscribe_ms,
        )

    def _contents(self, channel: str, id_: str) -> Row | None:
        """Return what a subscription begins with; None for a market that there is not."""
        self.advance()

        if channel in {BOOK, TRADES} and id_ != self.world.instrument.symbol:
            return None

        contents: dict[str, Callable[[], Row]] = {
            BOOK: self.book,
            TRADES: lambda: {"trades": list(reversed(self.indexer.trades))[:MOST_TRADES]},
            MARKETS: self.markets,
            HEIGHT: self.block,
            ACCOUNT: lambda: self._account_contents(id_),
        }

        return contents[channel]()

    def _account_contents(self, id_: str) -> Row:
        """Return the account and its open orders; nothing of one that was never funded."""
        if id_ != f"{self.world.owner}/0" or not self.world.account:
            return {}

        rows = [row for row in self.indexer.order_rows().values() if self._is_shown(row)]

        return {"subaccount": self.subaccount(), "orders": rows, "blockHeight": str(self.world.chain.height)}

    def _is_shown(self, row: Row) -> bool:
        if row["status"] != BEST_EFFORT_CANCELED:
            return row["status"] in {OPEN, UNTRIGGERED, BEST_EFFORT_OPENED}

        return int(str(row["goodTilBlock"] or 0)) > self.world.chain.height - SHOWN_BLOCKS

    # --- inside

    def _on_block(self, block: Block) -> None:
        for act in (self.indexer.commit, self._short_term.on_block, self._stateful.on_block, self.node.on_block):
            act(block)

        self.indexer.keep_version()
        self.channels.on_block(block)
        self._stateful.after_block()

    def _set_largest_leverage(self) -> None:
        """Without a leverage of its own an account has the market's largest."""
        world = self.world

        for name in world.exchange.accounts():
            try:
                world.exchange.set_leverage(name, world.instrument.max_leverage, world.now_ms())
            except RejectionError:
                continue


Handler: TypeAlias = Callable[[Venue, RequestParameters], object]


def up_to_date(handle: Handler) -> Handler:
    """Return a handler before which the blocks that are due are committed."""

    def handle_now(venue: Venue, parameters: RequestParameters) -> object:
        venue.advance()

        return handle(venue, parameters)

    return handle_now
