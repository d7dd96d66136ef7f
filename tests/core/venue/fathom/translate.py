"""Fathom's words to the core's. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from perpmaker import Instrument, OrderReport, OrderType, Position, PositionSide, Side
from perpmaker import venue as kit

from . import beyond, messages
from .beyond import event, payload
from .rest import failure_of

SIDES = {"buy": Side.BUY, "sell": Side.SELL}
TYPES = {"post": OrderType.POST_ONLY, "limit": OrderType.LIMIT, "ioc": OrderType.IOC, "market": OrderType.MARKET}
STATES = {word: beyond.order.OrderStatus(word) for word in ("open", "filled", "cancelled", "refused")}
STATES["expired"] = STATES["cancelled"]
_RULES = ("tick", "lot", "min_amount", "max_amount", "max_market_amount", "min_notional", "maker_fee", "taker_fee")

_number, _price, _decoder = payload.parse_decimal, payload.parse_price, payload.PayloadDecoder
_BOOK, _MARK, _TRADE = _decoder(messages.Book), _decoder(messages.Mark), _decoder(messages.Trade)
_FUNDING = _decoder(messages.Funding)
_ORDER, _EXECUTION, _ACCOUNT = _decoder(messages.Order), _decoder(messages.Execution), _decoder(messages.Account)


def translate_market(row: messages.Market) -> Instrument:
    """Translate the rules of a market; the venue publishes no tiers, and has one net position."""
    name, base, quote, _, leverage, rules = row
    known = {rule: _number(rules[rule]) for rule in _RULES}
    names = {"market": name, "symbol": name, "base": base, "quote": quote}

    return Instrument(**names, **known, max_leverage=leverage, has_hedge_mode=False)


def translate_order(row: messages.Order, instrument: Instrument) -> OrderReport:
    """Translate an order; with a code, what was asked of it was refused after the gateway's yes."""
    tag, number, order, side, kind, state, price, amount, filled, ms, code, text = row
    failure = failure_of(code, text)

    return OrderReport(
        client_id=f"{tag}-{number}",
        venue_id=str(order),
        side=kit.lookup(SIDES, side, "$[3]"),
        position_side=PositionSide.NET,
        status=STATES.get(state),
        raw_status=state,
        ticks=kit.order_ticks(instrument, price, "$[6]"),
        **kit.order_sizes(instrument, amount, filled, "$[7]"),
        reduce_only=False,
        type=kit.lookup(TYPES, kind, "$[4]"),
        venue_ms=ms,
        ended_by_venue=state == "expired",
        refusal=None if failure is None else failure.refusal(),
    )


def translate_execution(row: messages.Execution) -> beyond.order.Fill:
    """Translate an execution."""
    tag, number, order, trade, side, price, amount, fee, asset, is_maker, profit, ms = row

    return beyond.order.Fill(
        client_id=f"{tag}-{number}",
        venue_id=str(order),
        trade_id=str(trade),
        side=kit.lookup(SIDES, side, "$[4]"),
        position_side=PositionSide.NET,
        price=_price(price),
        amount=_price(amount),
        fee=_number(fee),
        fee_asset=asset,
        maker=is_maker,
        realized_pnl=_number(profit),
        venue_ms=ms,
    )


def translate_account(row: messages.Account) -> beyond.account.AccountSnapshot:
    """Translate the account, asked for or streamed."""
    asset, wallet, amount, entry, ms, _, free, bound, bids, asks = row
    balance = beyond.position.Balance(asset=asset, wallet=_number(wallet), available=_number(free), venue_ms=ms)
    position = Position(side=PositionSide.NET, amount=_number(amount), entry=_number(entry), venue_ms=ms)
    orders = {"order_margin": _number(bound), "bids": _number(bids), "asks": _number(asks)}

    return beyond.account.AccountSnapshot(positions=(position,), assets=(balance,), available=_number(free), **orders)


def translate_frame(frame: messages.Frame, book: kit.BookSync, instrument: Instrument) -> Iterator[event.Event]:
    """Translate what the stream says; a mark price proves that the trades are heard as well."""
    data = bytes(frame.data)

    match frame.topic:
        case "book":
            last, after, bids, asks, ms = _BOOK.decode(data)
            is_whole, levels = after < 0, {"bids": bids, "asks": asks, "venue_ms": ms}
            yield from book.reset(last, **levels) if is_whole else book.offer(after + 1, last, after, **levels)
        case "mark":
            mark, index, rate, charged_ms, ms = _MARK.decode(data)
            prices = {"mark": _price(mark), "index": _price(index), "funding_rate": _number(rate)}
            yield event.MarkChanged(**prices, next_funding_ms=charged_ms, venue_ms=ms)
            yield event.FeedAlive(channel=event.Channel.TRADES)
        case "trades":
            _, price, amount, side, ms = _TRADE.decode(data)
            ticks, lots = kit.exact_ticks(instrument, price, "$[1]"), kit.shown_lots(instrument, amount, "$[2]")
            yield event.Traded(ticks=ticks, lots=lots, taker=kit.lookup(SIDES, side, "$[3]"), venue_ms=ms)
        case "orders":
            yield event.OrderReported(report=translate_order(_ORDER.decode(data), instrument), by_stream=True)
        case "fills":
            yield event.OrderFilled(fill=translate_execution(_EXECUTION.decode(data)))
        case "account":
            account = translate_account(_ACCOUNT.decode(data))
            yield event.BalanceReported(balance=account.assets[0])
            yield event.PositionReported(position=account.positions[0])
        case "funding":
            number, asset, paid, ms = _FUNDING.decode(data)
            yield event.FundingPaid(asset=asset, amount=_number(paid), venue_ms=ms, funding_id=str(number))
        case _:
            raise kit.UnknownMessageError(frame.topic)
