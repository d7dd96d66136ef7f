"""What can be set about this venue's behaviour, besides what can be set of every venue."""

from __future__ import annotations

import attrs
from attrs import validators

from perpmaker.venue.sandbox import natural, seconds

ACTIVE = "ACTIVE"
STATUSES = (ACTIVE, "PAUSED", "CANCEL_ONLY", "POST_ONLY", "INITIALIZING", "FINAL_SETTLEMENT")
"""What a market's status may be."""

FILL_TYPES = ("LIMIT", "LIQUIDATION")
"""What the fill of a resting order may be called; the second where somebody else was liquidated."""

_flag = validators.instance_of(bool)


@attrs.frozen(kw_only=True)
class Options:
    """The venue's own options; what a document leaves open has both answers here.

    Args:
        block_ms: between two blocks.
        halt_after: the chain stands still after so many blocks; 0: never.
        halt_s: for so long.
        replica_lag: the Indexer's rows are those of so many blocks ago, while its height is the newest.
        replica_lag_after: from so many blocks on.
        cancel_late_blocks: a short-term cancel that was answered takes effect so many blocks later.
        subscribe_lag_ms: between the snapshot of a subscription and the first update that it hears.
        resubscribe_ms: a channel that is subscribed again so soon after it was left is answered with an error.
        funding_late_s: after which a funding payment is listed.
        node_per_s: requests that the node takes in a second.
        indexer_per_10s: requests that the Indexer takes in ten seconds.
        market_status: what the market's status becomes.
        market_status_after: after so many blocks.
        maker_fill_type: what fills of resting orders are called.
        crossed_ms: for how long a level that is gone is still shown by the stream of the book.
        forgets_fills: what an id has filled is forgotten 40 blocks after the end of the version that was filled.
        post_only_is_refused: a post-only order that would take is refused at once; else taken and then cancelled.
        replacement_survives: the old order stays when its replacement is refused as post-only.
        keeps_ghosts: a conditional order that triggers without a position stays until it is cancelled.
        reduce_only_needs_position: a reduce-only order without a position is refused at once; else taken, cancelled.
        batch_tells: a batch of cancels that all fail is answered with a code.
        drops_stateful: a stateful order is told as cancelled, as far as a node knows, and lives.
        key_sets_leverage: the permitted key may set the leverage, which one made in the web app may not.
        cancels_first: an order that is taken and at once cancelled is told the other way round.
    """

    block_ms: int = attrs.field(default=600, validator=[natural, validators.ge(100)])
    halt_after: int = attrs.field(default=0, validator=natural)
    halt_s: float = attrs.field(default=60.0, validator=seconds)
    replica_lag: int = attrs.field(default=0, validator=natural)
    replica_lag_after: int = attrs.field(default=0, validator=natural)
    cancel_late_blocks: int = attrs.field(default=0, validator=natural)
    subscribe_lag_ms: int = attrs.field(default=0, validator=natural)
    resubscribe_ms: int = attrs.field(default=100, validator=natural)
    funding_late_s: float = attrs.field(default=60.0, validator=validators.ge(0))
    node_per_s: int = attrs.field(default=50, validator=natural)
    indexer_per_10s: int = attrs.field(default=100, validator=natural)
    market_status: str = attrs.field(default=ACTIVE, validator=validators.in_(STATUSES))
    market_status_after: int = attrs.field(default=0, validator=natural)
    maker_fill_type: str = attrs.field(default=FILL_TYPES[0], validator=validators.in_(FILL_TYPES))
    crossed_ms: int = attrs.field(default=0, validator=natural)
    forgets_fills: bool = attrs.field(default=True, validator=_flag)
    post_only_is_refused: bool = attrs.field(default=True, validator=_flag)
    replacement_survives: bool = attrs.field(default=False, validator=_flag)
    keeps_ghosts: bool = attrs.field(default=True, validator=_flag)
    reduce_only_needs_position: bool = attrs.field(default=True, validator=_flag)
    batch_tells: bool = attrs.field(default=False, validator=_flag)
    drops_stateful: bool = attrs.field(default=False, validator=_flag)
    key_sets_leverage: bool = attrs.field(default=True, validator=_flag)
    cancels_first: bool = attrs.field(default=False, validator=_flag)
