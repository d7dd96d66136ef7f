"""One line that says how a running bot is doing: the environment first, then the money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, OrderStatus, Side
from perpmaker.model.working_order import WorkingOrder
from perpmaker.report.money import money_of
from perpmaker.report.preflight_wording import price
from perpmaker.report.summary import unrealized
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.state.state import State
from perpmaker.state.view import Mode

COLUMNS = 79
"""What a terminal of 80 columns shows; whatever is longer loses its end, and that is never money."""


def live_line(environment: str, bot: Supervisor) -> str:
    """Environment, market, position and profit, as the bot believes them to be now.

    Then quotes. The mode is last.

    A position is its amount in base, its entry price, and its target: `+0.010 @ 59969.5 -> 59999.5`. Where no quote
    rests the reason is said, and for how long if it is known: `quotes -/- (filled delay, 41 s)`.
    """
    state = bot.trader.state
    instrument = bot.instrument
    orders = bot.trader.working()
    head = _head(environment, bot, _position(state, orders))

    if len(head) > COLUMNS:
        head = _head(environment, bot, _position(state, ()))

    quotes = f"{_quotes(orders, instrument)}{_reason(bot, orders)}"

    if bot.mode is Mode.RUN:
        return " | ".join([head, quotes, f"ref {price(reference_of(state), instrument.tick.normalize())}"])

    mode = bot.mode.value.upper()
    fits = len(f"{head} | {quotes} | {mode}") <= COLUMNS
    why = f" ({bot.mode_reason})" if bot.mode_reason else ""

    return " | ".join([head, *([quotes] if fits else []), f"{mode}{why}"])


def _head(environment: str, bot: Supervisor, position: str) -> str:
    """Where it trades, and the money."""
    return f"{environment} {bot.instrument.market} | {position} | PnL {profit(bot):+z.2f} {bot.instrument.quote}"


def _reason(bot: Supervisor, orders: Iterable[WorkingOrder]) -> str:
    """Why no quote rests, in brackets; empty where one does, and where the mode says it."""
    quotes = [order.status for order in orders if order.slot.kind is OrderKind.QUOTE]

    if quotes:
        return " (on their way)" if all(status is OrderStatus.PENDING for status in quotes) else ""

    unquoted = bot.trader.unquoted.now

    if unquoted is None or not unquoted.short or bot.mode is not Mode.RUN:
        return ""

    left_s = 0.0 if unquoted.until is None else unquoted.until - bot.clock.now()

    return f" ({unquoted.short}, {left_s:.0f} s)" if left_s >= 1 else f" ({unquoted.short})"


def profit(bot: Supervisor) -> Decimal:
    """Return what the run has come to so far, in quote asset: booked and not, less fees, with funding."""
    state, quote = bot.trader.state, bot.instrument.quote
    sums = money_of(state.account.totals, bot.before, bot.ledger)

    return sums.result(quote, unrealized(state.account.positions.values(), state.market.mark))[quote]


def reference_of(state: State) -> Decimal | None:
    """Return what quotes are priced from: the external reference, else the middle of the traded book."""
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


def _position(state: State, orders: Sequence[WorkingOrder]) -> str:
    """What is held, in base, from which entry price to which target; of Hedge positions each by itself."""
    tick = state.instrument.tick.normalize()
    held = []

    for side, position in state.account.positions.items():
        if position.amount:
            targets = [
                f" -> {price(state.instrument.price(order.order.ticks), tick)}"
                for order in orders
                if order.slot.kind is OrderKind.TAKE_PROFIT
                and order.slot.position_side is side
                and order.order.ticks is not None
            ]
            held.append(f"{position.amount:+f} @ {price(position.entry, tick)}{''.join(targets[:1])}")

    return ", ".join(held) if held else "flat"
