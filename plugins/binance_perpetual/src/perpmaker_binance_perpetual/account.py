"""The account's assets, positions and funding, from payload to model; pure, under the same rules as `translate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from perpmaker.connector.payload import Number, parse_amount, parse_decimal
from perpmaker.errors import PayloadError
from perpmaker.model.account import AccountSnapshot, AssetMode
from perpmaker.model.event import AccountEvent, BalanceReported, FundingPaid, PositionReported
from perpmaker.model.forced_closure import MarginCalled
from perpmaker.model.income import IncomeKind, IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode, PositionSide
from perpmaker.model.position import Balance, MarginMode, Position, VenueSettings
from perpmaker_binance_perpetual.messages import Account, AccountConfig, Asset, IncomeRow, PositionRisk
from perpmaker_binance_perpetual.rows import RowReader
from perpmaker_binance_perpetual.translate import POSITION_SIDES, lookup
from perpmaker_binance_perpetual.user_messages import AccountUpdate, CalledPosition, MarginCall, PositionUpdate

CREDITS: Final = "BNFCR"
"""The asset that the venue lends in credits trading mode."""

ZERO = Decimal(0)

_INCOME_KINDS = {
    "REALIZED_PNL": IncomeKind.REALIZED,
    "COMMISSION": IncomeKind.FEE,
    "FUNDING_FEE": IncomeKind.FUNDING,
    "SPECIAL_FUNDING_FEE": IncomeKind.FUNDING,
    "TRANSFER": IncomeKind.TRANSFER,
    "INSURANCE_CLEAR": IncomeKind.LIQUIDATION_FEE,
}


def translate_account_update(
    update: AccountUpdate, instrument: Instrument, mode: PositionMode
) -> Iterator[AccountEvent]:
    """What ACCOUNT_UPDATE says about the account's assets and this market."""
    balances = [balance for balance in update.a.B if _is_number(balance.wb) and _is_number(balance.bc)]

    for balance in balances:
        wallet = parse_decimal(balance.wb, path="$.a.B.wb")
        yield BalanceReported(balance=Balance(asset=balance.a, wallet=wallet, venue_ms=update.T))

    for row in update.a.P:
        if row.s == instrument.symbol and _belongs(row.ps, mode):
            yield PositionReported(position=_streamed_position(row, update.T))

    if update.a.m == "FUNDING_FEE" and _is_about(update, instrument):
        for balance in balances:
            yield FundingPaid(
                asset=balance.a,
                amount=parse_decimal(balance.bc, path="$.a.B.bc"),
                venue_ms=update.T,
                # The wallet after it tells apart two payments of one moment and size, as of two Hedge positions.
                funding_id=f"{instrument.symbol}-{update.T}-{balance.a}-{balance.bc}-{balance.wb}",
            )


def _is_number(value: Number) -> bool:
    """Whether a figure can be read; that of an asset that cannot be is in the next reading of the account."""
    try:
        parse_decimal(value)
    except PayloadError:
        return False

    return True


def translate_income(row: IncomeRow) -> IncomeRecord:
    """A row of the income history."""
    return IncomeRecord(
        kind=_INCOME_KINDS.get(row.incomeType, IncomeKind.OTHER),
        word=row.incomeType,
        income_id=str(row.tranId),
        asset=row.asset,
        amount=parse_decimal(row.income, path="$.income"),
        venue_ms=row.time,
        symbol=row.symbol,
        trade_id=row.tradeId,
    )


def _is_about(update: AccountUpdate, instrument: Instrument) -> bool:
    """Whether a funding event is this market's. Without `S` (older servers) only an isolated position tells."""
    if update.a.S is not None:
        return instrument.symbol == update.a.S

    return any(row.s == instrument.symbol for row in update.a.P)


def _belongs(position_side: str, mode: PositionMode) -> bool:
    """Whether a position row means something in this mode: Hedge accounts also show an idle `BOTH`.

    PayloadError for a side that nobody knows: it may be a position of ours.
    """
    side = lookup(POSITION_SIDES, position_side, "$.a.P.ps")

    return (side is PositionSide.NET) == (mode is PositionMode.ONE_WAY)


def _streamed_position(row: PositionUpdate, venue_ms: int) -> Position:
    return Position(
        side=lookup(POSITION_SIDES, row.ps, "$.a.P.ps"),
        amount=parse_decimal(row.pa, path="$.a.P.pa"),
        entry=parse_amount(row.ep, path="$.a.P.ep"),
        venue_ms=venue_ms,
        isolated_margin=parse_decimal(row.iw, path="$.a.P.iw") if row.mt == "isolated" else None,
    )


def translate_positions(
    rows: Iterable[PositionRisk], instrument: Instrument, mode: PositionMode, as_of_ms: int
) -> tuple[Position, ...]:
    """The positions of the mode; one without a row is flat, as of a venue time that the read cannot be older than."""
    sides = (PositionSide.NET,) if mode is PositionMode.ONE_WAY else (PositionSide.LONG, PositionSide.SHORT)
    known = {position.side: position for position in map(_translate_position, _of(rows, instrument))}

    return tuple(known.get(side) or Position(side=side, venue_ms=as_of_ms) for side in sides)


def _of(rows: Iterable[PositionRisk], instrument: Instrument) -> Iterator[PositionRisk]:
    return (row for row in rows if row.symbol == instrument.symbol)


def _translate_position(row: PositionRisk) -> Position:
    liquidation = parse_decimal(row.liquidationPrice, path="$.liquidationPrice")
    margin = parse_decimal(row.isolatedMargin, path="$.isolatedMargin")

    return Position(
        side=lookup(POSITION_SIDES, row.positionSide, "$.positionSide"),
        amount=parse_decimal(row.positionAmt, path="$.positionAmt"),
        entry=parse_amount(row.entryPrice, path="$.entryPrice"),
        venue_ms=row.updateTime,
        liquidation=liquidation if liquidation > 0 else None,
        isolated_margin=margin or None,
    )


def translate_account(
    account: Account,
    config: AccountConfig,
    rows: Iterable[PositionRisk],
    instrument: Instrument,
    *,
    as_of_ms: int,
    reader: RowReader,
) -> AccountSnapshot:
    """The account as three answers of one moment say it; `as_of_ms` dates a position that has no row.

    `reader` leaves out assets that make no sense.
    """
    mine = list(_of(rows, instrument))
    quote = instrument.quote
    assets = tuple(reader.translate(account.assets, _translate_asset, "assets", lambda row: row.asset == quote))
    position_mode = PositionMode.HEDGE if config.dualSidePosition else PositionMode.ONE_WAY
    asset_mode = _asset_mode(assets, multi=config.multiAssetsMargin)

    return AccountSnapshot(
        positions=translate_positions(mine, instrument, position_mode, as_of_ms),
        assets=assets,
        available=_available(account, assets, quote, asset_mode),
        order_margin=_order_margin(account, mine, quote, asset_mode),
        bids=_sum(row.bidNotional for row in mine),
        asks=_sum(row.askNotional for row in mine),
        asset_mode=asset_mode,
    )


def _asset_mode(assets: Iterable[Balance], *, multi: bool) -> AssetMode:
    """Credits are an asset of their own; an account that has some is in credits mode, whatever the switch says."""
    if any(one.asset == CREDITS and (one.wallet or one.available) for one in assets):
        return AssetMode.CREDITS

    return AssetMode.MULTI if multi else AssetMode.SINGLE


def _available(account: Account, assets: Iterable[Balance], quote: str, mode: AssetMode) -> Decimal:
    """What is free for margin of this market. In multi-assets mode every row repeats the whole: none is added up.

    For credits mode the venue documents nothing: the settlement asset's own row where it has something, else credits.
    """
    rows = {one.asset: one.available or ZERO for one in assets}
    own = rows.get(quote, ZERO)

    if mode is AssetMode.SINGLE:
        return own

    if mode is AssetMode.CREDITS:
        return own or rows.get(CREDITS, ZERO)

    return rows[quote] if quote in rows else parse_decimal(account.availableBalance, path="$.availableBalance")


def _order_margin(account: Account, rows: Iterable[PositionRisk], quote: str, mode: AssetMode) -> Decimal:
    """What is bound for the open orders of the market, never more than the account's own answer has for all markets.

    The two answers are not of one instant: an order placed in between is bound in one, and still available in the
    other, so that it would count twice.
    """
    bound = _sum(row.openOrderInitialMargin for row in rows)

    if mode is AssetMode.SINGLE:
        whole = next((row.openOrderInitialMargin for row in account.assets if row.asset == quote), None)
    else:
        whole = account.totalOpenOrderInitialMargin

    return bound if whole is None else min(bound, parse_decimal(whole))


def _sum(values: Iterable[Number]) -> Decimal:
    return sum((parse_decimal(value) for value in values), ZERO)


def _translate_asset(row: Asset) -> Balance:
    """One asset as it is asked for."""
    return Balance(
        asset=row.asset,
        wallet=parse_decimal(row.walletBalance, path="$.walletBalance"),
        available=parse_decimal(row.availableBalance, path="$.availableBalance"),
        venue_ms=row.updateTime,
    )


def translate_margin_call(
    call: MarginCall, instrument: Instrument, settings: VenueSettings | None
) -> Iterator[AccountEvent]:
    """A margin call that concerns this market: its own position, or any that shares its margin.

    Whatever is not said to be isolated shares it, unless this market's own margin is isolated.
    """
    is_cross = settings is None or settings.margin_mode is MarginMode.CROSS
    rows = [row for row in call.p if row.s == instrument.symbol or (is_cross and not _is_isolated(row))]

    if rows or not call.p:
        which = ", ".join(f"{row.s} {row.pa or ''}".strip() for row in rows) or "the account"
        yield MarginCalled(detail=f"Binance calls for margin: {which} comes near to liquidation", venue_ms=call.E)


def _is_isolated(row: CalledPosition) -> bool:
    return (row.mt or "").lower() == "isolated"
