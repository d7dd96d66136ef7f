"""How a run ends for a person and for a shell: the summary, what to type next, and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import attrs

from perpmaker.errors import ExitCode, StopNotProvenError, leaves
from perpmaker.report.summary import RunFacts, Summary, render, summarise
from perpmaker.runtime.shutdown import Closing
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.runtime.tasks import TaskEndedError


@attrs.frozen(kw_only=True)
class Ended:
    """How a run ended; `halt_code` is the exit code of what halted it, if anything did."""

    summary: Summary
    page: str
    unproven: str | None
    halted: str | None
    halt_code: ExitCode


@attrs.define
class Course:
    """How far a run has come, for when an error takes it out of its event loop."""

    bot: Supervisor | None = None
    ended: Ended | None = None

    def judge(self, error: BaseException) -> BaseException:
        """Find the error that tells honestly how the run ended: "interrupted" is one in which nothing was sent."""
        if self.bot is None:
            return error

        inner = list(leaves(error))

        if self.bot.unproven is not None and not any(isinstance(leaf, StopNotProvenError) for leaf in inner):
            return StopNotProvenError(f"ended by an error, and not proven clean: {self.bot.unproven}")

        if all(isinstance(leaf, Exception) for leaf in inner):
            return error

        return TaskEndedError(f"the run was ended by {type(inner[0]).__name__}")


def sum_up(
    bot: Supervisor,
    closing: Closing,
    *,
    environment: str,
    seconds: float,
    stop_reason: str,
    origin: tuple[str, ...],
    command: Sequence[str],
) -> Ended:
    """Sum up a run that ended after so many seconds; `command` is what it was started with."""
    state = bot.trader.state
    positions = tuple(state.account.positions.values()) if closing.account is None else closing.account.positions
    path = bot.journal.path
    summary = summarise(
        environment=environment,
        instrument=bot.instrument,
        seconds=seconds,
        count=bot.count,
        totals=state.account.totals,
        before=bot.before,
        ledger=bot.ledger,
        closing=closing,
        positions=positions,
        mark=state.market.mark,
        facts=RunFacts(
            account=bot.connector.account,
            run_id=bot.known.client_ids.run,
            stop_reason=stop_reason,
            halted=bot.halted,
            journal=None if path is None else str(path),
        ),
        origin=origin,
    )
    following = next_step(
        command,
        unproven=closing.unproven is not None,
        latched=bot.trader.trading_state.latched is not None,
        halted=bot.halted is not None,
        holds=any(position.amount for position in positions),
    )

    return Ended(
        summary=summary,
        page=render(summary, bot.instrument, positions, closing.exits, following),
        unproven=closing.unproven,
        halted=bot.halted,
        halt_code=halt_code_of(bot),
    )


def halt_code_of(bot: Supervisor) -> ExitCode:
    """Whose doing a halt is: the venue's, that of what is kept here, or else a mistake of a plugin or of ours."""
    if bot.trader.trading_state.latched is not None:
        return ExitCode.HALTED

    if bot.was_locked_out:
        return ExitCode.REFUSED

    return bot.trader.trading_state.halt_code if bot.journal.broken is None else ExitCode.FILE


def next_step(command: Sequence[str], *, unproven: bool, latched: bool, halted: bool, holds: bool) -> str:
    """What to do and to type next, for each way to end."""
    again = shlex.join(command)

    if latched:
        return f"look at the account, then: {again} --resume"

    if unproven:
        return f"look at the venue, then: {again} (it reads everything and takes up what is left)"

    if halted:
        return f"mend what halted it, then: {again}"

    return f"{again} (it goes on with the position)" if holds else again
