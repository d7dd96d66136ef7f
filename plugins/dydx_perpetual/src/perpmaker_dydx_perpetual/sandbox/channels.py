"""What the channels of the Indexer's WebSocket say: books and trades at once or in batches, markets with each block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Final

from perpmaker import Side
from perpmaker.venue.sandbox import HeldEvents, LevelsChanged, Rhythms, SimulationEvent
from perpmaker_dydx_perpetual.sandbox.records import Row, moment, number
from perpmaker_dydx_perpetual.sandbox.world import Block, World

BOOK, TRADES, MARKETS = "v4_orderbook", "v4_trades", "v4_markets"
ACCOUNT, HEIGHT = "v4_subaccounts", "v4_block_height"
VERSIONS: Final = {BOOK: "1.0.0", TRADES: "2.1.0", MARKETS: "1.0.0", HEIGHT: "1.0.0", ACCOUNT: "3.0.0"}
SINGLE, BATCH = "channel_data", "channel_batch_data"
BATCH_MS: Final = 250
_SIDES: Final = {Side.BUY: "bids", Side.SELL: "asks"}


def stream_of(channel: str, id_: str, *, is_batched: bool) -> str:
    """Return the name of what a subscription hears."""
    return f"{'batch' if is_batched else 'single'} {channel} {id_}"


class Channels:
    """Publishes what changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._levels: dict[tuple[Side, int], int] = {}
        self._gone: deque[tuple[int, Side, int]] = deque()
        self._openings: list[Row] = []
        self._batches: dict[tuple[str, str], list[Callable[[], Row]]] = {}
        self._known: tuple[Decimal, Decimal, str] | None = None
        self._held = HeldEvents(self._publish_account, world.parts.chance, world.parts.options.race_ms, world.now_ms)
        self._rhythms = Rhythms(world.now_ms())
        self._rhythms.add(BATCH_MS, self._publish_batches)
        world.exchange.subscribe(self._note)

    def tick(self, now_ms: int) -> None:
        """Publish what is due."""
        while self._gone and self._gone[0][0] <= now_ms:
            _, side, ticks = self._gone.popleft()
            self._publish_level(side, ticks, self._levels.get((side, ticks), 0))

        self._held.tick(now_ms)
        self._rhythms.tick(now_ms)

    def tell_account(self, pipeline: str, contents: Row) -> None:
        """Tell the account's channel; what comes by one pipeline may overtake what comes by another."""
        if self._world.options.cancels_first and pipeline == "opened":
            self._openings.append(contents)
            return

        self._held.put(pipeline, contents)

        for opening in self._openings:
            self._held.put("opened", opening)

        self._openings.clear()

    def tell_trades(self, trades: list[Row]) -> None:
        """Tell the channel of trades."""
        self._publish(TRADES, self._world.instrument.symbol, lambda: {"trades": trades})

    def on_block(self, block: Block) -> None:
        """Tell of a block, and of what it says of the market."""
        shown = moment(self._world.shown_ms(block.at_ms))
        self._publish(HEIGHT, HEIGHT, lambda: {"blockHeight": str(block.height), "time": shown})
        exchange, symbol = self._world.exchange, self._world.instrument.symbol
        known, self._known = self._known, (exchange.mark, exchange.funding_rate, self._world.status)
        contents: Row = {}

        if known is None or known[0] != exchange.mark:
            row = {"oraclePrice": number(exchange.mark), "effectiveAt": shown, "effectiveAtHeight": str(block.height)}
            contents["oraclePrices"] = {symbol: {**row, "marketId": self._world.market.clob_pair}}

        if known is None or known[1:] != self._known[1:]:
            changed = {"nextFundingRate": number(exchange.funding_rate), "status": self._known[2]}
            contents["trading"] = {symbol: changed}

        if contents:
            self._publish(MARKETS, "", lambda: contents)

    def _note(self, event: SimulationEvent) -> None:
        if not isinstance(event, LevelsChanged):
            return

        crossed_ms = self._world.options.crossed_ms

        for side, levels in ((Side.BUY, event.bids), (Side.SELL, event.asks)):
            for ticks, lots in levels:
                self._levels[side, ticks] = lots

                if lots or not crossed_ms:
                    self._publish_level(side, ticks, lots)
                else:
                    self._gone.append((event.now_ms + crossed_ms, side, ticks))

                if not lots:
                    del self._levels[side, ticks]

    def _publish_level(self, side: Side, ticks: int, lots: int) -> None:
        self._publish(BOOK, self._world.instrument.symbol, partial(self._level, side, ticks, lots))

    def _level(self, side: Side, ticks: int, lots: int) -> Row:
        instrument = self._world.instrument

        return {_SIDES[side]: [[number(instrument.price(ticks)), number(instrument.amount(lots))]]}

    def _publish(self, channel: str, id_: str, make: Callable[[], Row]) -> None:
        self._world.parts.hub.publish(stream_of(channel, id_, is_batched=False), make)
        self._batches.setdefault((channel, id_), []).append(make)

    def _publish_batches(self) -> None:
        for (channel, id_), makes in self._batches.items():
            stream = stream_of(channel, id_, is_batched=True)
            self._world.parts.hub.publish(stream, partial(_batch, tuple(makes)))

        self._batches.clear()

    def _publish_account(self, pipeline: str, contents: Mapping[str, object]) -> None:
        del pipeline
        stream = stream_of(ACCOUNT, f"{self._world.owner}/0", is_batched=False)
        self._world.parts.hub.publish_own(stream, SINGLE, contents)


def _batch(makes: tuple[Callable[[], Row], ...]) -> Mapping[str, object]:
    return {"batch": [make() for make in makes]}
