"""Who else may be trading here: orders on the venue with our mark, of runs that our journal knows nothing of.

The lock of the state directory is the kernel's, and another machine or another state directory does not see it. Our
orders on the venue do say it: their ids carry the run, and each run writes its id down before it sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perpmaker.decision.order_adoption import told_of
from perpmaker.errors import LockedError
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.order import OrderReport, OrderStatus


def claim_orders(
    reports: Sequence[OrderReport],
    known: OrderIntents,
    *,
    adopt: bool,
    tell: Callable[[str], None],
) -> None:
    """Raise LockedError when an open order is of a run of ours that the journal does not know.

    `adopt` takes such orders for ours instead: their purpose is unknown, so that the first decision
    cancels them, exits included, and new exits take their place (a stop on the venue stays until its successor rests);
    the journal knows their runs from then on. Foreign orders mean nothing here.
    """
    of_unknown_runs = [
        report.client_id
        for report in reports
        if report.status is OrderStatus.OPEN and known.is_strange(report.client_id)
    ]

    if not of_unknown_runs:
        return

    found = told_of(of_unknown_runs)

    if not adopt:
        raise LockedError(
            f"{found}: either another perpmaker trades this account and market, on another machine or with another "
            "PERPMAKER_HOME, or the journal of that run was lost. Stop the other one or start with its PERPMAKER_HOME; "
            "where there is none, --adopt cancels those orders and starts"
        )

    runs = dict.fromkeys(run for name in of_unknown_runs if (run := known.client_ids.run_of(name)) is not None)
    known.journal.record_salvage(tuple(runs), "--adopt")
    tell(
        f"{found}: they are cancelled (--adopt). A bot that still runs elsewhere would place them again: see that "
        "there is none"
    )
