"""Which bots have a history, and what their journals say: read from the outside, while they run or long afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from perpmaker.control.names import bot_name
from perpmaker.errors import AmbiguousBotError, UnknownBotError
from perpmaker.journal.booked import MONEY_KINDS, entries_in
from perpmaker.journal.parts import FIRST, older_parts
from perpmaker.journal.reading import JournalReader, Run, find_journals
from perpmaker.journal.state_dir import Key
from perpmaker.ledger.entries import AccountEntry, IncomeEntry, LedgerEntry
from perpmaker.model.income import IncomeKind
from perpmaker.report.history import History, HistoryOf, history_of
from perpmaker.report.status import iso

FILE = "file"
"""What the row of a run calls its configuration."""


@attrs.frozen(kw_only=True)
class PastBot:
    """A bot as its journal tells: the account and market that it trades, and the configuration of its newest run.

    `written_ms` is when it was written to last.
    """

    path: Path
    key: Key
    file: str
    runs: tuple[Run, ...]
    written_ms: int

    @property
    def name(self) -> str:
        """What it is called: stem of its configuration and market, or the market alone where none was kept."""
        return bot_name(Path(self.file), self.key.market) if self.file else self.key.market

    def is_called(self, words: str) -> bool:
        """Whether a person may mean it: by name, stem, market, account, or the path of its file or journal."""
        names = {self.name, self.key.market, self.key.account, self.key.file_name, self.path.name}
        names |= {Path(self.file).stem} if self.file else set()

        return words in names or (_is_path(words) and _resolved(words) in {self.file, _resolved(str(self.path))})

    def __str__(self) -> str:
        """Render as two lines of a list: the account is a name too, and may be long."""
        key, at = self.key, iso(self.written_ms)[:16].replace("T", " ")

        return f"  {self.name}  {key.environment}, {key.venue}, written {at} UTC\n    {key.account}"


def find_bots(root: Path) -> tuple[list[PastBot], list[str]]:
    """Find the bots that have a journal, the newest first, and say what cannot be read."""
    found = find_journals(root)
    notes = [str(unread) for unread in found.unread]
    bots = [_bot(one.path, one.key) for one in found.journals if one.key is not None]

    return sorted(bots, key=lambda bot: -bot.written_ms), notes


def the_bot(bots: Sequence[PastBot], words: str | None) -> PastBot:
    """Return the bot that is meant. `words` None: the only one, or that which was written to last.

    Raises:
        UnknownBotError: there is none.
        AmbiguousBotError: there are several; names them.
    """
    if words is None and bots:
        return bots[0]

    called = bots if words is None else [bot for bot in bots if bot.is_called(words)]
    exact = [bot for bot in called if words in {bot.name, bot.key.file_name, bot.path.name}]
    meant = called if len(called) == 1 else exact

    if len(meant) == 1:
        return meant[0]

    if called:
        listed = "\n".join(map(str, called))
        raise AmbiguousBotError(f"Which bot? Name one of them, by its account if need be:\n{listed}")

    others = "\n" + "\n".join(map(str, bots)) if bots else " Nothing was traded yet: perpmaker run CONFIG"
    raise UnknownBotError(f"No bot{'' if words is None else f' called {words!r}'} has a history.{others}")


def read_history(bot: PastBot, *, since_ms: int = 0, notes: Sequence[str] = ()) -> History:
    """Read the journal of a bot, and return its history from a UTC midnight on."""
    reader = JournalReader(bot.path)
    entries = [entry for _, entry in entries_in(reader.rows(kinds=MONEY_KINDS))]
    mine = [note for note in notes if bot.path.name in note]
    lost = [
        f"a part of the journal could not be read, and what it booked is missing here: {one}" for one in reader.unread
    ]
    lost += [f"a part of the journal was lost, and what it booked is missing here: {note}" for note in mine]
    lost += [] if mine else _removed(reader)
    times = [entry.venue_ms for entry in entries if entry.venue_ms]
    key = bot.key
    whose = HistoryOf(
        name=bot.name,
        environment=key.environment,
        venue=key.venue,
        account=key.account,
        market=key.market,
        journal=str(bot.path),
        quote=_quote(entries, key.market),
        since=iso(max(min(times), since_ms)) if times else None,
        until=iso(max(times)) if times else None,
        runs=len(bot.runs),
    )

    return history_of(whose, entries, since_ms=since_ms, notes=list(dict.fromkeys(lost)))


def _removed(reader: JournalReader) -> list[str]:
    """What to say where the oldest parts of a journal are gone, as they are after `journal_days`."""
    first = next(iter(reader.rows()), None)

    if first is None or first.at.part <= FIRST:
        return []

    words = "what they booked is missing here"

    return [f"older parts of the journal were removed after their time (journal_days, journal_gb): {words}"]


def _bot(path: Path, key: Key) -> PastBot:
    reader = JournalReader(path, proves=False)
    runs = tuple(reader.runs())
    files = [str(run.about[FILE]) for run in runs if run.about.get(FILE)]

    return PastBot(path=path, key=key, file=files[-1] if files else "", runs=runs, written_ms=_written_ms(path))


def _written_ms(path: Path) -> int:
    """When a journal was written to last, by its files; 0 where none can be looked at."""
    newest = 0

    for file in _files(path):
        with suppress(OSError):
            newest = max(newest, file.stat().st_mtime_ns // 1_000_000)

    return newest


def _files(path: Path) -> Iterator[Path]:
    yield path
    yield path.with_name(f"{path.name}-wal")

    with suppress(OSError):
        yield from older_parts(path).values()


def _quote(entries: Sequence[LedgerEntry], market: str) -> str:
    """The quote asset: as a reading tells it, else the asset of a profit, else by the market's name."""
    told = [one.quote for one in entries if isinstance(one, AccountEntry) and one.quote]
    profits = [
        one.record.asset
        for one in entries
        if isinstance(one, IncomeEntry) and one.record.kind in {IncomeKind.REALIZED, IncomeKind.FUNDING}
    ]

    return (told or profits or [market.partition("-")[2]])[-1]


def _is_path(words: str) -> bool:
    return "/" in words or words.endswith((".toml", ".sqlite3"))


def _resolved(words: str) -> str:
    try:
        return str(Path(words).expanduser().resolve())
    except (OSError, RuntimeError):
        return words
