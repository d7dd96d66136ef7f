"""Everything that can happen, in the past tense. The engine folds these into state, in order, and nothing else.

Prices and amounts of the book are integer ticks and lots; `venue_ms` is the venue's time, `*_at` the engine's.
"""

from __future__ import annotations

from decimal import Decimal
from enum import unique
from math import inf
from typing import Final, TypeAlias

import attrs

from perpmaker.errors import ExitCode
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.command_event import (
    AmendHandedOn,
    AmendRefused,
    CancelHandedOn,
    CancelRefused,
    OrderAccepted,
    OrderNotFound,
    OrderRefused,
    OrderUnknown,
)
from perpmaker.model.forced_closure import MarginCalled
from perpmaker.model.income import IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import CancelCause, Fill, OrderReport, Side
from perpmaker.model.parameters import ParametersChanged
from perpmaker.model.position import Balance, Position, VenueSettings
from perpmaker.model.quick import quick
from perpmaker.model.reading import AccountReported, AccountSeen
from perpmaker.model.word import Word


@unique
class Channel(Word):
    """A stream that can be lost and found again by itself."""

    BOOK = "book"
    TRADES = "trades"
    MARK = "mark"
    ACCOUNT = "account"
    REFERENCE = "reference"


# --- market --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class BookSnapshot:
    """The whole book: (ticks, lots) pairs, any order; replaces what was known."""

    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    venue_ms: int


@attrs.frozen
class BookChanged:
    """Absolute lots per tick; 0 removes the level, and removing an unknown level is normal."""

    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    venue_ms: int


@attrs.frozen(kw_only=True)
class BookLost:
    """The book cannot be trusted (gap, crossed, socket gone) until the next snapshot."""

    reason: str


@quick
@attrs.frozen(kw_only=True)
class Traded:
    """Somebody's trade on this market; `taker` is the side of the order that took."""

    ticks: int
    lots: int
    taker: Side
    venue_ms: int


@quick
@attrs.frozen(kw_only=True)
class MarkChanged:
    """Mark and index price, and the funding rate that would be charged at `next_funding_ms` (None: no funding).

    `asked`: it is the answer to a question, and says nothing of the stream.
    """

    mark: Decimal
    index: Decimal | None
    funding_rate: Decimal | None
    next_funding_ms: int | None
    venue_ms: int
    asked: bool = False


UNDATED: Final = -inf
"""The time of a price that bears none: never, until whoever receives it has dated it."""


@attrs.frozen(kw_only=True)
class ReferenceChanged:
    """A price source's newest word; what it does not know is None. `price` is a price the source gives itself.

    `at` is when that was true, in seconds of the engine's clock; left out (UNDATED), it becomes the moment at which the
    word is received. `doubt`, in words for a person, says why what it answered is not to be used; then it knows
    nothing.
    """

    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    price: Decimal | None = None
    doubt: str = ""
    at: float = UNDATED


@attrs.frozen(kw_only=True)
class FeedAlive:
    """The channel proved alive without news (heartbeat, unchanged mark): its age starts again from zero."""

    channel: Channel


@attrs.frozen(kw_only=True)
class InstrumentChanged:
    """The venue changed the market's rules. The units, tick and lot, stay what they were for as long as a run lasts."""

    instrument: Instrument


@attrs.frozen(kw_only=True)
class TradingChanged:
    """The venue has closed the market, `closed` saying how in its words; empty: it takes orders again."""

    closed: str


# --- account -------------------------------------------------------------------------------------------------------


@quick
@attrs.frozen(kw_only=True)
class OrderCancelled:
    """The order is gone from the venue, by whatever cause. `filled_lots` is cumulative where the venue says it."""

    client_id: str
    cause: CancelCause
    detail: str = ""
    filled_lots: int | None = None
    venue_ms: int


@attrs.frozen(kw_only=True)
class OrderAmended:
    """The order now rests at this price with this total amount.

    `number` is that of the amend which this is the outcome of, where the venue or the answer tells it; else 0.
    """

    client_id: str
    ticks: int
    lots: int
    venue_ms: int
    number: int = 0


@attrs.frozen(kw_only=True)
class OrderReported:
    """The venue's word on one order, asked for (at `asked_at`, by the engine's clock) or on its stream."""

    report: OrderReport
    by_stream: bool = False
    asked_at: float | None = None


@attrs.frozen(kw_only=True)
class OrderFilled:
    """One execution of one of our orders (or, with a foreign client id, of somebody else's on our account)."""

    fill: Fill


@attrs.frozen(kw_only=True)
class PositionReported:
    """The venue's word on a position, from its stream or asked for."""

    position: Position


@attrs.frozen(kw_only=True)
class BalanceReported:
    """The venue's word on one asset."""

    balance: Balance


@attrs.frozen(kw_only=True)
class FundingPaid:
    """The stream tells of funding: `amount` is signed from our side (negative: paid).

    `funding_id` tells one message from another: the same again is no second payment.
    """

    asset: str
    amount: Decimal
    venue_ms: int
    funding_id: str


@attrs.frozen(kw_only=True)
class IncomeReported:
    """The venue's income history of the market, as it was asked for at `asked_at` (engine's clock), oldest first."""

    records: tuple[IncomeRecord, ...]
    asked_at: float


@attrs.frozen(kw_only=True)
class SettingsReported:
    """What the market of the account is set to."""

    settings: VenueSettings


@attrs.frozen(kw_only=True)
class Resynced:
    """Everything about the account, read in one go after a start or a reconnect: the truth as of `venue_ms`.

    `orders` are all open orders of the market, ours and foreign; `finished` answers for orders of ours believed live
    that are not open; `fills` are all since the last one known, oldest first. One of ours sent after `began_at` may
    be missing. `asked_ms`: the venue's clock then, to `clock_uncertainty_s`; None where the connector measures none.
    """

    began_at: float
    orders: tuple[OrderReport, ...]
    finished: tuple[OrderReport, ...]
    fills: tuple[Fill, ...]
    account: AccountSnapshot
    venue_ms: int
    asked_ms: int | None = None
    clock_uncertainty_s: float = 0.0

    @property
    def positions(self) -> tuple[Position, ...]:
        """The positions of the market."""
        return self.account.positions


# --- streams and people --------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class StreamLost:
    """A channel ended or went silent: what hangs on it is stale from now."""

    channel: Channel
    reason: str


@attrs.frozen(kw_only=True)
class StreamRestored:
    """A channel is connected again; the book still waits for its snapshot, the account for `Resynced`."""

    channel: Channel


@attrs.frozen(kw_only=True)
class AccountUnread:
    """The venue answers no question about the account, for so long that nobody can say what protects it now."""

    reason: str


@attrs.frozen(kw_only=True)
class OtherMarketsChanged:
    """What the other markets of the account that this process trades may come to hold: `notional`, in quote asset.

    `unread` are the names of those of which it is not known yet, as their account has not been read.
    """

    notional: Decimal
    unread: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class StopRequested:
    """A person (or a signal) wants the bot to end; with `close` flat first."""

    close: bool = False


@attrs.frozen(kw_only=True)
class Halted:
    """Something that trying again does not mend: quotes go and stay away, exits are still managed.

    `code` is what a run that was halted by it ends with. HALTED is latched in the journal: a start is refused until a
    person resumes. Every other code ends with the run.
    """

    reason: str
    code: ExitCode = ExitCode.BUG


MarketEvent: TypeAlias = (
    BookSnapshot
    | BookChanged
    | BookLost
    | Traded
    | MarkChanged
    | ReferenceChanged
    | FeedAlive
    | InstrumentChanged
    | TradingChanged
)
AccountEvent: TypeAlias = (
    OrderAccepted
    | OrderRefused
    | OrderUnknown
    | OrderNotFound
    | OrderCancelled
    | CancelHandedOn
    | CancelRefused
    | OrderAmended
    | AmendRefused
    | AmendHandedOn
    | OrderReported
    | OrderFilled
    | PositionReported
    | BalanceReported
    | AccountReported
    | FundingPaid
    | MarginCalled
    | IncomeReported
    | SettingsReported
    | AccountSeen
    | Resynced
)
ControlEvent: TypeAlias = (
    StreamLost | StreamRestored | AccountUnread | OtherMarketsChanged | ParametersChanged | StopRequested | Halted
)
Event: TypeAlias = MarketEvent | AccountEvent | ControlEvent
