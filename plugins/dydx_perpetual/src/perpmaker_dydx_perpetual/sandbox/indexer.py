"""What the Indexer knows: of orders at once what nodes say, of everything else what blocks say, perhaps late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

import attrs

from perpmaker.venue.sandbox import (
    AccountCause,
    AccountChanged,
    AccountState,
    Execution,
    SimulationEvent,
    TradePrinted,
)
from perpmaker_dydx_perpetual.sandbox.channels import Channels
from perpmaker_dydx_perpetual.sandbox.positions import Positions
from perpmaker_dydx_perpetual.sandbox.records import (
    BEST_EFFORT_CANCELED,
    BEST_EFFORT_OPENED,
    CANCELED,
    FILLED,
    OPEN,
    Record,
    Row,
    derived_uuid,
    event_id,
    moment,
    number,
    order_row,
    removal_row,
)
from perpmaker_dydx_perpetual.sandbox.replica import Replica, Version
from perpmaker_dydx_perpetual.sandbox.words import (
    SIDE_WORDS,
    asset_row,
    fill_row,
    position_rows,
    transfer_row,
)
from perpmaker_dydx_perpetual.sandbox.world import Block, World

KEPT_TRADES: Final = 1000
CACHED_MS: Final = 1000
"""For so long a node's words come with a height that was the newest at first."""

Act: TypeAlias = Callable[[Block], None]


@attrs.define
class BlockNews:
    """What one block says of the account."""

    fills: dict[str, list[Row]] = attrs.field(factory=dict)
    filled: dict[str, Record] = attrs.field(factory=dict)
    ended: list[tuple[Record, str]] = attrs.field(factory=list)
    transfers: list[Row] = attrs.field(factory=list)
    is_touched: bool = False
    events: int = 0


class Indexer:
    """Keeps the tables, and tells what changes: off-chain at once, on-chain with each block."""

    def __init__(self, world: World, channels: Channels) -> None:
        self._world = world
        self._channels = channels
        self._instrument = world.instrument
        self.orders: dict[str, Row] = {}
        self.cache: dict[str, Record] = {}
        self.fills: list[Row] = []
        self.trades: deque[Row] = deque(maxlen=KEPT_TRADES)
        self.transfers: list[Row] = []
        self.positions = Positions()
        self.usdc = money_of(world.state) if world.account else Decimal(0)
        self._replica = Replica(world)
        self._cached = world.chain.last
        self._pending: deque[tuple[int, Act]] = deque()
        self._events: dict[int, str] = {}
        self._news = BlockNews()
        self.keep_version()

    # --- off-chain: what nodes say

    def tell_opened(self, record: Record, now_ms: int) -> None:
        """A node has taken a short-term order, or a newer version of one."""
        record.status, record.reason = BEST_EFFORT_OPENED, ""
        self._touch(record, now_ms)
        self.cache[record.uuid] = record
        self._tell("opened", [self._row(record)])

    def tell_removed(self, record: Record, reason: str, now_ms: int) -> None:
        """A node has removed an order, as far as it knows."""
        record.status, record.reason = BEST_EFFORT_CANCELED, reason
        self._touch(record, now_ms)
        self.cache.pop(record.uuid, None)

        if record.is_listed:
            self._keep(record)

        self._tell("off-chain", [self._row(record)])

    # --- on-chain: what blocks say

    def note(self, event: SimulationEvent) -> None:
        """Keep what happens on the exchange for the block that it will be in."""
        match event:
            case TradePrinted():
                self._later(event.now_ms, lambda block: self._print(event, block))
            case AccountChanged(account=name) if name == self._world.account:
                self._later(event.now_ms, lambda block: self._change_account(event, block))

    def note_fill(self, record: Record | None, execution: Execution, now_ms: int) -> None:
        """Keep a fill."""
        self._later(now_ms, lambda block: self._fill(record, execution, block))

    def note_opened(self, record: Record, status: str, now_ms: int) -> None:
        """Keep an order that a block will show."""
        self._later(now_ms, lambda block: self.tell_changed(record, status, "", block))

    def note_end(self, record: Record, reason: str, now_ms: int) -> None:
        """Keep that an order has ended for good."""
        self._later(now_ms, lambda _: self._news.ended.append((record, reason)))

    def tell_ended(self, record: Record, reason: str, block: Block) -> None:
        """A block has ended an order."""
        self.cache.pop(record.uuid, None)
        self.tell_changed(record, CANCELED, reason, block, None if record.is_listed else removal_row)

    def tell_changed(
        self, record: Record, status: str, reason: str, block: Block, words: Callable[[Record], Row] | None = None
    ) -> None:
        """A block has changed an order."""
        record.status, record.reason = status, reason
        self._touch(record, block.at_ms, block.height)

        if words is None:
            self._keep(record)

        row = self._row(record) if words is None else words(record)
        self._channels.tell_account("on-chain", {"orders": [row], "blockHeight": str(block.height)})

    def commit(self, block: Block) -> None:
        """Tell what has happened until a block, and keep it."""
        self._news = news = BlockNews()

        while self._pending and self._pending[0][0] <= block.at_ms:
            _, act = self._pending.popleft()
            act(block)

        for uuid, fills in news.fills.items():
            contents: Row = {"fills": fills, "perpetualPositions": self._position_rows(block)}
            filled = news.filled.get(uuid)

            if filled is not None:
                contents["orders"] = [self._row(filled)]

            self._channels.tell_account("on-chain", {**contents, "blockHeight": str(block.height)})

        for record, reason in news.ended:
            self.tell_ended(record, reason, block)

        self._tell_account(news, block)
        self._events.clear()

        if block.at_ms - self._cached.at_ms >= CACHED_MS:
            self._cached = block

    def keep_version(self) -> None:
        """Let the replica have the tables as they are after a block."""
        self._replica.keep(self._version())

    def seen(self) -> Version:
        """Return the tables as the replica has them that answers come from."""
        return self._replica.seen(self._version())

    def order_rows(self) -> dict[str, Row]:
        """Return all orders by id: those of the tables, and over them those that nodes have in memory."""
        rows = dict(self.seen().orders)
        made_ms = self._world.now_ms() - self._world.parts.options.hidden_for_ms
        rows |= {uuid: self._row(record) for uuid, record in self.cache.items() if record.made_ms <= made_ms}

        return rows

    # --- inside

    def _later(self, now_ms: int, act: Act) -> None:
        self._pending.append((now_ms, act))

    def _version(self) -> Version:
        return Version(
            block=self._world.chain.last,
            orders=self.orders,
            fills=self.fills,
            positions=self.positions,
            usdc=self.usdc,
        )

    def _print(self, trade: TradePrinted, block: Block) -> None:
        self._news.events += 1
        name = self._events[trade.trade_id] = event_id(block.height, self._news.events)
        row: Row = {
            "id": name,
            "side": SIDE_WORDS[trade.taker],
            "size": number(self._instrument.amount(trade.lots)),
            "price": number(self._instrument.price(trade.ticks)),
            "type": "LIMIT",
            "createdAt": moment(self._world.shown_ms(block.at_ms)),
        }
        self.trades.append({**row, "createdAtHeight": str(block.height)})
        self._channels.tell_trades([row])

    def _fill(self, record: Record | None, execution: Execution, block: Block) -> None:
        event = self._events[execution.trade_id]
        sign = execution.side.sign
        self.positions.fill(sign, execution.amount, execution.price, event, block.at_ms, block.height)
        row = fill_row(record, execution, event, block, self._world)
        key = "" if record is None else record.uuid
        self._news.fills.setdefault(key, []).append(row)
        self._news.is_touched = True

        if record is not None:
            record.told += execution.lots
            record.is_listed = True
            record.created_height = record.created_height or block.height
            record.status = self._status_after_fill(record)
            self._touch(record, block.at_ms, block.height)
            self._news.filled[key] = record
            self._keep(record)

            if record.status in {FILLED, CANCELED}:
                self.cache.pop(record.uuid, None)

        stored = {name: value for name, value in row.items() if name not in {"quoteAmount", "eventId", "ticker"}}
        self.fills.append(
            {**stored, "market": self._instrument.symbol, "marketType": "PERPETUAL", "subaccountNumber": 0}
        )

    def _status_after_fill(self, record: Record) -> str:
        if record.told >= record.lots:
            record.reason = ""
            return FILLED

        if record.is_ioc:
            return CANCELED

        return record.status if record.is_short_term and record.status == BEST_EFFORT_CANCELED else OPEN

    def _change_account(self, event: AccountChanged, block: Block) -> None:
        self.usdc = money_of(event.state)

        if event.cause is AccountCause.FUNDING:
            self.positions.fund(event.transferred)
            return  # the chain settles it when the subaccount is touched, and says nothing until then

        self._news.is_touched = True

        if event.cause is AccountCause.TRANSFER:
            row = transfer_row(event.transferred, block, self._world)
            self._news.transfers.append(row)
            self.transfers.append({"id": derived_uuid("transfer-row", len(self.transfers)), **row})
        elif event.cause in {AccountCause.LIQUIDATION, AccountCause.INSURANCE}:
            self._charge_forced(event.transferred)

    def _charge_forced(self, amount: Decimal) -> None:
        """Take what the insurance fund pays from the fee of the fill that was forced, or add what it is paid.

        That share is all that the chain charges a liquidation, and all that it tells of it.
        """
        newest = self.fills[-1]
        told = (row for rows in self._news.fills.values() for row in rows if row["id"] == newest["id"])

        for row in (newest, *told):
            row["fee"] = number(Decimal(str(row["fee"])) - amount)

    def _tell_account(self, news: BlockNews, block: Block) -> None:
        for transfer in news.transfers:
            self._channels.tell_account("on-chain", {"transfers": transfer, "blockHeight": str(block.height)})

        if news.is_touched:
            contents: Row = {
                "perpetualPositions": self._position_rows(block),
                "assetPositions": [asset_row(self.usdc, self._world.owner)],
                "blockHeight": str(block.height),
            }
            self._channels.tell_account("on-chain", contents)

    def _position_rows(self, block: Block) -> list[Row]:
        """Return the newest position, and one that this block has closed."""
        world = self._world
        lives = [life for life in self.positions.lives[-2:-1] if life.closed_ms == block.at_ms]
        lives += self.positions.lives[-1:]

        return position_rows(lives, self._instrument.symbol, world.owner, world.exchange.mark)

    def _touch(self, record: Record, at_ms: int, height: int | None = None) -> None:
        record.changed_ms, record.height = at_ms, height or self._world.chain.height

    def _keep(self, record: Record) -> None:
        record.is_listed = True
        record.created_height = record.created_height or record.height
        self.orders[record.uuid] = self._row(record)

    def _row(self, record: Record) -> Row:
        return order_row(record, self._world.shown_ms(record.changed_ms))

    def _tell(self, pipeline: str, rows: list[Row]) -> None:
        self._channels.tell_account(pipeline, {"orders": rows, "blockHeight": str(self._cached.height)})


def money_of(state: AccountState) -> Decimal:
    """Return the USDC of an account as the chain has it: what positions cost has been paid from it."""
    return state.equity - sum((position.notional for position in state.positions), Decimal(0))
