"""Written before sent: what was decided goes into the journal, and only what is there goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import attrs

from perpmaker.clock import Clock
from perpmaker.decision.checkpoint import Checkpoint
from perpmaker.decision.decision import Decision
from perpmaker.errors import JournalError
from perpmaker.execution.action import Action, Amend, Place
from perpmaker.execution.dispatch import Emit
from perpmaker.journal.journal import Journal
from perpmaker.journal.step import Step
from perpmaker.model.command_event import AmendRefused, OrderRefused
from perpmaker.model.event import Event, Halted
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.runtime.input_log import InputLog

SLOW_S = 1.0
"""Quotes that a slow disk has held up for longer are not sent any more: what they were priced from is as old."""


def matters(told: Sequence[Event], decision: Decision, *, is_new_halt: bool) -> bool:
    """Return whether anything of a call is to be recorded: what happened, what is to be sent, said or booked."""
    return bool(told or decision.actions or decision.notices or decision.entries or is_new_halt)


@attrs.define(kw_only=True)
class Recorder:
    """Records steps that matter. `remembered` is what a next run should know; a broken journal is told of once.

    `latched` is the reason of a halt that only a person may release, None while there is none. `inputs` keeps all that
    the trader is given, where the journal is to have it.
    """

    journal: Journal
    clock: Clock
    remembered: Callable[[], Checkpoint]
    latched: Callable[[], str | None]
    emit: Emit
    inputs: InputLog | None = None
    _halt: str | None = attrs.field(default=None, init=False)
    _is_broken: bool = attrs.field(default=False, init=False)

    def record(
        self, told: Sequence[Event], decision: Decision, now: float, taken: Sequence[Event] = (), *, sends: bool = True
    ) -> Sequence[Action]:
        """Record what was decided at `now`, and give back what may be sent.

        Without a row, or too late, that is only what shrinks the risk. `told` is what happened beside market data,
        `taken` all that came out of the queue. `sends`: what was decided is to be sent; not at the end of a run.
        """
        halt = self.latched()

        if self.inputs is not None:
            self.inputs.add(taken, now, sends=sends)

        if not matters(told, decision, is_new_halt=halt != self._halt):
            if self.inputs is not None and self.inputs.is_full:
                self.flush()

            return ()

        step = Step(
            at=now,
            events=told,
            actions=decision.actions,
            notices=decision.notices,
            memory=self.remembered(),
            halt=halt,
            entries=decision.entries,
            mode=decision.mode.value,
            mode_reason=decision.mode_reason,
            inputs=None if self.inputs is None else self.inputs.take(),
        )

        try:
            self.journal.record_step(step, self.clock.utc_ms())
            self._halt = halt
        except JournalError as error:
            if not self._is_broken:
                self._is_broken = True
                self.emit([Halted(reason=str(error), code=error.exit_code)])

            return self._without_quotes(step.actions, str(error))

        slow_s = self.clock.now() - now

        return step.actions if slow_s <= SLOW_S else self._without_quotes(step.actions, f"recorded in {slow_s:.1f} s")

    def flush(self) -> None:
        """Write down what the trader was given, though nothing was decided; a step says what cannot be written."""
        inputs = None if self.inputs is None else self.inputs.take()

        if inputs is not None:
            with suppress(JournalError):
                self.journal.record_inputs(inputs, self.clock.utc_ms())

    def end(self) -> None:
        """Nothing of this run can arrive any more; a journal that cannot be written says so to the next one."""
        self.flush()

        with suppress(JournalError):
            self.journal.record_end(self.clock.utc_ms())

    def _without_quotes(self, actions: Sequence[Action], reason: str) -> Sequence[Action]:
        """Nothing that adds risk may go out unrecorded, or late; the trader is told that those were never sent."""
        kept, refused = without_quotes(actions, reason)
        self.emit(refused)

        return kept


def without_quotes(actions: Sequence[Action], reason: str) -> tuple[Sequence[Action], Sequence[Event]]:
    """The actions without those that add risk, and the word that those were never sent."""
    refusal = Refusal(reason=RefusalReason.OTHER, text=f"not sent: {reason}")
    kept: list[Action] = []
    refused: list[Event] = []

    for action in actions:
        if isinstance(action, Place) and not action.order.slot.kind.is_exit:
            refused.append(OrderRefused(client_id=action.order.client_id, refusal=refusal))
        elif isinstance(action, Amend):
            client_id, number = action.order.client_id, action.number
            refused.append(AmendRefused(client_id=client_id, refusal=refusal, number=number))
        else:
            kept.append(action)

    return kept, refused
