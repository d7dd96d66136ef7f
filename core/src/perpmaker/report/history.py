"""The history of a bot: one value, out of the entries of its journal, while it runs or after it has ended.

Field names are keys of the JSON object. Money is Decimal; what is in one asset is never added to what is in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import msgspec

from perpmaker.ledger.assets import without_idle
from perpmaker.ledger.entries import AccountEntry, FillEntry, LedgerEntry, MarkoutEntry
from perpmaker.ledger.markouts import HORIZONS_S
from perpmaker.ledger.statement import DAY_MS, Statement
from perpmaker.ledger.sums import ZERO, Line, Sums
from perpmaker.ledger.wallets import WalletCheck, check_wallets
from perpmaker.report.history_rows import HistoryRow, history_rows, worth
from perpmaker.report.status import as_plain, iso, plain

BASIS_POINTS = 10_000


@attrs.frozen(kw_only=True)
class MoneyHistory:
    """Sums of a day, or of all. `fees_by_asset` is positive when paid; all else is signed from our side.

    `realized_pnl`, `fees`, `funding` and `result` are in the quote asset. `result` is what is booked: profit, fees,
    funding, liquidation and what else the venue booked for the market, without by_hand (profit and fees of orders that
    are not the bot's) and transfers.
    """

    fills: int
    volume: Decimal
    realized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    result: Decimal
    realized_by_asset: Mapping[str, Decimal]
    fees_by_asset: Mapping[str, Decimal]
    funding_by_asset: Mapping[str, Decimal]
    liquidation_by_asset: Mapping[str, Decimal]
    other_by_asset: Mapping[str, Decimal]
    by_hand_by_asset: Mapping[str, Decimal]
    transfers_by_asset: Mapping[str, Decimal]
    result_by_asset: Mapping[str, Decimal]


@attrs.frozen(kw_only=True)
class DayHistory(MoneyHistory):
    """One UTC day, as `2026-11-30`."""

    day: str


@attrs.frozen(kw_only=True)
class PnlSplit:
    """Where the result comes from, in quote asset. `spread` + `inventory` + `fees` + `funding` is `total`.

    `spread` is what fills won against the middle of the book at that moment, `inventory` the rest of profit, booked or
    not: what the position gained or lost as the market moved. Fees are signed from our side here. `unrealized_pnl` is
    that of the open position, `unrealized_before` what it was when the span began: only the change counts. None: the
    venue's mark price was not known. `unsplit_fills`: fills without a middle, whose profit is all in `inventory`.
    """

    spread: Decimal
    inventory: Decimal | None
    fees: Decimal
    funding: Decimal
    total: Decimal | None
    unrealized_pnl: Decimal | None
    unrealized_before: Decimal | None
    unsplit_fills: int


@attrs.frozen(kw_only=True)
class MarkoutHistory:
    """What fills of one kind were worth `after_s` seconds later: `amount` in quote asset, `bp` of their volume.

    `at_fill` is what the same fills won against the middle at once. `what` is what their orders were for.
    """

    what: str
    after_s: int
    fills: int
    volume: Decimal
    amount: Decimal
    at_fill: Decimal
    bp: Decimal


@attrs.frozen(kw_only=True)
class WalletHistory:
    """A wallet by the venue's word at the beginning and the end, and what of its change is booked.

    `difference` is what no entry explains: 0 where the ledger is the wallet, to the last digit.
    """

    opening: Decimal
    closing: Decimal
    booked: Decimal
    difference: Decimal
    opened_at: str
    closed_at: str


@attrs.frozen(kw_only=True)
class HistoryOf:
    """Whose history it is. `since` and `until` are the first and the last of what was read, `runs` how many runs."""

    name: str
    environment: str
    venue: str
    account: str
    market: str
    journal: str
    quote: str
    since: str | None
    until: str | None
    runs: int


@attrs.frozen(kw_only=True)
class History(MoneyHistory):
    """All of it. `notes` are what a person should know: what could not be read, and what does not add up."""

    of: HistoryOf
    asset: str
    unrealized_pnl: Decimal | None
    pnl: PnlSplit
    wallet: Mapping[str, WalletHistory]
    markout: tuple[MarkoutHistory, ...]
    days: tuple[DayHistory, ...]
    entries: tuple[HistoryRow, ...]
    notes: tuple[str, ...]

    def as_json(self) -> str:
        """Return one JSON object on one line: money as text, exactly as summed; whose it is stands at its top."""
        content = {field.name: as_plain(getattr(self, field.name)) for field in attrs.fields(History)}
        whose: Any = content.pop("of")
        entries: Any = content["entries"]

        for row in entries:
            del row["venue_ms"]

        return msgspec.json.encode({**whose, **content}).decode()


def history_of(
    whose: HistoryOf, entries: Sequence[LedgerEntry], *, since_ms: int = 0, notes: Sequence[str] = ()
) -> History:
    """Return the history out of all entries of a journal, from a UTC midnight on."""
    quote = whose.quote
    statement = Statement(quote)
    statement.take(entries)
    days = {day: sums for day, sums in statement.days.items() if day * DAY_MS >= since_ms and _says_anything(sums)}
    total = Sums()

    for sums in days.values():
        total.add(sums)

    accounts = _accounts(entries, since_ms)
    checks = check_wallets(accounts, statement.amounts())
    before = accounts[0].unrealized if accounts else None
    after = accounts[-1].unrealized if accounts else None

    return History(
        **_money(total, quote),
        of=whose,
        asset=quote,
        unrealized_pnl=after,
        pnl=split_of(total, quote, before, after),
        wallet={check.asset: _wallet(check) for check in checks if _matters(check, quote)},
        markout=_markouts(statement, entries, since_ms),
        days=tuple(day_history(day, days[day], quote) for day in sorted(days)),
        entries=history_rows(statement, entries, quote, since_ms),
        notes=(*notes, *_differences(checks)),
    )


def money_history(sums: Sums, quote: str) -> MoneyHistory:
    """Return sums as the history has them."""
    return MoneyHistory(**_money(sums, quote))


def day_history(day: int, sums: Sums, quote: str) -> DayHistory:
    """Return the sums of a day, which is counted from 1970."""
    return DayHistory(day=_day(day), **_money(sums, quote))


def first_of_days(days: int | None, now_ms: int) -> int:
    """Return the UTC midnight at which the last so many days begin, today the last of them. 0: from the beginning."""
    return 0 if days is None else (now_ms // DAY_MS - days + 1) * DAY_MS


def _says_anything(sums: Sums) -> bool:
    return bool(sums.fills) or any(sums.money.values())


def _accounts(entries: Iterable[LedgerEntry], since_ms: int) -> list[AccountEntry]:
    """The readings of a span, and the last one before it, oldest first."""
    known = sorted((one for one in entries if isinstance(one, AccountEntry)), key=lambda one: one.at_ms)
    earlier = [one for one in known if one.at_ms < since_ms]

    return [*earlier[-1:], *known[len(earlier) :]]


def _money(sums: Sums, quote: str) -> dict[str, Any]:
    lines = {line: without_idle(sums.by_asset(line)) for line in Line}
    fees, result = without_idle(sums.fees, keep=(quote,)), without_idle(sums.result, keep=(quote,))
    funding = without_idle(sums.by_asset(Line.FUNDING), keep=(quote,))

    return {
        "fills": sums.fills,
        "volume": sums.volume,
        "realized_pnl": sums.by_asset(Line.REALIZED).get(quote, ZERO),
        "fees": fees[quote],
        "funding": funding[quote],
        "result": result[quote],
        "realized_by_asset": without_idle(sums.by_asset(Line.REALIZED), keep=(quote,)),
        "fees_by_asset": fees,
        "funding_by_asset": funding,
        "liquidation_by_asset": lines[Line.LIQUIDATION],
        "other_by_asset": lines[Line.OTHER],
        "by_hand_by_asset": lines[Line.BY_HAND],
        "transfers_by_asset": lines[Line.TRANSFERS],
        "result_by_asset": result,
    }


def split_of(total: Sums, quote: str, before: Decimal | None, after: Decimal | None) -> PnlSplit:
    """Return where a result comes from; `before` and `after` are the profit that was open first and last."""
    booked = total.by_asset(Line.REALIZED, Line.LIQUIDATION, Line.OTHER).get(quote, ZERO)
    fees, funding = total.by_asset(Line.FEES).get(quote, ZERO), total.by_asset(Line.FUNDING).get(quote, ZERO)
    inventory = None if before is None or after is None else booked + after - before - total.spread

    return PnlSplit(
        spread=total.spread,
        inventory=inventory,
        fees=fees,
        funding=funding,
        total=None if inventory is None else total.spread + inventory + fees + funding,
        unrealized_pnl=after,
        unrealized_before=before,
        unsplit_fills=total.unsplit,
    )


def _matters(check: WalletCheck, quote: str) -> bool:
    """Whether a wallet has anything to do with the bot: assets that never changed are left out."""
    return check.asset == quote or bool(check.booked or check.difference)


def _wallet(check: WalletCheck) -> WalletHistory:
    return WalletHistory(
        opening=check.opening,
        closing=check.closing,
        booked=check.booked,
        difference=check.difference,
        opened_at=iso(check.from_ms),
        closed_at=iso(check.until_ms),
    )


def _differences(checks: Iterable[WalletCheck]) -> list[str]:
    return [
        f"the wallet changed by {plain(check.difference)} {check.asset} that no entry explains: other markets of the "
        "account, or what the venue has not told"
        for check in checks
        if check.difference
    ]


def _markouts(statement: Statement, entries: Iterable[LedgerEntry], since_ms: int) -> tuple[MarkoutHistory, ...]:
    """What fills of ours were worth later, by the kind of their orders: those alone whose middle is known then."""
    fills = {fill.key: fill for trade in statement.trades for fill in trade.fills.values() if fill.ours}
    marked: dict[tuple[str, int], dict[str, tuple[FillEntry, Decimal]]] = {}

    for one in entries:
        if (
            isinstance(one, MarkoutEntry)
            and (fill := fills.get(one.fill_key)) is not None
            and fill.venue_ms >= since_ms
        ):
            what = fill.forced or ("unknown" if fill.what is None else fill.what.value)
            marked.setdefault((what, one.after_s), {})[fill.key] = (fill, one.mid)

    order = sorted(marked, key=lambda key: (key[0], HORIZONS_S.index(key[1]) if key[1] in HORIZONS_S else key[1]))

    return tuple(_markout(key, marked[key].values()) for key in order)


@attrs.define
class MarkoutSums:
    """What fills of one kind were worth some time later, summed."""

    fills: int = 0
    volume: Decimal = ZERO
    amount: Decimal = ZERO
    at_fill: Decimal = ZERO

    def add(self, fill: FillEntry, mid: Decimal) -> None:
        """Add a fill; `mid` is the middle of the book then."""
        self.fills += 1
        self.volume += fill.price * fill.amount
        self.amount += worth(fill, mid)
        self.at_fill += fill.spread or ZERO

    def history(self, what: str, after_s: int) -> MarkoutHistory:
        """Return it as the history has it."""
        return MarkoutHistory(
            what=what,
            after_s=after_s,
            fills=self.fills,
            volume=self.volume,
            amount=self.amount,
            at_fill=self.at_fill,
            bp=round(self.amount / self.volume * BASIS_POINTS, 2) if self.volume else ZERO,
        )


def _markout(key: tuple[str, int], marked: Iterable[tuple[FillEntry, Decimal]]) -> MarkoutHistory:
    sums = MarkoutSums()

    for fill, mid in marked:
        sums.add(fill, mid)

    return sums.history(*key)


def _day(number: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date().isoformat()
