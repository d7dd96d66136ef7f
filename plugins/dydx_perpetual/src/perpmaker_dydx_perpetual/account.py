"""The account: positions, USDC, fills, and what fees, profit and funding have come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import attrs

from perpmaker import ConnectivityError, Instrument, Position, PositionSide
from perpmaker.venue import (
    AccountSnapshot,
    Balance,
    Fill,
    IncomeKind,
    IncomeRecord,
    Number,
    Page,
    RestClient,
    RowReader,
    Span,
    parse_decimal,
    parser,
    read_history,
)

from . import messages, rest
from .client_ids import is_own_tag
from .credentials import Identity
from .entries import Entry
from .margin import maintenance_of
from .own_orders import OwnOrders
from .translate import (
    USDC,
    adopt,
    is_ours,
    translate_asset,
    translate_fill,
    translate_position,
    translate_transfer,
    wallet_of,
)

_MOST_PAGES, _ENTRY_PAGES = 1_000, 20
"""Pages of fills that are read at most, for which the Indexer's limit allows no less than 100 s, and those in which the
beginning of a position is looked for."""

_KEPT_MS = 90 * 24 * 3_600_000


@attrs.define
class _Booked:
    """What the fills of a market have booked; those up to `until_ms` are in it."""

    entry: Entry = attrs.field(factory=Entry)
    records: list[IncomeRecord] = attrs.field(factory=list)
    until_ms: int = 0

    def take(self, fills: Sequence[Fill], instrument: Instrument) -> None:
        """Take in fills, each once, oldest first."""
        for fill, profit in self.entry.fold(fills):
            self.records += _booked(fill, profit, instrument)
            self.until_ms = fill.venue_ms


@attrs.define(kw_only=True)
class AccountQuestions:
    """Asks the Indexer about a subaccount. `read_lag_s` is how old its answers may be.

    `bound`: the margin of a position beyond what the Indexer counts, which knows nothing of a leverage that was set.
    `maintenance_ratios`: each market's, as far as they are known.
    """

    client: RestClient
    identity: Identity
    own: OwnOrders
    read_lag_s: float
    bound: Callable[[Instrument, Decimal], Decimal]
    maintenance_ratios: Mapping[str, Number] = attrs.field(factory=dict)
    reader: RowReader[messages.Head] = attrs.field(factory=rest.row_reader)
    _entries: dict[str, Entry] = attrs.field(factory=dict)
    _booked: dict[str, _Booked] = attrs.field(factory=dict)
    _was_heard: bool = attrs.field(default=False, init=False)
    _elsewhere: Decimal = attrs.field(default=Decimal(0), init=False)

    @property
    def of_account(self) -> dict[str, object]:
        """The parameters that name the subaccount."""
        return {"address": self.identity.owner, "subaccountNumber": self.identity.subaccount}

    def entry(self, instrument: Instrument) -> Entry:
        """The entry of a market's position, as far as its fills were heard."""
        return self._entries.setdefault(instrument.symbol, Entry())

    def balance(self, usdc: Balance, instrument: Instrument) -> Balance:
        """Return the USDC that a message tells as `wallet_of` does; positions elsewhere cost what they last did."""
        return attrs.evolve(usdc, wallet=wallet_of([usdc], self.entry(instrument).paid + self._elsewhere))

    def begin_hearing(self, instrument: Instrument) -> None:
        """Take in that a stream begins: fills that came between two of them may leave the amount as it was."""
        if self._was_heard:
            self._entries.pop(instrument.symbol, None)

        self._was_heard = True

    async def fetch_account(self, instrument: Instrument) -> AccountSnapshot:
        """Ask for positions and USDC in one request; its answer may be `read_lag_s` old, and is dated so."""
        at_ms = await self.client.now_ms() - round(self.read_lag_s * 1000)
        where = rest.at(rest.SUBACCOUNT, address=self.identity.owner, number=self.identity.subaccount)
        found = await self.client.find(where)
        rows = None if found is None else found.subaccount

        if rows is None:
            raise ConnectivityError(f"the Indexer does not know the subaccount {self.identity.account}: is it funded?")

        read, symbol = self.reader.read, instrument.symbol
        positions = list(
            read(
                rows.open_perpetual_positions.values(),
                parser(messages.Position),
                "positions",
                market=symbol,
                is_needed=lambda _: True,
            )
        )
        raw = read(
            rows.asset_positions.values(), parser(messages.Asset), "assets", is_needed=lambda one: one.symbol == USDC
        )
        assets = [translate_asset(row, at_ms) for row in raw]
        held = [await self._position(row, instrument, at_ms) for row in positions]
        self._elsewhere = _cost_elsewhere(rows, symbol)
        cost = sum((one.amount * one.entry for one in held), Decimal(0)) + self._elsewhere
        equity = parse_decimal(rows.equity, path="$.equity")
        free = parse_decimal(rows.free_collateral, path="$.freeCollateral")
        free -= sum((self.bound(instrument, one.amount) for one in held), Decimal(0))
        others = [one for one in assets if one.asset != USDC]
        usdc = translate_asset(messages.Asset(symbol=USDC, side="LONG", size="0"), at_ms)
        wallet = attrs.evolve(usdc, wallet=wallet_of(assets, cost), available=free)

        return AccountSnapshot(
            positions=tuple(held) or (Position(side=PositionSide.NET, venue_ms=at_ms),),
            assets=(wallet, *others),
            available=free,
            equity=equity,
            initial_margin=equity - free,
            maintenance_margin=maintenance_of(self._every_position(rows), self.maintenance_ratios),
        )

    def _every_position(self, rows: messages.Subaccount) -> Iterable[messages.Position | None]:
        """The positions of all markets; None for one that cannot be read."""
        for row in rows.open_perpetual_positions.values():
            read = self.reader.read([row], parser(messages.Position), "positions")
            yield next(iter(read), None)

    async def _position(self, row: messages.Position, instrument: Instrument, at_ms: int) -> Position:
        """Translate a position with its entry price by our own fills, which are read where they do not tell it."""
        position = translate_position(row, None, at_ms)
        entry = self.entry(instrument)

        if entry.price(position.amount) is None:
            fills = await self.fetch_fills(instrument, 0, until_flat=position.amount)
            self._entries[instrument.symbol] = entry = _since_flat(fills, position.amount)

        return attrs.evolve(position, entry=entry.price(position.amount) or position.entry)

    # --- fills --------------------------------------------------------------------------------------------------------

    async def fetch_fills(
        self, instrument: Instrument, since_ms: int, *, until_flat: Decimal | None = None
    ) -> Sequence[Fill]:
        """Ask for the fills of a market from a venue time on, oldest first.

        With `until_flat`, the amount of the position now, only as far back as it was flat, or as is worth while.

        Raises:
            ConnectivityError: there are more than can be read; a history with a hole in it is none.
        """
        found: dict[str, messages.Fill] = {}
        left = until_flat
        most = _MOST_PAGES if until_flat is None else _ENTRY_PAGES

        for number in range(1, most + 1):
            asked = {**self.of_account, "market": instrument.symbol, "marketType": "PERPETUAL", "limit": rest.PAGE}
            page = (await self.client.read(rest.FILLS, {**asked, "page": number})).fills
            rows = list(
                self.reader.read(page, parser(messages.Fill), "fills", market=instrument.symbol, is_needed=is_ours)
            )
            new = [row for row in rows if row.id not in found]
            found.update((row.id, row) for row in new)

            if left is not None:
                left -= sum((parse_decimal(row.size) * (1 if row.side == "BUY" else -1) for row in new), Decimal(0))

            is_past = bool(rows) and rest.epoch_ms(rows[-1].created_at) < since_ms

            if len(page) < rest.PAGE or not new or is_past or left == 0:
                break
        else:
            if until_flat is None:
                raise ConnectivityError(_too_many(instrument))

        return await self._named(instrument, reversed(found.values()), since_ms)

    async def _named(self, instrument: Instrument, rows: Iterable[messages.Fill], since_ms: int) -> list[Fill]:
        kept = [row for row in rows if rest.epoch_ms(row.created_at) >= since_ms]
        kept.sort(key=lambda row: row.created_at_height)

        for order_id in {row.order_id for row in kept if is_own_tag(row.client_metadata)} - {None}:
            if self.own.by_venue(order_id) is None:
                await self._learn(instrument, order_id or "")

        return list(
            self.reader.translate(kept, self.fill_of, "fills", lambda row: is_own_tag(row.client_metadata)),
        )

    async def _learn(self, instrument: Instrument, order_id: str) -> None:
        """Ask for an order of ours that an earlier run has sent: its fills do not bear its number."""
        row = await self.client.find(rest.at(rest.ORDER, id=order_id))

        if row is not None:
            adopt(row, instrument, self.own)

    def fill_of(self, row: messages.Fill) -> Fill:
        """Return a fill under our id of the order; that of the Indexer where it is nobody's we know."""
        own = self.own.by_venue(row.order_id)
        fill = translate_fill(row, (row.order_id or row.id) if own is None else own.client_id)

        if own is not None:
            own.book(fill.trade_id, fill.amount, row.created_at_height)

        return fill

    # --- income -------------------------------------------------------------------------------------------------------

    async def fetch_income(self, instrument: Instrument, since_ms: int) -> Sequence[IncomeRecord]:
        """Ask for fees, profit and funding of a market, and for transfers, from a venue time on, oldest first.

        The chain books no profit: it is that of the fills, from where the position was flat.
        """
        booked = self._booked.setdefault(instrument.symbol, _Booked())
        fills = await self.fetch_fills(instrument, booked.until_ms)
        booked.take(fills, instrument)
        records = [*booked.records, *await self._funding(instrument, since_ms), *await self._transfers(since_ms)]
        records = [record for record in records if record.venue_ms >= since_ms]
        records.sort(key=lambda record: record.venue_ms)

        return records

    async def _funding(self, instrument: Instrument, since_ms: int) -> list[IncomeRecord]:
        async def fetch(start_ms: int, _: int, page: int | None) -> Page[messages.FundingPayment, int]:
            number = page or 1
            asked = {**self.of_account, "ticker": instrument.symbol, "limit": rest.PAGE, "page": number}
            found = (await self.client.read(rest.FUNDING, asked)).funding_payments
            rows = list(self.reader.read(found, parser(messages.FundingPayment), "funding", market=instrument.symbol))
            is_past = bool(rows) and rest.epoch_ms(rows[-1].created_at) < start_ms

            return Page(rows, number + 1 if len(found) >= rest.PAGE and not is_past else None)

        now_ms = await self.client.now_ms()
        span = Span(since_ms=since_ms, until_ms=now_ms, window_ms=2 * _KEPT_MS, kept_ms=_KEPT_MS)
        rows = await read_history(span, fetch, _funding_id)

        return [
            IncomeRecord(
                kind=IncomeKind.FUNDING,
                word="FUNDING",
                income_id=_funding_id(row),
                asset=USDC,
                amount=parse_decimal(row.payment, path="$.payment"),
                venue_ms=rest.epoch_ms(row.created_at, "$.createdAt"),
                symbol=row.ticker,
            )
            for row in rows
        ]

    async def _transfers(self, since_ms: int) -> list[IncomeRecord]:
        """Ask for what was moved to the subaccount and from it."""

        async def fetch(start_ms: int, _: int, page: int | None) -> Page[messages.Transfer, int]:
            number = page or 1
            asked = {**self.of_account, "limit": rest.PAGE, "page": number}
            found = (await self.client.read(rest.TRANSFERS, asked)).transfers
            rows = list(self.reader.read(found, parser(messages.Transfer), "transfers"))
            is_past = bool(rows) and rest.epoch_ms(rows[-1].created_at) < start_ms

            return Page(rows, number + 1 if len(found) >= rest.PAGE and not is_past else None)

        now_ms = await self.client.now_ms()
        span = Span(since_ms=since_ms, until_ms=now_ms, window_ms=2 * _KEPT_MS, kept_ms=_KEPT_MS)
        rows = await read_history(span, fetch, lambda row: row.id)

        return [translate_transfer(row, self.identity.owner, self.identity.subaccount) for row in rows]


def _funding_id(row: messages.FundingPayment) -> str:
    """Name a payment: it has no id of its own."""
    return f"{row.ticker}-{row.created_at_height}-{row.funding_index}"


def _booked(fill: Fill, profit: Decimal, instrument: Instrument) -> list[IncomeRecord]:
    amounts = {IncomeKind.REALIZED: profit, IncomeKind.FEE: -fill.fee}

    return [
        IncomeRecord(
            kind=kind,
            word=kind.name,
            income_id=fill.trade_id,
            asset=USDC,
            amount=amount,
            venue_ms=fill.venue_ms,
            symbol=instrument.symbol,
            trade_id=fill.trade_id,
        )
        for kind, amount in amounts.items()
        if amount
    ]


def _too_many(instrument: Instrument) -> str:
    return (
        f"the Indexer has more than {_MOST_PAGES * rest.PAGE} fills of {instrument.symbol}: they are not read, because "
        "the sums of this account would lack some. Use a subaccount of its own"
    )


def _since_flat(fills: Sequence[Fill], amount: Decimal) -> Entry:
    """Return the entry of a position out of the fills since it was flat; not a whole one where they do not tell."""
    before = amount - sum((fill.amount * fill.side.sign for fill in fills), Decimal(0))
    entry = Entry(amount=before, is_whole=not before)
    entry.fold(fills)

    return entry


def _cost_elsewhere(rows: messages.Subaccount, symbol: str) -> Decimal:
    """Return what the positions of other markets cost, by the Indexer's entry prices; unreadable ones are left out."""
    reader = rest.row_reader()
    others = reader.read(rows.open_perpetual_positions.values(), parser(messages.Position), "positions")
    positions = (translate_position(row, None, 0) for row in others if row.market != symbol)

    return sum((one.amount * one.entry for one in positions), Decimal(0))
