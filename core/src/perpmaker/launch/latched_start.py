"""A start on an account and market with a halt in its journal: refused, or resumed, and either way shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anyio

from perpmaker.decision.notices import plain
from perpmaker.errors import HaltedError
from perpmaker.journal.journal import Journal
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.instrument import Instrument
from perpmaker.model.reading import AccountSeen
from perpmaker.runtime.left_behind import held
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.shutdown import exit_left

READ_S = 10.0
"""Seconds for reading what a refused start shows."""


async def check_halt(
    journal: Journal, reconciliation: Reconciliation, known: OrderIntents, *, resume: bool, tell: Callable[[str], None]
) -> None:
    """Raise HaltedError where a halt is latched and not resumed.

    Cause, position and free margin are shown either way.
    """
    latch = journal.halt()

    if latch is None:
        if resume:
            tell("--resume: no halt is latched on this account and market, so there was nothing to release")

        return

    account = await account_words(reconciliation, known)

    if not resume:
        raise HaltedError(
            f"Not started: {reconciliation.instrument.market} was halted on this account: {latch}.\n"
            f"{account[:1].upper()}{account[1:]}.\n"
            "Look at the account at the venue; the same command with --resume releases the halt and starts "
            "(perpmaker resume releases it alone)."
        )

    tell(f"--resume: a halt is released: {latch}")
    tell(account)


async def account_words(reconciliation: Reconciliation, known: OrderIntents) -> str:
    """Return position, closing orders and free margin in words, or why they could not be read."""
    seen = await _read(reconciliation)

    if isinstance(seen, str):
        return f"position and free margin could not be read: {seen}"

    return "; ".join(_shown(seen, reconciliation.instrument, known))


async def _read(reconciliation: Reconciliation) -> AccountSeen | str:
    """What the venue shows, or why it shows nothing."""
    with anyio.move_on_after(READ_S):
        try:
            return await reconciliation.look()
        except Exception as error:  # noqa: BLE001  # the declared seam to plugins: what cannot be read is not shown
            return str(error) or type(error).__name__

    return f"no answer within {READ_S:g} s"


def _shown(seen: AccountSeen, instrument: Instrument, known: OrderIntents) -> Iterator[str]:
    """Position, what rests on the venue for it, and margin."""
    positions = [held(position, instrument) for position in seen.account.positions if position.amount]
    kinds = [(report, known.kind(report.client_id)) for report in seen.orders]
    exits = [exit_left(report, instrument) for report, kind in kinds if kind is not None and kind.is_exit]

    yield f"position: {', '.join(positions) or 'flat'}"

    if positions:
        yield f"closing orders of ours on the venue: {', '.join(exits) or 'none'}"

    yield f"free margin: {plain(seen.account.available)} {instrument.quote}"
