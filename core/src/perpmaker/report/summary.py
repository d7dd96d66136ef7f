"""What a run came to: one value, as a page for people and as one JSON object for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import attrs
import msgspec

from perpmaker.ledger.assets import without_idle
from perpmaker.ledger.ledger import Ledger
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, OrderReport, PositionSide
from perpmaker.model.position import Position
from perpmaker.report.money import money_of
from perpmaker.runtime.order_stats import OrderStats
from perpmaker.runtime.shutdown import Closing, exit_left
from perpmaker.state.account import Totals

WIDTH = 80

UNKNOWN = "unknown"
"""What is left on a venue that did not answer: not none."""


@attrs.frozen(kw_only=True)
class RunFacts:
    """Which run it was, on which account, and how it ended.

    The field names are keys of the JSON object too.

    `stop_reason` is `signal`, `--for`, `stop` or `flatten` (the commands), `sandbox ended` or `recording ended`.
    `halted` is why nothing was quoted at the end, None where nothing had halted it. `journal` is the path of its
    journal, None where that was kept in memory.
    """

    account: str
    run_id: str
    stop_reason: str
    halted: str | None = None
    journal: str | None = None


@attrs.frozen(kw_only=True)
class Summary:
    """A run in figures. The field names are the keys of the JSON object. Money is Decimal, in quote asset.

    `amends` counts how often resting quotes were moved. `position` is signed, in base, the sum of long and short in
    Hedge mode. `fees` is positive where they were paid, in the venue's own figures; `funding` and the profits are
    signed from our side; all three, and `result`, are in `asset`, the quote asset. The fields by asset have every
    asset, never added up. `open_orders_left` counts own quotes only, `exits_left` the closing orders that were left for
    a position; both are `unknown` where the venue did not tell, and then `position` is what was known last.
    `stops_placed` counts orders of stops that fired here, `venue_stops_placed` stops that waited on the venue, each
    level once. `unproven` says what could not be proven at the end, None for nothing. `origin` says in short lines
    where the market came from when it was not the venue's own.
    """

    environment: str
    market: str
    seconds: float
    quotes_placed: int
    cancels: int
    amends: int
    fills: int
    volume: Decimal
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    position: Decimal
    open_orders_left: int | str
    exits_left: int | str
    take_profits_placed: int
    stops_placed: int
    venue_stops_placed: int
    asset: str
    result: Decimal
    fees_by_asset: Mapping[str, Decimal]
    funding_by_asset: Mapping[str, Decimal]
    result_by_asset: Mapping[str, Decimal]
    account: str
    run_id: str
    stop_reason: str
    halted: str | None
    journal: str | None
    unproven: str | None
    origin: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return one JSON object on one line. Money as strings, exactly as summed."""
        values = attrs.asdict(self, value_serializer=lambda _, __, value: _plain(value))

        return msgspec.json.encode(values).decode()


def summarise(
    *,
    environment: str,
    instrument: Instrument,
    seconds: float,
    count: OrderStats,
    totals: Totals,
    before: Totals,
    ledger: Ledger,
    closing: Closing,
    positions: Sequence[Position],
    mark: Decimal | None,
    facts: RunFacts,
    origin: tuple[str, ...] = (),
) -> Summary:
    """Return the summary of a run that ended: sums since the run began, and the positions as they are known last.

    `totals` are the account's sums, `before` what of them was there already when the run began, `ledger` the run's.
    """
    quote, zero = instrument.quote, Decimal(0)
    money, open_profit = money_of(totals, before, ledger), unrealized(positions, mark)
    result = money.result(quote, open_profit)

    return Summary(
        environment=environment,
        market=instrument.market,
        seconds=round(seconds, 3),
        quotes_placed=count.placed[OrderKind.QUOTE],
        cancels=count.cancels,
        amends=count.amends,
        fills=totals.fills - before.fills,
        volume=totals.volume - before.volume,
        fees=money.fees.get(quote, zero),
        funding=money.funding.get(quote, zero),
        realized_pnl=money.realized_pnl,
        unrealized_pnl=open_profit,
        position=sum((position.amount for position in positions), zero),
        open_orders_left=len(closing.quotes) if closing.listed else UNKNOWN,
        exits_left=UNKNOWN if closing.account is None else len(closing.exits),
        take_profits_placed=count.placed[OrderKind.TAKE_PROFIT],
        stops_placed=count.placed[OrderKind.STOP_LOSS],
        venue_stops_placed=count.placed[OrderKind.VENUE_STOP],
        asset=quote,
        result=result[quote],
        fees_by_asset=without_idle(money.fees, keep=(quote,)),
        funding_by_asset=without_idle(money.funding, keep=(quote,)),
        result_by_asset=result,
        unproven=closing.unproven,
        origin=origin,
        **attrs.asdict(facts),
    )


def unrealized(positions: Iterable[Position], mark: Decimal | None) -> Decimal:
    """Profit that is not booked yet, at the mark price. 0 while there is no mark price."""
    if mark is None:
        return Decimal(0)

    return sum((position.amount * (mark - position.entry) for position in positions if position.amount), Decimal(0))


def render(
    summary: Summary,
    instrument: Instrument,
    positions: Iterable[Position],
    exits: Iterable[OrderReport] = (),
    following: str = "",
) -> str:
    """Return the summary for a person, in at most 80 columns but for the last two lines, which are there to be copied.

    What is left is named: each of the `positions`, and each of the `exits`, the closing orders on the venue, where it
    has told them.
    `following` is what to type next.
    """
    quote, base = instrument.quote, instrument.base
    named = exits if summary.exits_left != UNKNOWN else ()
    rows = (
        ("quotes placed", _quotes(summary)),
        ("fills", f"{summary.fills}, volume {_money(summary.volume)} {quote}"),
        ("exits placed", _exits(summary)),
        ("realised PnL", f"{_money(summary.realized_pnl)} {quote}"),
        ("fees", _amounts(summary.fees_by_asset)),
        ("funding", _amounts(summary.funding_by_asset)),
        ("unrealised PnL", f"{_money(summary.unrealized_pnl)} {quote}"),
        ("result", _amounts(summary.result_by_asset)),
        *(("", line) for line in summary.origin),
        ("position", f"{_held(positions, base)}{'' if summary.exits_left != UNKNOWN else ' as last known'}"),
        ("left on venue", left_on_venue(summary)),
        *(("", exit_left(order, instrument)) for order in named),
        ("stopped by", summary.stop_reason),
    )
    head = f"{summary.environment} {summary.market}: {summary.seconds:.0f} s"
    last = (("journal", summary.journal), ("next", following))
    uncut = [f"  {name:<16}{value}" for name, value in last if value]

    return "\n".join([head, *(f"  {name:<16}{value}"[:WIDTH] for name, value in rows), *uncut])


def _quotes(summary: Summary) -> str:
    """Quotes with what became of them; amends where there were some."""
    moved = f", {summary.amends} times moved" if summary.amends else ""

    return f"{summary.quotes_placed} ({summary.cancels} cancelled{moved})"


def _exits(summary: Summary) -> str:
    """How many exits were placed: a stop that only waits on the venue is no stop loss that was sent."""
    words = f"{summary.take_profits_placed} profit taking, {summary.stops_placed} stop loss"
    waited = summary.venue_stops_placed

    return f"{words}, {waited} stop{'s' if waited != 1 else ''} kept on the venue" if waited else words


def left_on_venue(summary: Summary) -> str:
    """Return how much is left on the venue. Not known where it has not told, which is not none."""
    if summary.open_orders_left == summary.exits_left == UNKNOWN:
        return "unknown: the venue did not answer"

    words = [(summary.open_orders_left, "quotes"), (summary.exits_left, "exits")]

    return ", ".join(
        f"{name} {UNKNOWN}" if number == UNKNOWN else f"{number} {name.removesuffix('s') if number == 1 else name}"
        for number, name in words
    )


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    """Money in several assets, side by side."""
    return ", ".join(f"{_money(amount)} {asset}" for asset, amount in amounts.items())


def _held(positions: Iterable[Position], base: str) -> str:
    """What is still held; a long and a short one beside each other are two positions, also when they are as large."""
    held = [one for one in positions if one.amount]
    names = {one.side: "" if one.side is PositionSide.NET else f"{one.side.value} " for one in held}

    return ", ".join(f"{names[one.side]}{one.amount:f} {base}" for one in held) or "flat"


def _plain(value: object) -> object:
    """Decimal as text without an exponent and without idle zeros; everything else as it is."""
    if not isinstance(value, Decimal):
        return value

    return "0" if value == 0 else f"{value.normalize():f}"


def _money(value: Decimal) -> str:
    """Money for people: eight decimals at most, never less than two."""
    text = f"{value:z.8f}".rstrip("0")
    whole, _, decimals = text.partition(".")

    return f"{whole}.{decimals:0<2}"
