"""Keeps what the trader is given until it is in the journal: events, and the answers of what it asks meanwhile."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import msgspec

from perpmaker.decision.stop_names import StopNames
from perpmaker.errors import PluginFaultError
from perpmaker.journal.inputs import INTENT, Batch, encode_batches
from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.client_id import ClientIds
from perpmaker.model.event import Event
from perpmaker.model.order import NewOrder

MOST: Final = 256
"""Batches that wait at most while nothing is decided."""

LONGEST_S: Final = 5.0
"""Seconds of inputs that a process which is killed may take with it, where nothing was decided in them."""

ANSWERS: Final = 4_000
"""Answers that are known to be in the journal, so that they are not written again."""

OURS, STRANGE = "ours", "strange"


@attrs.define
class InputLog:
    """The inputs of a run. `tell` is given a line when they cannot be kept any more."""

    known: OrderIntents
    tell: Callable[[str], None]
    names: StopNames | None = None
    _waiting: list[Batch] = attrs.field(factory=list, init=False)
    _answers: OrderedDict[tuple[str, str], Any] = attrs.field(factory=OrderedDict, init=False)
    _asked: list[tuple[str, str, Any]] = attrs.field(factory=list, init=False)
    _interrupted: list[str] = attrs.field(factory=list, init=False)
    _learned: list[tuple[str, str]] = attrs.field(factory=list, init=False)
    _is_broken: bool = attrs.field(default=False, init=False)

    @property
    def is_full(self) -> bool:
        """Whether so much waits, or for so long, that it is to be written though nothing is decided."""
        waiting = self._waiting

        return len(waiting) >= MOST or (bool(waiting) and waiting[-1].at - waiting[0].at >= LONGEST_S)

    def begin(self) -> None:
        """The trader is about to be called: note what readings have taught it since the last call."""
        if self.names is not None:
            self._learned = self.names.take_learned()

    def add(self, events: Sequence[Event], at: float, *, sends: bool = True) -> None:
        """The trader was given these events, and has decided; `sends`: that is to be sent."""
        if self._is_broken:
            return

        if self.names is not None:
            self.names.take_learned()  # by the call itself, as it will be when it is made again

        if sends and not (self._asked or self._learned or self._interrupted):  # nearly always
            self._waiting.append(Batch(at, events))
            return

        self._waiting.append(Batch(at, events, self._asked, self._learned, self._interrupted, sends=sends))
        self._asked, self._learned, self._interrupted = [], [], []

    def take(self) -> bytes | None:
        """Return what waits as the content of a row. None where nothing does."""
        waiting, self._waiting = self._waiting, []

        if not waiting:
            return None

        try:
            return encode_batches(waiting)
        except (TypeError, ValueError, KeyError, msgspec.MsgspecError) as error:  # nothing of it may stop trading
            self._is_broken = True
            self.tell(f"the journal keeps no market data any more ({type(error).__name__}: {error})")

        return None

    # --- what the trader asks --------------------------------------------------------------------------------------

    def intent(self, client_id: str) -> NewOrder | None:
        """Return what an order was meant for, as `OrderIntents.intent`."""
        answer = self.known.intent(client_id)

        if client_id not in self.known.sent:  # what was sent in this run is in the journal anyway
            self._note(INTENT, client_id, answer)

        return answer

    def is_strange(self, client_id: str) -> bool:
        """Return whether another process has made an order, as `OrderIntents.is_strange`."""
        answer = self.known.is_strange(client_id)
        self._note(STRANGE, client_id, answer)

        return answer

    def is_ours(self, client_id: str) -> bool:
        """Return whether an id is ours, as `ClientIds.is_ours`."""
        answer = self.known.client_ids.is_ours(client_id)
        self._note(OURS, client_id, answer)

        return answer

    def reporting(self, report: Callable[[PluginFaultError], None]) -> Callable[[PluginFaultError], None]:
        """Return the same report, which notes interruptions: time ended a call, and will not when it is made again."""

        def heard(fault: PluginFaultError) -> None:
            if fault.interrupted:
                self._interrupted.append(str(fault))

            report(fault)

        return heard

    def _note(self, kind: str, client_id: str, answer: object) -> None:
        key, missing = (kind, client_id), self

        if self._is_broken or self._answers.get(key, missing) == answer:
            return

        self._answers[key] = answer
        self._asked.append((kind, client_id, answer))

        if len(self._answers) > ANSWERS:
            self._answers.popitem(last=False)


@attrs.frozen
class LoggedIds:
    """The client ids of a run, of which what the trader asks is kept."""

    inner: ClientIds
    log: InputLog

    @property
    def run(self) -> str:
        """As the ids'."""
        return self.inner.run

    def next(self) -> str:
        """As the ids': the order that it is for tells it."""
        return self.inner.next()

    def is_ours(self, client_id: str) -> bool:
        """As the ids'."""
        return self.log.is_ours(client_id)

    def run_of(self, client_id: str) -> str | None:
        """As the ids'."""
        return self.inner.run_of(client_id)

    def is_of_this_start(self, client_id: str) -> bool:
        """As the ids'."""
        return self.inner.is_of_this_start(client_id)
