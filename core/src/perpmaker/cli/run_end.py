"""How a run ends for a person and for a shell: the summary, what to type next, and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import attrs

from perpmaker.errors import ConnectivityError, ExitCode, StopNotProvenError, TaskEndedError, leaves
from perpmaker.report.summary import RunFacts, Summary, render, summarise
from perpmaker.runtime.shutdown import Closing
from perpmaker.runtime.supervisor import Supervisor


@attrs.frozen(kw_only=True)
class Ended:
    """How a run ended. `halt_code` is the exit code of what halted it, if anything did."""

    summary: Summary
    page: str
    unproven: str | None
    halted: str | None
    halt_code: ExitCode


_STOPPED_LOOP = "Event loop stopped before Future completed"
"""What asyncio raises when its event loop was stopped from inside of the process."""


@attrs.define
class Course:
    """How far a run has come, for when an error takes it out of its event loop.

    `unproven` is what a run that ended could not prove; `ended` is all of that end, with its page. `error` is what has
    taken it out, or what went wrong while the program was leaving.
    """

    bot: Supervisor | None = None
    unproven: str | None = None
    ended: Ended | None = None
    error: BaseException | None = None

    @property
    def is_unbegun(self) -> bool:
        """Whether it was stopped before there was anything to end."""
        return self.ended is None and self.error is None

    def unasked(self, seconds: float | None, allowed_s: float) -> Exception:
        """Return why a run ended without a signal or `--for`: its time to begin was up, or its tasks were cancelled."""
        if self.bot is not None or seconds is None:
            return TaskEndedError("the tasks of the run were cancelled")

        return ConnectivityError(
            f"the venue could not be reached within the {allowed_s:g} s in which a run --for {seconds:g} seconds has "
            "to begin"
        )

    def judge(self, error: BaseException) -> BaseException:
        """Find the error that tells honestly how the run ended: "interrupted" is one in which nothing was sent."""
        inner = list(leaves(error))

        if any(isinstance(leaf, RuntimeError) and str(leaf).startswith(_STOPPED_LOOP) for leaf in inner):
            error = TaskEndedError("the event loop of the run was stopped")
            inner = [error]

        if self.bot is None:
            return error

        unproven = self.unproven or self.bot.unproven

        if unproven is not None and not any(isinstance(leaf, StopNotProvenError) for leaf in inner):
            return StopNotProvenError(f"ended by an error, and not proven clean: {unproven}")

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
    account_ends: bool = False,
) -> Ended:
    """Sum up a run that ended after so many seconds. `command` is what it was started with.

    `account_ends`: the account was that of a sandbox of this run's own, and ends with it.
    """
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
        account_ends=account_ends,
    )

    return Ended(
        summary=summary,
        page=render(summary, bot.instrument, positions, closing.exits, following),
        unproven=closing.unproven,
        halted=bot.halted,
        halt_code=halt_code_of(bot),
    )


def halt_code_of(bot: Supervisor) -> ExitCode:
    """Whose doing a halt is: the venue's, that of what is kept here, or else a mistake of a plugin or of ours.

    A journal that cannot be written halts as what latches does, only that nothing can be latched in it.
    """
    if bot.trader.trading_state.latched is not None or bot.journal.broken is not None:
        return ExitCode.HALTED

    if bot.was_locked_out:
        return ExitCode.REFUSED

    return bot.trader.trading_state.halt_code


def next_step(
    command: Sequence[str], *, unproven: bool, latched: bool, halted: bool, holds: bool, account_ends: bool = False
) -> str:
    """Return what to do and to type next, for each way to end."""
    again = shlex.join(command)

    if account_ends and (holds or unproven or latched) and not (halted and not latched):
        return f"{again} (it begins with a new sandbox: this one has ended, with its account)"

    if latched:
        return f"look at the account, then: {again} --resume"

    if unproven:
        return f"look at the venue, then: {again} (it reads everything and takes up what is left)"

    if halted:
        return f"mend what halted it, then: {again}"

    return f"{again} (it goes on with the position)" if holds else again
