"""What our orders were meant for, by client id: this run's at hand, those of earlier runs from the journal."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress

import attrs

from perpmaker.errors import JournalError
from perpmaker.journal.journal import Journal
from perpmaker.model.client_id import ClientIds
from perpmaker.model.order import NewOrder, OrderKind

AT_HAND = 2_000


@attrs.frozen(kw_only=True)
class OrderIntents:
    """Remembers the newest `AT_HAND` orders that were sent in `sent`.

    Older ones are looked up in the journal.
    """

    journal: Journal
    client_ids: ClientIds
    sent: OrderedDict[str, NewOrder] = attrs.field(factory=OrderedDict, init=False)

    def remember(self, order: NewOrder) -> None:
        """An order of this run is about to be sent."""
        self.sent[order.client_id] = order

        if len(self.sent) > AT_HAND:
            self.sent.popitem(last=False)

    def intent(self, client_id: str) -> NewOrder | None:
        """Return the order as it was meant, of this run or an earlier one.

        None for a foreign or an unknown one.
        """
        if not self.client_ids.is_ours(client_id):
            return None

        with suppress(JournalError):
            return self.sent.get(client_id) or self.journal.intent(client_id)

        return None

    def largest(self, client_id: str) -> NewOrder | None:
        """Return the order as it was meant when it was largest: whether it was amended may be unknown."""
        versions = [] if (newest := self.intent(client_id)) is None else [newest]

        with suppress(JournalError):
            versions += self.journal.intents(client_id)

        return max(versions, key=lambda order: order.lots, default=None) if versions else None

    def is_strange(self, client_id: str) -> bool:
        """Return whether an id has our mark, and is of a run that the journal does not know: another process made it.

        So it is with every other run when the journal cannot be read any more: what is not known for ours is let be.
        """
        run = self.client_ids.run_of(client_id)

        if run is None or self.client_ids.is_of_this_start(client_id):
            return False

        with suppress(JournalError):
            return not self.journal.knows_run(run)

        return True

    def kind(self, client_id: str) -> OrderKind | None:
        """Return what one of our orders is for.

        None for foreign ones. Ours of unknown purpose are quotes: they must go.
        """
        if not self.client_ids.is_ours(client_id) or self.is_strange(client_id):
            return None

        intent = self.intent(client_id)

        return OrderKind.QUOTE if intent is None else intent.slot.kind

    def kind_in_this_run(self, client_id: str) -> OrderKind | None:
        """Return what an order of this run is for. None for all others."""
        return self.kind(client_id) if self.client_ids.is_of_this_start(client_id) else None
