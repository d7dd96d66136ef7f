"""The whole venue: the chain, the node and the Indexer over one market of the exchange."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from perpmaker.venue.sandbox import CountWindow, PastFundings, RejectionError, RequestCounts, SandboxParts
from perpmaker_dydx_perpetual.sandbox.accounts import KEYS, ChainAccount
from perpmaker_dydx_perpetual.sandbox.chain import Block, Chain
from perpmaker_dydx_perpetual.sandbox.channels import ACCOUNT, BOOK, HEIGHT, MARKETS, TRADES, Channels
from perpmaker_dydx_perpetual.sandbox.funding import FundingPayments
from perpmaker_dydx_perpetual.sandbox.identity import Row, moment
from perpmaker_dydx_perpetual.sandbox.indexer import Indexer, Surroundings, Version
from perpmaker_dydx_perpetual.sandbox.markets import chain_market
from perpmaker_dydx_perpetual.sandbox.matching import Matching
from perpmaker_dydx_perpetual.sandbox.node import Node
from perpmaker_dydx_perpetual.sandbox.options import Options
from perpmaker_dydx_perpetual.sandbox.refusals import CountRefusals
from perpmaker_dydx_perpetual.sandbox.sessions import IndexerSession
from perpmaker_dydx_perpetual.sandbox.short_term import ShortTermOrders
from perpmaker_dydx_perpetual.sandbox.stateful import StatefulOrders
from perpmaker_dydx_perpetual.sandbox.words import book_rows, market_row, subaccount_row

INDEXER: Final = "Indexer"
NODE: Final = "node"
SHOWN_STATUSES: Final = ("OPEN", "UNTRIGGERED", "BEST_EFFORT_OPENED")
"""The statuses of the orders that a subscription of the account begins with."""

SHOWN_BLOCKS: Final = 20


class Venue:
    """What the endpoints, the RPC and the sessions work on."""

    def __init__(self, parts: SandboxParts, options: Options) -> None:
        exchange = parts.exchange
        self.parts, self.options, self.exchange = parts, options, exchange
        self.instrument = exchange.instrument
        self.market = chain_market(exchange.instrument)
        self.owner = KEYS.api_key
        self.now_ms, self.server_ms, self.shown_ms = parts.clock.now_ms, parts.clock.server_ms, parts.clock.shown_ms
        self.chain = Chain(options, parts.clock.now_ms())
        self.fundings = PastFundings(exchange)
        self.channels = self._open_channels()
        self.indexer = self._open_indexer()
        self.matching = Matching(
            exchange, self._account, self.market, self.owner, self.now_ms, self.server_ms, self.indexer
        )
        self.short_term = ShortTermOrders(self.chain, self.matching, self.indexer, options)
        self.stateful = StatefulOrders(self.chain, self.matching, self.indexer, options)
        self.payments = FundingPayments(exchange, self._account, self.chain, self.shown_ms)
        self.node = Node(
            ChainAccount.of_owner(may_set_leverage=options.key_sets_leverage),
            self.chain,
            self.matching,
            self.short_term,
            self.stateful,
            options,
            enforced=parts.options.enforce_limits,
        )
        windows = {
            INDEXER: CountWindow(10_000, options.indexer_per_10s, of_address=True),
            NODE: CountWindow(1000, options.node_per_s, of_address=True),
        }
        self.counts = RequestCounts(
            self.server_ms, windows, CountRefusals(), bans=None, enforced=parts.options.enforce_limits
        )
        self.chain.listen(self._on_block)
        self._set_largest_leverage()

    def tick(self, now_ms: int) -> None:
        """Commit what is due, and tell of it."""
        self.chain.advance(now_ms)
        self.channels.tick(now_ms)

    def advance(self) -> None:
        """Commit the blocks that are due before something is asked or told."""
        self.chain.advance(self.now_ms())

    # --- what the Indexer answers

    def seen(self) -> Version:
        """Return the Indexer's tables as its replica has them."""
        options, newest = self.options, self.indexer.newest(self.chain.last)
        lag = options.replica_lag if self.chain.since_start >= options.replica_lag_after else 0
        lag_ms = self.parts.options.read_lag_ms

        if not lag and not lag_ms:
            return newest

        height, at_ms = self.chain.height - lag, self.now_ms() - lag_ms
        versions = self.indexer.versions
        known = (one for one in reversed(versions) if one.block.height <= height and one.block.at_ms <= at_ms)

        return next(known, versions[0])

    def order_rows(self) -> dict[str, Row]:
        """Return all orders by id: those of the tables, and over them those that nodes have in memory."""
        rows = dict(self.seen().orders)
        made_ms = self.now_ms() - self.parts.options.hidden_for_ms

        for uuid, record in self.indexer.cache.items():
            if record.made_ms <= made_ms:
                rows[uuid] = self.indexer.record_row(record)

        return rows

    def subaccount(self) -> Row:
        """Return the account."""
        return subaccount_row(self.seen(), self.market, self.exchange.mark, self.owner, self.chain.height)

    def markets(self) -> Row:
        """Return the markets."""
        row = market_row(self.market, self.exchange, self.node.status)

        return {"markets": {self.instrument.symbol: row}}

    def book(self) -> Row:
        """Return the book."""
        return book_rows(self.exchange.depth(), self.market)

    def block_row(self) -> Row:
        """Return the newest block."""
        last = self.chain.last

        return {"height": str(last.height), "time": moment(self.shown_ms(last.at_ms))}

    # --- sockets

    def open_session(self) -> IndexerSession:
        """Begin with a connection."""
        return IndexerSession(
            str(UUID(int=self.parts.chance.getrandbits(128), version=4)),
            self._contents,
            self.now_ms,
            lag_s=self.options.subscribe_lag_ms / 1000,
            resubscribe_ms=self.options.resubscribe_ms,
        )

    def _contents(self, channel: str, id_: str) -> Row | None:
        self.advance()
        is_market = id_ == self.instrument.symbol

        match channel:
            case _ if channel == BOOK:
                return self.book() if is_market else None
            case _ if channel == TRADES:
                return {"trades": list(self.indexer.trades)[:-101:-1]} if is_market else None
            case _ if channel == MARKETS:
                return self.markets()
            case _ if channel == HEIGHT:
                return self.block_row()
            case _ if channel == ACCOUNT:
                return self._account_contents(id_)

        return None

    def _account_contents(self, id_: str) -> Row:
        """Return the account and its open orders; nothing of one that was never funded."""
        if id_ != f"{self.owner}/0" or not self._account():
            return {}

        rows = [row for row in self.order_rows().values() if row["status"] in SHOWN_STATUSES or self._is_recent(row)]

        return {"subaccount": self.subaccount(), "orders": rows, "blockHeight": str(self.chain.height)}

    def _is_recent(self, row: Row) -> bool:
        end = row.get("goodTilBlock")

        return row["status"] == "BEST_EFFORT_CANCELED" and int(str(end or 0)) > self.chain.height - SHOWN_BLOCKS

    # --- inside

    def _account(self) -> str:
        return self.parts.account.name

    def _on_block(self, block: Block) -> None:
        self.indexer.commit(block)
        self.short_term.on_block(block)
        self.stateful.on_block(block)
        self.node.on_block(block)
        self.indexer.keep_version(block)
        self.channels.on_block(block)
        self.stateful.after_block()

    def _open_channels(self) -> Channels:
        parts = self.parts

        return Channels(
            self.exchange,
            self.market,
            owner=self.owner,
            hub=parts.hub,
            shown_ms=self.shown_ms,
            status=lambda: self.node.status,
            crossed_ms=self.options.crossed_ms,
            cancels_first=self.options.cancels_first,
            chance=parts.chance,
            race_ms=parts.options.race_ms,
            now_ms=self.now_ms,
        )

    def _open_indexer(self) -> Indexer:
        around = Surroundings(
            owner=self.owner,
            account=self._account,
            market=self.market,
            shown_ms=self.shown_ms,
            mark=lambda: self.exchange.mark,
            height=lambda: self.chain.height,
            tell_account=self.channels.tell_account,
            tell_trades=self.channels.tell_trades,
            maker_fill_type=self.options.maker_fill_type,
        )
        state = self.exchange.account(self._account()) if self._account() else None
        lags = self.options.replica_lag or self.parts.options.read_lag_ms

        return Indexer(around, state, self.chain.last, keeps_versions=bool(lags))

    def _set_largest_leverage(self) -> None:
        """Without a leverage of its own an account has the market's largest."""
        for name in self.exchange.accounts():
            try:
                self.exchange.set_leverage(name, self.instrument.max_leverage, self.now_ms())
            except RejectionError:
                continue
