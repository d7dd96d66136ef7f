"""Bots that this machine knows, running or not: by their cards, and by what their journals say of their last run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from perpmaker.config.recorded import CONFIGURATION, FILE
from perpmaker.control.card import Card, read_cards
from perpmaker.control.names import bot_name
from perpmaker.control.process import holder_of
from perpmaker.journal.carried import PARAMETERS
from perpmaker.journal.reading import FoundJournal, JournalReader, find_journals
from perpmaker.journal.sandbox_journals import OWN
from perpmaker.journal.state_dir import Key, StateDir


@attrs.frozen(kw_only=True)
class KnownBot:
    """A bot. `pid` is 0 for one that does not run; `key` is None where its journal does not tell whose it is.

    `configuration` is what its last run was started with, as the journal has it; empty where it has none. `lock` is
    that of its account and market, None where that is not known. `began_ms` is when that run began.
    """

    name: str
    file: str
    environment: str
    venue: str
    market: str
    pid: int = 0
    key: Key | None = None
    configuration: str = ""
    lock: Path | None = None
    began_ms: int = 0

    @property
    def sandbox_url(self) -> str | None:
        """Where the sandbox of its account serves; None for an account that is in none."""
        if self.environment != "sandbox" or self.key is None or "@" not in self.key.account:
            return None

        return f"http://{self.key.account.rpartition('@')[2].partition(OWN)[0]}"

    @property
    def has_own_sandbox(self) -> bool:
        """Whether its account is in a sandbox that ends with it."""
        return self.key is not None and self.environment == "sandbox" and OWN in self.key.account


def known_bots(home: StateDir) -> list[KnownBot]:
    """Return the bots that run, and of each other configuration and market the one that ran last."""
    journals = list(_of_journals(home))
    running = [bot for bot in journals if bot.pid]
    cards = [_of_card(card, home) for card in read_cards(home) if not _is_among(card, running)]
    newest: dict[tuple[str, str, str], KnownBot] = {}

    for bot in sorted(journals, key=lambda bot: bot.began_ms):
        if not bot.pid and not bot.has_own_sandbox:
            newest[bot.name, bot.file, bot.environment] = bot

    alive = {(bot.name, bot.file) for bot in (*running, *cards)}
    ended = [bot for bot in newest.values() if (bot.name, bot.file) not in alive]

    return sorted([*running, *cards, *ended], key=lambda bot: (not bot.pid, bot.name))


def _is_among(card: Card, bots: list[KnownBot]) -> bool:
    return any((bot.pid, bot.market, bot.venue) == (card.pid, card.market, card.venue) for bot in bots)


def _of_journals(home: StateDir) -> Iterator[KnownBot]:
    for found in find_journals(home.root).journals:
        bot = _of_journal(home, found)

        if bot is not None:
            yield bot


def _of_journal(home: StateDir, found: FoundJournal) -> KnownBot | None:
    """The bot of a journal; None for one whose key or whose last run cannot be read."""
    key = found.key
    newest = None if key is None else _newest(found.path)

    if key is None or newest is None:
        return None

    (about, began_ms), lock = newest, home.lock_path(key)
    holder = holder_of(lock)
    file = str(about.get(FILE, ""))

    return KnownBot(
        name=bot_name(Path(file), key.market),
        file=file,
        environment=key.environment,
        venue=key.venue,
        market=key.market,
        pid=0 if holder is None else holder.pid,
        key=key,
        configuration=str(about[CONFIGURATION]),
        lock=lock,
        began_ms=began_ms,
    )


def _newest(journal: Path) -> tuple[Mapping[str, Any], int] | None:
    """What the last run goes by, its parameters changed or not, and when it began; None where it does not say."""
    found: tuple[Mapping[str, Any], int] | None = None
    run = ""

    for row in JournalReader(journal, proves=False).rows(kinds={"run", PARAMETERS}):
        try:
            about = msgspec.json.decode(row.payload)
        except msgspec.MsgspecError:
            continue

        if not isinstance(about, dict) or not about.get(CONFIGURATION):
            continue

        if row.kind == "run":
            found, run = (about, row.utc_ms), row.run
        elif found is not None and row.run == run:
            found = about, found[1]

    return found


def _of_card(card: Card, home: StateDir) -> KnownBot:
    """The bot of a card whose journal says nothing: its lock is the one of that process on that market."""
    locks = lock_files(home, card.venue, card.market)
    mine = [path for path in locks if (holder := holder_of(path)) is not None and holder.pid == card.pid]

    return KnownBot(
        name=card.name,
        file=card.file,
        environment=card.environment,
        venue=card.venue,
        market=card.market,
        pid=card.pid,
        lock=mine[0] if mine else None,
    )


def lock_files(home: StateDir, venue: str, market: str) -> list[Path]:
    """Return the locks of a market of a venue, of whatever account."""
    first, last = (part(Key(environment="", venue=venue, account="", market=market)) for part in (_first, _last))

    return [
        one for one in home.private("lock").glob("*.lock") if one.name.startswith(first) and one.stem.endswith(last)
    ]


def _first(key: Key) -> str:
    return f"{key.lock_name.split('~')[0]}~"


def _last(key: Key) -> str:
    return f"~{key.lock_name.split('~')[-1]}"
