"""Fathom's words to the core's. Pure."""

from __future__ import annotations

from perpmaker import Instrument, OrderReport, OrderType, Position, PositionSide, Side
from perpmaker import venue as kit

from . import messages
from .rest import failure_of

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
TYPES = {"post": OrderType.POST_ONLY, "limit": OrderType.LIMIT, "ioc": OrderType.IOC, "market": OrderType.MARKET}
STATES = {word: kit.OrderStatus(word) for word in ("open", "filled", "cancelled", "refused")}
STATES["expired"] = STATES["cancelled"]
_RULES = ("tick", "lot", "min_amount", "max_amount", "max_market_amount", "min_notional", "maker_fee", "taker_fee")
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
    failure = failure_of(row)
    refusal = failure and failure.refusal()

    return OrderReport(**ids, **words, **state, **terms, refusal=refusal, reduce_only=False)


def translate_execution(row: messages.Execution, _: Instrument) -> kit.Fill:
    """Translate an execution."""
    ids = {"client_id": f"{row.tag}-{row.id}", "venue_id": str(row.order), "venue_ms": row.ms, "forced": row.forced}
    words = {"side": kit.lookup(SIDES, row.side, "$.side"), "trade_id": str(row.trade), "fee_asset": row.asset}
    terms = {"price": _price(row.price), "amount": _price(row.amount), "realized_pnl": _number(row.profit)}

    return kit.Fill(**ids, **words, **terms, position_side=PositionSide.NET, fee=_number(row.fee), maker=row.is_maker)


def translate_account(row: messages.Account, _: Instrument) -> kit.AccountSnapshot:
    """Translate the account, asked for or streamed."""
    free = _number(row.free)
    wallet = kit.Balance(asset=row.asset, wallet=_number(row.wallet), available=free, venue_ms=row.ms)
    held = Position(side=PositionSide.NET, amount=_number(row.position), entry=_number(row.entry), venue_ms=row.ms)
    orders = {"order_margin": _number(row.bound), "bids": _number(row.bids), "asks": _number(row.asks)}

    return kit.AccountSnapshot(positions=(held,), assets=(wallet,), available=free, **orders)


def translate_book(row: messages.Book, _: Instrument) -> kit.BookUpdate:
    """Translate levels; after -1 comes a snapshot."""
    previous = None if row.after < 0 else row.after

    return kit.BookUpdate(last=row.last, previous=previous, bids=row.bids, asks=row.asks, venue_ms=row.ms)


def translate_mark(row: messages.Mark, _: Instrument) -> kit.MarkChanged:
    """Translate mark price and funding."""
    prices = {"mark": _price(row.mark), "index": _price(row.index), "funding_rate": _number(row.rate)}

    return kit.MarkChanged(**prices, next_funding_ms=row.charged_ms, venue_ms=row.ms)


def translate_trade(row: messages.Trade, instrument: Instrument) -> kit.Traded:
    """Translate a trade."""
    terms, taker = kit.trade_terms(instrument, row.price, row.amount), kit.lookup(SIDES, row.taker, "$")

    return kit.Traded(**terms, taker=taker, venue_ms=row.ms)


def translate_funding(row: messages.Funding, _: Instrument) -> kit.FundingPaid:
    """Translate a payment of funding."""
    amount, name = _number(row.amount), str(row.number)

    return kit.FundingPaid(asset=row.asset, amount=amount, venue_ms=row.ms, funding_id=name)
