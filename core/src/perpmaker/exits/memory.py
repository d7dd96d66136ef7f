"""What exits remember from one decision to the next: frozen, kept by the journal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from perpmaker.model.order import PositionSide, Slot


@attrs.frozen(kw_only=True)
class Fired:
    """A stop that has fired (or a person's wish to be flat) and is not done: it stays until the position is flat.

    `sign` is that of the position (+1 long), so that a position through zero is a new one. `ticks` is the price of
    the stop order as last decided at `priced_at`, None before the first; `renewals` counts how often it was priced
    again; `market` once it has to execute at any price. `banded_at`: since when the venue's price band is in its way.
    `shares`: the venue has refused it as not reducing, so that what others' closing orders hold is left out of it.
    `demanded`: no stop has fired, a risk module demands to be flat.
    """

    sign: int
    at: float
    ticks: int | None = None
    priced_at: float | None = None
    renewals: int = 0
    market: bool = False
    banded_at: float | None = None
    shares: bool = False
    demanded: bool = False


@attrs.frozen(kw_only=True)
class Failed:
    """An exit that ended without being done: how often in a row, since when, and when it is sent again."""

    client_id: str
    times: int
    since: float
    back_at: float


@attrs.frozen(kw_only=True)
class Unpriced:
    """A position whose entry price is not known since then.

    `entry` is what was taken in its place, None before.
    """

    sign: int
    since: float
    entry: Decimal | None = None


@attrs.frozen(kw_only=True)
class Taken:
    """The place of a stop that closes the whole position is taken by one that is not ours, as a refusal has told.

    `client_id` is of the order that was refused, `at` when. `shown`: the venue has listed the other stop since.
    `over`: that one is gone, or so much time has passed that a stop of ours may be tried again.
    """

    client_id: str
    at: float
    shown: bool = False
    over: bool = False


@attrs.frozen(kw_only=True)
class Sight:
    """Whether the streams show the market: `blind` until they have shown it for a while again, `since` when.

    `has_seen`: they have shown it in this run; before that, `since` is when they were looked at first.
    """

    has_seen: bool = False
    blind: bool = False
    since: float | None = None


@attrs.frozen(kw_only=True)
class ExitMemory:
    """Everything `Exits` remembers."""

    fired: Mapping[PositionSide, Fired] = attrs.field(factory=dict)
    failed: Mapping[Slot, Failed] = attrs.field(factory=dict)
    unpriced: Mapping[PositionSide, Unpriced] = attrs.field(factory=dict)
    sight: Sight = Sight()
    taken: Mapping[Slot, Taken] = attrs.field(factory=dict)
