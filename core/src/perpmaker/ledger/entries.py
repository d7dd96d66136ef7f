"""What the ledger is made of: facts that the venue told about money, each known by the venue's own id.

An entry is never changed. One that comes again under a known key replaces the earlier one, so that a file may hold an
entry twice and nothing is booked twice. `perpmaker.ledger.statement` says what entries come to.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Self, TypeAlias

import attrs

from perpmaker.ledger.keys import income_key
from perpmaker.model.income import IncomeRecord
from perpmaker.model.order import Fill, OrderKind, PositionSide, Side
from perpmaker.model.position import Position


@attrs.frozen(kw_only=True)
class FillEntry:
    """One execution. `fee` is positive when paid, `realized` the venue's own profit, None where it tells none.

    `own_profit` is the profit by our own book. `ours` is False for orders of somebody else on the same account. `what`
    is what the order was for, None where that is not known. `mid` is the middle of the traded book, other people's
    orders alone, as it was known when the fill was told; None where it was not.
    """

    trade_id: str
    client_id: str
    side: Side
    position_side: PositionSide
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    realized: Decimal | None
    own_profit: Decimal
    venue_ms: int
    ours: bool
    what: OrderKind | None = None
    forced: str = ""
    mid: Decimal | None = None

    @classmethod
    def of(
        cls, fill: Fill, *, own_profit: Decimal, ours: bool, what: OrderKind | None, mid: Decimal | None = None
    ) -> Self:
        """Return the entry of a fill, with what we know of it besides."""
        return cls(
            trade_id=fill.trade_id,
            client_id=fill.client_id,
            side=fill.side,
            position_side=fill.position_side,
            price=fill.price,
            amount=fill.amount,
            fee=fill.fee,
            fee_asset=fill.fee_asset,
            maker=fill.maker,
            realized=fill.realized_pnl,
            own_profit=own_profit,
            venue_ms=fill.venue_ms,
            ours=ours,
            what=what,
            forced=fill.forced,
            mid=mid,
        )

    @property
    def key(self) -> str:
        """A trade between two orders of the account is two executions of one trade id, one on each side."""
        return f"fill:{self.trade_id}:{self.side.value}"

    @property
    def profit(self) -> Decimal:
        """The profit that it realised: the venue's word, else that of our own book."""
        return self.own_profit if self.realized is None else self.realized

    @property
    def spread(self) -> Decimal | None:
        """What it won against the middle of the book, in quote asset; None where the middle is not known."""
        return None if self.mid is None else self.side.sign * (self.mid - self.price) * self.amount


@attrs.frozen(kw_only=True)
class IncomeEntry:
    """A row of the venue's income history."""

    record: IncomeRecord

    @property
    def key(self) -> str:
        """The venue's id is unique only within its word, asset and market."""
        return ":".join(("income", *income_key(self.record)))

    @property
    def venue_ms(self) -> int:
        """When the venue booked it."""
        return self.record.venue_ms


@attrs.frozen(kw_only=True)
class FundingEntry:
    """Funding as the account's stream told it, signed from our side. It counts until the history replaces it."""

    funding_id: str
    asset: str
    amount: Decimal
    venue_ms: int

    @property
    def key(self) -> str:
        """The id of the message."""
        return f"told:{self.funding_id}"


@attrs.frozen(kw_only=True)
class FundingReplaced:
    """The income history was read that must contain what `FundingEntry` told: that counts no more."""

    funding_id: str
    venue_ms: int

    @property
    def key(self) -> str:
        """The id of the message that is replaced."""
        return f"replaced:{self.funding_id}"


@attrs.frozen(kw_only=True)
class Wallet:
    """One asset by the venue's word: `amount` without unrealised profit, as of `venue_ms`."""

    asset: str
    amount: Decimal
    venue_ms: int


@attrs.frozen(kw_only=True)
class AccountEntry:
    """The account as it was read whole: what entries are compared with.

    `at_ms` is the venue's time of the question, `quote` the market's quote asset, empty where an early version has not
    kept it. `unrealized` is the profit of the market's positions at `mark`, in
    quote asset; None where the mark price or an entry price was not known.
    """

    at_ms: int
    wallets: tuple[Wallet, ...]
    positions: tuple[Position, ...]
    mark: Decimal | None
    unrealized: Decimal | None
    quote: str = ""

    @property
    def key(self) -> str:
        """The moment of the reading."""
        return f"account:{self.at_ms}"

    @property
    def venue_ms(self) -> int:
        """The venue's time of the question."""
        return self.at_ms


@attrs.frozen(kw_only=True)
class MarkoutEntry:
    """The middle of the traded book `after_s` seconds after a fill of ours."""

    trade_id: str
    side: Side
    after_s: int
    mid: Decimal
    venue_ms: int

    @property
    def fill_key(self) -> str:
        """The key of the fill."""
        return f"fill:{self.trade_id}:{self.side.value}"

    @property
    def key(self) -> str:
        """One for each fill and time."""
        return f"markout:{self.trade_id}:{self.side.value}:{self.after_s}"


LedgerEntry: TypeAlias = FillEntry | IncomeEntry | FundingEntry | FundingReplaced | AccountEntry | MarkoutEntry

ENTRY_WORDS: dict[str, type[LedgerEntry]] = {
    "fill": FillEntry,
    "income": IncomeEntry,
    "funding": FundingEntry,
    "replaced": FundingReplaced,
    "account": AccountEntry,
    "markout": MarkoutEntry,
}
"""The word of each class, as a row of the journal has it: a format, which no renaming of a class changes."""

WORD_OF = {kind: word for word, kind in ENTRY_WORDS.items()}
