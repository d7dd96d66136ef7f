"""Running bots as their control sockets tell of them, and their journals of what was before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio
import attrs
from anyio import CapacityLimiter, to_thread

from perpmaker.backtest.from_journal import result_of_journal
from perpmaker.backtest.result import Result
from perpmaker.control.card import Card, is_running, read_cards
from perpmaker.control.client import ask
from perpmaker.control.last_words import read_last_words
from perpmaker.errors import BotRefusedError, BotUnansweredError, PayloadError, ResultError
from perpmaker.journal.booked import ENTRY, entry_of
from perpmaker.journal.parts import older_parts
from perpmaker.journal.read_file import Cursor
from perpmaker.journal.reading import JournalReader, find_journals
from perpmaker.journal.state_dir import StateDir
from perpmaker.ledger.entries import FillEntry
from perpmaker.page.figures import exact
from perpmaker.page.live_curve import ms_of
from perpmaker.page.tables import what_words
from perpmaker.page.watch import LiveFill, Seen
from perpmaker.report.status import Status, decode_status
from perpmaker.report.status_words import gain

ANSWER_S: Final = 1.0
"""Seconds that a bot is given to say how it stands."""

THREADS: Final = 32
MOST_BYTES: Final = 96_000_000
"""Size of a journal up to which the chart begins where the run began; else it begins with the page."""

_Answer = TypeVar("_Answer")


@attrs.define
class _Journal:
    """The journal of a run, and how far its fills were read."""

    path: Path
    cursor: Cursor


class ControlSource:
    """The bots of a state directory."""

    def __init__(self, home: StateDir) -> None:
        self._home = home
        self._limiter = CapacityLimiter(THREADS)
        self._journals: dict[str, _Journal | None] = {}

    async def look(self) -> Sequence[Seen]:
        """Ask every bot that runs, all at once."""
        cards = await self._in_thread(partial(read_cards, self._home))
        found: dict[str, Seen] = {}

        async def ask_one(card: Card) -> None:
            seen = await self._in_thread(partial(self._asked, card))

            if seen is not None:
                found[card.id] = seen

        async with anyio.create_task_group() as group:
            for card in cards:
                group.start_soon(ask_one, card)

        return [found[card.id] for card in cards if card.id in found]

    async def last_words(self, card: Card) -> Status | None:
        """Return the last words of a bot's configuration and market."""
        known = await self._in_thread(partial(read_last_words, self._home))
        self._journals.pop(card.id, None)

        return next((one for one in known if (one.file, one.market) == (card.file, card.market)), None)

    async def fills(self, card: Card, status: Status) -> Sequence[LiveFill]:
        """Read the fills that the journal has since the last time."""
        return await self._in_thread(partial(self._fills, card, status))

    async def past(self, card: Card, status: Status) -> Result | None:
        """Read the journal of a run, where it is not too long."""
        return await self._in_thread(partial(self._past, card, status))

    # --- in threads ---------------------------------------------------------------------------------------------------

    async def _in_thread(self, function: partial[_Answer]) -> _Answer:
        return await to_thread.run_sync(function, limiter=self._limiter, abandon_on_cancel=True)

    def _asked(self, card: Card) -> Seen | None:
        """How a bot stands; None for one that has ended meanwhile."""
        try:
            return Seen(card=card, status=decode_status(ask(self._home, card, "status", ANSWER_S)["status"]))
        except (BotUnansweredError, BotRefusedError, PayloadError, KeyError) as error:
            return Seen(card=card, status=None, words=str(error)) if is_running(self._home, card) else None

    def _journal(self, card: Card, status: Status) -> _Journal | None:
        if card.id not in self._journals:
            self._journals[card.id] = self._found(card, status)

        return self._journals[card.id]

    def _found(self, card: Card, status: Status) -> _Journal | None:
        """The journal that has the run of a bot."""
        place = (card.environment, card.venue, card.market)

        for found in find_journals(self._home.root).journals:
            key = found.key

            if key is not None and (key.environment, key.venue, key.market) == place:
                reader = JournalReader(found.path, proves=False)

                if any(run.run == status.run_id for run in reader.runs()):
                    newest = max(older_parts(found.path), default=0)

                    return _Journal(found.path, Cursor(newest))

        return None

    def _fills(self, card: Card, status: Status) -> list[LiveFill]:
        journal = self._journal(card, status)

        if journal is None:
            return []

        since_ms, found = ms_of(status.since), []

        for row in JournalReader(journal.path, proves=False).rows(journal.cursor, kinds={ENTRY}):
            journal.cursor = row.at
            entry = entry_of(row)

            if isinstance(entry, FillEntry) and entry.ours and row.run == status.run_id and row.utc_ms >= since_ms:
                found.append(_fill(entry, status))

        return found

    def _past(self, card: Card, status: Status) -> Result | None:
        journal = self._journal(card, status)

        if journal is None or _size(journal.path) > MOST_BYTES:
            return None

        try:
            reader = JournalReader(journal.path, proves=False)

            return result_of_journal(reader, from_ms=ms_of(status.since))
        except ResultError:
            return None


def _size(path: Path) -> int:
    try:
        return sum(file.stat().st_size for file in (path, *older_parts(path).values()))
    except OSError:
        return 0


def _fill(entry: FillEntry, status: Status) -> LiveFill:
    what = entry.forced or ("" if entry.what is None else entry.what.value)
    profit = f", {gain(entry.profit)} {status.quote}" if entry.profit else ""
    done = "bought" if entry.side.sign > 0 else "sold"

    return LiveFill(
        key=entry.key,
        at=entry.venue_ms / 1000,
        side=entry.side.sign,
        price=float(entry.price),
        what=what,
        words=f"{what_words(what)}: {done} {exact(entry.amount)} at {exact(entry.price)}{profit}",
    )
