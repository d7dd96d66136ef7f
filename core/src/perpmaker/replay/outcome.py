"""What a replay comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from perpmaker.decision.decision import Decision
from perpmaker.journal.reading import Unread
from perpmaker.model.event import Event
from perpmaker.model.instrument import Instrument


@attrs.frozen(kw_only=True)
class Decided:
    """What was decided in a batch, as a row has it: actions, notices, and the mode with its reason.

    `decision` tells the reasons, where it was made again; None of what only the journal knows.
    """

    content: Mapping[str, Any] | None
    decision: Decision | None = None


@attrs.frozen(kw_only=True)
class Difference:
    """The first decision of a run that is another one now. `batch` and `step` count from 1.

    `own`: it differs with the journal's own configuration too.
    """

    run: str
    utc_ms: int
    batch: int
    step: int
    events: Sequence[Event]
    then: Decided
    now: Decided
    instrument: Instrument
    own: bool


@attrs.define(kw_only=True)
class ReplayedPart:
    """How far a run was compared. `remark` says why no further, or not at all; empty where it was to its end.

    `batches` were given again, `decisions` compared. `apart` are steps that no trader decided, as the stops of a run
    that is ended by an error. `positions` is how often the positions were compared of a run without market data.
    `notes` say what is another version now, or what could not be tried.
    """

    run: str
    began_ms: int
    versions: Mapping[str, str] = attrs.field(factory=dict)
    market_data: bool = False
    batches: int = 0
    decisions: int = 0
    apart: int = 0
    positions: int = 0
    remark: str = ""
    notes: Sequence[str] = ()


@attrs.define(kw_only=True)
class Outcome:
    """What a replay of a journal comes to. `difference` is None where no decision differs."""

    runs: list[ReplayedPart] = attrs.field(factory=list)
    difference: Difference | None = None
    unread: Sequence[Unread] = ()
