"""The database that the Indexer's answers come from, which may be behind the chain, while its height is not."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from perpmaker_dydx_perpetual.sandbox.positions import Positions
from perpmaker_dydx_perpetual.sandbox.records import Row
from perpmaker_dydx_perpetual.sandbox.world import Block, World

KEPT_VERSIONS: Final = 300


@attrs.frozen(kw_only=True)
class Version:
    """The tables as they were after a block; `fills` and the rows are the newest last."""

    block: Block
    orders: Mapping[str, Row]
    fills: Sequence[Row]
    positions: Positions
    usdc: Decimal


class Replica:
    """Keeps the tables after each block, where answers are to lag; else there is only how they are now."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lags = bool(world.options.replica_lag or world.parts.options.read_lag_ms)
        self._versions: deque[Version] = deque(maxlen=KEPT_VERSIONS)

    def keep(self, version: Version) -> None:
        """Keep the tables as they are."""
        if self._lags:
            copied = attrs.evolve(
                version,
                orders=dict(version.orders),
                fills=tuple(version.fills),
                positions=version.positions.copy(),
            )
            self._versions.append(copied)

    def seen(self, newest: Version) -> Version:
        """Return the tables that answers come from."""
        world, options = self._world, self._world.options
        lag = options.replica_lag if world.chain.since_start >= options.replica_lag_after else 0
        lag_ms = world.parts.options.read_lag_ms

        if not lag and not lag_ms:
            return newest

        height, at_ms = world.chain.height - lag, world.now_ms() - lag_ms
        known = (one for one in reversed(self._versions) if one.block.height <= height and one.block.at_ms <= at_ms)

        return next(known, self._versions[0])
