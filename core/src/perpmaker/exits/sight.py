"""Whether this program sees the market by its streams: what is asked for keeps the local stop alive, and is no sight.

A stop on the venue is moved over a bridge, and each move is a moment with more orders than needed. Streams that come
and go must not move it to and fro: it goes back once they have been fresh for `SIGHT_PROOF_S`.
"""

from __future__ import annotations

import attrs

from perpmaker.exits.memory import ExitMemory, Sight
from perpmaker.exits.price import MAX_AGE_S, Source, read_source
from perpmaker.state.view import View

SIGHT_PROOF_S = 10.0
"""Seconds without a break before the stop goes back; a single word makes a stream fresh for half of them."""

SEEING = Sight(has_seen=True)
"""The streams show the market, and have done so for long enough."""


def sees(view: View) -> bool:
    """Return whether a stream that speaks shows a price by which a stop may fire."""
    source = read_source(view)

    return source is Source.BOOK or (source is Source.MARK and view.mark_stream_age_s < MAX_AGE_S)


def track(view: View, known: Sight) -> Sight:
    """Return the sight as it is now.

    The same object when nothing is new. Blind is only who has seen before.
    """
    if not sees(view):
        looked = known if known.since is not None else attrs.evolve(known, since=view.now)
        now = Sight(has_seen=True, blind=True) if known.has_seen else looked
    elif known.blind and known.since is None:
        now = attrs.evolve(known, since=view.now)
    elif known.blind and known.since is not None and view.now < known.since + SIGHT_PROOF_S:
        now = known
    else:
        now = SEEING

    return known if now is known or now == known else now


def is_blind(view: View, memory: ExitMemory) -> bool:
    """Return whether the stops on the venue belong at their level, because the streams do not show the market.

    At a start they have as long as ever before that is said of them: the stop of an earlier run is where it should be.
    """
    sight = memory.sight

    if sees(view) or sight.has_seen or sight.since is None:
        return sight.blind

    return view.now >= sight.since + MAX_AGE_S


def back_at(view: View, memory: ExitMemory) -> float | None:
    """Return when the streams have been fresh, or have shown nothing, for long enough, should they stay so."""
    sight = memory.sight

    if sight.since is None:
        return None

    if sight.blind:
        return sight.since + SIGHT_PROOF_S

    silent_at = sight.since + MAX_AGE_S

    return silent_at if silent_at > view.now else None
