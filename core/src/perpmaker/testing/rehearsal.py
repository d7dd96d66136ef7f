"""One session on a virtual clock of its own: from a file and a seed to what is left; for statistics over seeds."""

from __future__ import annotations

from pathlib import Path

import anyio
import attrs

from perpmaker.model.order import OrderKind
from perpmaker.report.summary import Summary
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.order import OrderState
from perpmaker.testing.session import Session, open_session
from perpmaker.testing.virtual import virtual_backend


@attrs.frozen(kw_only=True)
class Rehearsal:
    """What is left of a session: its summary, the venue's own books, and everything that became of its orders."""

    seed: int
    summary: Summary
    targets_filled: int
    open_quotes: tuple[str, ...]
    violations: tuple[str, ...]
    trace: tuple[str, ...]


def rehearse(file: Path, seed: int, seconds: float) -> Rehearsal:
    """Trade for so many virtual seconds on the market of this seed."""

    async def session() -> Rehearsal:
        async with open_session(file, seed=seed) as session:
            summary = await session.run(seconds)

            return Rehearsal(
                seed=seed,
                summary=summary,
                targets_filled=targets_filled(session),
                open_quotes=tuple(session.open_quotes()),
                violations=tuple(str(violation) for violation in session.sandbox.oracle.violations),
                trace=tuple(session.trace),
            )

    name, options = virtual_backend()

    return anyio.run(session, backend=name, backend_options=options)


def targets_filled(session: Session) -> int:
    """How many profit-taking orders were filled completely, by the venue's own books."""
    return sum(
        order.state is OrderState.FILLED and session.bot.known.kind(order.client_id) is OrderKind.TAKE_PROFIT
        for order in session.sandbox.exchange.orders(ACCOUNT)
    )
