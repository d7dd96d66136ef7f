"""Who else may be trading here: orders on the venue with our mark, of runs that our journal knows nothing of.

The lock of the state directory is the kernel's, and another machine or another state directory does not see it. Our
orders on the venue do say it: their ids carry the run, and each run writes its id down before it sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perpmaker.engine.client_id import ClientIds
from perpmaker.engine.journal import Journal
from perpmaker.errors import LockedError
from perpmaker.model.order import OrderReport, OrderStatus

SHOWN = 3


def claim_orders(
    reports: Sequence[OrderReport],
    client_ids: ClientIds,
    journal: Journal,
    *,
    adopt: bool,
    tell: Callable[[str], None],
) -> None:
    """LockedError when an open order is of a run of ours that the journal does not know.

    `adopt` takes such orders for ours instead: nobody knows what they were meant for, so that the first decision
    cancels them, exits included, and new exits take their place. Foreign orders mean nothing here.
    """
    strangers = [
        report
        for report in reports
        if report.status is OrderStatus.OPEN
        and (run := client_ids.run_of(report.client_id)) is not None
        and not journal.knows_run(run)
    ]

    if not strangers:
        return

    named = ", ".join(report.client_id for report in strangers[:SHOWN])
    more = f" and {len(strangers) - SHOWN} more" if len(strangers) > SHOWN else ""
    found = (
        f"{len(strangers)} open orders are perpmaker's, of a run that the journal here does not know ({named}{more})"
    )

    if not adopt:
        raise LockedError(
            f"{found}: either another perpmaker trades this account and market, on another machine or with another "
            "PERPMAKER_HOME, or the journal of that run was lost. Stop the other one or start with its PERPMAKER_HOME; "
            "where there is none, --adopt cancels those orders and starts"
        )

    tell(f"{found}: they are cancelled (--adopt)")
