"""The connector: Indexer, nodes, keys and streams composed into a `DerivativeConnector`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial

from perpmaker import AuthenticationError, ConnectivityError, Instrument, MarketRulesError, PayloadError, VenueError
from perpmaker.venue import (
    BeginRun,
    Channel,
    ClientIds,
    ConnectorContext,
    Experiment,
    Feed,
    Fill,
    KeyRights,
    MarginMode,
    MarkChanged,
    Number,
    NumberIds,
    PositionMode,
    VenueSettings,
    in_common,
)

from .account import AccountQuestions
from .chain import SLACK
from .client_ids import IDS_OF_RUN, RUNS, subaccount_uuid, tag_of
from .commands import Commands, Needs
from .credentials import Identity, open_identity
from .market import (
    FIRST_TIER,
    Leverage,
    Units,
    check_subaccount,
    fetch_fees,
    fetch_markets,
    find_market,
    translate_market,
)
from .messages import Market
from .orders import Writer
from .own_orders import OwnOrders
from .probing import REFUSED_REPLACEMENT, STAYS, experiments
from .questions import OrderQuestions
from .reach import Reach, ask_height, open_reach
from .settings import NAME, VENUE, Settings, network_of
from .streams import StreamAccess, book_stream, market_stream
from .translate import MarkState
from .user_stream import account_stream

_PUBLIC = "public"
_ORACLE_S = 5.0
"""Seconds after which the oracle's price is asked for again."""


class DydxPerpetual:
    """dYdX v4, for one subaccount; see `perpmaker.connector.interface.DerivativeConnector`."""

    name = NAME
    caps_resting_exits = False
    sizes_stops = False
    keeps_targets = True
    names_stops = True
    allows_two_stops = True

    def __init__(
        self,
        *,
        settings: Settings,
        identity: Identity | None,
        access: StreamAccess,
        reach: Reach,
        findings: Mapping[str, str],
    ) -> None:
        self.account = _PUBLIC if identity is None else identity.account
        self._settings, self._identity, self._access, self._reach = settings, identity, access, reach
        self._node = reach.node
        self._indexer, self._blocks, self._findings = access.client, access.blocks, findings
        self._units: dict[str, Units] = {}
        self._leverages: dict[str, Leverage] = {}
        self._ratios: dict[str, Number] = {}
        self._oracles: dict[str, tuple[Decimal, float]] = {}
        self._tag = tag_of("0")
        self.venue_time = self._indexer.server_clock.venue_time

        if identity is not None:
            self._compose(identity)

    def _compose(self, identity: Identity) -> None:
        """Make what asks about the account and sends for it, and hand on what is not decided here."""
        settings, blocks, clock = self._settings, self._blocks, self._indexer.clock
        subaccount = subaccount_uuid(identity.owner, identity.subaccount)
        self._asked = AccountQuestions(
            client=self._indexer,
            identity=identity,
            own=OwnOrders(),
            read_lag_s=settings.read_lag_s,
            bound=self._bound,
            maintenance_ratios=self._ratios,
        )
        questions = OrderQuestions(
            client=self._indexer,
            account=self._asked,
            blocks=blocks,
            clock=clock,
            units=self._units,
            subaccount=subaccount,
            patience_s=settings.deadline_s,
        )
        writer = Writer(
            identity=identity,
            subaccount=subaccount,
            tag=lambda: self._tag,
            units=self._units,
            own=self._asked.own,
            blocks=blocks,
            clock=clock,
            now_ms=self._indexer.server_clock.ms,
            oracle=lambda symbol: self._oracles[symbol][0],
            life=settings.quote_blocks,
            read_lag_s=settings.read_lag_s,
        )
        self._commands = commands = Commands(
            node=self._node,
            writer=writer,
            questions=questions,
            pace=self._reach.pace,
            ready=self._ready,
            old_one_stays=self._findings.get(REFUSED_REPLACEMENT) == STAYS,
        )
        self.place, self.amend, self.cancel = commands.place, commands.amend, commands.cancel
        self.place_stops, self.cancel_stops = commands.place_stops, commands.cancel
        self.fetch_order, self.fetch_open_orders = questions.fetch_order, questions.fetch_open_orders
        self.fetch_stop, self.fetch_open_stops = questions.fetch_stop, questions.fetch_open_stops
        self.fetch_account, self.fetch_income = self._asked.fetch_account, self._asked.fetch_income

    @property
    def fence_s(self) -> float:
        """The life of a quote, blocks being slower than they were, plus the lag of the Indexer's answers."""
        return (self._settings.quote_blocks + 2) * self._blocks.block_s * SLACK + self._settings.read_lag_s

    # --- the market ---------------------------------------------------------------------------------------------------

    async def fetch_instrument(self, market: str) -> Instrument:
        """Rules of a market, and its units on the chain."""
        row = find_market(await self._fetch_markets(), market)
        check_subaccount(row, self._settings.subaccount)
        fees = FIRST_TIER if self._identity is None else await fetch_fees(self._node, self._identity.owner)
        instrument, self._units[row.ticker] = translate_market(row, fees)
        self._observe(row.ticker, _mark_of(row.oracle_price))

        if not self._indexer.server_clock.known:
            await self._indexer.measure_clock()

        return instrument

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Prove the account, see that quotes live long enough, and set the leverage where the key may."""
        await self._signing().prove(self._node)
        await self._check_life()

        return await self._leverage(instrument).apply(leverage, position_mode, margin_mode)

    async def fetch_settings(self, instrument: Instrument) -> VenueSettings:
        """What the market is set to; nothing is changed."""
        return await self._leverage(instrument).fetch()

    async def fetch_mark(self, instrument: Instrument) -> MarkChanged | None:
        """The oracle's price and the funding rate of now."""
        row = (await self._fetch_markets()).get(instrument.symbol)
        mark = MarkState()
        found = None if row is None else mark.take(row, await self._indexer.now_ms())
        self._observe(instrument.symbol, mark)

        return found

    def feeds(self, instrument: Instrument) -> Sequence[Feed]:
        """The book, the oracle's price and trades, and the account where there is one."""
        access = self._access
        feeds = [
            access.offer(book_stream(access, instrument), Channel.BOOK),
            access.offer(market_stream(access, instrument, self._observe), Channel.MARK, Channel.TRADES),
        ]

        if self._identity is not None:
            renew = partial(self._commands.renew, instrument)
            account = account_stream(access, instrument, self._asked, self._settings.quote_blocks, renew)
            feeds.append(access.offer(account, Channel.ACCOUNT))

        return feeds

    # --- the account --------------------------------------------------------------------------------------------------

    async def open_client_ids(self, instrument: Instrument, bot: str, begin_run: BeginRun) -> ClientIds:
        """Begin ids of numbers, of a run that no open order bears."""
        self._tag = tag_of(bot)
        orders, stops = await self.fetch_open_orders(instrument), await self.fetch_open_stops(instrument)

        live = [report.client_id for report in (*orders, *stops)]

        return NumberIds(self._tag, begin_run, live, runs=RUNS, ids_of_run=IDS_OF_RUN)

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[Fill]:
        """All fills of the market from a venue time on, oldest first."""
        return await self._asked.fetch_fills(instrument, since_ms)

    async def fetch_key_rights(self) -> KeyRights | None:
        """What the key may do; None of the owner's own, which may do everything and is used only where that is said."""
        identity = self._signing()
        await identity.prove(self._node)

        return identity.rights

    @property
    def quotes_last(self) -> str:
        """Quotes are renewed at half their life, in blocks."""
        blocks = self._settings.quote_blocks

        return f"within about {blocks * self._blocks.block_s:.0f} s ({blocks} blocks)"

    def experiments(self) -> Sequence[Experiment]:
        """What no document says."""
        self._signing()

        return experiments(self._commands)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _signing(self) -> Identity:
        if self._identity is None:
            raise AuthenticationError(f"this call needs a key; set address and api_secret in [{NAME}]")

        return self._identity

    def _leverage(self, instrument: Instrument) -> Leverage:
        symbol = instrument.symbol

        if symbol not in self._leverages:
            self._leverages[symbol] = Leverage(
                node=self._node, identity=self._signing(), units=self._units[symbol], instrument=instrument
            )

        return self._leverages[symbol]

    async def _fetch_markets(self) -> dict[str, Market]:
        """Ask for all markets, and keep what each demands as maintenance margin."""
        markets = await fetch_markets(self._indexer)
        self._ratios.update({row.ticker: row.maintenance_margin_fraction for row in markets.values()})

        return markets

    def _bound(self, instrument: Instrument, amount: Decimal) -> Decimal:
        """Return the margin of a position by its leverage, less that by the market's own rule."""
        setting = self._leverages.get(instrument.symbol)
        price, _ = self._oracles.get(instrument.symbol, (Decimal(0), 0.0))

        return Decimal(0) if setting is None else abs(amount) * price * setting.further_margin

    async def _ready(self, instrument: Instrument, needs: Needs) -> None:
        """See that what is about to be sent is sent for a proven account, by a fresh height and a fresh price."""
        await self._signing().prove(self._node)

        if needs is not Needs.NOTHING:
            await self._blocks.refresh()

        if instrument.symbol not in self._units:
            await self.fetch_instrument(instrument.market)

        _, at = self._oracles.get(instrument.symbol, (Decimal(0), float("-inf")))

        if needs is Needs.PRICE and self._indexer.clock.now() - at > _ORACLE_S:
            try:
                await self.fetch_mark(instrument)
            except (VenueError, PayloadError):
                if instrument.symbol not in self._oracles:  # an old price is better than a position without its exit
                    raise

        if needs is Needs.PRICE and instrument.symbol not in self._oracles:
            raise ConnectivityError(f"{VENUE} has no oracle price of {instrument.symbol} yet")

    def _observe(self, symbol: str, mark: MarkState) -> None:
        if mark.price is not None:
            self._oracles[symbol] = mark.price, self._indexer.clock.now()

    async def _check_life(self) -> None:
        """Measure blocks and the way to the node; MarketRulesError where quotes would end before they are renewed."""
        blocks, clock = self._blocks, self._indexer.clock
        began_at = clock.now()
        height, venue_ms = await ask_height(self._node)
        latency_s = clock.now() - began_at
        blocks.observe(height, venue_ms)
        await blocks.pass_height(blocks.height, patience_s=self._settings.deadline_s + 3)
        await blocks.pass_height(blocks.height, patience_s=self._settings.deadline_s + 3)
        half_s = self._settings.quote_blocks / 2 * blocks.block_s

        if half_s < 2 * latency_s + blocks.block_s:
            raise MarketRulesError(
                f"quote_blocks = {self._settings.quote_blocks} is too short: {VENUE} makes a block in "
                f"{blocks.block_s:.2f} s and the node answers in {latency_s:.2f} s, so that quotes would end before "
                "they are renewed. Set quote_blocks higher (at most 15), or use a nearer node."
            )


def _mark_of(price: object) -> MarkState:
    return MarkState(price=None if price is None else Decimal(str(price)))


@asynccontextmanager
async def open_connector(settings: Settings, context: ConnectorContext) -> AsyncIterator[DydxPerpetual]:
    """Open the connector, bound to the venue's addresses; nothing is sent before it is asked for."""
    network = network_of(settings, context.environment, context.sandbox)
    identity = open_identity(settings, context, network.chain_id)
    account = None if identity is None else (identity.owner, identity.subaccount, identity.authenticator)
    key = (NAME, network, account, settings.deadline_s, settings.node_rate)

    async with in_common(context.shared, key, partial(open_reach, settings, context, network, identity)) as reach:
        access = StreamAccess(
            connect=context.connect,
            url=network.stream,
            client=reach.indexer,
            blocks=reach.blocks,
            tape=context.tape,
        )

        yield DydxPerpetual(settings=settings, identity=identity, access=access, reach=reach, findings=context.findings)
