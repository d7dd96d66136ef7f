"""How a bot stands: one frozen value, whose field names are the keys of `perpmaker status --json`.

Money and prices are Decimal (strings in JSON, exact), prices and costs in the market's quote asset, amounts in base,
signed where a short is negative. Times are UTC in ISO 8601. None is "not known" or "there is none", as each field says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal

import attrs
import msgspec

from perpmaker.errors import PayloadError

WITHHELD = "withheld"
"""The state of a level without an order."""


@attrs.frozen(kw_only=True)
class ReasonStatus:
    """One step of a chain of reasons: the rule, what it did in words, and the value that it left, if any."""

    rule: str
    text: str
    value: Decimal | None = None

    def __str__(self) -> str:
        """Render as `spread: 0.04 % below the reference (0.0004)`."""
        return f"{self.rule}: {self.text}{'' if self.value is None else f' ({plain(self.value)})'}"


@attrs.frozen(kw_only=True)
class LevelStatus:
    """One level of the ladder, or one exit. `level` is its name: `buy 0` is the bid nearest to the market, or `target`.

    `state` is `withheld`, or that of its order: `pending` (sent, not answered), `open`, `cancelling`, `amending`,
    `unknown`. `price` and `amount` are None where no order is. `ahead`: at most so much of other people's is before it
    in the queue at its price, None where that is not known. `since`: when the order was sent. `reasons` is the chain,
    whose last link decides; `until` is when that ends by itself, if that is known.
    """

    level: str
    side: str
    position_side: str
    state: str
    price: Decimal | None = None
    amount: Decimal | None = None
    filled: Decimal | None = None
    ahead: Decimal | None = None
    since: str | None = None
    until: str | None = None
    reasons: tuple[ReasonStatus, ...] = ()

    @property
    def reason(self) -> ReasonStatus | None:
        """What decides. None where nobody gave a reason."""
        return self.reasons[-1] if self.reasons else None


@attrs.frozen(kw_only=True)
class PositionStatus:
    """A position that is not flat. `side` is `net`, `long` or `short`; `amount` is negative for a short.

    `target` is the price of the closing order at a profit, None where none rests. `stop` is the price at which the stop
    loss fires here (None: none is set), `stop_fired` whether it has; `venue_stop` the trigger of the stop that rests
    on the venue. `liquidation` is the venue's own figure, None where it gives none. Distances are shares of the mark
    price, positive while the price is on the good side.
    """

    side: str
    amount: Decimal
    entry: Decimal
    notional: Decimal | None
    unrealized_pnl: Decimal | None
    target: Decimal | None
    stop: Decimal | None
    stop_distance: Decimal | None
    stop_fired: bool
    venue_stop: Decimal | None
    liquidation: Decimal | None
    liquidation_distance: Decimal | None


@attrs.frozen(kw_only=True)
class MarginStatus:
    """What the venue said of the account, `age_s` seconds ago. None: it did not tell.

    `free_share` is (equity - initial margin) / equity, which the marks of 30 % and 20 % mean; `maintenance_ratio`
    is the venue's own ratio, maintenance margin / equity.
    """

    available: Decimal
    equity: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    free_share: Decimal | None = None
    maintenance_ratio: Decimal | None = None
    age_s: float = 0.0


@attrs.frozen(kw_only=True)
class PnlStatus:
    """What the run has come to. Fees are positive where they were paid; all else is signed from our side.

    Profit, `realized_pnl` and `unrealized_pnl`, is `spread`, what fills won against the middle of the book at that
    moment, and `inventory`, all the rest; `unsplit_fills` of the run came without a middle, and are in `inventory`.
    `result` is all of it in the quote asset, `result_by_asset` with every asset, never added up.
    """

    asset: str
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    spread: Decimal = Decimal(0)
    inventory: Decimal = Decimal(0)
    unsplit_fills: int = 0
    fees_by_asset: Mapping[str, Decimal]
    funding_by_asset: Mapping[str, Decimal]
    result: Decimal
    result_by_asset: Mapping[str, Decimal]


@attrs.frozen(kw_only=True)
class FundingStatus:
    """Funding as the venue tells it: `rate` per interval (positive: longs pay), None where it tells none.

    `next_payment` costs `cost_next` at this rate, and `cost_a_day` is what a day of it comes to for the position as it
    is: positive is paid, negative received. `break_even_a_day` is the profit a day that pays for it, 0 when receiving,
    and `min_daily_profit_target` one and a half times that. `paid_by_asset` is what the run has booked.
    """

    rate: Decimal | None
    interval_h: int
    next_payment: str | None
    next_in_s: float | None
    cost_next: Decimal | None
    cost_a_day: Decimal | None
    break_even_a_day: Decimal | None
    min_daily_profit_target: Decimal | None
    paid_by_asset: Mapping[str, Decimal]


@attrs.frozen(kw_only=True)
class NoticeStatus:
    """A line that a person was told, and when."""

    at: str
    text: str


@attrs.frozen(kw_only=True)
class Counters:
    """What the run has brought to the venue and what came of it. `volume` is in quote asset."""

    quotes_placed: int = 0
    cancels: int = 0
    amends: int = 0
    fills: int = 0
    volume: Decimal = Decimal(0)
    take_profits_placed: int = 0
    stops_placed: int = 0
    venue_stops_placed: int = 0


@attrs.frozen(kw_only=True)
class EndStatus:
    """How a run ended. `exit_code` is the command's; `left` says what is on the venue, in words.

    `unproven` is what could not be proven, None where all was.
    """

    at: str
    exit_code: int
    stop_reason: str
    left: str
    unproven: str | None = None


@attrs.frozen(kw_only=True)
class Status:
    """A bot at one moment. `name` is what `status NAME` finds it by, `file` its configuration.

    `running` is false for the last words of a bot that is gone, `ended` then says how, where it lived to say so.
    `account` and `run_id` are None before the venue has answered, `pid` where no bot ever ran. `mode` is `start` before
    there is a bot, then `run`, `reduce`, `halt`, `stop` or `flatten`, with the `mode_reason`. `basis` is how far the
    middle of the traded market is above an external reference, as a share of that; None without one. `no_quotes` is
    why no quote rests, None where one does. `notices` are the last lines that a person was told, oldest first.
    """

    name: str
    environment: str
    venue: str
    market: str
    account: str | None
    file: str
    pid: int | None
    run_id: str | None
    running: bool
    since: str
    at: str
    mode: str
    mode_reason: str
    base: str = ""
    quote: str = ""
    tick: Decimal | None = None
    reference: Decimal | None = None
    mark: Decimal | None = None
    best_bid: Decimal | None = None
    best_ask: Decimal | None = None
    basis: Decimal | None = None
    positions: tuple[PositionStatus, ...] = ()
    margin: MarginStatus | None = None
    quotes: tuple[LevelStatus, ...] = ()
    withheld: tuple[LevelStatus, ...] = ()
    exits: tuple[LevelStatus, ...] = ()
    no_quotes: str | None = None
    pnl: PnlStatus | None = None
    funding: FundingStatus | None = None
    counters: Counters = Counters()
    notices: tuple[NoticeStatus, ...] = ()
    ended: EndStatus | None = None


def iso(utc_ms: float) -> str:
    """Return a moment as UTC in ISO 8601, to the millisecond."""
    return datetime.fromtimestamp(round(utc_ms) / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Decimal) -> str:
    """Return a Decimal without an exponent and without idle zeros."""
    return "0" if value == 0 else f"{value.normalize():f}"


def as_plain(value: object, fields: Collection[str] | None = None) -> object:
    """Return a value made of attrs classes as JSON has it: dictionaries, lists, and money as text.

    `fields`: only these of the value itself.
    """
    if isinstance(value, Decimal):
        return plain(value)

    kind = type(value)

    if attrs.has(kind):
        names = (field.name for field in attrs.fields(kind) if fields is None or field.name in fields)

        return {name: as_plain(getattr(value, name)) for name in names}

    if isinstance(value, Mapping):
        return {key: as_plain(one) for key, one in value.items()}

    return [as_plain(one) for one in value] if isinstance(value, tuple | list) else value


def decode_status(content: object) -> Status:
    """Return a status from what `as_plain` made of one.

    Raises:
        PayloadError: it is none, or one of another version.
    """
    try:
        return msgspec.convert(content, Status)
    except msgspec.ValidationError as error:
        raise PayloadError(f"it is no status of this version: {error}") from error
