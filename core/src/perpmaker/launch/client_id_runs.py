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
    """Runs that ids are made in, as far as they are not the start's own.

    Until that is written down they wait.
    """

    _journal: Journal
    _waiting: list[str] = attrs.field(factory=list, init=False)
    _is_recorded: bool = attrs.field(default=False, init=False)

    def begin(self, run: str) -> bool:
        """Write a run down, and return whether that made it ours alone: False where the journal knows it already."""
        if run in self._waiting or self._journal.knows_run(run):
            return False

        if self._is_recorded:
            self._journal.record_further_run(run)
        else:
            self._waiting.append(run)

        return True

    def record(self) -> None:
        """The start's own run is in the journal: write the others down now, and every later one at once."""
        self._is_recorded = True

        for run in self._waiting:
            self._journal.record_further_run(run)

        self._waiting.clear()


async def open_client_ids(
    connector: DerivativeConnector, instrument: Instrument, run: str, begun: BegunRuns
) -> ClientIds:
    """Return the connector's ids where its venue has no room for text, else ids of text of the run `run`."""
    bot = bot_of(connector, instrument)

    if isinstance(connector, IdScheme):
        return await connector.open_client_ids(instrument, bot, begun.begin)

    return TextIds(bot, run)
