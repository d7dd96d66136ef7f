"""Fathom's words to the core's. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from perpmaker import Instrument, OrderReport, OrderType, Position, PositionSide, Side
from perpmaker import venue as kit

from . import messages
from .rest import failure_of

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
TYPES = {"post": OrderType.POST_ONLY, "limit": OrderType.LIMIT, "ioc": OrderType.IOC, "market": OrderType.MARKET}
STATES = {word: kit.OrderStatus(word) for word in ("open", "filled", "cancelled", "refused")}
STATES["expired"] = STATES["cancelled"]
_RULES = ("tick", "lot", "min_amount", "max_amount", "max_market_amount", "min_notional", "maker_fee", "taker_fee")
_SHAPES = {"book": messages.Book, "mark": messages.Mark, "trades": messages.Trade, "funding": messages.Funding}
_SHAPES |= {"orders": messages.Order, "fills": messages.Execution, "account": messages.Account}
_READER = kit.RowReader(kit.parser(dict[str, Any]), lambda row: row.get("market"))
rows_of = partial(_READER.read, name="rows", is_needed=lambda _: True)
_number, _price = kit.parse_decimal, kit.parse_price


def translate_market(row: messages.Market) -> Instrument:
    """Translate the rules of a market; the venue publishes no tiers, and has one net position."""
    known = {rule: _number(row.rules[rule]) for rule in _RULES} | {"base": row.base, "quote": row.quote}

    return Instrument(market=row.market, symbol=row.market, max_leverage=row.leverage, has_hedge_mode=False, **known)


def translate_order(row: messages.Order, instrument: Instrument) -> OrderReport:
    """Translate an order; with a code, what was asked of it was refused after the gateway's yes."""
    ids = {"client_id": f"{row.tag}-{row.id}", "venue_id": str(row.order), "venue_ms": row.ms, "forced": row.forced}
    words = {"side": kit.lookup(SIDES, row.side, "$.side"), "type": kit.lookup(TYPES, row.type, "$.type")}
    state = {"status": STATES.get(row.state), "raw_status": row.state, "ended_by_venue": row.state == "expired"}
    terms = kit.order_terms(instrument, row.price, row.amount, row.filled) | {"position_side": PositionSide.NET}
    failure = failure_of(row.code, row.text)
    refusal = failure and failure.refusal()

    return OrderReport(**ids, **words, **state, **terms, refusal=refusal, reduce_only=False)


def translate_execution(row: messages.Execution) -> kit.Fill:
    """Translate an execution."""
    ids = {"client_id": f"{row.tag}-{row.id}", "venue_id": str(row.order), "venue_ms": row.ms, "forced": row.forced}
    words = {"side": kit.lookup(SIDES, row.side, "$.side"), "trade_id": str(row.trade), "fee_asset": row.asset}
    terms = {"price": _price(row.price), "amount": _price(row.amount), "realized_pnl": _number(row.profit)}

    return kit.Fill(**ids, **words, **terms, position_side=PositionSide.NET, fee=_number(row.fee), maker=row.is_maker)


def translate_account(row: messages.Account) -> kit.AccountSnapshot:
    """Translate the account, asked for or streamed."""
    free = _number(row.free)
    wallet = kit.Balance(asset=row.asset, wallet=_number(row.wallet), available=free, venue_ms=row.ms)
    held = Position(side=PositionSide.NET, amount=_number(row.position), entry=_number(row.entry), venue_ms=row.ms)
    orders = {"order_margin": _number(row.bound), "bids": _number(row.bids), "asks": _number(row.asks)}

    return kit.AccountSnapshot(positions=(held,), assets=(wallet,), available=free, **orders)


def translate_message(book: kit.BookSync, instrument: Instrument, message: kit.Message) -> Sequence[kit.Event]:  # noqa: PLR0911
    """Translate what the stream says of a market; its mark price proves that the trades are heard as well."""
    frame = kit.parser(messages.Said)(message)

    if frame.market != instrument.symbol:
        return ()

    if frame.topic not in _SHAPES:
        raise kit.UnknownMessageError(frame.topic)

    row = kit.parser(_SHAPES[frame.topic])(bytes(frame.data))

    match frame.topic:
        case "book":
            levels = {"bids": row.bids, "asks": row.asks, "venue_ms": row.ms}
            last, after = row.last, row.after
            return book.reset(last, **levels) if after < 0 else book.offer(after + 1, last, after, **levels)
        case "mark":
            prices = {"mark": _price(row.mark), "index": _price(row.index), "funding_rate": _number(row.rate)}
            mark = kit.MarkChanged(**prices, next_funding_ms=row.charged_ms, venue_ms=row.ms)
            return mark, kit.FeedAlive(channel=kit.Channel.TRADES)
        case "trades":
            terms, taker = kit.trade_terms(instrument, row.price, row.amount), kit.lookup(SIDES, row.taker, "$")
            return (kit.Traded(**terms, taker=taker, venue_ms=row.ms),)
        case "orders":
            return (kit.OrderReported(report=translate_order(row, instrument), by_stream=True),)
        case "fills":
            return (kit.OrderFilled(fill=translate_execution(row)),)
        case "account":
            return kit.account_events(translate_account(row))

    paid, name = _number(row.amount), str(row.number)
    return (kit.FundingPaid(asset=row.asset, amount=paid, venue_ms=row.ms, funding_id=name),)
