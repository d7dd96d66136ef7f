"""The account's assets, positions and funding, as they are asked for and as they are streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from perpmaker import Instrument, Position, PositionSide
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.market import PORTFOLIO, fetch_positions
from perpmaker_bybit_perpetual.messages import LogRow
from perpmaker_bybit_perpetual.translate import MARGIN_MODES, POSITION_SIDES, SIDES, optional
from perpmaker_bybit_perpetual.user_messages import Coin, Execution, Order, PositionRow, Wallet

ZERO: Final = Decimal(0)
UNIFIED: Final = {"accountType": "UNIFIED"}

_LATEST_MS = 2**53
_NEAR_LIQUIDATION = Decimal("0.9")
"""The maintenance rate of an account from which its positions come near to liquidation, at 1."""

_STATUSES = {"Liq": "liquidation", "Adl": "auto-deleveraging"}


def translate_position(row: PositionRow) -> Position:
    """A position. Its amount is signed; asked for its entry has one name, and streamed another."""
    size = kit.parse_amount(row.size, path="$.size")
    entry = row.entryPrice if row.avgPrice is None else row.avgPrice
    liquidation = optional(row.liqPrice, "$.liqPrice")

    return Position(
        side=kit.lookup(POSITION_SIDES, str(row.positionIdx), "$.positionIdx"),
        amount=size * kit.lookup(SIDES, row.side, "$.side").sign if size else ZERO,
        entry=(optional(entry, "$.entryPrice") or ZERO) if size else ZERO,
        venue_ms=_time(row.updatedTime),
        liquidation=liquidation if liquidation and liquidation > 0 else None,
    )


def _time(value: Any) -> int:  # noqa: ANN401  # whatever the venue writes where a position never was
    """A time of the venue; 0 where there is none."""
    text = str(value)

    return int(text) if text.isascii() and text.isdigit() and len(text) < 17 and int(text) <= _LATEST_MS else 0  # noqa: PLR2004  # digits of 2**53


def belongs(row: PositionRow, mode: kit.PositionMode) -> bool:
    """Whether a row means something in this mode; PayloadError for an index that nobody knows."""
    side = kit.lookup(POSITION_SIDES, str(row.positionIdx), "$.positionIdx")

    return (side is PositionSide.NET) == (mode is kit.PositionMode.ONE_WAY)


def translate_position_row(row: PositionRow, venue_ms: int) -> Iterator[kit.AccountEvent]:
    """What the topic `position` says; a liquidation under way is a margin call."""
    yield kit.PositionReported(position=translate_position(row))

    if row.positionStatus in _STATUSES:
        yield kit.MarginCalled(
            detail=f"Bybit is at the {_STATUSES[row.positionStatus]} of {row.symbol}", venue_ms=venue_ms
        )


def translate_coin(coin: Coin, venue_ms: int = 0) -> kit.Balance:
    """One asset; what was borrowed for spot trading is not our own."""
    wallet = kit.parse_decimal(coin.walletBalance, path="$.walletBalance") - _number(coin.spotBorrow)

    return kit.Balance(asset=coin.coin, wallet=wallet, venue_ms=venue_ms)


def translate_wallet(
    wallet: Wallet, mode: kit.MarginMode | None, venue_ms: int, reader: kit.RowReader[rest.Head]
) -> Iterator[kit.AccountEvent]:
    """What the topic `wallet` says of the account's assets, those that can be read."""
    coins = reader.read(reader.rows(wallet.coin, "lists"), kit.parser(Coin), "assets")

    for balance in reader.translate(coins, lambda coin: translate_coin(coin, venue_ms), "assets", lambda _: False):
        yield kit.BalanceReported(balance=balance)

    rate = _number(wallet.accountMMRate)

    if rate >= _NEAR_LIQUIDATION and mode is not kit.MarginMode.ISOLATED:
        yield kit.MarginCalled(detail=f"the maintenance rate of the Bybit account is {rate}", venue_ms=venue_ms)


async def fetch_account(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], instrument: Instrument
) -> kit.AccountSnapshot:
    """Ask for positions, assets and the margin mode, side by side; then, where margin is bound, for which orders."""
    quote = instrument.quote
    rows, wallets, info = await kit.side_by_side(
        lambda: fetch_positions(client, reader, instrument.symbol),
        lambda: client.read(rest.WALLET, UNIFIED),
        lambda: client.read(rest.ACCOUNT_INFO),
    )
    wallet = next(reader.read(wallets.rows, kit.parser(Wallet), "wallets", is_needed=lambda _: True), Wallet())
    raw = reader.rows(wallet.coin, "lists")
    coins = list(reader.read(raw, kit.parser(Coin), "assets", is_needed=lambda head: head.coin == quote))
    assets = tuple(reader.translate(coins, translate_coin, "assets", lambda coin: coin.coin == quote))
    own = next((coin for coin in coins if coin.coin == quote), Coin(coin=quote, walletBalance="0"))
    bound = _number(own.totalOrderIM)
    share, bids, asks = (ZERO, ZERO, ZERO) if not bound else await _order_share(client, reader, instrument)

    return kit.AccountSnapshot(
        positions=tuple(map(translate_position, rows)),
        assets=assets,
        available=_available(wallet, own, MARGIN_MODES.get(info.marginMode)),
        **_pool(wallet, own, MARGIN_MODES.get(info.marginMode)),
        order_margin=bound * share,
        bids=bids,
        asks=asks,
        asset_mode=_asset_mode(info.marginMode, assets, quote),
    )


def _available(wallet: Wallet, own: Coin, mode: kit.MarginMode | None) -> Decimal:
    """What is free for margin: of all collateral in USD; in isolated margin of the settlement coin alone."""
    if mode is not kit.MarginMode.ISOLATED:
        return _number(wallet.totalAvailableBalance)

    bound = map(_number, (own.totalPositionIM, own.totalOrderIM, own.locked, own.bonus))

    return kit.parse_decimal(own.walletBalance) - sum(bound, ZERO)


def _pool(wallet: Wallet, own: Coin, mode: kit.MarginMode | None) -> dict[str, Any]:
    """Equity and margin: of all collateral in USD; in isolated margin, where totals mean nothing, of the coin."""
    if mode is not kit.MarginMode.ISOLATED:
        return {
            "equity": optional(wallet.totalMarginBalance),
            "initial_margin": optional(wallet.totalInitialMargin),
            "maintenance_margin": optional(wallet.totalMaintenanceMargin),
        }

    positions, orders = optional(own.totalPositionIM), optional(own.totalOrderIM)

    return {
        "equity": optional(own.equity),
        "initial_margin": None if positions is None or orders is None else positions + orders,
        "maintenance_margin": optional(own.totalPositionMM),
    }


def _asset_mode(margin_mode: str, assets: Iterable[kit.Balance], quote: str) -> kit.AssetMode:
    if margin_mode == PORTFOLIO:
        return kit.AssetMode.PORTFOLIO

    is_shared = margin_mode != "ISOLATED_MARGIN" and any(one.wallet for one in assets if one.asset != quote)

    return kit.AssetMode.MULTI if is_shared else kit.AssetMode.SINGLE


async def _order_share(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], instrument: Instrument
) -> tuple[Decimal, Decimal, Decimal]:
    """Which part of the coin's order margin is this market's, by notional, and the notional of its bids and asks."""
    asked = {**rest.LINEAR, "settleCoin": instrument.quote, "openOnly": 0, "orderFilter": "Order", "limit": 50}
    rows = reader.read(await rest.read_pages(client, rest.OPEN_ORDERS, asked), kit.parser(Order), "orders")
    mine, others = {"Buy": ZERO, "Sell": ZERO}, ZERO

    for row in rows:
        notional = ZERO if row.reduceOnly else _number(row.price) * (_number(row.qty) - _number(row.cumExecQty))

        if row.symbol != instrument.symbol:
            others += notional
        elif row.side in mine:
            mine[row.side] += notional

    own = mine["Buy"] + mine["Sell"]

    return (own / (own + others) if own else ZERO), mine["Buy"], mine["Sell"]


def _number(value: str | float | None) -> Decimal:
    return optional(value) or ZERO


def translate_funding(row: Execution, instrument: Instrument) -> kit.FundingPaid:
    """Funding comes among the executions; there a payment is positive."""
    return kit.FundingPaid(
        asset=row.feeCurrency or instrument.quote,
        amount=-kit.parse_decimal(row.execFee, path="$.execFee"),
        venue_ms=row.execTime,
        funding_id=row.execId,
    )


async def fetch_income(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], symbol: str, since_ms: int, now_ms: int
) -> Sequence[kit.IncomeRecord]:
    """Ask for everything booked for a market, and for transfers, which the log lists only when they are asked for.

    Returns:
        What is of the market or of none, the oldest first.
    """
    span = rest.history_span(since_ms, now_ms)
    found: dict[str, LogRow] = {}

    for wanted, market in (
        (rest.LINEAR, symbol),
        ({"type": "TRANSFER_IN"}, ""),
        ({"type": "TRANSFER_OUT"}, ""),
    ):
        rows = await _read_log(client, reader, span, wanted, market)
        found.update((row.id, row) for row in reversed(rows))

    rows = sorted(found.values(), key=lambda row: row.transactionTime)
    booked = reader.translate(rows, lambda row: tuple(translate_income(row)), "income", lambda _: False)

    return [record for records in booked for record in records if record.venue_ms >= since_ms]


async def _read_log(
    client: kit.RestClient, reader: kit.RowReader[rest.Head], span: kit.Span, wanted: kit.Parameters, market: str
) -> list[LogRow]:
    """Read rows of the transaction log, the newest first; `id` is their only key."""

    async def fetch(start_ms: int, end_ms: int, cursor: str | None) -> kit.Page[LogRow, str]:
        asked = {**UNIFIED, **wanted, "startTime": start_ms, "endTime": end_ms, "limit": 50}
        page = await client.read(rest.TRANSACTION_LOG, asked if cursor is None else {**asked, "cursor": cursor})
        rows = list(reader.read(page.rows, kit.parser(LogRow), "income", market=market))

        return kit.Page(rows, rest.next_cursor(page))

    return await kit.read_history(span, fetch, lambda row: row.id)


def translate_income(row: LogRow) -> Iterator[kit.IncomeRecord]:
    """A row of the log, of which one may book a profit, a fee and funding at once."""
    flow, funding, fee = _number(row.cashFlow), _number(row.funding), _number(row.fee)
    parts = [(_flow_kind(row), row.type, flow), (kit.IncomeKind.FUNDING, f"{row.type} funding", funding)]
    parts.append((kit.IncomeKind.FEE, f"{row.type} fee", -fee))

    if not (flow or funding or fee):
        parts.append((kit.IncomeKind.OTHER, row.type, _number(row.change)))

    for kind, word, amount in parts:
        if amount:
            yield kit.IncomeRecord(
                kind=kind,
                word=word,
                income_id=row.id,
                asset=row.currency,
                amount=amount,
                venue_ms=row.transactionTime,
                symbol=row.symbol,
                trade_id=row.tradeId,
            )


def _flow_kind(row: LogRow) -> kit.IncomeKind:
    word = row.type

    if word == "LIQUIDATION" and not row.tradeId:
        return kit.IncomeKind.LIQUIDATION_FEE  # beside the trade; what the insurance fund pays is above 0

    if word in {"TRADE", "LIQUIDATION", "ADL", "DELIVERY", "SETTLEMENT"}:
        return kit.IncomeKind.REALIZED

    return kit.IncomeKind.TRANSFER if word.startswith("TRANSFER") else kit.IncomeKind.OTHER


async def fetch_key_rights(client: kit.RestClient) -> kit.KeyRights:
    """Ask what the key may do."""
    told = await client.read(rest.KEY_INFO)
    wallet = told.permissions.Wallet

    return kit.KeyRights(
        can_read=True,
        can_trade=told.readOnly == 0 and {"Order", "Position"} <= set(told.permissions.ContractTrade),
        can_withdraw="Withdraw" in wallet,
        can_transfer=any("Transfer" in word for word in wallet),
        ip_restricted=bool(told.ips) and "*" not in told.ips,
    )
