"""The frozen thing that strategies, exits and risk modules see. Built anew for each decision, never kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import unique
from typing import Any, Protocol

import attrs

from perpmaker.model.account import AccountFacts
from perpmaker.model.event import ReferenceChanged
from perpmaker.model.funding import Funding
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport, PositionMode, PositionSide, Side, Slot
from perpmaker.model.position import Position
from perpmaker.model.quick import quick
from perpmaker.model.quote import Quote, TargetFactors
from perpmaker.model.refusal import Refusal
from perpmaker.model.results import Results
from perpmaker.model.word import Word
from perpmaker.model.working_order import WorkingOrder
from perpmaker.state.sent_orders import NOTHING_SENT, SentView

CAPITAL_MAX_AGE_S = 60.0
"""Seconds after which the venue's word on the capital is too old to enlarge anything by it."""


@unique
class Mode(Word):
    """How much the bot may do. Losing certainty moves down at once; going up needs a completed resync.

    RUN: quotes and exits. REDUCE: nothing that could enlarge a position; quotes are cancelled, exits stay.
    HALT: as REDUCE, and only a person can end it. STOP: quotes go, nothing new but exits; the way to the end.
    FLATTEN: as STOP, and every position is closed at market.
    """

    RUN = "run"
    REDUCE = "reduce"
    HALT = "halt"
    STOP = "stop"
    FLATTEN = "flatten"


class BookView(Protocol):
    """The traded book in ticks and lots, valid only while a decision is being made.

    Own resting orders are left out, exactly: their lots are subtracted, and a level of only our own is no level.
    """

    @property
    def best_bid(self) -> int | None:
        """The best bid of other people, in ticks; None on an empty side."""

    @property
    def best_ask(self) -> int | None:
        """The best ask of other people, in ticks; None on an empty side."""

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Other people's (ticks, lots) of the bids (BUY) or asks (SELL), from the best outward."""


@attrs.frozen
class ReadOnlyBook:
    """The traded book as plugins see it: made once, follows the book, and can change nothing of it."""

    _book: BookView

    @property
    def best_bid(self) -> int | None:
        """The best bid of other people, in ticks; None on an empty side."""
        return self._book.best_bid

    @property
    def best_ask(self) -> int | None:
        """The best ask of other people, in ticks; None on an empty side."""
        return self._book.best_ask

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Other people's (ticks, lots) of one side, from the best outward."""
        return self._book.levels(side)


@unique
class End(Word):
    """How the last order of a slot ended. `is_meant`: filled, or taken off by us, so that nothing went wrong.

    VENUE: the venue took it off for its price or its time in force, RULE for something that no price cures at once,
    LIQUIDATION because it closes the account's positions by itself.
    """

    FILLED = "filled"
    REQUESTED = "requested"
    VENUE = "venue"
    RULE = "rule"
    LIQUIDATION = "liquidation"
    UNEXPLAINED = "unexplained"
    REFUSED = "refused"
    NEVER_WAS = "never_was"

    is_meant: bool

    def __init__(self, value: str) -> None:
        self.is_meant = value in {"filled", "requested"}

    @property
    def words(self) -> str:
        """How it ended, for a person."""
        return _END_WORDS[self]


_END_WORDS = {
    End.FILLED: "it was filled",
    End.REQUESTED: "it was taken off as asked",
    End.VENUE: "the venue took it off",
    End.RULE: "the venue took it off by one of its rules",
    End.LIQUIDATION: "the venue is liquidating the position",
    End.UNEXPLAINED: "it was taken off, and the venue does not say why",
    End.REFUSED: "refused",
    End.NEVER_WAS: "it never arrived there",
}


@quick
@attrs.frozen
class SlotEnd:
    """The last order of a slot that ended: which, how, when, and the venue's refusal where there was one.

    `triggered`: it was a stop on the venue, and the venue had fired it. `detail` is why the venue ended it, in words.
    `sent_at`: when it was sent; another one of the slot may have been sent since.
    """

    client_id: str
    end: End
    at: float
    ticks: int | None
    lots: int
    filled_lots: int
    refusal: Refusal | None = None
    triggered: bool = False
    detail: str = ""
    sent_at: float = 0.0


@attrs.frozen(kw_only=True, slots=False)
class View:
    """Everything a decision may depend on, to be read only. Times are seconds of the engine's clock, as is `now`.

    `orders`: every own order that is live or may become live, by slot (a slot holds one; closes that the venue
    caps may be beside an unknown one, then the newest counts). `beside`: the others of a slot that holds several, such
    as one that was believed never to have been and that the venue then showed. `foreign`: what others have resting on
    this market of the account, as far as it is known. `ended`: the last end of each slot.
    `positions`: one NET, or LONG and SHORT; flat ones are present with amount 0.
    `external_reference`: quotes are priced from `reference`, an external price source's newest word (None while there
    is none), and not from the traded book.
    `*_age_s`: seconds since the channel last proved alive; infinite while it never did. `mark_stream_age_s` leaves out
    mark prices that were asked for. `last_trade_age_s` is that of the last trade itself, however alive its channel is.
    `book_ok`: the book is synchronised, two-sided or not; `mark` and `last_trade` are the venue's newest.
    `last_own_trade`: ticks of the last own quote that was filled completely. `capital`: what quotes may take
    margin from, in quote asset, by the venue's own word, those that rest included; None until known, and
    `capital_age_s` seconds old.
    `account`: equity and margin by the venue's newest word, `account_age_s` seconds old; `funding`: the market's.
    `quote_filled_at`: per side of the quote, when a quote was last filled completely.
    `stop_closed_at`: when a stop loss last brought a position to zero, per position. `stops`: when stop losses closed
    positions, each once, oldest first; `target_filled_at`: when a profit-taking order was last filled completely. Both
    are known from earlier runs, too. `sent`: the orders that this run has sent. `results`: what trading
    has come to by the ledger and by the account's equity.
    `no_quotes_for`: position sides for which exits forbid quotes now (a stop has fired).
    `unproven`: positions that one word of the venue alone tells of, without our fills: no stop fires on them yet.
    `blocked`: an order's outcome is unknown: nothing that could add exposure may be placed.
    `position_cap`: the largest position, in base, that the risk modules let come to be; None where none says one.
    `memory`: what the strategy (a risk module: that module) wanted remembered, and `exit_memory` what exits did.
    `flatten`: why every position is to be closed at market, empty while none is; `target_factors`: by how much targets
    are moved. Both are what risk modules came to.
    `elsewhere`: what the other markets of the account that this process trades may come to hold, in quote asset;
    `elsewhere_unread`: the names of those of which that is not known, as their account has not been read yet.
    `approved`: for risk modules, the quotes of this decision that every module has approved before this one.
    """

    now: float
    instrument: Instrument
    position_mode: PositionMode
    leverage: int
    mode: Mode
    mode_reason: str
    book: BookView
    book_ok: bool
    book_age_s: float
    mark: Decimal | None
    mark_age_s: float
    last_trade: int | None
    trade_age_s: float
    last_own_trade: int | None
    external_reference: bool
    reference: ReferenceChanged | None
    reference_age_s: float
    orders: Mapping[Slot, WorkingOrder]
    ended: Mapping[Slot, SlotEnd]
    positions: Mapping[PositionSide, Position]
    capital: Decimal | None
    quote_filled_at: Mapping[Side, float]
    stop_closed_at: Mapping[PositionSide, float]
    no_quotes_for: frozenset[PositionSide]
    blocked: bool
    memory: object
    mark_stream_age_s: float
    last_trade_age_s: float
    capital_age_s: float
    stops: tuple[float, ...] = ()
    target_filled_at: float | None = None
    sent: SentView = NOTHING_SENT
    results: Results = attrs.field(factory=Results)
    exit_memory: object = None
    unproven: frozenset[PositionSide] = frozenset()
    account: AccountFacts = attrs.field(factory=AccountFacts)
    funding: Funding = attrs.field(factory=Funding)
    beside: tuple[WorkingOrder, ...] = ()
    foreign: tuple[OrderReport, ...] = ()
    position_cap: Decimal | None = None
    elsewhere: Decimal = Decimal(0)
    elsewhere_unread: tuple[str, ...] = ()
    approved: Mapping[Slot, Quote] = attrs.field(factory=dict)
    flatten: str = ""
    target_factors: TargetFactors = attrs.field(factory=TargetFactors)

    @classmethod
    def of(cls, facts: dict[str, Any]) -> View:
        """Return the view with these facts, all of them by name: what the constructor comes to, in a tenth of its time.

        The facts are the view's from here on.
        """
        view = cls.__new__(cls)
        object.__setattr__(view, "__dict__", facts)

        return view

    def but(self, **changes: Any) -> View:  # noqa: ANN401  # any field
        """Return the same view but for these fields: what `attrs.evolve` comes to, in a tenth of its time."""
        return View.of({**self.__dict__, **changes})

    @property
    def is_capital_stale(self) -> bool:
        """Whether the capital was read too long ago to enlarge anything by it."""
        return self.capital_age_s > CAPITAL_MAX_AGE_S

    @property
    def unrealized(self) -> Decimal | None:
        """The profit of the open positions at the mark price, in quote asset; None while mark or entry is unknown."""
        held = [position for position in self.positions.values() if position.amount]
        mark = self.mark

        if not held:
            return Decimal(0)

        if mark is None or any(position.entry <= 0 for position in held):
            return None

        return sum(((mark - position.entry) * position.amount for position in held), Decimal(0))

    @property
    def account_age_s(self) -> float:
        """Seconds since the venue was asked for the account; infinite while it never was."""
        return self.now - self.account.asked_at

    @property
    def is_account_old(self) -> bool:
        """Whether the venue's word on the account is too old to enlarge anything by it."""
        return self.account_age_s > CAPITAL_MAX_AGE_S
