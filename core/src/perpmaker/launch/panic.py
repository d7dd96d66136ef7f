"""What is done for a bot that does not answer: its orders are taken over, quotes taken off, positions protected.

It is a start that begins with its end: the same code as that of a clean stop, only that nothing of the file or of the
account may refuse it, and that the venue is looked at once more when nothing of the dead process can arrive any more.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import anyio
import attrs

from perpmaker.connector.interface import ConnectorContext
from perpmaker.errors import PerpmakerError
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.assembly import OpenSources
from perpmaker.launch.plan import Plan
from perpmaker.launch.start_steps import OpenMarket, StartSteps
from perpmaker.model.order import OrderKind, OrderReport, OrderType
from perpmaker.model.position import open_positions
from perpmaker.plugins.start import Report
from perpmaker.runtime.left_behind import held
from perpmaker.runtime.observers import Observers
from perpmaker.runtime.reconciliation import Reconciliation
from perpmaker.runtime.shutdown import Closing, exit_left
from perpmaker.runtime.supervisor import Supervisor

LONGEST_S = 120.0
"""Seconds for all of it but the wait for what may still arrive; what is not proven by then is said."""

READ_S = 10.0
"""Seconds for the last reading."""


@attrs.frozen(kw_only=True)
class Cleared:
    """How a market was left. `unproven` is what could not be proven; None where all was.

    `positions` and `exits` are what is left, in words, by the last reading; `quotes` how many own quotes it has shown,
    None where nothing was read.
    """

    unproven: str | None
    quotes: int | None = None
    positions: tuple[str, ...] = ()
    exits: tuple[str, ...] = ()


async def clear_market(
    plan: Plan,
    context: ConnectorContext,
    *,
    home: StateDir | None,
    tell: Callable[[str], None],
    report: Report,
    close: bool,
    ended_at: float,
) -> Cleared:
    """Take the market over, take own quotes off until two readings show none, leave or place each position's stop.

    `close`: every position is closed as well. `ended_at` is when the process that traded ended, on the context's clock:
    what it had sent may arrive for as long as the connector's fence. LockedError while another process has the market.
    """
    with anyio.move_on_after(LONGEST_S) as limit:
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
            market = await steps.venue.insist(steps.open_market)
            bot = await _take_over(steps, market)
            bot.request_stop(close=close)
            closing, unproven = await _ended(bot)
            arriving_s = max(0.0, ended_at + market.connector.fence_s - context.clock.now())
            limit.deadline += arriving_s
            await anyio.sleep(arriving_s)
            later = await bot.protect()
            words = list(dict.fromkeys(one for one in (unproven, later) if one))

            return await _looked_at(bot, market, closing, words)

    return Cleared(unproven=f"not done within {LONGEST_S:.0f} s: what is left on the venue is unknown")


async def _take_over(steps: StartSteps, market: OpenMarket) -> Supervisor:
    """The bot that ends it: every order with our mark is ours, and so is whatever position there is."""
    known = await steps.open_journal(market)
    await steps.claim(market, known, adopt=True, adopt_position=True)
    trader = steps.trader(market, known, None)

    return steps.supervisor(market, known, trader, OpenSources())


async def _ended(bot: Supervisor) -> tuple[Closing | None, str | None]:
    """Stop, as a clean end does; an error of it is no reason to leave the rest undone."""
    try:
        closing = await bot.run()
    except PerpmakerError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001  # the declared last resort: what follows needs no trader
        return None, f"{type(error).__name__}: {error}"

    return closing, closing.unproven


async def _looked_at(bot: Supervisor, market: OpenMarket, closing: Closing | None, words: list[str]) -> Cleared:
    """What is left by one more reading, which is the one that counts."""
    instrument = market.instrument
    reader = Reconciliation(connector=market.connector, instrument=instrument, clock=bot.clock, names=bot.trader.names)

    try:
        with anyio.fail_after(READ_S):
            seen = await reader.look()
    except Exception as error:  # noqa: BLE001  # the declared seam to plugins: the verdict says it
        words.append(f"the account could not be read at the end: {str(error) or type(error).__name__}")
        exits = () if closing is None else closing.exits
        return Cleared(unproven="; ".join(words), exits=tuple(exit_left(one, instrument) for one in exits))

    exits = tuple(one for one in seen.orders if _is_exit(bot, one))
    quotes = [one for one in seen.orders if bot.known.kind(one.client_id) is OrderKind.QUOTE and one not in exits]

    if quotes:
        words.append(f"{len(quotes)} quotes of ours are still on the venue")

    return Cleared(
        unproven="; ".join(words) or None,
        quotes=len(quotes),
        positions=tuple(held(one, instrument) for one in open_positions(seen.account.positions, instrument)),
        exits=tuple(exit_left(one, instrument) for one in exits),
    )


def _is_exit(bot: Supervisor, order: OrderReport) -> bool:
    """Whether it is an exit of ours; a stop is one whether or not anybody knows why it was sent."""
    kind = bot.known.kind(order.client_id)

    return kind is not None and (kind.is_exit or order.type is OrderType.VENUE_STOP)
