"""What the ledger has booked, as rows of the journal; of runs that wrote none, folded from their steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from perpmaker.journal.file import Row
from perpmaker.journal.parts import older_parts
from perpmaker.journal.read_file import Cursor
from perpmaker.journal.reading import JournalReader
from perpmaker.journal.retention import newest_ms
from perpmaker.ledger.entries import ENTRY_WORDS, WORD_OF, AccountEntry, FillEntry, LedgerEntry, Wallet
from perpmaker.ledger.ledger import Ledger
from perpmaker.model.event import Event, FundingPaid, IncomeReported, OrderFilled, Resynced
from perpmaker.model.order import NewOrder, OrderKind, PositionMode, PositionSide
from perpmaker.state.account import Account

ENTRY: Final = "entry"
"""Kind of the rows of the ledger; the row's name is the key of its entry."""

MONEY_KINDS: Final = frozenset({ENTRY, "intent", "step"})
"""Kinds of the rows that `entries_in` reads."""

_MONEY: Final[dict[str, type[Event]]] = {
    "OrderFilled": OrderFilled,
    "Resynced": Resynced,
    "FundingPaid": FundingPaid,
    "IncomeReported": IncomeReported,
}
_MARK: Final = tuple(f'"{word}"'.encode() for word in _MONEY)


def entry_content(entry: LedgerEntry) -> object:
    """Return what a row of the journal says of an entry: its word, and itself."""
    return [WORD_OF[type(entry)], entry]


def entry_of(row: Row) -> LedgerEntry | None:
    """Return the entry of a row; None for one that a newer version wrote in other words."""
    try:
        word, content = msgspec.json.decode(row.payload, type=tuple[str, msgspec.Raw])

        return msgspec.json.decode(content, type=ENTRY_WORDS[word])
    except (msgspec.DecodeError, KeyError):
        return None


def entries_in(rows: Iterable[Row]) -> Iterator[tuple[str, LedgerEntry]]:
    """Yield the run and the entry of everything that rows say of money, oldest first.

    A run that an earlier version made has no rows of entries: they are folded from its steps.
    """
    old: dict[str, OldSteps] = {}
    written: set[str] = set()
    kinds: dict[str, OrderKind] = {}

    for row in rows:
        if row.kind == ENTRY:
            written.add(row.run)
            entry = entry_of(row)

            if entry is not None:
                yield row.run, entry
        elif row.kind == "intent" and row.run not in written and row.name is not None:
            kinds[row.name] = _kind_of(row)
        elif row.kind == "step" and row.run not in written and any(mark in row.payload for mark in _MARK):
            steps = old.setdefault(row.run, OldSteps(kinds.get))

            for entry in steps.fold(row):
                yield row.run, entry


def recent_entries(path: Path | None, since_ms: int) -> Iterator[LedgerEntry]:
    """Yield what a journal and its newer parts have of entries since a time; none of a journal in memory."""
    if path is None:
        return

    for row in JournalReader(path, proves=False).rows(Cursor(_first_part(path, since_ms)), kinds={ENTRY}):
        entry = entry_of(row)

        if entry is not None and row.utc_ms >= since_ms:
            yield entry


def _first_part(path: Path, since_ms: int) -> int:
    """The number of the first file with rows of after a time."""
    parts = older_parts(path)

    return next((number for number, part in parts.items() if newest_ms(part) >= since_ms), max(parts, default=-2) + 1)


def _kind_of(row: Row) -> OrderKind:
    """What an order was for; one that cannot be read counts as a quote."""
    try:
        return msgspec.json.decode(row.payload, type=NewOrder).slot.kind
    except msgspec.ValidationError:
        return OrderKind.QUOTE


class OldSteps:
    """Folds the steps of a run of an earlier version. `kind_of` knows the orders that the journal has intents of."""

    def __init__(self, kind_of: Callable[[str], OrderKind | None]) -> None:
        self._kind_of = kind_of
        self._ledger = Ledger(None, 0)
        self._account: Account | None = None

    def fold(self, row: Row) -> Iterable[LedgerEntry]:
        """Return the entries that a step makes."""
        step = msgspec.json.decode(row.payload)

        for word, content in step["events"]:
            if word in _MONEY:
                try:
                    self._take(msgspec.convert(content, _MONEY[word], strict=False), step["at"])
                except msgspec.ValidationError:
                    continue

        return self._ledger.take()

    def _take(self, event: Event, now: float) -> None:
        if isinstance(event, OrderFilled):
            self._fill(event, now)
        elif isinstance(event, Resynced):
            for fill in event.fills:
                self._fill(OrderFilled(fill=fill), now)

            self._read(event, now)
        else:
            self._ledger.fold([event], now)

    def _fill(self, event: OrderFilled, now: float) -> None:
        fill = event.fill
        kind = self._kind_of(fill.client_id)
        account = self._account_for(fill.position_side)
        account.fill(fill, ours=kind is not None or fill.of_position or bool(fill.forced), now=now)

        while account.news:
            one = account.news.popleft()
            self._ledger.fill(FillEntry.of(fill, own_profit=one.profit, ours=one.ours, what=kind))

    def _read(self, event: Resynced, now: float) -> None:
        at_ms = event.asked_ms or event.venue_ms
        account = self._account_for(event.positions[0].side if event.positions else PositionSide.NET)
        account.read(event.account, at_ms, now, event.began_at)
        held = tuple(position for position in event.positions if position.amount)
        wallets = tuple(
            Wallet(asset=one.asset, amount=one.wallet, venue_ms=one.venue_ms or at_ms) for one in event.account.assets
        )
        unrealized = None if held else Decimal(0)
        self._ledger.account(
            AccountEntry(at_ms=at_ms, wallets=wallets, positions=held, mark=None, unrealized=unrealized)
        )

    def _account_for(self, side: PositionSide) -> Account:
        if self._account is None:
            mode = PositionMode.ONE_WAY if side is PositionSide.NET else PositionMode.HEDGE
            self._account = Account(mode)

        return self._account
