"""The account's assets, positions and funding, as they are asked for and as they are streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from perpmaker import Instrument, PayloadError, Position, PositionSide
from perpmaker import venue as kit
from perpmaker_binance_perpetual import messages, rest, user_messages
from perpmaker_binance_perpetual.translate import POSITION_SIDES

CREDITS: Final = "BNFCR"
"""The asset that the venue lends in credits trading mode."""

ZERO = Decimal(0)

_LATEST_MS = 2**53

_INCOME_KINDS = {
    "REALIZED_PNL": kit.IncomeKind.REALIZED,
    "COMMISSION": kit.IncomeKind.FEE,
    "FUNDING_FEE": kit.IncomeKind.FUNDING,
    "SPECIAL_FUNDING_FEE": kit.IncomeKind.FUNDING,
    "TRANSFER": kit.IncomeKind.TRANSFER,
    "INSURANCE_CLEAR": kit.IncomeKind.LIQUIDATION_FEE,
}


def translate_positions(
    rows: Iterable[messages.PositionRisk], mode: kit.PositionMode, as_of_ms: int
) -> tuple[Position, ...]:
    """The positions of the mode; one without a row is flat, as of a venue time that the read cannot be older than."""
    sides = (PositionSide.NET,) if mode is kit.PositionMode.ONE_WAY else (PositionSide.LONG, PositionSide.SHORT)
    known = {position.side: position for position in map(_translate_position, rows)}

    return tuple(known.get(side) or Position(side=side, venue_ms=as_of_ms) for side in sides)


def _translate_position(row: messages.PositionRisk) -> Position:
    liquidation = kit.parse_decimal(row.liquidationPrice, path="$.liquidationPrice")
    margin = kit.parse_decimal(row.isolatedMargin, path="$.isolatedMargin")

    return Position(
        side=kit.lookup(POSITION_SIDES, row.positionSide, "$.positionSide"),
        amount=kit.parse_decimal(row.positionAmt, path="$.positionAmt"),
        entry=kit.parse_amount(row.entryPrice, path="$.entryPrice"),
        venue_ms=row.updateTime,
        liquidation=liquidation if liquidation > 0 else None,
        isolated_margin=margin or None,
    )


async def fetch_account(
    client: kit.RestClient,
    reader: kit.RowReader[rest.Head],
    instrument: Instrument,
    *,
    as_of_ms: int,
    see: Callable[[messages.AccountConfig], object] = lambda _: None,
) -> kit.AccountSnapshot:
    """Ask for positions, assets and modes, side by side; `as_of_ms` dates a position that has no row.

    `see` is given the account's configuration, as it was told.
    """
    quote, of_market = instrument.quote, {"symbol": instrument.symbol}
    positions, account, config = await kit.side_by_side(
        lambda: client.read(rest.POSITION_RISK, of_market),
        lambda: client.read(rest.ACCOUNT),
        lambda: client.read(rest.ACCOUNT_CONFIG_URGENT),
    )
    see(config)
    symbol = instrument.symbol
    rows = list(
        reader.read(positions, kit.parser(messages.PositionRisk), "positions", market=symbol, is_needed=lambda _: True)
    )
    raw = list(
        reader.read(account.assets, kit.parser(messages.Asset), "assets", is_needed=lambda head: head.asset == quote)
    )
    assets = tuple(reader.translate(raw, _translate_asset, "assets", lambda row: row.asset == quote))
    position_mode = kit.PositionMode.HEDGE if config.dualSidePosition else kit.PositionMode.ONE_WAY
    asset_mode = _asset_mode(assets, multi=config.multiAssetsMargin)
    bound = next((row.openOrderInitialMargin for row in raw if row.asset == quote), None)

    if asset_mode is not kit.AssetMode.SINGLE:
        bound = account.totalOpenOrderInitialMargin

    return kit.AccountSnapshot(
        positions=translate_positions(rows, position_mode, as_of_ms),
        assets=assets,
        available=_available(account, assets, quote, asset_mode),
        **_pool(account, raw, quote, asset_mode),
        order_margin=_order_margin(rows, bound),
        bids=_sum(row.bidNotional for row in rows),
        asks=_sum(row.askNotional for row in rows),
        asset_mode=asset_mode,
    )


def _asset_mode(assets: Iterable[kit.Balance], *, multi: bool) -> kit.AssetMode:
    """Credits are an asset of their own; an account that has some is in credits mode, whatever the switch says."""
    if any(one.asset == CREDITS and (one.wallet or one.available) for one in assets):
        return kit.AssetMode.CREDITS

    return kit.AssetMode.MULTI if multi else kit.AssetMode.SINGLE


def _available(account: messages.Account, assets: Iterable[kit.Balance], quote: str, mode: kit.AssetMode) -> Decimal:
    """What is free for margin of this market. In multi-assets mode every row repeats the whole: none is added up.

    For credits mode the venue documents nothing: the settlement asset's own row where it has something, else credits.
    """
    rows = {one.asset: one.available or ZERO for one in assets}
    own = rows.get(quote, ZERO)

    if mode is kit.AssetMode.SINGLE:
        return own

    if mode is kit.AssetMode.CREDITS:
        return own or rows.get(CREDITS, ZERO)

    return rows[quote] if quote in rows else kit.parse_decimal(account.availableBalance, path="$.availableBalance")


def _pool(account: messages.Account, rows: Iterable[messages.Asset], quote: str, mode: kit.AssetMode) -> dict[str, Any]:
    """Equity and margin of what stands behind the market: the whole account in multi-assets mode, else one asset.

    For credits mode the venue documents nothing: the row that `_available` goes by.
    """
    if mode is kit.AssetMode.MULTI:
        told = account.totalMarginBalance, account.totalInitialMargin, account.totalMaintMargin
    else:
        by_asset = {row.asset: row for row in rows}
        own = by_asset.get(quote)
        is_lent = mode is kit.AssetMode.CREDITS and not (own and kit.parse_decimal(own.availableBalance))
        row = by_asset.get(CREDITS) if is_lent else own
        told = (None, None, None) if row is None else (row.marginBalance, row.initialMargin, row.maintMargin)

    equity, initial, maintenance = (None if one is None else kit.parse_decimal(one) for one in told)

    return {"equity": equity, "initial_margin": initial, "maintenance_margin": maintenance}


def _order_margin(rows: Iterable[messages.PositionRisk], bound: kit.Number | None) -> Decimal:
    """What is bound for the open orders of the market, never more than the account's own answer has for all markets.

    The two answers are not of one instant: an order placed in between is bound in one, and still available in the
    other, so that it would count twice.
    """
    of_market = _sum(row.openOrderInitialMargin for row in rows)

    return of_market if bound is None else min(of_market, kit.parse_decimal(bound))


def _sum(values: Iterable[kit.Number]) -> Decimal:
    return sum((kit.parse_decimal(value) for value in values), ZERO)


def _translate_asset(row: messages.Asset) -> kit.Balance:
    """One asset as it is asked for."""
    return kit.Balance(
        asset=row.asset,
        wallet=kit.parse_decimal(row.walletBalance, path="$.walletBalance"),
        available=kit.parse_decimal(row.availableBalance, path="$.availableBalance"),
        venue_ms=row.updateTime,
    )


# --- streamed ---------------------------------------------------------------------------------------------------------


def translate_account_update(
    update: user_messages.AccountUpdate,
    instrument: Instrument,
    mode: kit.PositionMode,
    reader: kit.RowReader[rest.Head],
) -> Iterator[kit.AccountEvent]:
    """What ACCOUNT_UPDATE says about the account's assets, those that can be read, and about this market.

    PayloadError where what is about this market makes no sense: its position, or the date of the whole.
    """
    change, symbol = update.a, instrument.symbol
    positions = list(
        reader.read(
            reader.rows(change.P, "lists"),
            kit.parser(user_messages.PositionUpdate),
            "positions",
            market=symbol,
            is_needed=lambda _: True,
        )
    )

    if not _is_time(update.T):
        if positions or symbol == change.S:
            raise PayloadError(f"{update.T!r:.40} is no time", path="$.T")

        reader.skipped["ACCOUNT_UPDATE"] += 1

        return

    balances = list(reader.read(reader.rows(change.B, "lists"), _parse_balance, "assets"))

    for balance, wallet, _ in balances:
        yield kit.BalanceReported(balance=kit.Balance(asset=balance.a, wallet=wallet, venue_ms=update.T))

    for row in positions:
        if _belongs(row.ps, mode):
            yield kit.PositionReported(position=_streamed_position(row, update.T))

    # Without `S` (older servers) only an isolated position tells whose a funding is.
    is_about = bool(positions) if not isinstance(change.S, str) else symbol == change.S

    if change.m == "FUNDING_FEE" and is_about:
        for balance, _, paid in balances:
            yield kit.FundingPaid(
                asset=balance.a,
                amount=paid,
                venue_ms=update.T,
                # The wallet after it tells apart two payments of one moment and size, as of two Hedge positions.
                funding_id=f"{symbol}-{update.T}-{balance.a}-{balance.bc}-{balance.wb}",
            )


def _parse_balance(row: bytes) -> tuple[user_messages.BalanceUpdate, Decimal, Decimal]:
    """Parse an asset, its wallet and the change; one that cannot be read is in the next reading of the account."""
    balance = kit.parser(user_messages.BalanceUpdate)(row)

    return balance, kit.parse_decimal(balance.wb, path="$.a.B.wb"), kit.parse_decimal(balance.bc, path="$.a.B.bc")


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LATEST_MS


def _belongs(position_side: str, mode: kit.PositionMode) -> bool:
    """Whether a position row means something in this mode: Hedge accounts also show an idle `BOTH`.

    PayloadError for a side that nobody knows: it may be a position of ours.
    """
    side = kit.lookup(POSITION_SIDES, position_side, "$.a.P.ps")

    return (side is PositionSide.NET) == (mode is kit.PositionMode.ONE_WAY)


def _streamed_position(row: user_messages.PositionUpdate, venue_ms: int) -> Position:
    return Position(
        side=kit.lookup(POSITION_SIDES, row.ps, "$.a.P.ps"),
        amount=kit.parse_decimal(row.pa, path="$.a.P.pa"),
        entry=kit.parse_amount(row.ep, path="$.a.P.ep"),
        venue_ms=venue_ms,
        isolated_margin=kit.parse_decimal(row.iw, path="$.a.P.iw") if row.mt == "isolated" else None,
    )


def translate_margin_call(
    call: user_messages.MarginCall,
    instrument: Instrument,
    settings: kit.VenueSettings | None,
    reader: kit.RowReader[rest.Head],
) -> Iterator[kit.AccountEvent]:
    """A margin call that concerns this market: its own position, or any that shares its margin.

    Whatever is not said to be isolated shares it, unless this market's own margin is isolated.
    """
    called = reader.rows(call.p, "lists")
    readable = list(reader.read(called, kit.parser(user_messages.CalledPosition), "margin calls"))
    is_cross = settings is None or settings.margin_mode is kit.MarginMode.CROSS
    rows = [row for row in readable if row.s == instrument.symbol or (is_cross and not _is_isolated(row))]

    if rows or not called:
        which = ", ".join(f"{row.s} {row.pa or ''}".strip() for row in rows) or "the account"
        venue_ms = call.E if _is_time(call.E) else 0
        yield kit.MarginCalled(detail=f"Binance calls for margin: {which} comes near to liquidation", venue_ms=venue_ms)


def _is_isolated(row: user_messages.CalledPosition) -> bool:
    return (row.mt or "").lower() == "isolated"


# --- income and the key -----------------------------------------------------------------------------------------------


async def fetch_income(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], symbol: str, since_ms: int, now_ms: int
) -> Sequence[kit.IncomeRecord]:
    """Ask for everything booked for a market, and for transfers, which are of none, in a span of venue time.

    Returns:
        The rows, the oldest first.
    """
    span = rest.history_span(since_ms, now_ms)
    moved = await _read_income(client, reader, span, {"incomeType": "TRANSFER"})
    booked = await _read_income(client, reader, span, {"symbol": symbol})
    rows = sorted((*booked, *moved), key=lambda row: row.time)

    return list(reader.translate(rows, translate_income, "income", lambda _: False))


async def _read_income(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], span: kit.Span, wanted: dict[str, str]
) -> list[messages.IncomeRow]:
    """Read rows of the income history; those of other markets are left out.

    A full page is followed from the time of its last row on: what that page had already is known by its id.
    """
    market = wanted.get("symbol", "")

    async def fetch(start_ms: int, end_ms: int, from_ms: int | None) -> kit.Page[messages.IncomeRow, int]:
        first_ms = start_ms if from_ms is None else from_ms
        page = await client.read(rest.INCOME, {**wanted, "startTime": first_ms, "endTime": end_ms, "limit": rest.PAGE})
        rows = list(reader.read(page, kit.parser(messages.IncomeRow), "income", market=market))

        return kit.Page(rows, max(first_ms + 1, rows[-1].time) if len(page) >= rest.PAGE and rows else None)

    return await kit.read_history(span, fetch, lambda row: (row.incomeType, row.tranId, row.asset))


def translate_income(row: messages.IncomeRow) -> kit.IncomeRecord:
    """A row of the income history."""
    return kit.IncomeRecord(
        kind=_INCOME_KINDS.get(row.incomeType, kit.IncomeKind.OTHER),
        word=row.incomeType,
        income_id=str(row.tranId),
        asset=row.asset,
        amount=kit.parse_decimal(row.income, path="$.income"),
        venue_ms=row.time,
        symbol=row.symbol,
        trade_id=row.tradeId,
    )


async def fetch_key_rights(client: kit.RestClient) -> kit.KeyRights:
    """Ask what the key may do; the host of the spot market alone tells."""
    told = await client.read(rest.KEY_RESTRICTIONS)

    return kit.KeyRights(
        can_read=told.enableReading,
        can_trade=told.enableFutures,
        can_withdraw=told.enableWithdrawals,
        can_transfer=told.enableInternalTransfer or told.permitsUniversalTransfer,
        ip_restricted=told.ipRestrict,
    )
