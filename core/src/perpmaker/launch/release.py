"""A halt that is released without a start: cause, position and free margin are shown, and a person is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import attrs

from perpmaker.connector.interface import ConnectorContext
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.latched_start import account_words
from perpmaker.launch.plan import Plan
from perpmaker.launch.start_retry import once
from perpmaker.launch.start_steps import StartSteps
from perpmaker.plugins.start import Report
from perpmaker.runtime.observers import Observers


@attrs.frozen(kw_only=True)
class Released:
    """What became of a halt. `latch` is None where none is latched; `account` is what was seen of it."""

    latch: str | None
    account: str = ""
    is_released: bool = False


async def release_halt(
    plan: Plan,
    context: ConnectorContext,
    *,
    home: StateDir | None,
    tell: Callable[[str], None],
    report: Report,
    agree: Callable[[Released], Awaitable[bool]],
) -> Released:
    """Show a latched halt with the account as it is now, and release it when `agree` says so.

    LockedError while the bot runs; ConnectivityError where the venue is not reached.
    """
    async with AsyncExitStack() as stack:
        steps = StartSteps(
            plan=plan,
            context=context,
            home=home,
            tell=tell,
            seed=0,
            stack=stack,
            report=report,
            observers=Observers(tell),
        )

        with once(plan.connector.name, context.environment, steps.held.begin):
            market = await steps.open_market()

        known = await steps.open_journal(market)
        latch = known.journal.halt()

        if latch is None:
            return Released(latch=None)

        found = Released(latch=str(latch), account=await account_words(steps.reconciliation(market), known))

        if not await agree(found):
            return found

        known.journal.record_release(context.clock.utc_ms())

    return attrs.evolve(found, is_released=True)
