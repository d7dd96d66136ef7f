"""A connector of a gateway with ids of its own, broken in what only such a venue has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from perpmaker.model.event import OrderReported
from perpmaker.model.refusal import RefusalReason

from .broken import Break, evolved, instead


def unexplained(event: OrderReported) -> Any:
    """An order that would have taken is told as ended, and not as refused."""
    refusal = event.report.refusal

    if refusal is None or refusal.reason is not RefusalReason.POST_ONLY_WOULD_TAKE:
        return event.report

    return attrs.evolve(event.report, refusal=None, ended_by_venue=True)


def forgets_the_run(_: Any, opened: Any) -> Any:
    """Ids are handed out of a run that is written down nowhere."""
    return lambda instrument, bot, _: opened(instrument, bot, lambda _: True)


def takes_a_known_run(_: Any, opened: Any) -> Any:
    """Ids are handed out of a run that an earlier start has used."""
    return lambda instrument, bot, begin: opened(instrument, bot, lambda run: begin(run) or True)


FATHOM: Sequence[tuple[str, Break]] = (
    ("test_a_gateways_yes_followed_by_a_refusal_is_a_refusal", evolved(OrderReported, report=unexplained)),
    (
        "test_ids_of_the_connectors_own_are_durable_before_they_are_used",
        instead("open_client_ids", forgets_the_run),
    ),
    (
        "test_a_run_of_ids_that_the_journal_knows_is_drawn_again",
        instead("open_client_ids", takes_a_known_run),
    ),
)
