"""Fathom's words to the core's. Pure."""

from __future__ import annotations

from collections.abc import Sequence

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
    name, base, quote, _, top, rules = row
    known = {rule: _number(rules[rule]) for rule in _RULES}

    return Instrument(market=name, symbol=name, base=base, quote=quote, max_leverage=top, has_hedge_mode=False, **known)


def translate_order(row: messages.Order, instrument: Instrument) -> OrderReport:
    """Translate an order; with a code, what was asked of it was refused after the gateway's yes."""
    tag, number, order, side, kind, state, price, amount, filled, ms, code, text = row
    whose = {"client_id": f"{tag}-{number}", "venue_id": str(order), "venue_ms": ms}
    words = {"side": kit.lookup(SIDES, side, "$[3]"), "type": kit.lookup(TYPES, kind, "$[4]")}
    known = {"status": STATES.get(state), "raw_status": state, "ended_by_venue": state == "expired"}
    sizes = kit.order_sizes(instrument, amount, filled, "$[7]")
    kept = {"position_side": PositionSide.NET, "reduce_only": False, **sizes}
    ticks, failure = kit.order_ticks(instrument, price, "$[6]"), failure_of(code, text)

    return OrderReport(**whose, **words, **known, **kept, ticks=ticks, refusal=failure and failure.refusal())


def translate_execution(row: messages.Execution) -> kit.Fill:
    """Translate an execution."""
    tag, number, order, trade, side, price, amount, fee, asset, is_maker, profit, ms = row
    whose = {"client_id": f"{tag}-{number}", "venue_id": str(order), "trade_id": str(trade), "venue_ms": ms}
    words = {"side": kit.lookup(SIDES, side, "$[4]"), "position_side": PositionSide.NET, "fee_asset": asset}
    terms = {"price": _price(price), "amount": _price(amount), "fee": _number(fee), "realized_pnl": _number(profit)}

    return kit.Fill(**whose, **words, **terms, maker=is_maker)


def translate_account(row: messages.Account) -> kit.AccountSnapshot:
    """Translate the account, asked for or streamed."""
    asset, wallet, amount, entry, ms, _, free, bound, bids, asks = row
    balance = kit.Balance(asset=asset, wallet=_number(wallet), available=_number(free), venue_ms=ms)
    position = Position(side=PositionSide.NET, amount=_number(amount), entry=_number(entry), venue_ms=ms)
    orders = {"order_margin": _number(bound), "bids": _number(bids), "asks": _number(asks)}

    return kit.AccountSnapshot(positions=(position,), assets=(balance,), available=_number(free), **orders)


def translate_message(book: kit.BookSync, instrument: Instrument, message: kit.Message) -> Sequence[kit.Event]:  # noqa: PLR0911
    """Translate what the stream says of a market; its mark price proves that the trades are heard as well."""
    frame = kit.parser(messages.Said)(message)
    data = bytes(frame.data)

    match frame.topic:
        case _ if frame.market != instrument.symbol:
            return ()
        case "book":
            last, after, bids, asks, ms = kit.parser(messages.Book)(data)
            is_whole, levels = after < 0, {"bids": bids, "asks": asks, "venue_ms": ms}
            return book.reset(last, **levels) if is_whole else book.offer(after + 1, last, after, **levels)
        case "mark":
            mark, index, rate, charged_ms, ms = kit.parser(messages.Mark)(data)
            prices = {"mark": _price(mark), "index": _price(index), "funding_rate": _number(rate)}
            alive = kit.FeedAlive(channel=kit.Channel.TRADES)
            return kit.MarkChanged(**prices, next_funding_ms=charged_ms, venue_ms=ms), alive
        case "trades":
            _, price, amount, side, ms = kit.parser(messages.Trade)(data)
            ticks, lots = kit.exact_ticks(instrument, price, "$[1]"), kit.shown_lots(instrument, amount, "$[2]")
            return (kit.Traded(ticks=ticks, lots=lots, taker=kit.lookup(SIDES, side, "$[3]"), venue_ms=ms),)
        case "orders":
            report = translate_order(kit.parser(messages.Order)(data), instrument)
            return (kit.OrderReported(report=report, by_stream=True),)
        case "fills":
            return (kit.OrderFilled(fill=translate_execution(kit.parser(messages.Execution)(data))),)
        case "account":
            now = translate_account(kit.parser(messages.Account)(data))
            return kit.BalanceReported(balance=now.assets[0]), kit.PositionReported(position=now.positions[0])
        case "funding":
            number, asset, paid, ms = kit.parser(messages.Funding)(data)
            return (kit.FundingPaid(asset=asset, amount=_number(paid), venue_ms=ms, funding_id=str(number)),)

    raise kit.UnknownMessageError(frame.topic)
