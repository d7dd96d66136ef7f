"""One line that says how a running bot is doing, the environment first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from perpmaker.engine.supervisor import Supervisor
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, OrderStatus, Side, WorkingOrder
from perpmaker.report.preflight_wording import price
from perpmaker.report.summary import unrealized
from perpmaker.state.state import State
from perpmaker.state.view import Mode


def live_line(environment: str, bot: Supervisor) -> str:
    """Environment, market, reference, best own quotes, position and profit, as the bot believes them to be now."""
    state = bot.trader.state
    instrument = bot.instrument
    parts = [f"{environment} {instrument.market}"]

    if bot.mode is not Mode.RUN:
        parts.append(f"{bot.mode.value.upper()}{f' ({bot.mode_reason})' if bot.mode_reason else ''}")

    parts.append(f"ref {price(_reference(state), instrument.tick.normalize())}")
    parts.append(_quotes(bot.trader.working(), instrument))
    parts.append(_position(state))
    parts.append(f"PnL {profit(bot):+z.2f} {instrument.quote}")

    return " | ".join(parts)


def profit(bot: Supervisor) -> Decimal:
    """What the run has come to so far, in quote asset: booked and not, less fees, with funding."""
    state, quote = bot.trader.state, bot.instrument.quote
    now, before = state.account.totals, bot.before
    zero = Decimal(0)
    fees = now.fees.get(quote, zero) - before.fees.get(quote, zero)
    funding = now.funding.get(quote, zero) - before.funding.get(quote, zero)
    booked = now.realized_pnl - before.realized_pnl

    return booked + unrealized(state.account.positions.values(), state.market.mark) - fees + funding


def _reference(state: State) -> Decimal | None:
    """What quotes are priced from: the external reference, else the middle of the traded book."""
    if state.external_reference:
        reference = state.market.reference

        return None if reference is None else reference.price or reference.last or reference.bid

    bid, ask = state.book.best_bid, state.book.best_ask

    return None if bid is None or ask is None else state.instrument.price(bid + ask) / 2


def _quotes(orders: Iterable[WorkingOrder], instrument: Instrument) -> str:
    """The best resting bid and ask of ours."""
    quotes = [
        order for order in orders if order.slot.kind is OrderKind.QUOTE and order.status is not OrderStatus.PENDING
    ]
    best = [_best([order for order in quotes if order.order.side is side], side) for side in Side]
    words = ["-" if ticks is None else price(instrument.price(ticks), instrument.tick.normalize()) for ticks in best]

    return f"quotes {'/'.join(words)}"


def _best(orders: Sequence[WorkingOrder], side: Side) -> int | None:
    """The price nearest to the other side, in ticks."""
    return max(
        (order.order.ticks for order in orders if order.order.ticks is not None),
        key=lambda ticks: side.sign * ticks,
        default=None,
    )


def _position(state: State) -> str:
    """What is held, in base; of Hedge positions each by itself."""
    held = [f"{position.amount:+f}" for position in state.account.positions.values() if position.amount]

    return f"{' '.join(held)} {state.instrument.base}" if held else "flat"
