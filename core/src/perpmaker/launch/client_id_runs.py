"""The ids of a start's orders: the connector's own or of text; each run is durable before its first id is used."""

from __future__ import annotations

import attrs

from perpmaker.connector.interface import DerivativeConnector, IdScheme
from perpmaker.journal.journal import Journal
from perpmaker.launch.identity import bot_of
from perpmaker.model.client_id import ClientIds, TextIds
from perpmaker.model.instrument import Instrument


@attrs.define
class BegunRuns:
    """Runs that ids are made in. Before there is a journal nothing is sent, so that the first ones wait for it."""

    _waiting: list[str] = attrs.field(factory=list, init=False)
    _journal: Journal | None = attrs.field(default=None, init=False)

    def begin(self, run: str) -> None:
        """Write a run down; JournalError when it cannot."""
        if self._journal is None:
            self._waiting.append(run)
        else:
            self._journal.record_further_run(run)

    def record(self, journal: Journal, first: str) -> None:
        """There is a journal, which knows the `first` run: write the others down now, and every later one at once."""
        self._journal = journal

        for run in self._waiting:
            if run != first:
                journal.record_further_run(run)


async def open_client_ids(
    connector: DerivativeConnector, instrument: Instrument, run: str, begun: BegunRuns
) -> ClientIds:
    """The connector's ids where its venue has no room for text, else ids of text of the run `run`."""
    bot = bot_of(connector, instrument)

    if isinstance(connector, IdScheme):
        return await connector.open_client_ids(instrument, bot, begun.begin)

    return TextIds(bot, run)
